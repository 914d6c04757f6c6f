//! A request's body as a tree that knows where each value stands, because errors tell it.

use crate::error::{Checked, Place, QueryError};

/// How deep objects and arrays may be nested. Reading, compiling and matching recurse as deep.
const DEPTH_MAX: usize = 200;

/// A value of a body.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its first byte.
    from: usize,
    /// The byte after its last.
    to: usize,
    /// What it is.
    pub(crate) kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// An object: its members in their order.
    Object(Vec<Member>),
    /// An array.
    Array(Vec<Node>),
    /// A string, decoded.
    Text(String),
    /// A number, as written.
    Number(String),
    /// True or false.
    Boolean(bool),
    /// Null.
    Null,
}

/// A member of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    /// Where its name stands.
    at: usize,
    /// Its name, decoded.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: Node,
}

/// A body that was read.
#[derive(Clone, Copy, Debug)]
pub struct Body<'a> {
    text: &'a str,
}

impl<'a> Body<'a> {
    /// Reads a body: one JSON value and nothing after it.
    ///
    /// # Errors
    /// It is none, or nested too deeply.
    pub fn read(text: &'a str) -> Result<(Self, Node), QueryError> {
        let mut reader = Reader { text, at: 0, depth: 0 };
        let node = reader.value()?;
        if reader.peek().is_some() {
            let token = reader.value().map(|node| node.token());
            let Ok(token) = token else { return Err(reader.fault("unexpected text at the end")) };
            let reason = format!("Unexpected token [{token}] found after the main object.");
            return Err(QueryError::new("parsing_exception", reason).at(reader.place()));
        }
        Ok((Self { text }, node))
    }

    /// The members of what must be an object.
    pub(crate) fn members<'n>(&self, node: &'n Node) -> Result<&'n [Member], QueryError> {
        node.members().ok_or_else(|| {
            self.parsing(node, format!("Expected [START_OBJECT] but found [{}]", node.token()))
        })
    }

    /// The value as it was written.
    pub(crate) fn raw(&self, node: &Node) -> &'a str {
        self.text.get(node.from..node.to).unwrap_or_default()
    }

    /// Where a value stands.
    pub(crate) fn place(&self, node: &Node) -> Place {
        place(self.text, node.from)
    }

    /// Where a member's name stands.
    pub(crate) fn place_of_name(&self, member: &Member) -> Place {
        place(self.text, member.at)
    }

    /// A parsing error at a value.
    pub(crate) fn parsing(&self, node: &Node, reason: impl Into<String>) -> QueryError {
        QueryError::new("parsing_exception", reason).at(self.place(node))
    }

    /// An error of the parsers that are declared, whose reasons begin with the place.
    pub(crate) fn declared(&self, node: &Node, reason: &str) -> QueryError {
        let Place { line, column } = self.place(node);
        QueryError::new("x_content_parse_exception", format!("[{line}:{column}] {reason}"))
    }

    /// A value that does not fit a field of a declared parser.
    pub(crate) fn failed_field(
        &self,
        node: &Node,
        parser: &str,
        field: &str,
        cause: QueryError,
    ) -> QueryError {
        self.declared(node, &format!("[{parser}] failed to parse field [{field}]")).because(cause)
    }

    /// The same, at the place that the cause tells.
    pub(crate) fn failed_within(
        &self,
        node: &Node,
        parser: &str,
        field: &str,
        cause: QueryError,
    ) -> QueryError {
        let declared = cause.reason().strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let is_place = |place: &&str| {
            let part = |text: &str| text.parse::<usize>().is_ok();
            place.split_once(':').is_some_and(|(line, column)| part(line) && part(column))
        };
        let told = declared.map(|(place, _)| place).filter(is_place).map(str::to_owned);
        let own = cause.place().unwrap_or_else(|| self.place(node));
        let place = told.unwrap_or_else(|| format!("{}:{}", own.line, own.column));
        let reason = format!("[{place}] [{parser}] failed to parse field [{field}]");
        QueryError::new("x_content_parse_exception", reason).because(cause)
    }

    /// A field that a declared parser does not know.
    pub(crate) fn unknown_field(&self, member: &Member, parser: &str) -> QueryError {
        let Place { line, column } = self.place_of_name(member);
        let name = &member.name;
        let reason =
            format!("[{line}:{column}] [{parser}] unknown field [{name}], parser not found");
        QueryError::new("x_content_parse_exception", reason)
    }
}

