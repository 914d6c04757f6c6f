//! From the criteria of an order to the keys of documents.

use std::net::Ipv6Addr;

use mapping::{FieldRef, FieldType};
use serde_json::Value as Json;

use crate::{
    error::{Checked, QueryError},
    field::{Domain, Fields, Found, Wanted},
    number::{self, Precision, WholeType},
    order::{Direction, Key},
    query::Literal,
    sort::{Missing, Mode, NumericType, Sort, SortOrder},
    value::Value,
};

use super::{Context, Document, literal::address, matching::no_analyzer};

/// What documents are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The score.
    Score,
    /// The place in the shard.
    Place,
    /// The place among all shards.
    SharedPlace,
    /// The id.
    Id,
    /// The name of the index.
    Index,
    /// The sequence number.
    SeqNo,
    /// The values of a field that is there.
    Field(usize),
    /// The values of a field that no document has.
    Absent,
}

/// The form of a field's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Whole numbers.
    Whole,
    /// Whole numbers that may exceed signed ones.
    Unsigned,
    /// Floating-point numbers.
    Double,
    /// Floating-point numbers that are shown in single precision.
    Single,
    /// Terms.
    Term,
    /// Addresses.
    Ip,
}

/// How whole numbers become those that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conversion {
    /// Not at all.
    None,
    /// Milliseconds to nanoseconds.
    ToNanos,
    /// Nanoseconds to milliseconds.
    ToMillis,
    /// Whole numbers to floating-point ones, or those to whole ones.
    ToForm,
}

/// One criterion of the order, for an index.
#[derive(Clone, Debug)]
pub(super) struct Criterion {
    by: By,
    form: Form,
    conversion: Conversion,
    descending: bool,
    missing_first: bool,
    /// The key of documents without a value.
    missing: Key,
    mode: Mode,
    /// The field's name, which errors tell.
    name: String,
}

