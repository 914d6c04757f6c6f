//! Reading a document's JSON once, token by token, without a tree and without copies.
//!
//! The reader is strict: what it refuses is no JSON, has a name twice, or is nested too deeply. It
//! never panics and never recurses.

mod names;
mod text;

use std::borrow::Cow;

use crate::error::{ErrorType, MappingError, Place};

use names::Names;
pub(crate) use names::hash_name;
pub(crate) use text::Quoted;

/// How deep objects and arrays may be nested in each other.
const DEPTH_MAX: usize = 1_000;

/// Why a text is no JSON that may be a document. Behind a pointer, so that results stay small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(Box<Fault>);

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    /// What is wrong.
    reason: String,
    /// Whether it just ends too early.
    early_end: bool,
    /// The byte where it was seen.
    at: usize,
}

/// What reading gives, or why it cannot go on.
pub(crate) type Read<T> = Result<T, Malformed>;

/// One value, or the beginning of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Event<'a> {
    /// An object begins; its members follow.
    Object,
    /// An array begins; its elements follow.
    Array,
    /// A string.
    Text(Quoted<'a>),
    /// A number, as written.
    Number(&'a str),
    /// `true` or `false`.
    Boolean(bool),
    /// `null`.
    Null,
}

impl Event<'_> {
    /// How Elasticsearch's parser names the token.
    pub(crate) fn token(&self) -> &'static str {
        match self {
            Self::Object => "START_OBJECT",
            Self::Array => "START_ARRAY",
            Self::Text(_) => "VALUE_STRING",
            Self::Number(_) => "VALUE_NUMBER",
            Self::Boolean(_) => "VALUE_BOOLEAN",
            Self::Null => "VALUE_NULL",
        }
    }

    /// How Jackson names the token, which tells more of numbers and booleans.
    pub(crate) fn exact_token(&self) -> &'static str {
        match self {
            Self::Number(text) if is_fraction(text) => "VALUE_NUMBER_FLOAT",
            Self::Number(_) => "VALUE_NUMBER_INT",
            Self::Boolean(true) => "VALUE_TRUE",
            Self::Boolean(false) => "VALUE_FALSE",
            Self::Object | Self::Array | Self::Text(_) | Self::Null => self.token(),
        }
    }
}

/// Whether a number is written with a fraction or an exponent.
pub(crate) fn is_fraction(number: &str) -> bool {
    number.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
}

/// The place in an object between two members.
#[derive(Debug)]
pub(crate) struct Members {
    first: bool,
    names_from: usize,
}

/// A member's name and its hash.
#[derive(Clone, Debug)]
pub(crate) struct Name<'a> {
    /// The name, decoded.
    pub(crate) text: Cow<'a, str>,
    /// Its hash, by which a mapping finds it.
    pub(crate) hash: u64,
}

/// A cursor over a JSON text.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    names: Names,
}

