//! `?pretty`: JSON laid out as Elasticsearch does, byte by byte.
//!
//! Two spaces per level, `"a" : 1`, one element per line, `{ }` and `[ ]` where empty, a line feed at
//! the end. Works on the text, so that numbers and strings stay as they are and depth costs nothing.

/// Lays out valid JSON; `None` if that would take more bytes than the bound.
pub fn pretty(json: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
    let mut layout = Layout { out: Vec::with_capacity(json.len() * 2), depth: 0, opened: false };
    let mut in_string = false;
    let mut escaped = false;
    for &byte in json {
        if layout.out.len() > bytes_max {
            return None;
        }
        if in_string {
            layout.out.push(byte);
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else if !byte.is_ascii_whitespace() {
            in_string = byte == b'"';
            layout.token(byte);
        }
    }
    layout.out.push(b'\n');
    Some(layout.out)
}

struct Layout {
    out: Vec<u8>,
    depth: usize,
    /// Whether the last token opened an object or array that has nothing in it yet.
    opened: bool,
}

impl Layout {
    fn token(&mut self, byte: u8) {
        if matches!(byte, b'}' | b']') {
            self.depth = self.depth.saturating_sub(1);
            if self.opened {
                self.out.push(b' ')
            } else {
                self.new_line()
            }
            self.opened = false;
            self.out.push(byte);
            return;
        }
        if self.opened {
            self.opened = false;
            self.new_line();
        }
        match byte {
            b'{' | b'[' => {
                self.out.push(byte);
                self.depth += 1;
                self.opened = true;
            }
            b':' => self.out.extend_from_slice(b" : "),
            b',' => {
                self.out.push(byte);
                self.new_line();
            }
            other => self.out.push(other),
        }
    }

    fn new_line(&mut self) {
        self.out.push(b'\n');
        self.out.resize(self.out.len() + 2 * self.depth, b' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &str) {
        let laid_out = pretty(json.as_bytes(), 1 << 20).unwrap();
        assert_eq!(String::from_utf8(laid_out).unwrap(), expected);
    }

    #[test]
    fn the_layout_is_elasticsearchs() {
        check(
            r#"{"_index":"ge","found":true,"_source":{"user" :{"age":4.50},"tags":["a",  "b"]},"x":[{"y":null}]}"#,
            "{\n  \"_index\" : \"ge\",\n  \"found\" : true,\n  \"_source\" : {\n    \"user\" : {\n      \"age\" : 4.50\n    },\n    \"tags\" : [\n      \"a\",\n      \"b\"\n    ]\n  },\n  \"x\" : [\n    {\n      \"y\" : null\n    }\n  ]\n}\n",
        );
    }

    #[test]
    fn empty_containers_have_a_space() {
        check(
            r#"{"a":{},"b":[ ],"c":[[]]}"#,
            "{\n  \"a\" : { },\n  \"b\" : [ ],\n  \"c\" : [\n    [ ]\n  ]\n}\n",
        );
        check("{}", "{ }\n");
    }

    #[test]
    fn strings_are_left_alone() {
        check(r#"["a,{\"b\":[\\"]"#, "[\n  \"a,{\\\"b\\\":[\\\\\"\n]\n");
    }

    #[test]
    fn deep_documents_do_not_grow_without_bound() {
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        assert!(pretty(deep.as_bytes(), 100_000).is_none());
        assert!(pretty(deep.as_bytes(), 10_000_000).is_some());
    }
}