impl Criterion {
    /// A criterion, by what an index has.
    pub(super) fn new<'m>(
        sort: &Sort,
        wanted: &mut Wanted<'m>,
        context: &Context<'m>,
    ) -> Checked<Self> {
        let (by, form, conversion) = match sort.field.as_str() {
            "_score" => (By::Score, Form::Single, Conversion::None),
            "_doc" => (By::Place, Form::Whole, Conversion::None),
            "_shard_doc" => (By::SharedPlace, Form::Whole, Conversion::None),
            "_id" => (By::Id, Form::Term, Conversion::None),
            "_index" => (By::Index, Form::Term, Conversion::None),
            "_seq_no" => (By::SeqNo, Form::Whole, Conversion::None),
            name @ ("_version" | "_source" | "_routing" | "_primary_term") => {
                return Err(no_columns(name, name));
            }
            name => field(sort, name, wanted, context)?,
        };
        let descending = sort.order == SortOrder::Descending;
        let usual = if descending { Mode::Max } else { Mode::Min };
        let mode = sort.mode.unwrap_or(usual);
        let is_number = !matches!(form, Form::Term | Form::Ip);
        if !is_number && matches!(mode, Mode::Sum | Mode::Average | Mode::Median) {
            let reason = "we only support AVG, MEDIAN and SUM on number based fields";
            return Err(QueryError::query_shard(reason));
        }
        let missing_first = sort.missing == Missing::First;
        // The least key stands first when ascending and last when descending.
        let least = missing_first != descending;
        let missing = match &sort.missing {
            Missing::Value(value) => form.read(value).map_err(QueryError::of_shard)?,
            Missing::First | Missing::Last => form.extreme(least),
        };
        let name = sort.field.clone();
        Ok(Self { by, form, conversion, descending, missing_first, missing, mode, name })
    }

    /// How two keys are compared.
    pub(super) fn direction(&self) -> Direction {
        Direction { descending: self.descending, missing_first: self.missing_first }
    }

    /// The key of a document.
    pub(super) fn key(
        &self,
        document: &Document<'_>,
        fields: &Fields,
        score: f32,
        index: &str,
    ) -> Key {
        let place = |number: u64| Key::Whole(i64::try_from(number).unwrap_or(i64::MAX));
        match self.by {
            By::Score => Key::Single(score),
            By::Place | By::SeqNo => place(document.seq_no),
            By::SharedPlace => place(document.place),
            By::Id => Key::Term(Some(document.id.into())),
            By::Index => Key::Term(Some(index.into())),
            By::Field(slot) => {
                self.chosen(fields.values(slot)).unwrap_or_else(|| self.missing.clone())
            }
            By::Absent => self.missing.clone(),
        }
    }

    /// The field that it compares if that is a text, and what its terms take in a document.
    pub(super) fn text_bytes(&self, fields: &Fields) -> Option<(&str, u64)> {
        let By::Field(slot) = self.by else { return None };
        let mut texts = fields.values(slot).iter().filter_map(Value::terms).peekable();
        texts.peek()?;
        Some((&self.name, texts.flatten().map(|term| term.len() as u64).sum()))
    }

    /// The key of a field's values.
    fn chosen(&self, values: &[Value]) -> Option<Key> {
        let of_text = |value: &Value| {
            let terms = value.terms().into_iter().flatten();
            terms.map(|term| Key::Term(Some(term.into()))).collect::<Vec<_>>()
        };
        let keys: Vec<Key> = values
            .iter()
            .flat_map(|value| self.one(value).into_iter().chain(of_text(value)))
            .collect();
        match self.mode {
            Mode::Min => keys.into_iter().min_by(Key::natural),
            Mode::Max => keys.into_iter().max_by(Key::natural),
            Mode::Sum | Mode::Average | Mode::Median => self.combined(keys),
        }
    }

    /// The sum, the mean or the median of some keys.
    fn combined(&self, mut keys: Vec<Key>) -> Option<Key> {
        keys.sort_by(Key::natural);
        let count = keys.len();
        let middle = keys.get(count / 2)?.clone();
        let below =
            if count.is_multiple_of(2) { keys.get(count / 2 - 1)?.clone() } else { middle.clone() };
        if let (Mode::Sum, Form::Whole) = (self.mode, self.form) {
            let sum = keys.iter().fold(0_i64, |sum, key| sum.wrapping_add(key.whole()));
            return Some(Key::Whole(sum));
        }
        let sum: f64 = keys.iter().map(Key::double).sum();
        #[expect(clippy::cast_precision_loss, reason = "no document has so many values")]
        let value = match self.mode {
            Mode::Sum => sum,
            Mode::Median => f64::midpoint(below.double(), middle.double()),
            Mode::Average | Mode::Min | Mode::Max => sum / count as f64,
        };
        Some(match self.form {
            Form::Whole | Form::Term | Form::Ip => {
                Key::Whole(number::saturated((value + 0.5).floor()))
            }
            Form::Unsigned => {
                Key::Unsigned(u64::try_from(number::saturated((value + 0.5).floor())).unwrap_or(0))
            }
            Form::Double => Key::Double(value),
            Form::Single => Key::Single(number::single(value)),
        })
    }

    /// The key of one value.
    fn one(&self, value: &Value) -> Option<Key> {
        let key = match (value, self.form) {
            (Value::Term(term), Form::Term) => Key::Term(Some(term.clone())),
            (Value::Ip(address), Form::Ip) => Key::Ip(Some(*address)),
            (Value::Boolean(value), Form::Whole) => Key::Whole(i64::from(*value)),
            (Value::Unsigned(number), Form::Unsigned) => Key::Unsigned(*number),
            (Value::Whole(number), Form::Whole) => Key::Whole(match self.conversion {
                Conversion::None | Conversion::ToForm => *number,
                Conversion::ToNanos => number.saturating_mul(1_000_000),
                Conversion::ToMillis => number.div_euclid(1_000_000),
            }),
            #[expect(clippy::cast_precision_loss, reason = "doubles are asked for")]
            (Value::Whole(number), Form::Double) => Key::Double(*number as f64),
            (Value::Double(number), Form::Double) => Key::Double(*number),
            (Value::Double(number), Form::Single) => Key::Single(number::single(*number)),
            (Value::Double(number), Form::Whole) => Key::Whole(number::saturated(*number)),
            _ => return None,
        };
        Some(key)
    }

    /// A key as a request gives it back.
    pub(super) fn read(&self, value: Option<&Literal>) -> Checked<Key> {
        let failed = |cause| {
            let reason = format!("Failed to parse search_after value for field [{}].", self.name);
            QueryError::argument(reason).because(cause).of_shard()
        };
        let Some(value) = value else {
            return match self.form {
                Form::Term => Ok(Key::Term(None)),
                Form::Ip => Ok(Key::Ip(None)),
                Form::Whole | Form::Unsigned | Form::Double | Form::Single => {
                    Err(failed(QueryError::argument("a number is never [null]")))
                }
            };
        };
        self.form.read(value).map_err(failed)
    }
}

