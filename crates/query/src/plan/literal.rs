//! Values as queries write them, read as the values of a field.

use std::{collections::BTreeSet, net::IpAddr, ops::Bound as Limit};

use mapping::{Bound, DateExpression, DateZone, Dialect, Edge, FieldRef, FieldType};
use serde_json::Value as Json;

use crate::{
    error::{Checked, QueryError},
    field::Domain,
    number::{Precision, Whole, WholeType},
    query::{Literal, Range, Relation},
    value::{Interval, Value, ValueTest},
};

use super::Context;

/// The format of a date field that names none.
const DATE_FORMAT: &str = "strict_date_optional_time||epoch_millis";

/// What is tested of a document.
pub(super) enum Tested {
    /// Nothing: it passes.
    Always,
    /// It cannot pass.
    Never,
    /// A value of the field.
    Value(ValueTest),
}

impl Tested {
    /// A test of the values between two limits.
    fn interval(interval: Interval) -> Self {
        Self::Value(ValueTest::Among(BTreeSet::new(), vec![interval]))
    }
}

/// Reads literals for a field.
#[derive(Clone, Copy)]
pub(super) struct Literals<'c, 'm> {
    /// The name by which the query calls the field.
    pub(super) name: &'c str,
    /// The field.
    pub(super) field: FieldRef<'m>,
    /// The index.
    pub(super) context: &'c Context<'m>,
}

impl Literals<'_, '_> {
    /// A test that a value is one of some.
    pub(super) fn values(self, domain: &Domain, values: &[Literal]) -> Checked<Tested> {
        match domain {
            Domain::Date { nanos } => {
                let dates = self.dates(None)?;
                let mut intervals = Vec::new();
                for value in values {
                    let read = |edge| self.date(&dates, value, edge, DateZone::default(), *nanos);
                    let (from, to) = (read(Edge::Start)?, read(Edge::End)?);
                    intervals.push((Limit::Included(from), Limit::Included(to)));
                }
                Ok(Tested::Value(ValueTest::Among(BTreeSet::new(), intervals)))
            }
            Domain::Range(kind) => {
                let [value] = values else {
                    let error = QueryError::unsupported("[terms] queries on fields of ranges are");
                    return Err(error.of_shard());
                };
                let range = Range {
                    field: String::new(),
                    from: Some(value.clone()),
                    to: Some(value.clone()),
                    with_from: true,
                    with_to: true,
                    format: None,
                    zone: DateZone::default(),
                    relation: Some(Relation::Intersects),
                };
                self.of_ranges(*kind, &range)
            }
            Domain::Other => Err(self.no_exact()),
            Domain::Term { .. }
            | Domain::Constant(_)
            | Domain::Text
            | Domain::Whole(_)
            | Domain::Double(_)
            | Domain::Boolean
            | Domain::Ip => Self::plain_values(domain, values),
        }
    }

    /// A test that a value is one of some, for domains that need no field.
    pub(super) fn plain_values(domain: &Domain, values: &[Literal]) -> Checked<Tested> {
        let mut equal = BTreeSet::new();
        let mut intervals = Vec::new();
        for value in values {
            let text = value.text();
            match domain {
                Domain::Constant(constant) if constant.as_deref() == Some(text) => {
                    return Ok(Tested::Always);
                }
                Domain::Term { lowercase: true } => {
                    equal.insert(Value::Term(text.to_lowercase().into()));
                }
                Domain::Term { lowercase: false } => {
                    equal.insert(Value::Term(text.into()));
                }
                Domain::Whole(kind) => {
                    let whole = kind.read(text).map_err(QueryError::creating)?;
                    if whole.is_exact {
                        equal.insert(whole_value(*kind, whole.floor));
                    }
                }
                Domain::Double(precision) => {
                    let number = precision.read(text).map_err(QueryError::creating)?;
                    equal.insert(Value::Double(number));
                }
                Domain::Boolean => {
                    equal.insert(Value::Boolean(boolean(text)?));
                }
                Domain::Ip if text.contains('/') => intervals.push(network(text)?),
                Domain::Ip => {
                    equal.insert(Value::Ip(address(text)?));
                }
                Domain::Constant(_)
                | Domain::Text
                | Domain::Date { .. }
                | Domain::Range(_)
                | Domain::Other => {}
            }
        }
        if equal.is_empty() && intervals.is_empty() {
            return Ok(Tested::Never);
        }
        Ok(Tested::Value(ValueTest::Among(equal, intervals)))
    }

