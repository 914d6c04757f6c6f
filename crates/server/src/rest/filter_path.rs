//! `?filter_path`: only the members of an answer that were asked for, or all but those.
//!
//! A filter is a dotted path; `*` stands for any part of a name, `**` for any number of names, and a
//! leading `-` excludes. Arrays do not count as a level. Objects and arrays that lose everything go.
//!
//! [`Selection`] is the walk that `_source` filters share, whose patterns mean something else: what is
//! kept stays byte for byte, each byte is looked at once, and neither depth nor the length of a name
//! costs more than its bytes. All patterns advance together, a bit for each of their states.

use std::rc::Rc;

use memchr::memchr;
use node::{JsonText, json_string_content};

use super::error::Error;

/// How many filters one request may have.
const FILTERS_MAX: usize = 1_024;
/// How many names one filter may have.
const NAMES_MAX: usize = 100;

/// The filters of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterPath {
    selection: Selection,
}

impl FilterPath {
    /// Reads the filters of a request, within the bounds.
    pub fn parse(filters: &[String]) -> Result<Self, Error> {
        if filters.len() > FILTERS_MAX {
            return Err(Error::illegal_argument(format!(
                "[filter_path] has [{}] filters, more than the limit of [{FILTERS_MAX}]",
                filters.len()
            )));
        }
        if let Some(names) = filters.iter().map(|f| names(f).len()).find(|&n| n > NAMES_MAX) {
            return Err(Error::illegal_argument(format!(
                "a filter of [filter_path] has [{names}] names, more than the limit of \
                 [{NAMES_MAX}]"
            )));
        }
        Ok(Self::new(filters))
    }

    /// Reads a list of filters.
    pub fn new(filters: &[String]) -> Self {
        let (mut includes, mut excludes) = (Vec::new(), Vec::new());
        for filter in filters {
            match filter.strip_prefix('-') {
                Some(excluded) => excludes.push(tokens(excluded)),
                None => includes.push(tokens(filter)),
            }
        }
        let [includes, excludes] =
            [includes, excludes].map(|patterns| Patterns::new(Separator::Unnamed, &patterns));
        Self { selection: Selection { includes, excludes, keeps_empty: false } }
    }

    /// Whether nothing is filtered.
    pub fn is_empty(&self) -> bool {
        self.selection.includes.is_none() && self.selection.excludes.is_none()
    }

    /// The part of a JSON answer that was asked for, `{}` if nothing is left.
    ///
    /// `None` if the bytes are no JSON.
    pub fn apply(&self, json: &[u8]) -> Option<Vec<u8>> {
        self.selection.copy(json)
    }
}

/// The names of a dotted path; `\.` is a dot in a name.
fn names(path: &str) -> Vec<String> {
    path.replace("\\.", "\u{0}").split('.').map(|name| name.replace('\u{0}', ".")).collect()
}

/// A filter as a pattern. `**` lets pass what it passes once, however often it is repeated; at the
/// end it adds nothing to a name before it, and alone it is any name.
fn tokens(filter: &str) -> Vec<Token> {
    let mut names = names(filter);
    names.dedup_by(|one, other| one == "**" && other == "**");
    let ends_open = names.len() > 1 && names.last().is_some_and(|name| name == "**");
    names.truncate(names.len() - usize::from(ends_open));
    let last = names.len() - 1;
    let mut tokens = Vec::with_capacity(filter.len());
    for (position, name) in names.iter().enumerate() {
        if name == "**" && position < last {
            tokens.push(Token::AnyNames);
            continue;
        }
        tokens.extend(name.bytes().map(|byte| match byte {
            b'*' => Token::AnyText,
            _ => Token::Byte(byte),
        }));
        if position < last {
            tokens.push(Token::Byte(Separator::Unnamed.byte()));
        }
    }
    tokens
}