impl Node {
    /// How Elasticsearch's parser names the token that begins it.
    pub(crate) fn token(&self) -> &'static str {
        match self.kind {
            Kind::Object(_) => "START_OBJECT",
            Kind::Array(_) => "START_ARRAY",
            Kind::Text(_) => "VALUE_STRING",
            Kind::Number(_) => "VALUE_NUMBER",
            Kind::Boolean(_) => "VALUE_BOOLEAN",
            Kind::Null => "VALUE_NULL",
        }
    }

    /// The members, if it is an object.
    pub(crate) fn members(&self) -> Option<&[Member]> {
        match &self.kind {
            Kind::Object(members) => Some(members),
            Kind::Array(_) | Kind::Text(_) | Kind::Number(_) | Kind::Boolean(_) | Kind::Null => {
                None
            }
        }
    }

    /// The elements, if it is an array.
    pub(crate) fn elements(&self) -> Option<&[Self]> {
        match &self.kind {
            Kind::Array(elements) => Some(elements),
            Kind::Object(_) | Kind::Text(_) | Kind::Number(_) | Kind::Boolean(_) | Kind::Null => {
                None
            }
        }
    }

    /// The text, if it is a string.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            Kind::Object(_) | Kind::Array(_) | Kind::Number(_) | Kind::Boolean(_) | Kind::Null => {
                None
            }
        }
    }

    /// The text of a scalar that is not null.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) | Kind::Number(text) => Some(text),
            Kind::Boolean(true) => Some("true"),
            Kind::Boolean(false) => Some("false"),
            Kind::Object(_) | Kind::Array(_) | Kind::Null => None,
        }
    }

    /// Whether it is null.
    pub(crate) fn is_null(&self) -> bool {
        self.kind == Kind::Null
    }
}