    /// A test that a value lies within bounds.
    pub(super) fn range(self, domain: &Domain, range: &Range) -> Checked<Tested> {
        if let (Some(relation), false) = (range.relation, matches!(domain, Domain::Range(_)))
            && relation != Relation::Intersects
        {
            let name = if relation == Relation::Within { "within" } else { "contains" };
            let reason = format!(
                "Field [{}] of type [{}] does not support relation [{name}]",
                self.name,
                self.field.field_type().name()
            );
            return Err(QueryError::creating(QueryError::argument(reason)));
        }
        if range.from.is_none() && range.to.is_none() {
            return Ok(Tested::Value(ValueTest::Exists));
        }
        let limits = |read: &dyn Fn(&Literal) -> Checked<Value>| -> Checked<Tested> {
            let limit = |literal: &Option<Literal>, with: bool| -> Checked<Limit<Value>> {
                let Some(literal) = literal else { return Ok(Limit::Unbounded) };
                let value = read(literal)?;
                Ok(if with { Limit::Included(value) } else { Limit::Excluded(value) })
            };
            let from = limit(&range.from, range.with_from)?;
            Ok(Tested::interval((from, limit(&range.to, range.with_to)?)))
        };
        match domain {
            Domain::Term { lowercase } => limits(&|literal| {
                let text = literal.text();
                Ok(Value::Term(if *lowercase { text.to_lowercase().into() } else { text.into() }))
            }),
            Domain::Whole(kind) => Self::whole_range(*kind, range),
            Domain::Double(precision) => limits(&|literal| {
                let number = precision.read(literal.text()).map_err(QueryError::creating)?;
                Ok(Value::Double(number))
            }),
            Domain::Boolean => limits(&|literal| boolean(literal.text()).map(Value::Boolean)),
            Domain::Ip => limits(&|literal| address(literal.text()).map(Value::Ip)),
            Domain::Date { nanos } => self.date_range(range, *nanos),
            Domain::Range(kind) => self.of_ranges(*kind, range),
            Domain::Constant(_) | Domain::Text | Domain::Other => {
                let reason = format!(
                    "Field [{}] of type [{}] does not support range queries",
                    self.name,
                    self.field.field_type().name()
                );
                Err(QueryError::creating(QueryError::argument(reason)))
            }
        }
    }

    /// A test of terms.
    pub(super) fn words(self, domain: &Domain, test: ValueTest) -> Tested {
        match domain {
            Domain::Constant(constant) => {
                let term = constant.as_ref().map(|term| Value::Term(term.as_str().into()));
                if term.is_some_and(|term| test.passes(&term)) {
                    Tested::Always
                } else {
                    Tested::Never
                }
            }
            Domain::Term { .. }
            | Domain::Text
            | Domain::Whole(_)
            | Domain::Double(_)
            | Domain::Boolean
            | Domain::Date { .. }
            | Domain::Ip
            | Domain::Range(_)
            | Domain::Other => Tested::Value(test),
        }
    }

