//! Dates: formats, named or written as patterns, and the moments they read from texts.

mod calendar;
mod compile;
mod element;
pub(crate) mod expression;
mod iso;
mod math;
mod named;
mod number;
pub(crate) mod print;
mod resolve;
mod zone;

use crate::{
    error::{ErrorType, MappingError},
    settings::Dialect,
};

pub(crate) use calendar::moment_text;
use element::{Element, Parsed};

/// The format of a date field that names none.
pub(crate) const DEFAULT_FORMAT: &str = "strict_date_optional_time||epoch_millis";

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Seconds since 1970.
    pub(crate) seconds: i64,
    /// Nanoseconds of the second.
    pub(crate) nanos: u32,
}

impl Moment {
    /// Milliseconds since 1970, if 64 bits hold them.
    pub(crate) fn millis(self) -> Option<i64> {
        self.seconds.checked_mul(1_000)?.checked_add(i64::from(self.nanos / 1_000_000))
    }

    /// Nanoseconds since 1970, if 64 bits hold them.
    pub(crate) fn nanos(self) -> Option<i64> {
        self.seconds.checked_mul(1_000_000_000)?.checked_add(i64::from(self.nanos))
    }
}

/// One way to read a date.
#[derive(Clone, Debug)]
enum Alternative {
    /// Milliseconds since 1970.
    EpochMillis,
    /// Seconds since 1970.
    EpochSecond,
    /// One of several patterns that share a name.
    Patterns(Vec<Vec<Element>>),
}

/// A format: alternatives that are tried in order.
#[derive(Clone, Debug)]
pub(crate) struct DateFormat {
    text: String,
    alternatives: Vec<Alternative>,
    dialect: Dialect,
    /// Whether the first alternative takes whatever [`iso::read`] does, with the same result.
    is_iso_first: bool,
}

/// Why a text is not of one pattern.
enum Mismatch {
    /// It goes wrong at a character.
    At(usize),
    /// It is longer than the pattern.
    Unparsed(usize),
    /// It has the right form but is no date.
    NoDate(String),
    /// A part of it is so far out of range that no date is tried.
    OutOfRange(String),
}

impl DateFormat {
    /// Compiles a format: names and patterns between `||`.
    pub(crate) fn parse(text: &str, dialect: Dialect) -> Result<Self, MappingError> {
        let text = text.strip_prefix('8').filter(|rest| !rest.is_empty()).unwrap_or(text);
        if text.is_empty() {
            return Err(MappingError::argument("No date pattern provided"));
        }
        let mut alternatives = Vec::new();
        for part in text.split("||") {
            if part.is_empty() {
                let reason =
                    format!("Cannot have empty element in multi date format pattern: {text}");
                return Err(MappingError::argument(reason));
            }
            alternatives.push(alternative(part, dialect)?);
        }
        let first = text.split("||").next().unwrap_or_default();
        let is_iso_first = matches!(
            first.strip_prefix("strict_").unwrap_or(first),
            "date_optional_time" | "date_optional_time_nanos"
        );
        Ok(Self { text: text.to_owned(), alternatives, dialect, is_iso_first })
    }

    /// The format as it is rendered.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The moment a text means.
    pub(crate) fn read(&self, text: &str) -> Result<Moment, MappingError> {
        if self.is_iso_first
            && let Some(moment) = iso::read(text)
        {
            return Ok(moment);
        }
        if text.is_empty() {
            return Err(MappingError::argument("cannot parse empty date"));
        }
        let mut mismatch = None;
        for alternative in &self.alternatives {
            match alternative.read(text, self.dialect) {
                Ok(moment) => return Ok(moment),
                Err(Mismatch::OutOfRange(reason)) => {
                    return Err(MappingError::new(ErrorType::DateTime, reason));
                }
                Err(error) => mismatch = Some(error),
            }
        }
        Err(self.mismatch(text, mismatch))
    }

    /// The error about a text that no alternative takes.
    fn mismatch(&self, text: &str, mismatch: Option<Mismatch>) -> MappingError {
        let single = matches!(
            self.alternatives.as_slice(),
            [Alternative::Patterns(patterns)] if patterns.len() == 1
        );
        let reason = match mismatch {
            Some(Mismatch::At(at)) if single => {
                format!("Text '{text}' could not be parsed at index {at}")
            }
            Some(Mismatch::Unparsed(at)) if single => {
                format!("Text '{text}' could not be parsed, unparsed text found at index {at}")
            }
            Some(Mismatch::NoDate(why)) if single => {
                format!("Text '{text}' could not be parsed: {why}")
            }
            Some(_) | None => "Failed to parse with all enclosed parsers".to_owned(),
        };
        let format = &self.text;
        MappingError::argument(format!(
            "failed to parse date field [{text}] with format [{format}]"
        ))
        .because(MappingError::new(ErrorType::DateTimeParse, reason))
    }
}

/// Compiles one name or pattern.
fn alternative(part: &str, dialect: Dialect) -> Result<Alternative, MappingError> {
    match part {
        "epoch_millis" => return Ok(Alternative::EpochMillis),
        "epoch_second" => return Ok(Alternative::EpochSecond),
        _ => {}
    }
    if let Some(patterns) = named::patterns(part, dialect) {
        return Ok(Alternative::Patterns(patterns));
    }
    let elements = compile::pattern(part).map_err(|error| {
        let reason = format!("Invalid format: [{part}]: {}", error.reason());
        MappingError::argument(reason).because(error)
    })?;
    Ok(Alternative::Patterns(vec![elements]))
}

impl Alternative {
    /// The moment a text means.
    fn read(&self, text: &str, dialect: Dialect) -> Result<Moment, Mismatch> {
        match self {
            Self::EpochMillis => {
                number::epoch_millis(text, dialect == Dialect::Eight).ok_or(Mismatch::At(0))
            }
            Self::EpochSecond => number::epoch_second(text).ok_or(Mismatch::At(0)),
            Self::Patterns(patterns) => {
                let mut mismatch = Mismatch::At(0);
                for pattern in patterns {
                    match read_pattern(pattern, text, dialect) {
                        Ok(moment) => return Ok(moment),
                        Err(error) => mismatch = error,
                    }
                }
                Err(mismatch)
            }
        }
    }
}

/// The moment a text of one pattern means.
fn read_pattern(pattern: &[Element], text: &str, dialect: Dialect) -> Result<Moment, Mismatch> {
    let mut parsed = Parsed::default();
    let end = element::read_all(pattern, text, 0, &mut parsed).map_err(Mismatch::At)?;
    if end < text.len() {
        return Err(Mismatch::Unparsed(text.get(..end).map_or(end, |read| read.chars().count())));
    }
    resolve::moment(&parsed, dialect == Dialect::Eight)
}
