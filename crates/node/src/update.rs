//! The merge of an update's partial document (spec document-api §5, concurrency §5).
//!
//! Values that the update does not touch are copied as they stand in the source, byte for byte: no
//! number changes its form and no key its place.

use bytes::Bytes;
use indexmap::IndexMap;
use serde_json::{Value, value::RawValue};
use shard::{Modified, Modify, log::Cause};
use thiserror::Error;

use crate::source::{SourceError, check_depth};

/// An update by a partial document.
#[derive(Clone, Debug)]
pub struct DocumentMerge {
    /// What is merged in: a JSON object.
    pub doc: Option<Bytes>,
    /// The source of a document that is not there yet.
    pub upsert: Option<Bytes>,
    /// Whether a merge that changes nothing writes nothing.
    pub detect_noop: bool,
}

/// Why a source cannot be merged.
#[derive(Debug, Error)]
pub enum MergeError {
    /// One of the two cannot be read.
    #[error("failed to merge the document: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The result would be nested too deeply.
    #[error(transparent)]
    TooDeep(#[from] SourceError),
}

impl Modify for DocumentMerge {
    fn modify(&self, present: Option<&Bytes>) -> Result<Modified, Cause> {
        match (present, &self.doc, &self.upsert) {
            (None, _, Some(upsert)) => Ok(Modified::Source(upsert.clone())),
            (None, _, None) | (Some(_), None, _) => Ok(Modified::Missing),
            (Some(present), Some(doc), _) => {
                let Merged { source, changed } = merge(present, doc)?;
                Ok(if changed || !self.detect_noop {
                    Modified::Source(source)
                } else {
                    Modified::Noop
                })
            }
        }
    }

    fn weight(&self) -> usize {
        self.doc.as_ref().map_or(0, Bytes::len)
    }
}

struct Merged {
    source: Bytes,
    changed: bool,
}

type Fields<'a> = IndexMap<String, &'a RawValue>;

fn merge(present: &[u8], doc: &[u8]) -> Result<Merged, MergeError> {
    check_depth(doc)?;
    let mut merged = Vec::with_capacity(present.len() + doc.len());
    let changed =
        merge_objects(serde_json::from_slice(present)?, serde_json::from_slice(doc)?, &mut merged)?;
    Ok(Merged { source: merged.into(), changed })
}

/// Writes the merge of two objects; returns whether it differs from the first. As deep as the
/// partial document is, which is bounded.
fn merge_objects(
    mut present: Fields<'_>,
    doc: Fields<'_>,
    out: &mut Vec<u8>,
) -> Result<bool, MergeError> {
    let mut changed = false;
    let mut first = true;
    let mut field = |out: &mut Vec<u8>, name: &str| -> Result<(), MergeError> {
        out.push(if std::mem::take(&mut first) { b'{' } else { b',' });
        serde_json::to_writer(&mut *out, name)?;
        out.push(b':');
        Ok(())
    };
    let mut doc = doc;
    for (name, old) in present.drain(..) {
        field(out, &name)?;
        let Some(new) = doc.shift_remove(&name) else {
            out.extend_from_slice(old.get().as_bytes());
            continue;
        };
        if is_object(old) && is_object(new) {
            changed |= merge_objects(fields(old)?, fields(new)?, out)?;
        } else if same(old, new)? {
            out.extend_from_slice(old.get().as_bytes());
        } else {
            changed = true;
            out.extend_from_slice(new.get().as_bytes());
        }
    }
    for (name, new) in doc {
        changed = true;
        field(out, &name)?;
        out.extend_from_slice(new.get().as_bytes());
    }
    out.extend_from_slice(if first { b"{}" } else { b"}" });
    Ok(changed)
}

fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

fn fields(value: &RawValue) -> Result<Fields<'_>, MergeError> {
    Ok(serde_json::from_str(value.get())?)
}

/// Whether two values are equal after parsing: `1` is not `1.0`, but `1.0` is `1.00`.
fn same(one: &RawValue, other: &RawValue) -> Result<bool, MergeError> {
    if one.get() == other.get() {
        return Ok(true);
    }
    let (one, other) = (parse(one)?, parse(other)?);
    Ok(equal(&one, &other))
}

fn parse(value: &RawValue) -> Result<Value, MergeError> {
    let mut parser = serde_json::Deserializer::from_str(value.get());
    parser.disable_recursion_limit();
    Ok(serde::Deserialize::deserialize(&mut parser)?)
}

fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_str(), other.as_str());
            match (is_integer(one), is_integer(other)) {
                (true, true) => one == other,
                (false, false) => one.parse::<f64>().ok() == other.parse::<f64>().ok(),
                (true, false) | (false, true) => false,
            }
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, value)| other.get(name).is_some_and(|other| equal(value, other)))
        }
        (one, other) => one == other,
    }
}

