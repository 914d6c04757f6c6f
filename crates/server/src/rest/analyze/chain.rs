//! The way from a text to its terms, by the parts that a request names.

use std::collections::BTreeSet;

use mapping::FieldType;
use node::Index;
use query::{Analyzer, Token};
use serde_json::Value;

use super::names::Part;
use super::text_of;
use crate::rest::error::Error;

/// How many places lie between the values of a field that does not say.
const POSITION_GAP: usize = 100;
/// What texts are cut by where nothing is said.
const STANDARD: &str = "standard";
/// How many filters one request may name.
const FILTERS_MAX: usize = 100;
/// What a filter `stop` leaves out where it says nothing.
const ENGLISH: &str = "_english_";

/// The way from a text to its terms.
pub(super) enum Way {
    /// An analyzer, its name, and how many places lie between two texts.
    Analyzer(String, Analyzer, usize),
    /// A tokenizer with its name, and filters behind it.
    Chain(String, Tokenizer, Vec<(String, Filter)>),
}

/// What cuts a text.
#[derive(Clone, Copy)]
pub(super) enum Tokenizer {
    /// At the ends of words.
    Words,
    /// At white space.
    Whitespace,
    /// Nowhere.
    Keyword,
    /// At what is no letter.
    Letters {
        /// Whether they become lower case.
        lowercase: bool,
    },
}

/// What changes terms, or leaves some out.
pub(super) enum Filter {
    /// In lower case.
    Lowercase,
    /// In upper case.
    Uppercase,
    /// Without white space around them.
    Trim,
    /// Without these words, or without common English ones.
    Stop(Option<Vec<String>>),
    /// Each term once.
    Unique,
}

/// Refuses a name that this server has nothing for.
fn unknown(part: Part, name: &str, index: Option<&Index>) -> Error {
    let prefix = format!("index.analysis.{}.{name}.", part.setting());
    let defined = index.is_some_and(|index| {
        index.metadata().settings.iter().any(|(setting, _)| setting.starts_with(&prefix))
    });
    let complaint = part.complaint(name, defined, index.is_some());
    if complaint.ends_with("not supported yet") {
        return Error::Unsupported(complaint);
    }
    Error::illegal_argument(complaint)
}

/// An analyzer by its name; without one, that of an index, or of all.
pub(super) fn named(name: Option<&str>, index: Option<&Index>) -> Result<Way, Error> {
    let defines_default = index.is_some_and(|index| {
        let mut settings = index.metadata().settings.iter();
        settings.any(|(setting, _)| setting.starts_with("index.analysis.analyzer.default."))
    });
    if defines_default && matches!(name, None | Some("default")) {
        return Err(unknown(Part::Analyzer, "default", index));
    }
    let name = name.unwrap_or(STANDARD);
    let analyzer = Analyzer::named(name).ok_or_else(|| unknown(Part::Analyzer, name, index))?;
    Ok(Way::Analyzer(name.to_owned(), analyzer, 0))
}

/// A normalizer by its name.
pub(super) fn normalizing(name: &str, index: Option<&Index>) -> Result<Way, Error> {
    if name != "lowercase" {
        return Err(unknown(Part::Normalizer, name, index));
    }
    Ok(whole(vec![(name.to_owned(), Filter::Lowercase)]))
}

/// The whole text as one term, and filters behind it.
pub(super) fn whole(filters: Vec<(String, Filter)>) -> Way {
    Way::Chain("keyword".to_owned(), Tokenizer::Keyword, filters)
}

