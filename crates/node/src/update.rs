//! The merge of an update's partial document (spec document-api §5, concurrency §5).
//!
//! Values that the update does not touch are copied as they stand in the source, byte for byte: no
//! number changes its form and no key its place. The partial document is read first; the source then
//! passes by once, however deep the two meet.

use std::borrow::Cow;
use std::collections::HashSet;

use bytes::Bytes;
use indexmap::IndexMap;
use shard::{Modified, Modify, WriteError};
use thiserror::Error;

use crate::{
    json_text::{JsonText, content},
    source::{SourceError, check_source},
};

/// The most bytes a merge may result in (design §5, as for bodies): updates must not make documents
/// that no request could have written.
const RESULT_BYTES_MAX: usize = 100 << 20;

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
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MergeError {
    /// The source is no JSON object.
    #[error("failed to merge the document: its source is not a JSON object")]
    Malformed,
    /// The partial document could not be a source itself.
    #[error("failed to merge the document: {0}")]
    Doc(#[from] SourceError),
    /// The result would be too long.
    #[error("the merged document would be longer than [{bytes_max}] bytes")]
    TooLong {
        /// The bound.
        bytes_max: usize,
    },
}

impl Modify for DocumentMerge {
    fn modify(&self, present: Option<&Bytes>) -> Result<Modified, WriteError> {
        match (present, &self.doc, &self.upsert) {
            (None, _, Some(upsert)) => Ok(Modified::Source(upsert.clone())),
            (None, _, None) | (Some(_), None, _) => Ok(Modified::Missing),
            (Some(present), Some(doc), _) => {
                let Merged { source, changed } = merge(present, doc, RESULT_BYTES_MAX)
                    .map_err(|error| WriteError::Unmodifiable(error.to_string().into()))?;
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

fn merge(present: &[u8], doc: &[u8], bytes_max: usize) -> Result<Merged, MergeError> {
    check_source(doc)?;
    let doc = Tree::parse(doc, Arrays::Whole).ok_or(MergeError::Malformed)?;
    let mut merge = Merge {
        present: JsonText::new(present),
        doc: &doc,
        met: HashSet::new(),
        open: Vec::new(),
        out: Vec::with_capacity(present.len().min(bytes_max)),
        bytes_max,
        changed: false,
    };
    merge.run()?;
    Ok(Merged { source: merge.out.into(), changed: merge.changed })
}

/// A merge under way.
struct Merge<'p, 'd> {
    /// What is left of the source.
    present: JsonText<'p>,
    doc: &'d Tree<'d>,
    /// The values of the partial document whose names the source has too.
    met: HashSet<Place>,
    /// The objects that both have and that are not at their end.
    open: Vec<Open<'d>>,
    out: Vec<u8>,
    bytes_max: usize,
    /// Whether what was written differs from the source.
    changed: bool,
}

struct Open<'d> {
    members: &'d Members<'d>,
    /// Whether nothing was written in it yet.
    is_empty: bool,
}

impl<'d> Merge<'_, 'd> {
    fn run(&mut self) -> Result<(), MergeError> {
        let doc = self.doc;
        self.open(doc.members(Tree::ROOT).ok_or(MergeError::Malformed)?)?;
        while let Some(open) = self.open.last() {
            let (members, is_first) = (open.members, open.is_empty);
            match self.present.peek() {
                Some(b'}') => self.close()?,
                _ if is_first => self.member(members)?,
                _ => {
                    self.present.take(b',').ok_or(MergeError::Malformed)?;
                    self.member(members)?;
                }
            }
        }
        Ok(())
    }

    fn open(&mut self, members: &'d Members<'d>) -> Result<(), MergeError> {
        self.present.take(b'{').ok_or(MergeError::Malformed)?;
        self.open.push(Open { members, is_empty: true });
        self.write(b"{")
    }

    /// Writes the source's next member, which stands in an object that has these in the document.
    fn member(&mut self, members: &'d Members<'d>) -> Result<(), MergeError> {
        let doc = self.doc;
        let name = self.present.name().ok_or(MergeError::Malformed)?;
        let new = members.get(&content(name));
        if let Some(member) = new {
            self.met.insert(member.value);
            if let (Some(inner), Some(b'{')) = (doc.members(member.value), self.present.peek()) {
                self.write_name(name)?;
                return self.open(inner);
            }
        }
        let old = self.present.value().ok_or(MergeError::Malformed)?;
        match new.filter(|member| !same(old, doc.text(member.value))) {
            Some(member) => self.write_new(member),
            None => {
                self.write_name(name)?;
                self.write(old)
            }
        }
    }

    /// Ends the innermost object with what the source has not.
    fn close(&mut self) -> Result<(), MergeError> {
        self.present.take(b'}').ok_or(MergeError::Malformed)?;
        let members = self.open.last().map(|open| open.members);
        for member in members.into_iter().flat_map(Members::values) {
            if !self.met.contains(&member.value) {
                self.write_new(member)?;
            }
        }
        self.open.pop();
        self.write(b"}")
    }

    fn write_new(&mut self, member: &Member<'_>) -> Result<(), MergeError> {
        self.changed = true;
        self.write_name(member.name)?;
        self.write(self.doc.text(member.value))
    }

    fn write_name(&mut self, name: &[u8]) -> Result<(), MergeError> {
        let is_first = self.open.last_mut().is_some_and(|open| std::mem::take(&mut open.is_empty));
        if !is_first {
            self.write(b",")?;
        }
        self.write(name)?;
        self.write(b":")
    }

    fn write(&mut self, text: &[u8]) -> Result<(), MergeError> {
        if self.out.len() + text.len() > self.bytes_max {
            return Err(MergeError::TooLong { bytes_max: self.bytes_max });
        }
        self.out.extend_from_slice(text);
        Ok(())
    }
}

/// Whether a value of the source equals a new one.
fn same(old: &[u8], new: &[u8]) -> bool {
    let tree = |text| Tree::parse(text, Arrays::Open);
    old == new || matches!((tree(old), tree(new)), (Some(old), Some(new)) if old.equals(&new))
}

/// A JSON text taken apart: its values by their place in one list, the whole first, each as it was
/// written. Nothing here calls itself: depth costs no stack.
#[derive(Debug)]
struct Tree<'a> {
    nodes: Vec<Node<'a>>,
}

/// Whether a tree has the elements of arrays too, or arrays as they are written only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrays {
    /// Taken apart.
    Open,
    /// Left whole.
    Whole,
}

/// A value's place in its tree.
type Place = usize;

#[derive(Debug)]
struct Node<'a> {
    text: &'a [u8],
    shape: Shape<'a>,
}

