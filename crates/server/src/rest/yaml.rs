//! `?format=yaml`: JSON answers as YAML in the layout of Elasticsearch, strings always quoted.
//!
//! A JSON string is a YAML string, so quoting is nearly JSON's. Works on the text, value by value, so
//! that numbers stay as they are and depth costs nothing but its indentation.

use node::JsonText;
use serde_json::Value;

use super::rendering::PRETTY_BYTES_MAX;

/// A name of so many characters, as Java counts them, stands on a line of its own, behind a question mark, as in SnakeYAML.
const LONG_NAME_CHARS: usize = 128;
/// So does one that is written in more bytes: YAML takes no more before a colon on one line.
const NAME_BYTES_MAX: usize = 1_024;

/// A JSON answer as a YAML document; `None` if the bytes are no JSON that YAML can say, or if that
/// would take more bytes than an answer may be laid out to.
pub fn from_json(json: &[u8]) -> Option<Vec<u8>> {
    within(json, PRETTY_BYTES_MAX)
}

/// The same with another bound.
pub(super) fn within(json: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
    let out = b"---".to_vec();
    let mut layout = Layout { text: JsonText::new(json), out, open: Vec::new() };
    layout.value(0, Place::Member)?;
    while let Some(open) = layout.open.last() {
        if layout.out.len() > bytes_max {
            return None;
        }
        match (layout.text.peek()?, open.closing) {
            (closing @ (b'}' | b']'), _) => {
                layout.text.take(closing)?;
                layout.open.pop();
            }
            (b',', _) => layout.text.take(b',')?,
            (_, b'}') => layout.member()?,
            _ => layout.element()?,
        }
    }
    (layout.out.len() <= bytes_max).then_some(layout.out)
}

struct Layout<'a> {
    text: JsonText<'a>,
    out: Vec<u8>,
    open: Vec<Open>,
}

/// An object or array that is not at its end.
struct Open {
    closing: u8,
    indent: usize,
    /// Whether what comes next goes on the line of a dash.
    after_dash: bool,
}

/// What a value follows, which decides whether it starts on a line of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// After `name:` or the start of the document.
    Member,
    /// After `-`.
    Element,
}

impl Layout<'_> {
    fn member(&mut self) -> Option<()> {
        let indent = self.start_line()?;
        let name: String = serde_json::from_slice(self.text.name()?).ok()?;
        let key = key(&name);
        let is_long = name.encode_utf16().count() >= LONG_NAME_CHARS || key.len() > NAME_BYTES_MAX;
        if is_long {
            self.out.extend_from_slice(b"? ");
        }
        self.out.extend_from_slice(key.as_bytes());
        if is_long {
            self.out.push(b'\n');
            self.out.resize(self.out.len() + indent, b' ');
        }
        self.out.push(b':');
        let is_short_list = !is_long && self.text.peek()? == b'[';
        let inner = if is_short_list { indent } else { indent + 2 };
        self.value(inner, Place::Member)
    }

    fn element(&mut self) -> Option<()> {
        let indent = self.start_line()?;
        self.out.push(b'-');
        self.value(indent + 2, Place::Element)
    }

    /// Goes to the place of the next member: after the dash, or on a new line. Returns its
    /// indentation.
    fn start_line(&mut self) -> Option<usize> {
        let open = self.open.last_mut()?;
        if std::mem::take(&mut open.after_dash) {
            self.out.push(b' ');
        } else {
            if !self.out.ends_with(b"\n") {
                self.out.push(b'\n');
            }
            self.out.resize(self.out.len() + open.indent, b' ');
        }
        Some(open.indent)
    }

    /// Writes a scalar or an empty value, or opens an object or array.
    fn value(&mut self, indent: usize, place: Place) -> Option<()> {
        let first = self.text.peek()?;
        if let Some((closing, empty)) = structure(first) {
            self.text.take(first)?;
            if self.text.peek()? != closing {
                self.open.push(Open { closing, indent, after_dash: place == Place::Element });
                return Some(());
            }
            self.text.take(closing)?;
            self.out.extend_from_slice(empty.as_bytes());
        } else {
            let written = self.text.value()?;
            self.out.push(b' ');
            if first == b'"' {
                let text: String = serde_json::from_slice(written).ok()?;
                self.out.extend_from_slice(quoted(&text).as_bytes());
            } else {
                self.out.extend_from_slice(written);
            }
        }
        self.out.push(b'\n');
        Some(())
    }
}