/// A piece of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A byte of a name, or the separator of names.
    Byte(u8),
    /// Any text within a name; where the separator may stand in names, any text at all.
    AnyText,
    /// Any number of whole names and their separators. A byte, a separator or nothing comes before.
    AnyNames,
}

/// What stands between the names of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Separator {
    /// A dot, which a name may have too: `{"a.b":1}` and `{"a":{"b":1}}` have the same path. A pattern
    /// also matches what it is the beginning of, up to a dot.
    Dot,
    /// A byte that no name has.
    Unnamed,
}

impl Separator {
    /// The byte between two names.
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Dot => b'.',
            Self::Unnamed => 0xff, // Never in UTF-8.
        }
    }
}

/// Patterns that advance together over a path: a non-deterministic automaton, a bit for each state.
///
/// A pattern has one state more than it has bytes: the state says how many bytes have been matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Patterns {
    separator: u8,
    /// How many words a set of states takes.
    words: usize,
    /// The sets named by the constants below, then for each of `bytes` the states that it leads on.
    sets: Vec<u64>,
    /// The bytes that occur in patterns.
    bytes: Vec<u8>,
}

/// A set of states.
type States = Vec<u64>;

/// States at the beginning of a pattern.
const STARTS: usize = 0;
/// States at the end of one.
const ENDS: usize = 1;
/// States that stay, whatever byte comes that is no separator.
const STAYING: usize = 2;
/// States that stay when the separator comes.
const STAYING_ACROSS: usize = 3;
/// States that let names pass: at the beginning of a name the next state is there as well.
const PASSING: usize = 4;
/// Where the sets of `bytes` begin.
const BYTES: usize = 5;

/// What patterns say of a member.
enum Found {
    /// One of them names it.
    Whole,
    /// They may name something inside.
    Inside(States),
    /// They name nothing of it.
    Nothing,
}

impl Patterns {
    /// Patterns over paths with this separator; `None` if there are none.
    pub(crate) fn new(separator: Separator, patterns: &[Vec<Token>]) -> Option<Self> {
        let mut bytes: Vec<u8> = patterns.iter().flatten().filter_map(byte_of).collect();
        bytes.sort_unstable();
        bytes.dedup();
        let takes_state = |token: &&Token| **token != Token::AnyText;
        let states: usize =
            patterns.iter().map(|pattern| pattern.iter().filter(takes_state).count() + 1).sum();
        let words = states.div_ceil(64);
        let sets = vec![0; words * (BYTES + bytes.len())];
        let mut compiled = Self { separator: separator.byte(), words, sets, bytes };
        let mut state = 0;
        for pattern in patterns {
            compiled.mark(STARTS, state);
            for token in pattern {
                state = compiled.add(*token, state, separator);
            }
            compiled.mark(ENDS, state);
            state += 1;
        }
        (!patterns.is_empty()).then_some(compiled)
    }

    /// Adds what comes after `state`; returns the state after that.
    fn add(&mut self, token: Token, state: usize, separator: Separator) -> usize {
        match token {
            Token::Byte(byte) => {
                if let Some(set) = self.set_of(byte) {
                    self.mark(set, state);
                }
                state + 1
            }
            Token::AnyText => {
                self.mark(STAYING, state);
                if separator == Separator::Dot {
                    self.mark(STAYING_ACROSS, state);
                }
                state
            }
            Token::AnyNames => {
                for set in [STAYING, STAYING_ACROSS, PASSING] {
                    self.mark(set, state);
                }
                state + 1
            }
        }
    }

    fn mark(&mut self, set: usize, state: usize) {
        if let Some(word) = self.sets.get_mut(set * self.words + state / 64) {
            *word |= 1 << (state % 64);
        }
    }

    /// The set of the states that a byte leads on.
    fn set_of(&self, byte: u8) -> Option<usize> {
        memchr(byte, &self.bytes).map(|position| BYTES + position)
    }