#[derive(Debug)]
enum Shape<'a> {
    Object(Box<Members<'a>>),
    Array(Vec<Place>),
    Scalar,
}

/// An object's members by what their names say, in their order. Of a name given twice the last counts.
type Members<'a> = IndexMap<Cow<'a, [u8]>, Member<'a>>;

/// A member of an object.
#[derive(Clone, Copy, Debug)]
struct Member<'a> {
    /// The name as written.
    name: &'a [u8],
    /// Where the value is.
    value: Place,
}

impl<'a> Tree<'a> {
    /// The place of the whole.
    const ROOT: Place = 0;

    /// Takes a text apart.
    fn parse(text: &'a [u8], arrays: Arrays) -> Option<Self> {
        let mut text = JsonText::new(text);
        let mut tree = Self { nodes: Vec::new() };
        let mut open = Vec::new();
        tree.add(&mut text, arrays, &mut open)?;
        while !open.is_empty() {
            match text.peek()? {
                closing @ (b'}' | b']') => {
                    text.take(closing)?;
                    let (place, start): (Place, JsonText<'a>) = open.pop()?;
                    tree.nodes.get_mut(place)?.text = start.until(&text)?;
                }
                b',' => text.take(b',')?,
                _ => tree.add(&mut text, arrays, &mut open)?,
            }
        }
        Some(tree)
    }

    /// The value at a place, as written.
    fn text(&self, place: Place) -> &'a [u8] {
        self.nodes.get(place).map_or(&[], |node| node.text)
    }

