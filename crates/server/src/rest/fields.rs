//! The members of a JSON object by name, their values still as text.
//!
//! Requests are read this way: names are compared, values parsed one by one, and a document inside
//! stays the bytes that were sent.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// An object's members, in their order.
#[derive(Debug)]
pub(crate) struct Fields<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// Reads the object that `text` is.
    pub(crate) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    check_text(value).map_err(|error| {
                        A::Error::custom(format!("Field '{name}' is no text: {error}"))
                    })?;
                    fields.push((name, value));
                }
                match repeated(&fields) {
                    Some(name) => Err(A::Error::custom(format!("Duplicate field '{name}'"))),
                    None => Ok(Fields(fields)),
                }
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Refuses a string with half a surrogate pair, which JSON allows and no text can say: an id or a
/// condition that cannot be understood must not pass for one that was not given.
fn check_text(value: &RawValue) -> Result<(), serde_json::Error> {
    let text = value.get();
    if text.starts_with('"') && text.contains('\\') {
        serde_json::from_str::<String>(text)?;
    }
    Ok(())
}

/// A name that stands twice. Of two conditions neither may be passed over.
fn repeated<'f>(fields: &'f [(Cow<'_, str>, &RawValue)]) -> Option<&'f str> {
    let mut names: Vec<&str> = fields.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    names.windows(2).find_map(|pair| match pair {
        [one, other] if one == other => Some(*one),
        _ => None,
    })
}

/// A member's name, borrowed unless it has escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// What a value is, in the words of Elasticsearch's parser.
pub(crate) fn token(value: &RawValue) -> &'static str {
    token_of(value.get())
}

/// What a JSON text begins with.
pub(crate) fn token_of(text: &str) -> &'static str {
    match text.trim_start().as_bytes().first() {
        Some(b'{') => "START_OBJECT",
        Some(b'[') => "START_ARRAY",
        Some(b'"') => "VALUE_STRING",
        Some(b't' | b'f') => "VALUE_BOOLEAN",
        Some(b'n') => "VALUE_NULL",
        Some(_) => "VALUE_NUMBER",
        None => "null",
    }
}

/// A scalar as text: a string's content, or a number or boolean as written. `null` and structures
/// have none.
pub(crate) fn scalar(value: &RawValue) -> Option<Cow<'_, str>> {
    let text = value.get();
    match text.as_bytes().first()? {
        b'{' | b'[' | b'n' => None,
        b'"' => serde_json::from_str::<String>(text).ok().map(Cow::Owned),
        _ => Some(Cow::Borrowed(text)),
    }
}

/// The part of `whole` that `value`, which was parsed from it, stands in. Shares its memory.
pub(crate) fn slice(whole: &Bytes, value: &RawValue) -> Bytes {
    whole.slice_ref(value.get().as_bytes())
}

/// Line and column, from 1, of the byte `offset` of `text`: `[1:8]` in complaints.
pub(crate) fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    (line, column)
}

/// Where `value`, which was parsed from `text`, begins.
pub(crate) fn offset(text: &str, value: &RawValue) -> usize {
    (value.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// Where the name of `value`'s member begins in `text`.
pub(crate) fn name_offset(text: &str, value: &RawValue) -> usize {
    let before = text.get(..offset(text, value)).unwrap_or_default();
    let Some(closing) = before.rfind('"') else { return 0 };
    let mut end = closing;
    while let Some(opening) = before.get(..end).and_then(|head| head.rfind('"')) {
        let head = before.get(..opening).unwrap_or_default();
        let escapes = head.len() - head.trim_end_matches('\\').len();
        if escapes.is_multiple_of(2) {
            return opening;
        }
        end = opening;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::{Fields, name_offset, offset, position, scalar, token};

    #[test]
    fn members_keep_their_text_and_place() {
        let text = "{\"a\":1,\n \"b\\\"c\" : {\"x\":[]},\"d\":\"e\\u0066\",\"n\":null}";
        let Fields(fields) = Fields::parse(text).unwrap();
        let names: Vec<_> = fields.iter().map(|(name, _)| name.as_ref()).collect();
        assert_eq!(names, ["a", "b\"c", "d", "n"]);
        let tokens: Vec<_> = fields.iter().map(|(_, value)| token(value)).collect();
        assert_eq!(tokens, ["VALUE_NUMBER", "START_OBJECT", "VALUE_STRING", "VALUE_NULL"]);
        assert_eq!(position(text, offset(text, fields[0].1)), (1, 6));
        assert_eq!(position(text, offset(text, fields[1].1)), (2, 11));
        assert_eq!(position(text, name_offset(text, fields[1].1)), (2, 2));
        assert_eq!(scalar(fields[2].1).as_deref(), Some("ef"));
        assert_eq!(scalar(fields[0].1).as_deref(), Some("1"));
        assert_eq!(scalar(fields[3].1), None);
        assert!(Fields::parse(r#"{"a":1,"b":2,"\u0061":3}"#).is_err(), "a name may stand once");
    }

    #[test]
    fn a_value_that_is_no_text_is_refused_and_not_passed_over() {
        for text in [r#"{"_id":"\ud800"}"#, r#"{"a":1,"if_seq_no":"x\udc00\ud800"}"#] {
            let refused = Fields::parse(text).unwrap_err().to_string();
            assert!(refused.contains("is no text"), "{refused}");
        }
        assert!(Fields::parse(r#"{"_id":"\ud83d\ude00","doc":{"a":"\ud800"}}"#).is_ok());
    }
}
