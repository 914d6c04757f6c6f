//! From a text to its terms, as Elasticsearch's built-in analyzers make them.
//!
//! An [`Analyzer`] cuts a text into [`Token`]s. Words are those of Unicode (UAX 29), with the few rules
//! that Lucene adds: a run of Thai, Lao, Khmer or Burmese is one word, an emoji is a word, and a word
//! longer than 255 characters is cut. There are no languages and no parts to put together.

mod script;
#[cfg(test)]
mod tests;

use unicode_segmentation::UnicodeSegmentation;

use script::Script;

/// How many characters a term has at most; what is longer is cut.
const TERM_CHARACTERS_MAX: usize = 255;

/// The words that the analyzer `stop` passes over.
const STOP_WORDS: [&str; 33] = [
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it",
    "no", "not", "of", "on", "or", "such", "that", "the", "their", "then", "there", "these",
    "they", "this", "to", "was", "will", "with",
];

/// How a text is cut into terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Analyzer {
    /// Words in lower case.
    Standard,
    /// Runs of letters in lower case.
    Simple,
    /// The same without common English words.
    Stop,
    /// What stands between white space, as it is.
    Whitespace,
    /// The whole text, as it is.
    Keyword,
}

/// A term and where it stands in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The term.
    pub term: String,
    /// What kind of term it is, as `_analyze` tells.
    pub kind: &'static str,
    /// Where it begins, in UTF-16 units.
    pub start: usize,
    /// Where it ends, in UTF-16 units.
    pub end: usize,
    /// Its place among the terms; words that are passed over have a place too.
    pub position: usize,
}

impl Analyzer {
    /// The analyzer that Elasticsearch has under a name, or `None` if it has none or this server has
    /// not.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "standard" | "default" => Self::Standard,
            "simple" => Self::Simple,
            "stop" => Self::Stop,
            "whitespace" => Self::Whitespace,
            "keyword" => Self::Keyword,
            _ => return None,
        })
    }

    /// Whether its terms are in lower case.
    pub(crate) fn lowers(self) -> bool {
        matches!(self, Self::Standard | Self::Simple | Self::Stop)
    }

    /// The terms of a text, in order.
    #[must_use]
    pub fn tokens(self, text: &str) -> Vec<Token> {
        let mut tokens = Tokens::default();
        match self {
            Self::Standard => tokens.words(text),
            Self::Simple | Self::Stop => {
                tokens.runs(text, char::is_alphabetic, true);
                if self == Self::Stop {
                    tokens.found.retain(|token| !STOP_WORDS.contains(&token.term.as_str()));
                }
            }
            Self::Whitespace => tokens.runs(text, |c| !c.is_whitespace(), false),
            Self::Keyword if text.is_empty() => {}
            Self::Keyword => {
                let end = utf16_len(text);
                let term = text.to_owned();
                tokens.found.push(Token { term, kind: "word", start: 0, end, position: 0 });
            }
        }
        tokens.found
    }
}

/// Terms as they are found, and how far the text was read.
#[derive(Default)]
struct Tokens {
    found: Vec<Token>,
    /// How many bytes were read.
    byte: usize,
    /// How many UTF-16 units these are.
    unit: usize,
}

impl Tokens {
    /// Cuts a text into words.
    fn words(&mut self, text: &str) {
        let mut run: Option<(usize, usize)> = None;
        for (start, segment) in text.split_word_bound_indices() {
            let end = start + segment.len();
            let kind = Script::of(segment);
            // Where words cannot be told apart, the run is one.
            if kind == Some(Script::SoutheastAsian) {
                run = Some((run.map_or(start, |(start, _)| start), end));
                continue;
            }
            self.add_run(text, run.take());
            if let Some(kind) = kind {
                self.add(text, start, end, kind.name(), true);
            }
        }
        self.add_run(text, run);
    }

    /// Adds a run of letters whose words cannot be told apart.
    fn add_run(&mut self, text: &str, run: Option<(usize, usize)>) {
        if let Some((start, end)) = run {
            self.add(text, start, end, Script::SoutheastAsian.name(), true);
        }
    }

    /// Cuts a text into runs of the characters that belong to a term.
    fn runs(&mut self, text: &str, belongs: impl Fn(char) -> bool, lowercase: bool) {
        let mut start = None;
        for (at, c) in text.char_indices() {
            match (belongs(c), start) {
                (true, None) => start = Some(at),
                (false, Some(from)) => {
                    self.add(text, from, at, "word", lowercase);
                    start = None;
                }
                (true, Some(_)) | (false, None) => {}
            }
        }
        if let Some(from) = start {
            self.add(text, from, text.len(), "word", lowercase);
        }
    }

    /// Adds a word, in pieces if it is too long.
    fn add(&mut self, text: &str, start: usize, end: usize, kind: &'static str, lowercase: bool) {
        let mut rest = text.get(start..end).unwrap_or_default();
        let between = text.get(self.byte..start).unwrap_or_default();
        self.unit += utf16_len(between);
        self.byte = end;
        while !rest.is_empty() {
            let cut = rest.char_indices().nth(TERM_CHARACTERS_MAX).map_or(rest.len(), |(at, _)| at);
            let (piece, after) = rest.split_at_checked(cut).unwrap_or((rest, ""));
            let from = self.unit;
            self.unit += utf16_len(piece);
            let term = if lowercase { lower(piece) } else { piece.to_owned() };
            let position = self.found.len();
            self.found.push(Token { term, kind, start: from, end: self.unit, position });
            rest = after;
        }
    }
}

/// A text in lower case, character by character as Java does it.
fn lower(text: &str) -> String {
    text.chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect()
}

/// How many UTF-16 units a text has.
fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}
