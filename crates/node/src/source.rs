//! What may be a document's source, whatever the mapping: one JSON object, kept byte for byte.
//!
//! It is checked without building a tree (spec document-api §8.4), where there is no mapping to check it
//! against: before an index is created for it, and for the parts of updates. Everything else is the
//! mapping's.

use std::fmt;

use memchr::memchr2_iter;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use thiserror::Error;

/// How deep objects and arrays may be nested in each other (design §5).
pub(crate) const DEPTH_MAX: usize = 1_000;

/// The names that belong to a document's metadata and not into its source.
const METADATA_FIELDS: [&str; 9] = [
    "_id",
    "_index",
    "_type",
    "_source",
    "_routing",
    "_field_names",
    "_ignored",
    "_seq_no",
    "_version",
];

/// Why some bytes are no source.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SourceError {
    /// There is nothing in it.
    #[error("the source is empty")]
    Empty,
    /// It is no JSON; says where.
    #[error("{0}")]
    Malformed(String),
    /// It is JSON, but no object.
    #[error("the source is not an object")]
    NotAnObject,
    /// Something follows the object.
    #[error("the source is followed by {0}")]
    TrailingData(&'static str),
    /// It sets a metadata field.
    #[error("the source sets the metadata field {0}")]
    MetadataField(String),
    /// It is nested too deeply.
    #[error("the source is nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
}

/// Checks that `bytes` can be a document's source.
///
/// # Errors
/// [`SourceError`] that says why they cannot.
pub fn check_source(bytes: &[u8]) -> Result<(), SourceError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| SourceError::Malformed(format!("invalid UTF-8: {error}")))?;
    match text.trim_ascii_start().as_bytes().first() {
        None => return Err(SourceError::Empty),
        Some(b'{') => {}
        Some(_) => {
            let value = serde_json::from_str::<IgnoredAny>(text);
            return Err(value.map_or_else(|error| malformed(&error), |_| SourceError::NotAnObject));
        }
    }
    check_depth(bytes)?;
    let mut parser = serde_json::Deserializer::from_str(text);
    parser.disable_recursion_limit();
    let mut metadata_field = None;
    let parsed = TopLevel { metadata_field: &mut metadata_field }.deserialize(&mut parser);
    if let Some(field) = metadata_field {
        return Err(SourceError::MetadataField(field));
    }
    parsed.map_err(|error| malformed(&error))?;
    if let Err(error) = parser.end() {
        return Err(trailing(text, &error));
    }
    Ok(())
}

fn malformed(error: &serde_json::Error) -> SourceError {
    SourceError::Malformed(error.to_string())
}

/// Names what follows the object the way a tokenizer would, or the text's own fault.
fn trailing(text: &str, error: &serde_json::Error) -> SourceError {
    let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let rest = line.as_bytes().get(error.column().saturating_sub(1)..).unwrap_or_default();
    match rest.first() {
        Some(b'{') => SourceError::TrailingData("START_OBJECT"),
        Some(b'[') => SourceError::TrailingData("START_ARRAY"),
        Some(b'"') => SourceError::TrailingData("VALUE_STRING"),
        Some(b'0'..=b'9' | b'-') => SourceError::TrailingData("VALUE_NUMBER"),
        Some(_) | None => malformed(error),
    }
}

/// Refuses what is nested too deeply. Few documents have so many brackets that they might be: those
/// are looked at again, with the rest of their grammar left to the parser.
pub(crate) fn check_depth(bytes: &[u8]) -> Result<(), SourceError> {
    if memchr2_iter(b'{', b'[', bytes).nth(DEPTH_MAX).is_none() {
        return Ok(());
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Err(SourceError::TooDeep);
        }
    }
    Ok(())
}

/// Walks the fields of the outermost object: their names count, their values must only be JSON.
struct TopLevel<'a> {
    metadata_field: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for TopLevel<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for TopLevel<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(FieldName { metadata }) = map.next_key()? {
            if let Some(name) = metadata {
                *self.metadata_field = Some(name.to_owned());
                return Err(A::Error::custom("a metadata field"));
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom("an array is no object"))
    }
}

/// A field's name, as far as it matters.
struct FieldName {
    metadata: Option<&'static str>,
}

impl<'de> Deserialize<'de> for FieldName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = FieldName;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }

            fn visit_str<E>(self, name: &str) -> Result<FieldName, E> {
                let mut metadata = None;
                if name.starts_with('_') {
                    metadata = METADATA_FIELDS.into_iter().find(|field| *field == name);
                }
                Ok(FieldName { metadata })
            }
        }
        deserializer.deserialize_str(Name)
    }
}

#[cfg(test)]
mod tests {
    use super::{DEPTH_MAX, SourceError, check_source};

    fn refused(source: &str) -> SourceError {
        check_source(source.as_bytes()).unwrap_err()
    }

    #[test]
    fn one_json_object_and_nothing_else() {
        for source in ["{}", " {\"a\":1}\n", r#"{"a":{"_id":[1,{"b":null}]},"_x":"\u00e9"}"#] {
            assert_eq!(check_source(source.as_bytes()), Ok(()), "{source}");
        }
        assert_eq!(refused(" "), SourceError::Empty);
        for source in ["[1]", "\"x\"", "1", "null"] {
            assert_eq!(refused(source), SourceError::NotAnObject, "{source}");
        }
        for source in ["{\"a\":", "{a:1}", "{\"a\":1}x", "tru", "{\"a\":01}", "{\"a\":\"\u{1}\"}"] {
            assert!(matches!(refused(source), SourceError::Malformed(_)), "{source}");
        }
        assert_eq!(refused("{\"a\":1}{\"b\":2}"), SourceError::TrailingData("START_OBJECT"));
        assert_eq!(refused("{\"a\":1}\n 7"), SourceError::TrailingData("VALUE_NUMBER"));
        assert!(matches!(check_source(b"{\"a\":\"\xff\"}"), Err(SourceError::Malformed(_))));
    }

    #[test]
    fn metadata_fields_stay_outside() {
        assert_eq!(refused("{\"a\":1,\"_id\":2}"), SourceError::MetadataField("_id".into()));
        assert_eq!(refused("{\"_\\u0069d\":2}"), SourceError::MetadataField("_id".into()));
    }

    #[test]
    fn depth_is_bounded_and_brackets_in_strings_do_not_count() {
        let nested =
            |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert_eq!(check_source(nested(DEPTH_MAX).as_bytes()), Ok(()));
        assert_eq!(refused(&nested(DEPTH_MAX + 1)), SourceError::TooDeep);
        assert_eq!(refused(&nested(2_000_000)), SourceError::TooDeep);
        let flat = format!("{{\"a\":\"\\\"{}\"}}", "[{".repeat(5_000));
        assert_eq!(check_source(flat.as_bytes()), Ok(()));
    }
}