impl<'a> Reader<'a> {
    /// The beginning of a text.
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0, names: Names::default() }
    }

    /// The byte where the cursor stands.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Line and byte of an offset, from one.
    pub(crate) fn place(&self, at: usize) -> Place {
        place(self.text, at)
    }

    /// The next byte that is no white space.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.text.as_bytes().get(self.at)? {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    /// Reads a value's first token; of a scalar that is all of it.
    #[inline]
    pub(crate) fn value(&mut self) -> Read<Event<'a>> {
        match self.peek() {
            Some(b'"') => self.quoted().map(Event::Text),
            Some(b'{') => self.open().map(|()| Event::Object),
            Some(b'[') => self.open().map(|()| Event::Array),
            Some(b'-' | b'0'..=b'9') => self.number().map(Event::Number),
            Some(b't') => self.word("true", Event::Boolean(true)),
            Some(b'f') => self.word("false", Event::Boolean(false)),
            Some(b'n') => self.word("null", Event::Null),
            Some(byte) => Err(self.unexpected(byte, "expected a valid value")),
            None => Err(self.early_end()),
        }
    }

    /// Stands before the first member of an object that [`Event::Object`] opened.
    pub(crate) fn members(&self) -> Members {
        Members { first: true, names_from: self.names.len() }
    }

    /// The name of the object's next member, or `None` after its last.
    pub(crate) fn member(&mut self, members: &mut Members) -> Read<Option<Name<'a>>> {
        let first = std::mem::replace(&mut members.first, false);
        match self.peek() {
            Some(b'}') => {
                self.at += 1;
                self.depth = self.depth.saturating_sub(1);
                self.names.forget(members.names_from);
                return Ok(None);
            }
            Some(b',') if !first => self.at += 1,
            Some(_) if first => {}
            Some(byte) => return Err(self.unexpected(byte, "expected a comma or a closing brace")),
            None => return Err(self.early_end()),
        }
        match self.peek() {
            Some(b'"') => {}
            Some(byte) => {
                return Err(self.unexpected(byte, "was expecting double-quote to start field name"));
            }
            None => return Err(self.early_end()),
        }
        let text = self.quoted()?.decode();
        let hash = hash_name(&text);
        if !self.names.add(members.names_from, hash) {
            return Err(self.fault(format!("Duplicate field '{text}'")));
        }
        match self.peek() {
            Some(b':') => self.at += 1,
            Some(byte) => return Err(self.unexpected(byte, "expected a colon")),
            None => return Err(self.early_end()),
        }
        Ok(Some(Name { text, hash }))
    }

    /// Whether the array has another element; after the last its end is taken. `first` says whether
    /// the cursor stands before the first.
    #[inline]
    pub(crate) fn element(&mut self, first: &mut bool) -> Read<bool> {
        let first = std::mem::replace(first, false);
        match self.peek() {
            Some(b']') => {
                self.at += 1;
                self.depth = self.depth.saturating_sub(1);
                Ok(false)
            }
            Some(b',') if !first => {
                self.at += 1;
                Ok(true)
            }
            Some(_) if first => Ok(true),
            Some(byte) => Err(self.unexpected(byte, "expected a comma or a closing bracket")),
            None => Err(self.early_end()),
        }
    }

    /// Passes over the rest of the value that `event` began, and gives it as written. `from` is
    /// where it began.
    pub(crate) fn rest(&mut self, event: &Event<'_>, from: usize) -> Read<&'a str> {
        self.skip(event)?;
        Ok(self.text.get(from..self.at).unwrap_or_default())
    }

    /// Passes over the rest of the value that `event` began.
    pub(crate) fn skip(&mut self, event: &Event<'_>) -> Read<()> {
        let mut open = match event {
            Event::Object => vec![Frame::Object(self.members())],
            Event::Array => vec![Frame::Array(true)],
            Event::Text(_) | Event::Number(_) | Event::Boolean(_) | Event::Null => return Ok(()),
        };
        while let Some(frame) = open.last_mut() {
            let more = match frame {
                Frame::Object(members) => self.member(members)?.is_some(),
                Frame::Array(first) => self.element(first)?,
            };
            if !more {
                open.pop();
                continue;
            }
            match self.value()? {
                Event::Object => open.push(Frame::Object(self.members())),
                Event::Array => open.push(Frame::Array(true)),
                Event::Text(_) | Event::Number(_) | Event::Boolean(_) | Event::Null => {}
            }
        }
        Ok(())
    }

    /// The token that follows, as Elasticsearch's parser names it, without moving.
    pub(crate) fn following_token(&mut self) -> &'static str {
        match self.peek() {
            Some(b'}') => "END_OBJECT",
            Some(b']') => "END_ARRAY",
            Some(b',') => "FIELD_NAME",
            Some(_) | None => "null",
        }
    }

    /// A fault seen where the cursor stands.
    #[cold]
    fn fault(&self, reason: String) -> Malformed {
        Malformed(Box::new(Fault { reason, early_end: false, at: self.at }))
    }

    /// A character that may not stand here.
    #[cold]
    fn unexpected(&self, byte: u8, expected: &str) -> Malformed {
        let rest = self.text.get(self.at..).and_then(|rest| rest.chars().next());
        let shown = rest.unwrap_or(char::from(byte));
        self.fault(format!("Unexpected character ('{shown}' (code {})): {expected}", shown as u32))
    }

    /// The text ends within a value.
    #[cold]
    fn early_end(&self) -> Malformed {
        let reason = "Unexpected end-of-input".to_owned();
        Malformed(Box::new(Fault { reason, early_end: true, at: self.at }))
    }

    /// Takes an opening brace or bracket.
    fn open(&mut self) -> Read<()> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.fault(format!("nested deeper than {DEPTH_MAX} levels")));
        }
        Ok(())
    }

    /// Takes one of the three words.
    fn word(&mut self, word: &str, event: Event<'a>) -> Read<Event<'a>> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes())
            || rest.get(word.len()).is_some_and(u8::is_ascii_alphanumeric)
        {
            return Err(self.fault(format!("Unrecognized token where '{word}' was expected")));
        }
        self.at += word.len();
        Ok(event)
    }
}

/// An object or array that is being passed over.
enum Frame {
    /// An object, and how far.
    Object(Members),
    /// An array, and whether before its first element.
    Array(bool),
}

/// Line and byte of an offset, from one.
pub(crate) fn place(text: &str, at: usize) -> Place {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    Place { line, column: at.saturating_sub(line_start) + 1 }
}

impl Malformed {
    /// The same, as the error about a document.
    pub(crate) fn into_error(self, text: &str) -> MappingError {
        let Fault { reason, early_end, at } = *self.0;
        let kind = if early_end { ErrorType::JsonEndOfInput } else { ErrorType::JsonParse };
        MappingError::parsing("failed to parse")
            .because(MappingError::new(kind, reason))
            .at(place(text, at))
    }
}
