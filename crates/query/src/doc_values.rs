//! `docvalue_fields`: the values of fields as their columns would have them. There are no columns: the values
//! are read from the source of each hit, put in the order of a column, and shown by the field's format.

use std::cmp::Ordering;

use mapping::{DatePrinter, FieldRef, FieldSink, FieldType, FieldValue, Mapping, double_text};
use serde_json::Value as Json;

use crate::{
    analysis::Analyzer,
    error::{Checked, QueryError},
    field::{Domain, Found, Wanted},
    number::Precision,
    plan::{address_text, check_column, has_fielddata, no_analyzer, no_columns},
};

/// The format of dates whose field has none of its own.
const DATE_FORMAT: &str = "strict_date_optional_time";
/// What says that a field's own format is meant.
const OWN_FORMAT: &str = "use_field_mapping";
/// What is no field, and has no column.
const METADATA: [&str; 3] = ["_version", "_source", "_primary_term"];
/// What is no field either, and would have one.
const METADATA_COLUMNS: [&str; 5] = ["_id", "_index", "_type", "_routing", "_seq_no"];
/// Patterns come to no more fields.
const EXPANDED_MAX: usize = 100;

/// A field whose values are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValuesOf {
    /// Its name, or a pattern with stars.
    pub field: String,
    /// How they are shown, if not by the field's own format.
    pub format: Option<String>,
}

/// The fields of an index whose values are asked for.
#[derive(Clone, Debug)]
pub struct DocValues<'m> {
    mapping: &'m Mapping,
    columns: Vec<Column<'m>>,
}

/// One of them.
#[derive(Clone, Debug)]
struct Column<'m> {
    /// The name that it is asked for by.
    name: String,
    field: FieldRef<'m>,
    form: Form,
}

impl Column<'_> {
    /// Whether another shows the same.
    fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.form == other.form
    }
}

/// How a column's values are shown.
#[derive(Clone, Debug, PartialEq)]
enum Form {
    /// As they are.
    Plain,
    /// In lower case.
    Lowercase,
    /// The terms of a text.
    Terms(Analyzer),
    /// Dates.
    Dates(DatePrinter),
    /// Numbers, as whole ones of so many to the unit.
    Scaled(f64),
}

/// A value, in the order of its column.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
enum Item {
    Whole(i64),
    Unsigned(u64),
    Double(f64),
    Boolean(bool),
    Ip(u128),
    Term(String),
    /// Latitude and longitude.
    Point(f64, f64),
    /// Nanoseconds since 1970.
    Nanos(i64),
}

impl<'m> DocValues<'m> {
    /// The fields of an index that these names mean.
    ///
    /// # Errors
    /// A field has no column, or not in this format.
    pub fn new(asked: &[ValuesOf], mapping: &'m Mapping) -> Result<Self, QueryError> {
        let mut columns = Vec::new();
        if !asked.is_empty() {
            let wanted = Wanted::new(mapping);
            for one in asked {
                let name = one.field.as_str();
                if METADATA.contains(&name) {
                    return Err(no_columns(name, name));
                }
                if METADATA_COLUMNS.contains(&name) {
                    let what = format_args!("[docvalue_fields] of [{name}] are");
                    return Err(QueryError::unsupported(what).of_shard());
                }
                let names = if one.field.contains('*') {
                    let found = mapping.definitions(&one.field);
                    found.into_iter().map(|(path, _)| path).collect()
                } else {
                    vec![one.field.clone()]
                };
                for name in names {
                    // Nested objects are documents of their own.
                    let Found::Field(field) = wanted.find(&name)? else { continue };
                    let form = form(&wanted, field, one)?;
                    let column = Column { name, field, form };
                    if !columns.iter().any(|known: &Column<'_>| known.is_same(&column)) {
                        columns.push(column);
                    }
                }
            }
        }
        let limit = asked.len().max(EXPANDED_MAX);
        if columns.len() > limit {
            let count = columns.len();
            let reason = format!(
                "Trying to retrieve too many docvalue_fields. Must be less than or equal to: [{limit}] but \
                 was [{count}]: a pattern names so many"
            );
            return Err(QueryError::argument(reason).of_shard());
        }
        Ok(Self { mapping, columns })
    }