    /// The members of the value at a place, if it is an object.
    fn members(&self, place: Place) -> Option<&Members<'a>> {
        match self.shape(place) {
            Shape::Object(members) => Some(members),
            Shape::Array(_) | Shape::Scalar => None,
        }
    }

    /// Whether two values are equal: `1` is not `1.0`, but `1.0` is `1.00`.
    fn equals(&self, other: &Tree<'_>) -> bool {
        let mut pairs = vec![(Self::ROOT, Tree::ROOT)];
        while let Some((mine, theirs)) = pairs.pop() {
            match (self.shape(mine), other.shape(theirs)) {
                (Shape::Object(mine), Shape::Object(theirs)) if mine.len() == theirs.len() => {
                    for (name, member) in mine.iter() {
                        let Some(twin) = theirs.get(name) else { return false };
                        pairs.push((member.value, twin.value));
                    }
                }
                (Shape::Array(mine), Shape::Array(theirs)) if mine.len() == theirs.len() => {
                    pairs.extend(mine.iter().copied().zip(theirs.iter().copied()));
                }
                (Shape::Scalar, Shape::Scalar)
                    if equal_scalars(self.text(mine), other.text(theirs)) => {}
                (Shape::Object(_) | Shape::Array(_) | Shape::Scalar, _) => return false,
            }
        }
        true
    }

    fn shape(&self, place: Place) -> &Shape<'a> {
        self.nodes.get(place).map_or(&Shape::Scalar, |node| &node.shape)
    }

    /// Adds the next value, under the last of those that are open.
    fn add(
        &mut self,
        text: &mut JsonText<'a>,
        arrays: Arrays,
        open: &mut Vec<(Place, JsonText<'a>)>,
    ) -> Option<()> {
        let place = self.nodes.len();
        if let Some((parent, _)) = open.last() {
            match &mut self.nodes.get_mut(*parent)?.shape {
                Shape::Object(members) => {
                    let name = text.name()?;
                    members.insert(content(name), Member { name, value: place });
                }
                Shape::Array(elements) => elements.push(place),
                Shape::Scalar => return None,
            }
        }
        let first = text.peek()?;
        let start = text.clone();
        let shape = match first {
            b'{' => Shape::Object(Box::default()),
            b'[' if arrays == Arrays::Open => Shape::Array(Vec::new()),
            _ => {
                self.nodes.push(Node { text: text.value()?, shape: Shape::Scalar });
                return Some(());
            }
        };
        text.take(first)?;
        self.nodes.push(Node { text: &[], shape });
        open.push((place, start));
        Some(())
    }
}

fn equal_scalars(one: &[u8], other: &[u8]) -> bool {
    if one == other {
        return true;
    }
    match (one.first(), other.first()) {
        (Some(b'"'), Some(b'"')) => content(one) == content(other),
        (Some(b'-' | b'0'..=b'9'), Some(b'-' | b'0'..=b'9')) => {
            matches!((fraction(one), fraction(other)), (Some(one), Some(other)) if one == other)
        }
        _ => false,
    }
}

/// The value of a number that is not written as an integer.
fn fraction(number: &[u8]) -> Option<f64> {
    let is_integer = !number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
    if is_integer { None } else { std::str::from_utf8(number).ok()?.parse().ok() }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use shard::{Modified, Modify};

    use super::{DocumentMerge, MergeError, merge};

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

    #[test]
    fn names_that_mean_something_to_the_parser_are_names() {
        check(
            r#"{"l":[{"$serde_json::private::Number":"x"}],"n":{"a\ud800":{"b":1}}}"#,
            r#"{"l":[{"$serde_json::private::RawValue":"1"}],"n":{"a\ud800":{"c":2}}}"#,
            r#"{"l":[{"$serde_json::private::RawValue":"1"}],"n":{"a\ud800":{"b":1,"c":2}}}"#,
        );
    }

    #[test]
    fn a_result_that_is_too_long_is_refused() {
        let within = |present: &str, doc: &str| merge(present.as_bytes(), doc.as_bytes(), 20);
        assert_eq!(&within(r#"{"a":"12"}"#, r#"{"b":"123"}"#).unwrap().source[18..], b"\"}");
        let refused = within(r#"{"a":"12"}"#, r#"{"b":"1234"}"#).err();
        assert_eq!(refused, Some(MergeError::TooLong { bytes_max: 20 }));
        let repeated = format!("{{{}}}", [r#""a":1"#; 10].join(","));
        assert!(within(&repeated, r#"{"a":"long"}"#).is_err());
    }

    #[test]
    fn a_source_that_is_none_is_refused() {
        for present in ["", "[]", "{", r#"{"a"#, r#"{"a":}"#, r#"{"a":1 "b":2}"#] {
            let refused = merge(present.as_bytes(), br#"{"z":1}"#, 100).err();
            assert_eq!(refused, Some(MergeError::Malformed), "{present}");
        }
        assert!(matches!(merge(b"{}", b"{", 100), Err(MergeError::Doc(_))));
    }

    /// Once quadratic in the keys (80,000: 18 s) and in the depth, since each level was parsed again.
    #[test]
    fn many_keys_and_deep_documents_merge_in_one_pass() {
        let keys = |value: u8| {
            let members: Vec<_> = (0..80_000).map(|key| format!("\"k{key}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        };
        check(&keys(1), &keys(2), &keys(2));
        let deep = |inner: &str| format!("{}{inner}{}", "{\"a\":".repeat(999), "}".repeat(999));
        let long = format!("\"{}\"", "x".repeat(8 << 20));
        let (present, doc) = (format!("{{\"l\":{long}}}"), "{\"m\":1}");
        check(&deep(&present), &deep(doc), &deep(&format!("{{\"l\":{long},\"m\":1}}")));
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
