//! The smallest parts of a text of `query_string`.

use std::{iter::Peekable, str::CharIndices};

use super::Problem;

/// A part.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    /// `AND`, `&&`
    And,
    /// `OR`, `||`
    Or,
    /// `NOT`, `!`
    Not,
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// One of the last three with nothing behind it: it says nothing.
    Bare,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `:`
    Colon,
    /// `*` alone
    Star,
    /// `^` and its number
    Boost(f32),
    /// `~`, with its number if it has one
    Tilde(Option<f32>),
    /// A word, as it is written.
    Word(String),
    /// A word that ends with `*`, without it.
    Prefix(String),
    /// A word with other wildcards.
    Wildcard(String),
    /// A text in quotes, as it is written.
    Quoted(String),
    /// A pattern between slashes.
    Regexp,
    /// Bounds: the lower one, the upper one, and whether each is within.
    Range((String, String), (bool, bool)),
}

/// Divides a text.
pub(super) fn divide(text: &str) -> Result<Vec<Part>, Problem> {
    let mut reader = Reader { text, chars: text.char_indices().peekable() };
    let mut parts = Vec::new();
    while let Some(part) = reader.next()? {
        parts.push(part);
    }
    Ok(parts)
}

/// A text without the backslashes that take meaning away, or name a character by its number.
pub(super) fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        let rest = chars.as_str();
        let number = rest.strip_prefix('u').and_then(|rest| rest.get(..4));
        let named = number.and_then(|digits| char::from_u32(u32::from_str_radix(digits, 16).ok()?));
        match named {
            Some(named) => {
                plain.push(named);
                chars = rest.get(5..).unwrap_or_default().chars();
            }
            None => plain.push(chars.next().unwrap_or('\\')),
        }
    }
    plain
}

struct Reader<'t> {
    text: &'t str,
    chars: Peekable<CharIndices<'t>>,
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{3000}')
}

/// Whether a word may begin with it.
fn begins(c: char) -> bool {
    let has_meaning = "+-!():^[]\"{}~*?\\/".contains(c);
    !has_meaning && !is_space(c)
}

fn malformed(why: impl Into<String>) -> Problem {
    Problem::Malformed(why.into())
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<char> {
        self.chars.peek().map(|(_, c)| *c)
    }

    /// Where the next character is.
    fn at(&mut self) -> usize {
        self.chars.peek().map_or(self.text.len(), |(at, _)| *at)
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some((_, c)) = self.chars.next_if(|(_, c)| belongs(*c)) {
            taken.push(c);
        }
        taken
    }

    fn next(&mut self) -> Result<Option<Part>, Problem> {
        self.take_while(is_space);
        let at = self.at();
        let Some(c) = self.peek() else { return Ok(None) };
        let part = match c {
            '+' | '-' | '!' => {
                self.chars.next();
                match (c, self.peek()) {
                    (_, Some(next)) if is_space(next) => Part::Bare,
                    ('+', _) => Part::Plus,
                    ('-', _) => Part::Minus,
                    (_, _) => Part::Not,
                }
            }
            '(' | ')' | ':' => {
                self.chars.next();
                match c {
                    '(' => Part::Open,
                    ')' => Part::Close,
                    _ => Part::Colon,
                }
            }
            '^' => {
                self.chars.next();
                let number = self.take_while(|c| c.is_ascii_digit() || c == '.');
                Part::Boost(number.parse().map_err(|_| malformed("a boost without a number"))?)
            }
            '~' => {
                self.chars.next();
                let number = self.take_while(|c| begins(c) || c == '.');
                let read = number.parse().map_err(|_| malformed(format!("no number: {number}")));
                Part::Tilde(if number.is_empty() { None } else { Some(read?) })
            }
            '"' => Part::Quoted(self.enclosed('"')?),
            '/' => {
                self.enclosed('/')?;
                Part::Regexp
            }
            '[' | '{' => self.range(c == '[')?,
            ']' | '}' => {
                return Err(malformed(format!("Encountered \"{c}\" at column {at}.")));
            }
            _ => self.word()?,
        };
        Ok(Some(part))
    }

    /// What is written up to the same character again.
    fn enclosed(&mut self, by: char) -> Result<String, Problem> {
        self.chars.next();
        let mut inner = String::new();
        loop {
            match self.chars.next() {
                Some((_, c)) if c == by => return Ok(inner),
                Some((_, '\\')) => {
                    inner.push('\\');
                    inner.extend(self.chars.next().map(|(_, c)| c));
                }
                Some((_, c)) => inner.push(c),
                None => return Err(malformed("Lexical error.  Encountered: <EOF>")),
            }
        }
    }

    /// A word, with or without wildcards.
    fn word(&mut self) -> Result<Part, Problem> {
        let mut word = String::new();
        let mut wildcards = Vec::new();
        while let Some(c) = self.peek() {
            match c {
                '\\' => {
                    self.chars.next();
                    word.push('\\');
                    let escaped = self.chars.next().map(|(_, c)| c);
                    word.push(
                        escaped
                            .ok_or_else(|| malformed("Term can not end with escape character."))?,
                    );
                    continue;
                }
                '*' | '?' => wildcards.push(word.len()),
                '+' | '-' if !word.is_empty() => {}
                c if begins(c) => {}
                _ => break,
            }
            word.push(c);
            self.chars.next();
        }
        let ends_open = word.ends_with('*') && wildcards.last() == Some(&(word.len() - 1));
        Ok(match (word.as_str(), wildcards.len()) {
            ("AND" | "&&", _) => Part::And,
            ("OR" | "||", _) => Part::Or,
            ("NOT", _) => Part::Not,
            ("*", _) => Part::Star,
            (_, 0) => Part::Word(word),
            (_, 1) if ends_open => {
                word.pop();
                Part::Prefix(word)
            }
            (_, _) => Part::Wildcard(word),
        })
    }

    /// Bounds, from their bracket on.
    fn range(&mut self, with_from: bool) -> Result<Part, Problem> {
        self.chars.next();
        let mut bounds = Vec::new();
        loop {
            self.take_while(is_space);
            match self.peek() {
                None => return Err(malformed("Encountered \"<EOF>\" in a range.")),
                Some(end @ (']' | '}')) => {
                    self.chars.next();
                    let (Some(to), Some(from), None) = (bounds.pop(), bounds.pop(), bounds.pop())
                    else {
                        return Err(malformed("a range is [from TO to]"));
                    };
                    return Ok(Part::Range((from, to), (with_from, end == ']')));
                }
                Some('"') => {
                    let quoted = self.enclosed('"')?;
                    bounds.push(unescaped(&quoted));
                }
                Some(_) => {
                    let goop = self.take_while(|c| !is_space(c) && c != ']' && c != '}');
                    if goop != "TO" || bounds.is_empty() {
                        bounds.push(unescaped(&goop));
                    }
                }
            }
        }
    }
}