    /// Whether nothing is asked for that the index has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The values that a source has, by the names that they are asked for by.
    #[must_use]
    pub fn read(&self, source: &[u8]) -> serde_json::Map<String, Json> {
        let mut sink = Sink { columns: &self.columns, items: vec![Vec::new(); self.columns.len()] };
        self.mapping.fields(source, &mut sink);
        let mut shown = serde_json::Map::new();
        for (column, mut items) in self.columns.iter().zip(sink.items) {
            items.sort_by(|one, other| one.partial_cmp(other).unwrap_or(Ordering::Equal));
            if items.iter().all(|item| matches!(item, Item::Term(_) | Item::Ip(_))) {
                items.dedup();
            }
            if items.is_empty() {
                continue;
            }
            let values =
                shown.entry(column.name.clone()).or_insert_with(|| Json::Array(Vec::new()));
            if let Json::Array(values) = values {
                values.extend(items.into_iter().map(|item| column.form.show(item)));
            }
        }
        shown
    }
}

/// How the values of a field are shown.
fn form(wanted: &Wanted<'_>, field: FieldRef<'_>, asked: &ValuesOf) -> Checked<Form> {
    let (kind, name) = (field.field_type(), field.path());
    let format = asked.format.as_deref().filter(|format| *format != OWN_FORMAT);
    let domain = Domain::of(field).ok_or_else(|| {
        QueryError::unsupported(format_args!("the normalizer of the field [{name}] is")).of_shard()
    })?;
    if domain == Domain::Text && has_fielddata(field) {
        let analyzer = wanted.analyzer(field, &["analyzer"]);
        return analyzer.map(Form::Terms).map_err(|name| no_analyzer(&name));
    }
    check_column(field, name)?;
    let form = match domain {
        Domain::Date { .. } => {
            let own = field.parameter("format");
            let own = own.as_ref().and_then(Json::as_str).unwrap_or(DATE_FORMAT);
            let format = format.unwrap_or(own);
            let printer = DatePrinter::new(format).ok_or_else(|| {
                QueryError::unsupported(format_args!("to show dates by the format [{format}] is"))
            });
            return Ok(Form::Dates(printer.map_err(QueryError::of_shard)?));
        }
        Domain::Term { lowercase: true } => Form::Lowercase,
        Domain::Double(Precision::Scaled(factor)) => Form::Scaled(factor),
        Domain::Term { lowercase: false }
        | Domain::Whole(_)
        | Domain::Double(_)
        | Domain::Boolean
        | Domain::Ip => Form::Plain,
        Domain::Other if matches!(kind, FieldType::GeoPoint | FieldType::Binary) => Form::Plain,
        Domain::Constant(_) | Domain::Text | Domain::Range(_) | Domain::Other => {
            return Err(no_columns(name, kind.name()));
        }
    };
    match (format, domain) {
        (None, _) => Ok(form),
        (Some(_), Domain::Whole(_) | Domain::Double(_)) => {
            Err(QueryError::unsupported("formats of numbers in [docvalue_fields] are").of_shard())
        }
        (Some(_), _) => {
            let reason =
                format!("Field [{name}] of type [{}] does not support custom formats", kind.name());
            Err(QueryError::argument(reason).of_shard())
        }
    }
}