/// Line and character of an offset.
fn place(text: &str, at: usize) -> Place {
    let before = text.get(..at).unwrap_or(text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Place { line, column: before.get(line_start..).unwrap_or_default().chars().count() + 1 }
}

/// A cursor over a text.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    /// Where the cursor stands.
    fn place(&self) -> Place {
        place(self.text, self.at)
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.text.as_bytes().get(self.at)? {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    /// What is no JSON.
    fn fault(&self, reason: &str) -> QueryError {
        let ended = self.at >= self.text.len();
        let (kind, reason) = if ended {
            ("json_e_o_f_exception", "Unexpected end-of-input")
        } else {
            ("json_parse_exception", reason)
        };
        let Place { line, column } = self.place();
        QueryError::new(kind, format!("{reason}\n at [line: {line}, column: {column}]"))
    }

    /// Reads a value.
    fn value(&mut self) -> Checked<Node> {
        let first = self.peek();
        let from = self.at;
        let kind = match first {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'"') => Kind::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Kind::Boolean(true))?,
            Some(b'f') => self.word("false", Kind::Boolean(false))?,
            Some(b'n') => self.word("null", Kind::Null)?,
            Some(_) | None => return Err(self.unexpected("expected a valid value")),
        };
        Ok(Node { from, to: self.at, kind })
    }

    /// Reads an object or an array, one level deeper.
    fn nested(&mut self, read: fn(&mut Self) -> Checked<Kind>) -> Checked<Kind> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.fault(&format!("nested deeper than {DEPTH_MAX} levels")));
        }
        let kind = read(self);
        self.depth -= 1;
        kind
    }

    /// A character that may not stand here.
    fn unexpected(&self, expected: &str) -> QueryError {
        let found = self.text.get(self.at..).and_then(|rest| rest.chars().next());
        let found = found.unwrap_or_default();
        self.fault(&format!("Unexpected character ('{found}' (code {})): {expected}", found as u32))
    }

    /// Whether another member or element follows; the end is taken.
    fn more(&mut self, close: u8, is_first: bool) -> Checked<bool> {
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(false)
            }
            Some(b',') if !is_first => {
                self.at += 1;
                Ok(true)
            }
            Some(_) if is_first => Ok(true),
            Some(_) | None => Err(self.unexpected("was expecting comma to separate entries")),
        }
    }

    /// Reads the members of an object.
    fn object(&mut self) -> Checked<Kind> {
        let mut members: Vec<Member> = Vec::new();
        let mut names = std::collections::HashSet::new();
        while self.more(b'}', members.is_empty())? {
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("was expecting double-quote to start field name"));
            }
            let at = self.at;
            let name = self.string()?;
            if !names.insert(name.clone()) {
                return Err(self.fault(&format!("Duplicate field '{name}'")));
            }
            if self.peek() != Some(b':') {
                return Err(self.unexpected("was expecting a colon"));
            }
            self.at += 1;
            let value = self.value()?;
            members.push(Member { at, name, value });
        }
        Ok(Kind::Object(members))
    }

    /// Reads the elements of an array.
    fn array(&mut self) -> Checked<Kind> {
        let mut elements = Vec::new();
        while self.more(b']', elements.is_empty())? {
            elements.push(self.value()?);
        }
        Ok(Kind::Array(elements))
    }

    /// Reads a string.
    fn string(&mut self) -> Checked<String> {
        let from = self.at;
        let mut at = from + 1;
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => at += 2,
                Some(_) => at += 1,
                None => {
                    self.at = self.text.len();
                    return Err(self.fault(""));
                }
            }
        }
        self.at = at + 1;
        let raw = self.text.get(from..self.at).unwrap_or_default();
        serde_json::from_str(raw).map_err(|_| self.fault("no well-formed string"))
    }

    /// Reads a number.
    fn number(&mut self) -> Checked<Kind> {
        let from = self.at;
        let rest = self.text.as_bytes().get(from..).unwrap_or_default();
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        self.at += rest.iter().take_while(|byte| is_part(byte)).count();
        let raw = self.text.get(from..self.at).unwrap_or_default();
        match serde_json::from_str::<serde_json::Number>(raw) {
            Ok(_) => Ok(Kind::Number(raw.to_owned())),
            Err(_) => Err(self.fault("no well-formed number")),
        }
    }

    /// Reads one of the three words.
    fn word(&mut self, word: &str, kind: Kind) -> Checked<Kind> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let after = rest.get(word.len());
        if !rest.starts_with(word.as_bytes()) || after.is_some_and(u8::is_ascii_alphanumeric) {
            return Err(self.fault("Unrecognized token: was expecting 'null', 'true' or 'false'"));
        }
        self.at += word.len();
        Ok(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::{Body, Kind};

    #[test]
    fn values_know_where_they_stand() {
        let (body, node) = Body::read("{\"a\": [1, \"é\"],\n \"b\": null} ").unwrap();
        let members = node.members().unwrap();
        assert_eq!(body.raw(&members[0].value), "[1, \"é\"]");
        let place = body.place(&members[1].value);
        assert_eq!((place.line, place.column), (2, 7));
        assert_eq!(members[0].value.elements().unwrap()[1].kind, Kind::Text("é".to_owned()));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "",
            "{",
            "{\"a\"}",
            "{\"a\":1,}",
            "[1,]",
            "\"a",
            "01",
            "1.",
            "tru",
            "{\"a\":1,\"a\":2}",
            "{} x",
            "\"\\",
            "nullx",
            "\"\\ud800",
        ] {
            assert!(Body::read(text).is_err(), "{text}");
        }
        let reason = Body::read("{} []").unwrap_err();
        assert_eq!(reason.reason(), "Unexpected token [START_ARRAY] found after the main object.");
        assert!(Body::read(&"[".repeat(100_000)).is_err());
        assert!(Body::read(&format!("{}{}", "[".repeat(200), "]".repeat(200))).is_ok());
    }
}