    fn set(&self, set: usize) -> &[u64] {
        let range = set * self.words..(set + 1) * self.words;
        self.sets.get(range).unwrap_or_default()
    }

    /// Before the first name.
    fn start(&self) -> States {
        let mut states = self.set(STARTS).to_vec();
        self.pass(&mut states);
        states
    }

    /// What the patterns say of a member of an object with these states.
    fn find(&self, parent: &States, name: &[u8]) -> Found {
        let mut states = parent.clone();
        for &byte in name {
            if byte == self.separator && self.is_end(&states) {
                return Found::Whole;
            }
            if !self.advance(&mut states, byte) {
                return Found::Nothing;
            }
        }
        if self.is_end(&states) {
            return Found::Whole;
        }
        if !self.advance(&mut states, self.separator) {
            return Found::Nothing;
        }
        Found::Inside(states)
    }

    /// Goes on by a byte; whether there are states left.
    fn advance(&self, states: &mut States, byte: u8) -> bool {
        let staying = self.set(if byte == self.separator { STAYING_ACROSS } else { STAYING });
        let mut left = 0;
        match self.set_of(byte) {
            Some(set) => {
                let mut carried = 0;
                for ((word, leads), stays) in states.iter_mut().zip(self.set(set)).zip(staying) {
                    let led = *word & leads;
                    *word = (led << 1) | carried | (*word & stays);
                    carried = led >> 63;
                    left |= *word;
                }
            }
            None => {
                for (word, stays) in states.iter_mut().zip(staying) {
                    *word &= stays;
                    left |= *word;
                }
            }
        }
        if byte == self.separator {
            self.pass(states);
        }
        left != 0
    }

    /// At the beginning of a name: no name need pass.
    fn pass(&self, states: &mut States) {
        let mut carried = 0;
        for (word, passes) in states.iter_mut().zip(self.set(PASSING)) {
            let passed = *word & passes;
            *word |= (passed << 1) | carried;
            carried = passed >> 63;
        }
    }

    fn is_end(&self, states: &States) -> bool {
        states.iter().zip(self.set(ENDS)).any(|(word, ends)| word & ends != 0)
    }
}

fn byte_of(token: &Token) -> Option<u8> {
    match token {
        Token::Byte(byte) => Some(*byte),
        Token::AnyText | Token::AnyNames => None,
    }
}

/// What is to be kept of a JSON text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// What to keep; all if there are none.
    pub(crate) includes: Option<Patterns>,
    /// What to leave out of that.
    pub(crate) excludes: Option<Patterns>,
    /// Whether objects and arrays stay that are included and have lost everything.
    pub(crate) keeps_empty: bool,
}

/// How far the patterns are at some value.
struct Progress {
    /// Where the includes are; `None` if the value is included.
    includes: Option<States>,
    /// Where the excludes are; `None` if nothing of it is excluded.
    excludes: Option<States>,
}

impl Selection {
    /// Copies what is to be kept of an object or array, `{}` if that is nothing. `None` if the text,
    /// which should be known to be JSON, is not.
    pub(crate) fn copy(&self, json: &[u8]) -> Option<Vec<u8>> {
        let progress = Rc::new(Progress {
            includes: self.includes.as_ref().map(Patterns::start),
            excludes: self.excludes.as_ref().map(Patterns::start),
        });
        let text = JsonText::new(json);
        let mut copy = Copy { selection: self, text, out: Vec::new(), open: Vec::new() };
        copy.value(progress, 0)?;
        while let Some(open) = copy.open.last() {
            match (copy.text.peek()?, open.closing) {
                (b'}' | b']', _) => copy.close()?,
                (b',', _) => copy.text.take(b',')?,
                (_, b'}') => copy.member()?,
                _ => copy.element()?,
            }
        }
        if copy.out.is_empty() {
            copy.out.extend_from_slice(b"{}");
        }
        Some(copy.out)
    }