impl Form {
    /// A literal as a key.
    fn read(self, value: &Literal) -> Checked<Key> {
        let text = value.text();
        Ok(match self {
            Self::Whole => match value {
                Literal::Boolean(value) => Key::Whole(i64::from(*value)),
                Literal::Text(text) => {
                    Key::Whole(text.parse().map_err(|_| QueryError::no_number(text))?)
                }
                Literal::Number(text) => Key::Whole(number::truncated(text)?),
            },
            Self::Unsigned => Key::Unsigned(text.parse().map_err(|_| QueryError::no_number(text))?),
            Self::Double => Key::Double(number::double(text)?),
            Self::Single => Key::Single(number::single(number::double(text)?)),
            Self::Term => Key::Term(Some(text.into())),
            Self::Ip => Key::Ip(Some(address(text)?)),
        })
    }

    /// The key before all others, or the one behind them.
    fn extreme(self, least: bool) -> Key {
        match self {
            Self::Whole => Key::Whole(if least { i64::MIN } else { i64::MAX }),
            Self::Unsigned => Key::Unsigned(if least { u64::MIN } else { u64::MAX }),
            Self::Double => Key::Double(if least { f64::NEG_INFINITY } else { f64::INFINITY }),
            Self::Single => Key::Single(if least { f32::NEG_INFINITY } else { f32::INFINITY }),
            Self::Term => Key::Term(None),
            Self::Ip => Key::Ip(None),
        }
    }
}

/// What documents are compared by for a field of the mapping.
fn field<'m>(
    sort: &Sort,
    name: &str,
    wanted: &mut Wanted<'m>,
    _: &Context<'m>,
) -> Checked<(By, Form, Conversion)> {
    let (field, is_absent) = match wanted.find(name)? {
        Found::Field(field) => (field, false),
        Found::Nested(field) => (field, true),
        Found::Nothing => {
            let Some(kind) = &sort.unmapped_type else {
                let reason = format!("No mapping found for [{name}] in order to sort on");
                return Err(QueryError::query_shard(reason));
            };
            let kind = FieldType::named(kind).ok_or_else(|| {
                QueryError::argument(format!("No mapper found for type [{kind}]")).of_shard()
            })?;
            let form = form(&Domain::of_type(kind)).ok_or_else(|| no_columns(name, kind.name()))?;
            let (form, conversion) = converted(sort, &Domain::of_type(kind), form, kind)?;
            return Ok((By::Absent, form, conversion));
        }
    };
    let kind = field.field_type();
    let domain = Domain::of(field).ok_or_else(|| {
        QueryError::unsupported(format_args!("the normalizer of the field [{name}] is")).of_shard()
    })?;
    if domain == Domain::Text && has_fielddata(field) {
        wanted.analyzer(field, &["analyzer"]).map_err(|name| no_analyzer(&name))?;
        let (form, conversion) = converted(sort, &domain, Form::Term, kind)?;
        let by = if is_absent { By::Absent } else { By::Field(wanted.slot(field)) };
        return Ok((by, form, conversion));
    }
    if kind == FieldType::GeoPoint {
        let reason = "can't sort on geo_point field without using specific sorting feature, like geo_distance";
        return Err(QueryError::argument(reason).of_shard());
    }
    check_column(field, name)?;
    let form = form(&domain).ok_or_else(|| no_columns(name, kind.name()))?;
    let (form, conversion) = converted(sort, &domain, form, kind)?;
    if is_absent {
        return Ok((By::Absent, form, conversion));
    }
    Ok((By::Field(wanted.slot(field)), form, conversion))
}

