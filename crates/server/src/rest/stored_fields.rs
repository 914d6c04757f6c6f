//! Stored fields of a document: those whose mapping says `store`, read from the source, which has
//! them all.

use mapping::{FieldRef, FieldSink, FieldType, FieldValue, Mapping};
use serde_json::{Map, Value};

use document::Timestamp;
use node::iso_8601;

use super::error::Error;

/// The name by which a list of stored fields asks for the source.
const SOURCE: &str = "_source";

/// The stored fields that a request asks for, if it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StoredFields(Option<Vec<String>>);

impl StoredFields {
    /// Those of a list.
    pub(crate) fn of(names: Option<Vec<String>>) -> Self {
        Self(names)
    }

    /// These, or others where nothing was asked.
    pub(crate) fn or(self, others: &Self) -> Self {
        Self(self.0.or_else(|| others.0.clone()))
    }

    /// Whether the source is shown unless something else says otherwise.
    pub(crate) fn shows_source(&self) -> bool {
        self.0.as_ref().is_none_or(|names| names.iter().any(|name| name == SOURCE))
    }

    /// Refuses what is an object in the mapping.
    pub(crate) fn check(&self, mapping: &Mapping) -> Result<(), Error> {
        for name in self.0.iter().flatten() {
            let is_object = mapping.field(name).is_none()
                && !mapping.definitions(&format!("{name}.*")).is_empty();
            if is_object {
                return Err(Error::illegal_argument(format!("field [{name}] isn't a leaf field")));
            }
        }
        Ok(())
    }

    /// The values of those that are stored, by name; nothing where there are none.
    pub(crate) fn read(&self, mapping: &Mapping, source: &[u8]) -> Option<Value> {
        let names = self.0.as_ref()?;
        let fields: Vec<(&str, FieldRef<'_>)> = names
            .iter()
            .filter_map(|name| Some((name.as_str(), mapping.field(name)?)))
            .filter(|(_, field)| field.parameter("store") == Some(Value::Bool(true)))
            .collect();
        if fields.is_empty() {
            return None;
        }
        let mut sink = Sink { fields: &fields, found: Map::new() };
        mapping.fields(source, &mut sink);
        Some(sink.found).filter(|found| !found.is_empty()).map(Value::Object)
    }
}

/// Takes the values of stored fields.
struct Sink<'a> {
    fields: &'a [(&'a str, FieldRef<'a>)],
    found: Map<String, Value>,
}

impl FieldSink for Sink<'_> {
    fn wants(&self, field: FieldRef<'_>) -> bool {
        self.fields.iter().any(|(_, wanted)| field.is(wanted))
    }

    fn value(&mut self, field: FieldRef<'_>, value: FieldValue<'_>) {
        let Some(value) = shown(field, value) else { return };
        for (name, _) in self.fields.iter().filter(|(_, wanted)| field.is(wanted)) {
            let values = self.found.entry(*name).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(values) = values {
                values.push(value.clone());
            }
        }
    }
}

/// A value as it is shown; ranges are not.
fn shown(field: FieldRef<'_>, value: FieldValue<'_>) -> Option<Value> {
    Some(match value {
        FieldValue::Text(text) | FieldValue::Keyword(text) => text.into(),
        FieldValue::Long(number) => number.into(),
        FieldValue::UnsignedLong(number) => number.into(),
        FieldValue::Double(number) if field.field_type() == FieldType::Float => {
            #[allow(clippy::cast_possible_truncation, reason = "it is of that precision")]
            let single = number as f32;
            serde_json::from_str(&single.to_string()).ok()?
        }
        FieldValue::Double(number) => number.into(),
        FieldValue::Boolean(value) => value.into(),
        FieldValue::Date(millis) => iso_8601(Timestamp::from_millis(millis)).into(),
        FieldValue::DateNanos(nanos) => {
            iso_8601(Timestamp::from_millis(nanos.div_euclid(1_000_000))).into()
        }
        FieldValue::Ip(bits) => {
            let address = std::net::Ipv6Addr::from(bits);
            let four = address.to_ipv4_mapped();
            four.map_or_else(|| address.to_string(), |four| four.to_string()).into()
        }
        FieldValue::GeoPoint(point) => format!("{}, {}", point.lat, point.lon).into(),
        FieldValue::Json(text) => serde_json::from_str(text).ok()?,
        FieldValue::Range(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use mapping::{Mapping, Settings};
    use serde_json::{Value, json};

    use super::StoredFields;

    fn mapping() -> Mapping {
        let definition = json!({"properties": {
            "k": {"type": "keyword", "store": true}, "n": {"type": "integer", "store": true},
            "f": {"type": "float", "store": true}, "d": {"type": "date", "store": true},
            "ip": {"type": "ip", "store": true}, "plain": {"type": "keyword"},
            "o": {"properties": {"b": {"type": "boolean", "store": true}}},
            "t": {"type": "text", "fields": {"raw": {"type": "keyword", "store": true}}},
        }});
        Mapping::empty(Settings::default()).update(None, &definition).unwrap()
    }

    fn of(names: &[&str]) -> StoredFields {
        StoredFields::of(Some(names.iter().map(|name| (*name).to_owned()).collect()))
    }

    fn read(names: &[&str], source: &Value) -> Option<Value> {
        of(names).read(&mapping(), source.to_string().as_bytes())
    }

    #[test]
    fn only_what_is_stored_is_shown_and_always_as_a_list() {
        let source = json!({
            "k": ["b", "a"], "n": "7", "f": 1.1, "d": "2020-01-02", "ip": "127.0.0.1",
            "plain": "x", "o": {"b": true}, "t": "Text",
        });
        let all = ["k", "n", "f", "d", "ip", "plain", "o.b", "t", "t.raw", "nope", "_source"];
        let expected = json!({
            "k": ["b", "a"], "n": [7], "f": [1.1], "d": ["2020-01-02T00:00:00.000Z"],
            "ip": ["127.0.0.1"], "o.b": [true], "t.raw": ["Text"],
        });
        assert_eq!(read(&all, &source), Some(expected));
        assert_eq!(read(&["plain"], &source), None);
        assert_eq!(read(&["k"], &json!({})), None);
    }

    #[test]
    fn a_list_of_fields_takes_the_place_of_the_source_unless_it_names_it() {
        assert!(StoredFields::of(None).shows_source());
        assert!(!of(&["k"]).shows_source());
        assert!(of(&["k", "_source"]).shows_source());
        assert!(!of(&["k"]).or(&of(&["_source"])).shows_source());
        assert!(of(&["o"]).check(&mapping()).is_err());
        assert!(of(&["o.b", "k", "nope"]).check(&mapping()).is_ok());
    }
}
