//! `?format=yaml`: JSON answers as YAML in the layout of Elasticsearch, strings always quoted.
//!
//! A JSON string is a YAML string, so quoting is nearly JSON's. Depth is bounded by the documents' own.

use serde_json::Value;

/// A JSON answer as a YAML document; `None` if the bytes are no JSON.
pub fn from_json(json: &[u8]) -> Option<Vec<u8>> {
    use serde::Deserialize;
    let mut reader = serde_json::Deserializer::from_slice(json);
    reader.disable_recursion_limit();
    let value = Value::deserialize(&mut reader).ok()?;
    let mut out = String::from("---");
    write(&mut out, &value, 0, Place::Member);
    Some(out.into_bytes())
}

/// What a value follows, which decides whether it starts on a line of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// After `name:` or the start of the document.
    Member,
    /// After `-`.
    Element,
}

fn write(out: &mut String, value: &Value, indent: usize, place: Place) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (position, (name, member)) in members.iter().enumerate() {
                start_line(out, indent, place == Place::Element && position == 0);
                out.push_str(&key(name));
                out.push(':');
                let inner = if member.is_array() { indent } else { indent + 2 };
                write(out, member, inner, Place::Member);
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            for (position, element) in elements.iter().enumerate() {
                start_line(out, indent, place == Place::Element && position == 0);
                out.push('-');
                write(out, element, indent + 2, Place::Element);
            }
        }
        Value::String(text) => {
            out.push(' ');
            out.push_str(&quoted(text));
            out.push('\n');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            out.push(' ');
            out.push_str(&value.to_string());
            out.push('\n');
        }
    }
}

/// Goes to the place of the next member: after the dash, or on a new line.
fn start_line(out: &mut String, indent: usize, after_dash: bool) {
    if after_dash {
        out.push(' ');
        return;
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out.extend(std::iter::repeat_n(' ', indent));
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
}
