//! Walking JSON text without parsing it: documents are filtered, merged and laid out as they stand.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr2;
use serde::de::{Deserializer, Visitor};

/// A cursor over text that is known to be JSON: where values begin and end, and nothing else.
///
/// It lets a document pass by once, byte for byte and however deep. Text that is no JSON after all
/// leads to `None` or to other pieces of it, never to a panic or an endless loop.
#[derive(Clone, Debug)]
pub struct JsonText<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> JsonText<'a> {
    /// The beginning of a text.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The next byte that is no white space, which is where the cursor then stands.
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.text.get(self.at)? {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    /// Takes one byte of punctuation if it comes next.
    pub fn take(&mut self, expected: u8) -> Option<()> {
        (self.peek()? == expected).then(|| self.at += 1)
    }

    /// Takes a member's name, as written, and the colon after it.
    pub fn name(&mut self) -> Option<&'a [u8]> {
        self.peek()?;
        let start = self.at;
        self.pass_string()?;
        let name = self.since(start);
        self.take(b':')?;
        name
    }

    /// Takes a whole value, as written.
    pub fn value(&mut self) -> Option<&'a [u8]> {
        let first = self.peek()?;
        let start = self.at;
        match first {
            b'{' | b'[' => self.pass_structure()?,
            b'"' => self.pass_string()?,
            b'}' | b']' | b',' | b':' => return None,
            _ => self.pass_word()?,
        }
        self.since(start)
    }

    /// The text from here to a later place.
    pub fn until(&self, end: &Self) -> Option<&'a [u8]> {
        self.text.get(self.at..end.at)
    }

    fn since(&self, start: usize) -> Option<&'a [u8]> {
        self.text.get(start..self.at)
    }

    fn pass_structure(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match *self.text.get(self.at)? {
                b'"' => {
                    self.pass_string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn pass_string(&mut self) -> Option<()> {
        self.take(b'"')?;
        loop {
            let rest = self.text.get(self.at..)?;
            let found = memchr2(b'"', b'\\', rest)?;
            if rest.get(found) == Some(&b'"') {
                self.at += found + 1;
                return Some(());
            }
            self.at += found + 2;
        }
    }

    /// Passes at least one byte: who asks for value after value must come to an end.
    fn pass_word(&mut self) -> Option<()> {
        let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b':') || *byte <= b' ';
        let rest = self.text.get(self.at..)?;
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        self.at += length;
        (length > 0).then_some(())
    }
}

/// What a JSON string says, borrowed unless it has escapes.
///
/// Half a surrogate pair, which JSON allows and UTF-8 does not, is encoded as if it were a character.
pub fn content(string: &[u8]) -> Cow<'_, [u8]> {
    struct Content;
    impl<'de> Visitor<'de> for Content {
        type Value = Cow<'de, [u8]>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(bytes))
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
            Ok(Cow::Owned(bytes.to_owned()))
        }
    }
    let mut reader = serde_json::Deserializer::from_slice(string);
    reader.deserialize_bytes(Content).unwrap_or(Cow::Borrowed(string))
}

#[cfg(test)]
mod tests {
    use super::{JsonText, content};

    #[test]
    fn names_and_values_are_taken_as_written() {
        let mut text = JsonText::new(br#" { "a\"" : [1, {"b":"]\\"}] , "c":-1.50 }"#);
        text.take(b'{').unwrap();
        assert_eq!(text.name().unwrap(), br#""a\"""#);
        assert_eq!(text.value().unwrap(), br#"[1, {"b":"]\\"}]"#);
        text.take(b',').unwrap();
        assert_eq!(text.name().unwrap(), b"\"c\"");
        assert_eq!(text.value().unwrap(), b"-1.50");
        assert_eq!(text.peek(), Some(b'}'));
    }

    #[test]
    fn what_is_no_json_ends_well() {
        for text in ["", "\"", "\"\\", "{", "[\"", "]", ",", ":", "\u{1}"] {
            assert_eq!(JsonText::new(text.as_bytes()).value(), None, "{text}");
        }
    }

    #[test]
    fn strings_say_what_their_escapes_mean() {
        assert_eq!(&*content(b"\"plain\""), b"plain");
        assert_eq!(&*content(br#""\u0061\n""#), b"a\n");
        assert_eq!(&*content(br#""a\ud800""#), b"a\xed\xa0\x80");
    }
}