/// What analyzes a field of an index.
pub(super) fn of_field(name: &str, index: Option<&Index>) -> Result<Way, Error> {
    let Some(index) = index else {
        let text = "analysis based on a specific field requires an index";
        return Err(Error::illegal_argument(text));
    };
    let mapping = index.mapping();
    let Some(field) = mapping.field(name) else { return named(None, Some(index)) };
    let parameter = |name: &str| field.parameter(name).filter(|value| !value.is_null());
    let is_text = [FieldType::Text, FieldType::MatchOnlyText, FieldType::SearchAsYouType];
    if field.field_type() == FieldType::Keyword {
        return match parameter("normalizer") {
            Some(normalizer) => normalizing(&text_of("normalizer", &normalizer)?, Some(index)),
            None => named(Some("keyword"), Some(index)),
        };
    }
    if !is_text.contains(&field.field_type()) {
        return Err(Error::illegal_argument(format!(
            "Can't process field [{name}], Analysis requests are only supported on tokenized fields"
        )));
    }
    let analyzer = parameter("analyzer");
    let analyzer = analyzer.as_ref().and_then(Value::as_str).filter(|name| *name != "default");
    let gap = parameter("position_increment_gap").and_then(|gap| gap.as_u64());
    let gap = gap.and_then(|gap| usize::try_from(gap).ok()).unwrap_or(POSITION_GAP);
    match named(analyzer, Some(index))? {
        Way::Analyzer(name, analyzer, _) => Ok(Way::Analyzer(name, analyzer, gap)),
        chain @ Way::Chain(..) => Ok(chain),
    }
}

/// The name of a part: that of its type, where it is defined on the spot.
fn kind_of(part: &Value) -> Result<String, Error> {
    let Some(members) = part.as_object() else { return text_of("name", part) };
    let missing = || Error::illegal_argument("Missing [type] setting for anonymous part");
    text_of("type", members.get("type").ok_or_else(missing)?)
}

/// A tokenizer and the filters behind it.
pub(super) fn chain(
    tokenizer: &Value,
    filters: Option<Value>,
    index: Option<&Index>,
) -> Result<Way, Error> {
    let kind = kind_of(tokenizer)?;
    let known = match kind.as_str() {
        STANDARD => Tokenizer::Words,
        "whitespace" => Tokenizer::Whitespace,
        "keyword" => Tokenizer::Keyword,
        "letter" => Tokenizer::Letters { lowercase: false },
        "lowercase" => Tokenizer::Letters { lowercase: true },
        other => return Err(unknown(Part::Tokenizer, other, index)),
    };
    if tokenizer.as_object().is_some_and(|members| members.len() > 1) {
        let text = format!("settings of the tokenizer [{kind}] are not supported yet");
        return Err(Error::Unsupported(text));
    }
    let name = if tokenizer.is_object() { "_anonymous_tokenizer".to_owned() } else { kind };
    Ok(Way::Chain(name, known, read_filters(filters, index)?))
}

/// Filters: one or a list, each a name or a definition.
pub(super) fn read_filters(
    filters: Option<Value>,
    index: Option<&Index>,
) -> Result<Vec<(String, Filter)>, Error> {
    let list = match filters {
        Some(Value::Array(list)) => list,
        Some(one) => vec![one],
        None => Vec::new(),
    };
    if list.len() > FILTERS_MAX {
        let text = format!("[{}] filters are more than the limit of [{FILTERS_MAX}]", list.len());
        return Err(Error::illegal_argument(text));
    }
    list.iter().map(|filter| read_filter(filter, index)).collect()
}

/// One filter with its name.
fn read_filter(filter: &Value, index: Option<&Index>) -> Result<(String, Filter), Error> {
    let kind = kind_of(filter)?;
    let words = filter.get("stopwords");
    let known = match kind.as_str() {
        "lowercase" => Filter::Lowercase,
        "uppercase" => Filter::Uppercase,
        "trim" => Filter::Trim,
        "unique" => Filter::Unique,
        "stop" => Filter::Stop(stop_words(words)?),
        other => return Err(unknown(Part::Filter, other, index)),
    };
    let members = filter.as_object().map_or(0, serde_json::Map::len);
    if members > 1 + usize::from(kind == "stop" && words.is_some()) {
        let text = format!("settings of the token filter [{kind}] are not supported yet");
        return Err(Error::Unsupported(text));
    }
    let name = if filter.is_object() { "_anonymous_tokenfilter".to_owned() } else { kind };
    Ok((name, known))
}