    /// How far the patterns are at a member; `None` if nothing of it is kept.
    fn advance(&self, parent: &Progress, name: &[u8]) -> Option<Progress> {
        let excludes = match (&self.excludes, &parent.excludes) {
            (Some(patterns), Some(states)) => match patterns.find(states, name) {
                Found::Whole => return None,
                Found::Inside(states) => Some(states),
                Found::Nothing => None,
            },
            _ => None,
        };
        let includes = match (&self.includes, &parent.includes) {
            (Some(patterns), Some(states)) => match patterns.find(states, name) {
                Found::Whole => None,
                Found::Inside(states) => Some(states),
                Found::Nothing => return None,
            },
            _ => None,
        };
        Some(Progress { includes, excludes })
    }
}

/// A copy under way.
struct Copy<'a> {
    selection: &'a Selection,
    text: JsonText<'a>,
    out: Vec<u8>,
    /// The objects and arrays that are looked into and not at their end.
    open: Vec<Open>,
}

/// An object or array that is looked into.
struct Open {
    progress: Rc<Progress>,
    closing: u8,
    is_empty: bool,
    /// How long the copy was before it, with its name.
    start: usize,
}

impl Copy<'_> {
    fn member(&mut self) -> Option<()> {
        let name = self.text.name()?;
        let parent = self.open.last()?;
        let Some(progress) = self.selection.advance(&parent.progress, &json_string_content(name))
        else {
            return self.text.value().map(drop);
        };
        let start = self.separate();
        self.out.extend_from_slice(name);
        self.out.push(b':');
        self.value(Rc::new(progress), start)
    }

    /// An element has its array's path.
    fn element(&mut self) -> Option<()> {
        let progress = Rc::clone(&self.open.last()?.progress);
        let start = self.separate();
        self.value(progress, start)
    }

    /// Writes the comma before the next member or element; returns how long the copy was.
    fn separate(&mut self) -> usize {
        let start = self.out.len();
        if self.open.last().is_some_and(|open| !open.is_empty) {
            self.out.push(b',');
        }
        start
    }

    /// Copies the next value or begins to; if it is not kept the copy is `start` long again.
    fn value(&mut self, progress: Rc<Progress>, start: usize) -> Option<()> {
        let first = self.text.peek()?;
        let looked_into = progress.includes.is_some() || progress.excludes.is_some();
        if looked_into && matches!(first, b'{' | b'[') {
            self.text.take(first)?;
            self.out.push(first);
            let closing = if first == b'{' { b'}' } else { b']' };
            self.open.push(Open { progress, closing, is_empty: true, start });
            return Some(());
        }
        let value = self.text.value()?;
        if progress.includes.is_some() {
            self.out.truncate(start);
        } else {
            self.out.extend_from_slice(value);
            self.hold();
        }
        Some(())
    }

    fn close(&mut self) -> Option<()> {
        let open = self.open.pop()?;
        self.text.take(open.closing)?;
        let stays_empty = self.selection.keeps_empty && open.progress.includes.is_none();
        if open.is_empty && !stays_empty {
            self.out.truncate(open.start);
        } else {
            self.out.push(open.closing);
            self.hold();
        }
        Some(())
    }

    /// Notes that the innermost object or array has something in it.
    fn hold(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.is_empty = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BULK: &str = r#"{"took":1,"errors":false,"items":[{"index":{"_id":"1","status":201}},{"delete":{"_id":"2","error":{"type":"t"}}}]}"#;

    fn check(json: &str, filters: &str, expected: &str) {
        let filters: Vec<String> = filters.split(',').map(str::to_owned).collect();
        let filtered = FilterPath::new(&filters).apply(json.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(filtered).unwrap(), expected, "{filters:?}");
    }

    #[test]
    fn members_are_chosen() {
        check(BULK, "errors", r#"{"errors":false}"#);
        check(BULK, "items.*.error", r#"{"items":[{"delete":{"error":{"type":"t"}}}]}"#);
        check(
            BULK,
            "errors,items.*._id",
            r#"{"errors":false,"items":[{"index":{"_id":"1"}},{"delete":{"_id":"2"}}]}"#,
        );
        check(BULK, "**.type", r#"{"items":[{"delete":{"error":{"type":"t"}}}]}"#);
        check(BULK, "t*k,err*", r#"{"took":1,"errors":false}"#);
        check(BULK, "nope", "{}");
        check(BULK, "took.x", "{}");
        check(r#"{"a.b":1,"a":{"b":2}}"#, r"a\.b", r#"{"a.b":1}"#);
    }

    #[test]
    fn members_are_left_out() {
        check(r#"{"_id":"1","_source":{"a":1,"b":[]}}"#, "-_source", r#"{"_id":"1"}"#);
        check(r#"{"_id":"1","_source":{"a":1}}"#, "-_source.a", r#"{"_id":"1"}"#);
        check(r#"{"_source":{"a":1,"b":[]}}"#, "-_source.a", r#"{"_source":{"b":[]}}"#);
        check(r#"{"_id":"1","_source":{"a":1,"b":2}}"#, "_source,-**.a", r#"{"_source":{"b":2}}"#);
    }

    #[test]
    fn numbers_and_order_stay() {
        check(
            r#"{"z":1.10,"a":12345678901234567890123}"#,
            "*",
            r#"{"z":1.10,"a":12345678901234567890123}"#,
        );
    }

    #[test]
    fn stars_fit_anything() {
        for (name, filter, fits) in [
            ("abc", "a*c", true),
            ("abc", "*", true),
            ("abcb", "*b", true),
            ("abc", "a*b", false),
            ("", "*", true),
            ("", "**", true),
            ("aab", "*ab", true),
            ("ab", "abc", false),
            ("abc", "ab", false),
        ] {
            let json = format!("{{\"{name}\":1}}");
            check(&json, filter, if fits { &json } else { "{}" });
        }
        check(r#"{"a":{"x":1},"b":2}"#, "**", r#"{"a":{"x":1},"b":2}"#);
        check(r#"{"a":{"x":1},"b":2}"#, "a.**.**", r#"{"a":{"x":1}}"#);
        for filter in ["**.x", "a.**.x", "**.a.**.x", "**.**.x", "a.*.c.x"] {
            check(r#"{"a":{"b":{"c":{"x":1,"y":2}}},"b":2}"#, filter, DEEP);
        }
        check(r#"{"a":{"b":{"x":1}}}"#, "a.*.c.x,a.**.c.x,**.a.x", "{}");
        check(r#"{"a":{"xb":1,"x":{"b":2}}}"#, "**.b", r#"{"a":{"x":{"b":2}}}"#);
    }

    const DEEP: &str = r#"{"a":{"b":{"c":{"x":1}}}}"#;

    #[test]
    fn names_that_mean_something_to_the_parser_are_names() {
        const SOURCE: &str = r#"{"s":{"$serde_json::private::Number":"x","b\ud800":[{},1]},"t":0}"#;
        check(SOURCE, "-t", &SOURCE.replace(r#","t":0"#, ""));
        check(SOURCE, "s.*Number", r#"{"s":{"$serde_json::private::Number":"x"}}"#);
    }

    #[test]
    fn too_many_filters_are_refused() {
        let many = |count: usize| vec!["a".to_owned(); count];
        assert!(FilterPath::parse(&many(FILTERS_MAX)).is_ok());
        assert!(matches!(
            FilterPath::parse(&many(FILTERS_MAX + 1)),
            Err(Error::IllegalArgument(_))
        ));
        assert!(FilterPath::parse(&[many(NAMES_MAX).join(".")]).is_ok());
        assert!(FilterPath::parse(&[many(NAMES_MAX + 1).join(".")]).is_err());
    }
}