    /// The bounds of whole numbers, rounded inwards.
    pub(super) fn whole_range(kind: WholeType, range: &Range) -> Checked<Tested> {
        let read = |literal: &Option<Literal>| -> Checked<Option<Whole>> {
            let read = literal.as_ref().map(|literal| kind.read(literal.text()));
            read.transpose().map_err(QueryError::creating)
        };
        let from = read(&range.from)?.map(|whole| {
            if whole.is_exact && range.with_from { whole.floor } else { whole.floor + 1 }
        });
        let to = read(&range.to)?.map(|whole| {
            if whole.is_exact && !range.with_to { whole.floor - 1 } else { whole.floor }
        });
        let (from, to) = (from.unwrap_or(i128::MIN), to.unwrap_or(i128::MAX));
        let (low, high) = match kind {
            WholeType::Unsigned => (0, i128::from(u64::MAX)),
            WholeType::Long | WholeType::Integer | WholeType::Short | WholeType::Byte => {
                (i128::from(i64::MIN), i128::from(i64::MAX))
            }
        };
        if from > high || to < low {
            return Ok(Tested::Never);
        }
        let limit = |number: i128| Limit::Included(whole_value(kind, number.clamp(low, high)));
        Ok(Tested::interval((limit(from), limit(to))))
    }

    /// The bounds of dates.
    fn date_range(self, range: &Range, nanos: bool) -> Checked<Tested> {
        let dates = self.dates(range.format.as_deref())?;
        let read = |literal: &Literal, edge| self.date(&dates, literal, edge, range.zone, nanos);
        let from = match &range.from {
            Some(literal) if range.with_from => Limit::Included(read(literal, Edge::Start)?),
            Some(literal) => Limit::Excluded(read(literal, Edge::End)?),
            None => Limit::Unbounded,
        };
        let to = match &range.to {
            Some(literal) if range.with_to => Limit::Included(read(literal, Edge::End)?),
            Some(literal) => Limit::Excluded(read(literal, Edge::Start)?),
            None => Limit::Unbounded,
        };
        Ok(Tested::interval((from, to)))
    }

    /// The reader of dates: in the query's format or the field's.
    fn dates(self, format: Option<&str>) -> Checked<DateExpression> {
        let own = self.field.parameter("format");
        let own = own.as_ref().and_then(Json::as_str).unwrap_or(DATE_FORMAT);
        let dialect: Dialect = self.context.mapping.settings().dialect;
        DateExpression::new(format.unwrap_or(own), dialect)
            .map_err(|error| QueryError::creating(QueryError::from(&error)))
    }

    /// A date, as the field holds it.
    fn date(
        self,
        dates: &DateExpression,
        literal: &Literal,
        edge: Edge,
        zone: DateZone,
        nanos: bool,
    ) -> Checked<Value> {
        let moment = dates
            .read(literal.text(), edge, zone, self.context.now)
            .map_err(|error| QueryError::from(&error).of_shard())?;
        Ok(Value::Whole(if nanos { moment.nanos() } else { moment.millis() }))
    }

    /// A test of ranges.
    fn of_ranges(self, kind: FieldType, range: &Range) -> Checked<Tested> {
        let bound = |literal: &Option<Literal>, is_upper: bool, with: bool| {
            let asked = AskedBound { is_upper, with };
            literal.as_ref().map(|literal| self.bound(kind, range, literal, asked)).transpose()
        };
        let from = bound(&range.from, false, range.with_from)?;
        let to = bound(&range.to, true, range.with_to)?;
        if from.is_some() && to.is_some() && from > to {
            return Ok(Tested::Never);
        }
        let relation = range.relation.unwrap_or_default();
        Ok(Tested::Value(ValueTest::Range(mapping::Range { from, to }, relation)))
    }