impl Form {
    fn show(&self, item: Item) -> Json {
        match (item, self) {
            (Item::Whole(millis), Self::Dates(printer)) => printer.millis(millis).into(),
            (Item::Nanos(nanos), Self::Dates(printer)) => printer.nanos(nanos).into(),
            (Item::Whole(number) | Item::Nanos(number), _) => number.into(),
            (Item::Unsigned(number), _) => number.into(),
            // In this order, as in `ScaledFloatFieldMapper`, for it is not exact.
            (Item::Double(number), Self::Scaled(factor)) => {
                ((number * factor + 0.5).floor() * (1.0 / factor)).into()
            }
            (Item::Double(number), _) => number.into(),
            (Item::Boolean(value), _) => value.into(),
            (Item::Ip(address), _) => address_text(address).into(),
            (Item::Term(term), _) => term.into(),
            (Item::Point(lat, lon), _) => {
                format!("{}, {}", double_text(lat), double_text(lon)).into()
            }
        }
    }
}

/// Takes the values of columns.
struct Sink<'a, 'm> {
    columns: &'a [Column<'m>],
    items: Vec<Vec<Item>>,
}

impl FieldSink for Sink<'_, '_> {
    fn wants(&self, field: FieldRef<'_>) -> bool {
        self.columns.iter().any(|column| field.is(&column.field))
    }

    fn value(&mut self, field: FieldRef<'_>, value: FieldValue<'_>) {
        for (column, items) in self.columns.iter().zip(&mut self.items) {
            if !field.is(&column.field) {
                continue;
            }
            match (value, &column.form) {
                (FieldValue::Text(text), Form::Terms(analyzer)) => {
                    let tokens = analyzer.tokens(text);
                    items.extend(tokens.into_iter().map(|token| Item::Term(token.term)));
                }
                (value, form) => items.extend(item(value, matches!(form, Form::Lowercase))),
            }
        }
    }
}

/// A value as its column has it.
fn item(value: FieldValue<'_>, lowercase: bool) -> Option<Item> {
    Some(match value {
        FieldValue::Keyword(text) if lowercase => Item::Term(text.to_lowercase()),
        FieldValue::Keyword(text) => Item::Term(text.to_owned()),
        FieldValue::Long(number) | FieldValue::Date(number) => Item::Whole(number),
        FieldValue::DateNanos(nanos) => Item::Nanos(nanos),
        FieldValue::UnsignedLong(number) => Item::Unsigned(number),
        FieldValue::Double(number) => Item::Double(number),
        FieldValue::Boolean(value) => Item::Boolean(value),
        FieldValue::Ip(address) => Item::Ip(address),
        FieldValue::GeoPoint(point) => {
            Item::Point(stored(point.lat, 180.0), stored(point.lon, 360.0))
        }
        // Bytes in base 64.
        FieldValue::Json(text) => Item::Term(serde_json::from_str::<String>(text).ok()?),
        FieldValue::Text(_) | FieldValue::Range(_) => return None,
    })
}

/// A coordinate as Lucene keeps it: one of 2^32 steps of its range (`GeoEncodingUtils`).
fn stored(degrees: f64, range: f64) -> f64 {
    let step = range / 4_294_967_296.0;
    let last = range / 2.0 - step;
    ((degrees / step).floor() * step).min(last)
}

#[cfg(test)]
mod tests {
    use mapping::{Mapping, Settings};
    use serde_json::{Value, json};

    use super::{DocValues, ValuesOf};

    fn mapping() -> Mapping {
        let definition = json!({"properties": {
            "k": {"type": "keyword"}, "l": {"type": "keyword", "normalizer": "lowercase"},
            "n": {"type": "integer"}, "f": {"type": "float"}, "b": {"type": "boolean"},
            "d": {"type": "date"}, "e": {"type": "date", "format": "yyyy/MM/dd||epoch_millis"},
            "dn": {"type": "date_nanos"}, "ip": {"type": "ip"}, "p": {"type": "geo_point"},
            "t": {"type": "text"}, "tf": {"type": "text", "fielddata": true},
            "r": {"type": "integer_range"}, "off": {"type": "long", "doc_values": false},
            "o": {"properties": {"x": {"type": "keyword"}}},
            "s": {"type": "scaled_float", "scaling_factor": 10},
            "nest": {"type": "nested", "properties": {"x": {"type": "keyword"}}},
        }});
        Mapping::empty(Settings::default()).update(None, &definition).unwrap()
    }