/// Refuses fields without columns: texts, and those whose mapping says so.
pub(crate) fn check_column(field: FieldRef<'_>, name: &str) -> Checked<()> {
    let kind = field.field_type();
    if Domain::of_type(kind) == Domain::Text {
        let reason = format!(
            "Fielddata is disabled on text fields by default. Set fielddata=true on [{name}] in order \
             to load fielddata in memory by uninverting the inverted index. Note that this can \
             however use significant memory. Alternatively use a keyword field instead."
        );
        return Err(QueryError::argument(reason).of_shard());
    }
    if field.parameter("doc_values").as_ref().and_then(Json::as_bool) == Some(false) {
        let reason = format!(
            "Can't load fielddata on [{name}] because fielddata is unsupported on fields of type \
             [{}]. Use doc values instead.",
            kind.name()
        );
        return Err(QueryError::argument(reason).of_shard());
    }
    Ok(())
}

/// Whether the terms of a text may be sorted by.
pub(crate) fn has_fielddata(field: FieldRef<'_>) -> bool {
    field.parameter("fielddata").as_ref().and_then(Json::as_bool) == Some(true)
}

/// The form of a domain's keys, if its values can be ordered.
fn form(domain: &Domain) -> Option<Form> {
    match domain {
        Domain::Term { .. } => Some(Form::Term),
        Domain::Whole(WholeType::Unsigned) => Some(Form::Unsigned),
        Domain::Whole(_) | Domain::Boolean | Domain::Date { .. } => Some(Form::Whole),
        Domain::Double(Precision::Float | Precision::Half) => Some(Form::Single),
        Domain::Double(_) => Some(Form::Double),
        Domain::Ip => Some(Form::Ip),
        Domain::Constant(_) | Domain::Text | Domain::Range(_) | Domain::Other => None,
    }
}

/// The form of the numbers that are asked for.
fn converted(
    sort: &Sort,
    domain: &Domain,
    form: Form,
    kind: FieldType,
) -> Checked<(Form, Conversion)> {
    let Some(asked) = sort.numeric_type else { return Ok((form, Conversion::None)) };
    if matches!(form, Form::Term | Form::Ip) {
        let reason = format!(
            "[numeric_type] option cannot be set on a non-numeric field, got {}",
            kind.name()
        );
        return Err(QueryError::argument(reason).of_shard());
    }
    let nanos = *domain == Domain::Date { nanos: true };
    Ok(match asked {
        NumericType::Long => (Form::Whole, Conversion::ToForm),
        NumericType::Double => (Form::Double, Conversion::ToForm),
        NumericType::Date if nanos => (Form::Whole, Conversion::ToMillis),
        NumericType::DateNanos if !nanos => (Form::Whole, Conversion::ToNanos),
        NumericType::Date | NumericType::DateNanos => (form, Conversion::None),
    })
}

/// A field whose values cannot be ordered.
pub(crate) fn no_columns(name: &str, kind: &str) -> QueryError {
    let reason = format!("Fielddata is not supported on field [{name}] of type [{kind}]");
    QueryError::argument(reason).of_shard()
}

/// An address as Elasticsearch prints it.
pub(crate) fn address_text(bits: u128) -> String {
    let address = Ipv6Addr::from(bits);
    address.to_ipv4_mapped().map_or_else(|| address.to_string(), |address| address.to_string())
}
