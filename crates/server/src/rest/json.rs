//! Writing JSON without building it first: answers are appended to one buffer, member by member.
//!
//! The writer keeps commas and nesting right and escapes strings as `serde_json` does; what is given
//! as raw is copied and must be JSON already.

use serde::Serialize;
use serde_json::Value;

/// A number JSON shows without a fraction.
pub trait Integer: Serialize {}

impl Integer for u8 {}
impl Integer for u16 {}
impl Integer for u32 {}
impl Integer for u64 {}
impl Integer for usize {}
impl Integer for i32 {}
impl Integer for i64 {}

/// A growing JSON value, kept as the bytes of the answer.
#[derive(Debug, Default)]
pub struct JsonWriter {
    bytes: Vec<u8>,
}

impl JsonWriter {
    /// A writer with an empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// A writer whose buffer holds this many bytes before it grows.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    /// Writes one object, whose members the closure adds in their order.
    pub fn object(&mut self, members: impl FnOnce(&mut Object<'_>)) {
        write_object(&mut self.bytes, members);
    }

    /// Writes one array, whose elements the closure adds in their order.
    pub fn array(&mut self, elements: impl FnOnce(&mut Array<'_>)) {
        write_array(&mut self.bytes, elements);
    }

    /// The bytes written.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Puts a member into a value that is an object.
pub(crate) fn set(object: &mut Value, name: &str, member: Value) {
    if let Value::Object(members) = object {
        members.insert(name.to_owned(), member);
    }
}

/// One object as bytes.
pub fn object(members: impl FnOnce(&mut Object<'_>)) -> Vec<u8> {
    let mut writer = JsonWriter::with_capacity(256);
    writer.object(members);
    writer.finish()
}

/// An object that is being written.
#[derive(Debug)]
pub struct Object<'w> {
    bytes: &'w mut Vec<u8>,
    is_empty: bool,
}

impl Object<'_> {
    /// Adds a string.
    pub fn string(&mut self, name: &str, value: &str) {
        self.name(name);
        write_value(self.bytes, value);
    }

    /// Adds an integer, of whichever width.
    pub fn number(&mut self, name: &str, value: impl Integer) {
        self.name(name);
        write_value(self.bytes, &value);
    }

    /// Adds a floating point number; one that JSON cannot say becomes `null`.
    pub fn float(&mut self, name: &str, value: f64) {
        self.name(name);
        write_value(self.bytes, &value);
    }

    /// Adds `true` or `false`.
    pub fn boolean(&mut self, name: &str, value: bool) {
        self.name(name);
        write_value(self.bytes, &value);
    }

    /// Adds `null`.
    pub fn null(&mut self, name: &str) {
        self.raw(name, b"null");
    }

    /// Adds a value that is JSON already, byte for byte.
    pub fn raw(&mut self, name: &str, json: &[u8]) {
        self.name(name);
        self.bytes.extend_from_slice(json);
    }

    /// Adds a value by its `Serialize` implementation; for the few bodies that exist as a tree.
    pub fn value(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        self.name(name);
        write_value(self.bytes, value);
    }

    /// Adds an object.
    pub fn object(&mut self, name: &str, members: impl FnOnce(&mut Object<'_>)) {
        self.name(name);
        write_object(self.bytes, members);
    }

    /// Adds an array.
    pub fn array(&mut self, name: &str, elements: impl FnOnce(&mut Array<'_>)) {
        self.name(name);
        write_array(self.bytes, elements);
    }

    fn name(&mut self, name: &str) {
        separate(self.bytes, &mut self.is_empty);
        write_value(self.bytes, name);
        self.bytes.push(b':');
    }
}

/// An array that is being written.
#[derive(Debug)]
pub struct Array<'w> {
    bytes: &'w mut Vec<u8>,
    is_empty: bool,
}

impl Array<'_> {
    /// How long everything written so far is.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Adds a string.
    pub fn string(&mut self, value: &str) {
        self.value(value);
    }

    /// Adds an integer, of whichever width.
    pub fn number(&mut self, value: impl Integer) {
        self.value(&value);
    }

    /// Adds a value that is JSON already, byte for byte.
    pub fn raw(&mut self, json: &[u8]) {
        separate(self.bytes, &mut self.is_empty);
        self.bytes.extend_from_slice(json);
    }

    /// Adds a value by its `Serialize` implementation.
    pub fn value(&mut self, value: &(impl Serialize + ?Sized)) {
        separate(self.bytes, &mut self.is_empty);
        write_value(self.bytes, value);
    }

    /// Adds an object.
    pub fn object(&mut self, members: impl FnOnce(&mut Object<'_>)) {
        separate(self.bytes, &mut self.is_empty);
        write_object(self.bytes, members);
    }

    /// Adds an array.
    pub fn array(&mut self, elements: impl FnOnce(&mut Array<'_>)) {
        separate(self.bytes, &mut self.is_empty);
        write_array(self.bytes, elements);
    }
}

fn write_object(bytes: &mut Vec<u8>, members: impl FnOnce(&mut Object<'_>)) {
    bytes.push(b'{');
    members(&mut Object { bytes, is_empty: true });
    bytes.push(b'}');
}

fn write_array(bytes: &mut Vec<u8>, elements: impl FnOnce(&mut Array<'_>)) {
    bytes.push(b'[');
    elements(&mut Array { bytes, is_empty: true });
    bytes.push(b']');
}

fn separate(bytes: &mut Vec<u8>, is_empty: &mut bool) {
    if *is_empty {
        *is_empty = false;
    } else {
        bytes.push(b',');
    }
}

/// Appends one value. Writing to memory cannot fail, and a `Serialize` that refuses its own value
/// leaves `null`, so that the answer stays JSON.
fn write_value(bytes: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    let start = bytes.len();
    if serde_json::to_writer(&mut *bytes, value).is_err() {
        bytes.truncate(start);
        bytes.extend_from_slice(b"null");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_and_nesting_are_right() {
        let bytes = object(|o| {
            o.string("_index", "a\"\u{1}\n/é");
            o.number("_version", 3_u64);
            o.number("_seq_no", -2_i64);
            o.float("score", 1.0);
            o.boolean("found", true);
            o.null("none");
            o.raw("_source", b"{\"x\": 1}");
            o.object("empty", |_| {});
            o.array("items", |a| {
                a.number(1);
                a.string("two");
                a.object(|o| o.value("t", &["x"]));
                a.array(|_| {});
                a.raw(b"null");
            });
        });
        let expected = concat!(
            r#"{"_index":"a\"\u0001\n/é","_version":3,"_seq_no":-2,"score":1.0,"found":true,"none":null,"#,
            r#""_source":{"x": 1},"empty":{},"items":[1,"two",{"t":["x"]},[],null]}"#
        );
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn what_json_cannot_say_is_null() {
        assert_eq!(object(|o| o.float("x", f64::NAN)), b"{\"x\":null}");
    }
}