/// Refuses filters of characters.
pub(super) fn refuse_character_filters(
    filters: Option<Value>,
    index: Option<&Index>,
) -> Result<(), Error> {
    let list = match filters {
        Some(Value::Array(list)) => list,
        Some(one) => vec![one],
        None => Vec::new(),
    };
    match list.first() {
        Some(first) => Err(unknown(Part::CharacterFilter, &kind_of(first)?, index)),
        None => Ok(()),
    }
}

/// The words that a filter leaves out.
fn stop_words(words: Option<&Value>) -> Result<Option<Vec<String>>, Error> {
    match words {
        Some(Value::Array(words)) => {
            words.iter().map(|word| text_of("stopwords", word)).collect::<Result<_, _>>().map(Some)
        }
        Some(Value::String(name)) if name == "_none_" => Ok(Some(Vec::new())),
        None => Ok(None),
        Some(Value::String(name)) if name == ENGLISH => Ok(None),
        Some(other) => {
            let text = format!("the list of stop words [{other}] is not supported yet");
            Err(Error::Unsupported(text))
        }
    }
}

impl Tokenizer {
    /// The terms that it makes.
    pub(super) fn cut(self, text: &str) -> Vec<Token> {
        let analyzer = match self {
            Self::Words => Analyzer::Standard,
            Self::Whitespace => Analyzer::Whitespace,
            Self::Keyword => Analyzer::Keyword,
            Self::Letters { .. } => Analyzer::Simple,
        };
        let mut tokens = analyzer.tokens(text);
        if matches!(self, Self::Words | Self::Letters { lowercase: false }) {
            // The analyzers put them into lower case.
            let units: Vec<u16> = text.encode_utf16().collect();
            for token in &mut tokens {
                if let Some(own) = units.get(token.start..token.end) {
                    token.term = String::from_utf16_lossy(own);
                }
            }
        }
        tokens
    }
}

impl Filter {
    /// The terms that it leaves.
    pub(super) fn apply(&self, tokens: &[Token]) -> Vec<Token> {
        let changed = |change: &dyn Fn(&str) -> String| {
            let change = |token: &Token| Token { term: change(&token.term), ..token.clone() };
            tokens.iter().map(change).collect()
        };
        let kept = |keeps: &mut dyn FnMut(&Token) -> bool| {
            tokens.iter().filter(|token| keeps(token)).cloned().collect()
        };
        match self {
            Self::Lowercase => changed(&str::to_lowercase),
            Self::Uppercase => changed(&str::to_uppercase),
            Self::Trim => changed(&|term| term.trim().to_owned()),
            Self::Stop(Some(words)) => kept(&mut |token| !words.contains(&token.term)),
            Self::Stop(None) => {
                kept(&mut |token| !Analyzer::Stop.tokens(&token.term).is_empty() || !is_word(token))
            }
            Self::Unique => unique(tokens),
        }
    }
}

/// Each term once. Those that are left out leave no place behind.
fn unique(tokens: &[Token]) -> Vec<Token> {
    let (mut seen, mut found) = (BTreeSet::new(), Vec::new());
    // How many places were left out, and the first place that was not looked at.
    let (mut left_out, mut next) = (0, 0);
    for token in tokens {
        let step = (token.position + 1).saturating_sub(next);
        next = token.position + 1;
        if seen.insert(&token.term) {
            found.push(Token { position: token.position - left_out, ..token.clone() });
        } else {
            left_out += step;
        }
    }
    found
}

/// Whether a term is one that the analyzer `stop` could make: nothing but letters, in lower case.
fn is_word(token: &Token) -> bool {
    token.term.chars().all(|c| c.is_alphabetic() && !c.is_uppercase())
}