    /// What a source has in some fields, or what is wrong.
    fn read(fields: &[(&str, Option<&str>)], source: &Value) -> Result<Value, String> {
        let asked: Vec<ValuesOf> = fields
            .iter()
            .map(|(field, format)| ValuesOf {
                field: (*field).to_owned(),
                format: format.map(str::to_owned),
            })
            .collect();
        let mapping = mapping();
        let values = DocValues::new(&asked, &mapping).map_err(|error| error.reason().to_owned())?;
        Ok(Value::Object(values.read(source.to_string().as_bytes())))
    }

    #[test]
    fn values_stand_in_the_order_of_their_column() {
        let source = json!({
            "k": ["b", "a", "b"], "l": ["B", "a"], "n": [2, 1, 2], "f": 1.1, "b": [true, false],
            "d": ["2020-01-02", 0], "e": "1970/01/02", "dn": "2018-10-29T12:12:12.123456789Z",
            "ip": ["::1", "10.0.0.1", "::1"], "p": "40.7,-74", "tf": ["The fox", "a fox"],
            "s": [-1.7, 2.55], "o": {"x": "y"}, "nest": [{"x": "z"}],
        });
        let names = [
            "k", "l", "n", "f", "b", "d", "e", "dn", "ip", "p", "tf", "s", "o.*", "nest.x", "no",
            "o",
        ];
        let fields: Vec<_> = names.iter().map(|name| (*name, None)).collect();
        let expected = json!({
            "k": ["a", "b"], "l": ["a", "b"], "n": [1, 2, 2], "f": [1.100_000_023_841_858],
            "b": [false, true], "d": ["1970-01-01T00:00:00.000Z", "2020-01-02T00:00:00.000Z"],
            "e": ["1970/01/02"], "dn": ["2018-10-29T12:12:12.123456789Z"],
            "ip": ["::1", "10.0.0.1"], "p": ["40.69999997969717, -74.00000003166497"],
            "tf": ["a", "fox", "the"], "s": [-1.700_000_000_000_000_2, 2.6], "o.x": ["y"],
        });
        assert_eq!(read(&fields, &source), Ok(expected));
        let twice =
            [("d", Some("yyyy/MM")), ("d", Some("epoch_millis")), ("n", Some("use_field_mapping"))];
        let expected = json!({"d": ["1970/01", "2020/01", "0", "1577923200000"], "n": [1, 2, 2]});
        assert_eq!(read(&twice, &source), Ok(expected));
        assert_eq!(read(&fields, &json!({})), Ok(json!({})));
    }

    #[test]
    fn what_has_no_column_is_refused() {
        for (field, format, words) in [
            (
                "t",
                None,
                "Fielddata is disabled on text fields by default. Set fielddata=true on [t]",
            ),
            (
                "t*",
                None,
                "Fielddata is disabled on text fields by default. Set fielddata=true on [t]",
            ),
            ("r", None, "Fielddata is not supported on field [r] of type [integer_range]"),
            ("off", None, "Can't load fielddata on [off] because fielddata is unsupported"),
            ("_version", None, "Fielddata is not supported on field [_version] of type [_version]"),
            ("_id", None, "[docvalue_fields] of [_id] are not supported yet"),
            ("ip", Some("x"), "Field [ip] of type [ip] does not support custom formats"),
            ("n", Some("#.0"), "formats of numbers in [docvalue_fields] are not supported yet"),
            ("d", Some("nope"), "to show dates by the format [nope] is not supported yet"),
        ] {
            let error = read(&[(field, format)], &json!({})).unwrap_err();
            assert!(error.starts_with(words), "{field}: {error}");
        }
    }
}