    /// A bound of a range, made inclusive.
    fn bound(
        self,
        kind: FieldType,
        range: &Range,
        literal: &Literal,
        asked: AskedBound,
    ) -> Checked<Bound> {
        let text = literal.text();
        let step = match asked {
            AskedBound { with: true, .. } => 0,
            AskedBound { is_upper: true, .. } => -1,
            AskedBound { .. } => 1,
        };
        if kind == FieldType::IpRange {
            let address = address(text)?;
            return Ok(Bound::Ip(match step {
                0 => address,
                1 => address.saturating_add(1),
                _ => address.saturating_sub(1),
            }));
        }
        if matches!(kind, FieldType::DoubleRange | FieldType::FloatRange) {
            let is_float = kind == FieldType::FloatRange;
            let precision = if is_float { Precision::Float } else { Precision::Double };
            let number = precision.read(text).map_err(QueryError::creating)?;
            return Ok(Bound::Double(match step {
                0 => number,
                1 => number.next_up(),
                _ => number.next_down(),
            }));
        }
        if kind == FieldType::DateRange {
            let dates = self.dates(range.format.as_deref())?;
            let edge = if asked.is_upper == asked.with { Edge::End } else { Edge::Start };
            let moment = dates
                .read(text, edge, range.zone, self.context.now)
                .map_err(|error| QueryError::from(&error).of_shard())?;
            return Ok(Bound::Long(moment.millis().saturating_add(step)));
        }
        let is_integer = kind == FieldType::IntegerRange;
        let whole = if is_integer { WholeType::Integer } else { WholeType::Long };
        let number = whole.read(text).map_err(QueryError::creating)?;
        let floor = i64::try_from(number.floor).unwrap_or(i64::MAX);
        Ok(Bound::Long(match (number.is_exact, asked.is_upper) {
            (true, _) => floor.saturating_add(step),
            (false, true) => floor,
            (false, false) => floor.saturating_add(1),
        }))
    }

    /// A field whose values cannot be asked for.
    fn no_exact(self) -> QueryError {
        let (name, kind) = (self.name, self.field.field_type());
        if matches!(kind, FieldType::GeoPoint | FieldType::GeoShape) {
            return QueryError::query_shard(format!(
                "Geo fields do not support exact searching, use dedicated geo queries instead: [{name}]"
            ));
        }
        if kind == FieldType::Binary {
            return QueryError::query_shard("Binary fields do not support searching");
        }
        let kind = kind.name();
        QueryError::unsupported(format_args!("[term] queries on the [{kind}] field [{name}] are"))
            .of_shard()
    }
}

/// Which bound of a range is asked for.
#[derive(Clone, Copy)]
struct AskedBound {
    /// Whether the upper one.
    is_upper: bool,
    /// Whether it is itself within.
    with: bool,
}

/// A whole number as a field's value.
fn whole_value(kind: WholeType, number: i128) -> Value {
    if kind == WholeType::Unsigned {
        Value::Unsigned(u64::try_from(number).unwrap_or(0))
    } else {
        Value::Whole(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

/// True or false; nothing is false.
fn boolean(text: &str) -> Checked<bool> {
    match text {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        _ => {
            let reason = format!("Can't parse boolean value [{text}], expected [true] or [false]");
            Err(QueryError::creating(QueryError::argument(reason)))
        }
    }
}

/// An address; one of version 4 as the mapped one of version 6.
pub(super) fn address(text: &str) -> Checked<u128> {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => Ok(u128::from(address.to_ipv6_mapped())),
        Ok(IpAddr::V6(address)) => Ok(u128::from(address)),
        Err(_) => {
            let reason = format!("'{text}' is not an IP string literal.");
            Err(QueryError::creating(QueryError::argument(reason)))
        }
    }
}

/// The addresses of a network.
fn network(text: &str) -> Checked<Interval> {
    let (first, prefix) = text.split_once('/').unwrap_or((text, ""));
    let is_four = first.parse::<IpAddr>().is_ok_and(|address| address.is_ipv4());
    let first = address(first)?;
    let whole: u32 = if is_four { 32 } else { 128 };
    let prefix = prefix.parse::<u32>().ok().filter(|prefix| *prefix <= whole);
    let Some(prefix) = prefix else {
        let reason = format!(
            "Illegal prefix length [{text}]. Must be 0-32 for IPv4 ranges, 0-128 for IPv6 ranges"
        );
        return Err(QueryError::creating(QueryError::argument(reason)));
    };
    let hosts = u128::MAX.checked_shr(128 - (whole - prefix)).unwrap_or(0);
    let limit = |address| Limit::Included(Value::Ip(address));
    Ok((limit(first & !hosts), limit(first | hosts)))
}