/// What ends the object or array that begins with a byte, and how it is shown when it is empty.
fn structure(first: u8) -> Option<(u8, &'static str)> {
    match first {
        b'{' => Some((b'}', " {}")),
        b'[' => Some((b']', " []")),
        _ => None,
    }
}

/// A name as it stands before the colon: plain if nothing in it could mean something to YAML.
fn key(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-. ".contains(c))
        && !name.ends_with(' ')
        && !matches!(
            name.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    if is_plain { name.to_owned() } else { quoted(name) }
}

/// A text in quotes: as in JSON, with what only YAML minds escaped too.
fn quoted(text: &str) -> String {
    let json = Value::from(text).to_string();
    let minds = |c: char| {
        matches!(
            c,
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
    };
    if !json.contains(minds) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len() + 8);
    for c in json.chars() {
        if minds(c) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &str) {
        let yaml = from_json(json.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(yaml).unwrap(), expected);
    }

    #[test]
    fn the_layout_is_elasticsearchs() {
        check(
            r#"{"_index":"ge","_version":2,"found":true,"_source":{"user":{"name":"kim"},"tags":["a","b"],"e":{},"l":[]},"x":null}"#,
            "---\n_index: \"ge\"\n_version: 2\nfound: true\n_source:\n  user:\n    name: \"kim\"\n  tags:\n  - \"a\"\n  - \"b\"\n  e: {}\n  l: []\nx: null\n",
        );
        check(
            r#"[{"a":1,"b":[{"c":"x"}]},[1,[2]]]"#,
            "---\n- a: 1\n  b:\n  - c: \"x\"\n- - 1\n  - - 2\n",
        );
    }

    #[test]
    fn a_long_name_has_a_line_of_its_own() {
        let name = "n".repeat(128);
        let json = format!("{{\"a\":{{\"{name}\":1,\"b\":{{\"{name}\":[2,{{\"c\":3}}]}}}}}}");
        let expected = format!(
            "---\na:\n  ? {name}\n  : 1\n  b:\n    ? {name}\n    :\n      - 2\n      - c: 3\n"
        );
        check(&json, &expected);
        // Written as an escape each.
        let name = "\u{1}".repeat(127);
        let escaped = r"\u0001".repeat(127);
        check(&format!("{{\"{escaped}\":1}}"), &format!("---\n{}: 1\n", quoted(&name)));
    }

    #[test]
    fn names_that_mean_something_are_quoted() {
        check(
            r#"{"no":1,"a:b":2,"1":3,"a.b":4}"#,
            "---\n\"no\": 1\n\"a:b\": 2\n\"1\": 3\na.b: 4\n",
        );
    }

    #[test]
    fn characters_yaml_minds_are_escaped() {
        check(r#"{"x":"\u007f\u2028é\u0085"}"#, "---\nx: \"\\u007f\\u2028é\\u0085\"\n");
    }

    #[test]
    fn deep_documents_do_not_grow_without_bound() {
        let array = format!("[{}1]", "1,".repeat(1000));
        let deep = format!("{}{array}{}", "{\"a\":".repeat(990), "}".repeat(990));
        assert!(within(deep.as_bytes(), 2_000_000).is_none());
        assert!(within(deep.as_bytes(), 4_000_000).is_some());
    }

    #[test]
    fn what_is_no_json_ends_at_once() {
        for text in ["[\u{1}", "[1\u{1}2", "{\"a\":\u{1}}", "[1 2"] {
            assert!(within(text.as_bytes(), 100).is_none(), "{text}");
        }
    }

    #[test]
    fn names_that_mean_something_to_the_parser_are_names() {
        check(
            r#"{"$serde_json::private::Number":"x"}"#,
            "---\n\"$serde_json::private::Number\": \"x\"\n",
        );
    }
}