fn is_integer(number: &str) -> bool {
    !number.contains(['.', 'e', 'E'])
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use shard::{Modified, Modify};

    use super::DocumentMerge;

    fn merged(present: &str, doc: &str, detect_noop: bool) -> Modified {
        let merge =
            DocumentMerge { doc: Some(Bytes::from(doc.to_owned())), upsert: None, detect_noop };
        merge.modify(Some(&Bytes::from(present.to_owned()))).unwrap()
    }

    #[track_caller]
    fn check(present: &str, doc: &str, expected: &str) {
        assert_eq!(merged(present, doc, true), Modified::Source(expected.to_owned().into()));
    }

    #[test]
    fn objects_merge_and_everything_else_is_replaced() {
        check(r#"{"a":{"b":1,"c":2}}"#, r#"{"a":{"b":3}}"#, r#"{"a":{"b":3,"c":2}}"#); // u3
        check(r#"{"a":[1,2]}"#, r#"{"a":[3]}"#, r#"{"a":[3]}"#); // u4
        check(r#"{"a":1}"#, r#"{"a":{"b":1}}"#, r#"{"a":{"b":1}}"#);
        check(r#"{"a":{"b":1}}"#, r#"{"a":null}"#, r#"{"a":null}"#);
        check("{}", r#"{"a":1}"#, r#"{"a":1}"#);
    }

    #[test]
    fn what_is_not_touched_stays_byte_for_byte() {
        check(
            r#"{ "z" : 1.00, "big":123456789012345678901234567890, "a" : [ 1 ] }"#,
            r#"{"new":{"x":1e2},"a":2}"#,
            r#"{"z":1.00,"big":123456789012345678901234567890,"a":2,"new":{"x":1e2}}"#,
        );
        check(r#"{"\u00e9":1}"#, r#"{"é":2}"#, r#"{"é":2}"#);
    }

    #[test]
    fn nothing_to_change_is_a_noop_unless_it_is_not_looked_for() {
        let noops = [
            (r#"{"a":1,"b":2}"#, r#"{"a":1}"#),
            (r#"{"a":null}"#, r#"{"a":null}"#),
            (r#"{"a":1.0}"#, r#"{"a":1.00}"#),
            (r#"{"a":{"b":[1,{"c":"\u0064"}]}}"#, r#"{"a":{"b":[1,{"c":"d"}]}}"#),
            (r#"{"a":1}"#, "{}"),
        ];
        for (present, doc) in noops {
            assert_eq!(merged(present, doc, true), Modified::Noop, "{doc}");
            assert!(matches!(merged(present, doc, false), Modified::Source(_)));
        }
        for (present, doc) in [
            (r#"{"a":1}"#, r#"{"a":1.0}"#),
            (r#"{"a":1}"#, r#"{"b":null}"#),
            (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#),
        ] {
            assert!(matches!(merged(present, doc, true), Modified::Source(_)), "{doc}");
        }
    }

    #[test]
    fn a_missing_document_takes_the_upsert_or_stays_missing() {
        let doc = Some(Bytes::from_static(b"{}"));
        let plain = DocumentMerge { doc: doc.clone(), upsert: None, detect_noop: true };
        assert_eq!(plain.modify(None).unwrap(), Modified::Missing);
        let upsert = Bytes::from_static(b"{\"z\":9}");
        let with = DocumentMerge { doc, upsert: Some(upsert.clone()), detect_noop: true };
        assert_eq!(with.modify(None).unwrap(), Modified::Source(upsert));
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            (0..5_i64).prop_map(Value::from),
            "[a-c]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-d]", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    fn objects() -> impl Strategy<Value = Value> {
        prop::collection::btree_map("[a-d]", values(), 0..4)
            .prop_map(|fields| Value::Object(fields.into_iter().collect()))
    }

    /// The merge as one would write it on trees.
    fn naive(present: &mut Value, doc: &Value) {
        match (present, doc) {
            (Value::Object(present), Value::Object(doc)) => {
                for (name, new) in doc {
                    match present.get_mut(name) {
                        Some(old) if old.is_object() && new.is_object() => naive(old, new),
                        _ => {
                            present.insert(name.clone(), new.clone());
                        }
                    }
                }
            }
            (present, doc) => *present = doc.clone(),
        }
    }

    proptest! {
        #[test]
        fn merging_bytes_agrees_with_merging_trees(present in objects(), doc in objects()) {
            let mut expected = present.clone();
            naive(&mut expected, &doc);
            let found = merged(&present.to_string(), &doc.to_string(), true);
            match found {
                Modified::Noop => prop_assert_eq!(expected, present),
                Modified::Source(source) => {
                    prop_assert_eq!(&serde_json::from_slice::<Value>(&source).unwrap(), &expected);
                    prop_assert_ne!(expected, present);
                }
                Modified::Delete | Modified::Missing => prop_assert!(false),
            }
        }
    }
}
