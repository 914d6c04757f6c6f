//! `_analyze`: the terms that an analyzer makes of texts.

mod chain;
mod names;

use hyper::StatusCode;
use node::{Index, Node};
use query::Token;
use serde_json::{Map, Value};

use super::api::Call;
use super::error::Error;
use super::json::{self, Object};
use super::response::Answer;
use chain::Way;

/// How many characters lie between two texts of a list; they are of one field.
const OFFSET_GAP: usize = 1;
/// How many terms are made where an index does not say.
const TOKENS_MAX: usize = 10_000;

/// What is asked for.
struct Asked {
    texts: Vec<String>,
    way: Way,
    /// Whether each step is shown.
    explains: bool,
    /// The attributes of terms that are shown then; all if it does not say.
    attributes: Option<Vec<String>>,
}

/// Shows the terms of some texts.
pub(crate) fn analyze(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    call.parameters.declare(&["index"]);
    let old = call.dialect.allows_old_metadata_names();
    let mut given = Map::new();
    // Up to 5 they may stand in the URL.
    for name in ["text", "analyzer", "field", "tokenizer"] {
        if old && let Some(value) = call.parameters.take(name) {
            given.insert(name.to_owned(), value.into());
        }
    }
    let index = call.parameters.take("index").or_else(|| call.found.index.map(str::to_owned));
    let misses_body = call.request.body.is_empty() && given.is_empty();
    if misses_body {
        return Err(Error::Parse("request body or source parameter is required".to_owned()));
    }
    call.finish_parameters()?;
    if let Value::Object(members) = call.json_body()? {
        given.extend(members);
    }
    let index = match &index {
        Some(name) => Some(node.index(name).map_err(|error| call.node_error(error))?),
        None => None,
    };
    let asked = read(given, index.as_deref())?;
    let limit = index.as_deref().and_then(|index| {
        index.metadata().settings.get("index.analyze.max_token_count")?.parse().ok()
    });
    show(&asked, limit.unwrap_or(TOKENS_MAX))
}

/// Reads a body.
fn read(mut given: Map<String, Value>, index: Option<&Index>) -> Result<Asked, Error> {
    let mut take = |name: &str| given.shift_remove(name).filter(|value| !value.is_null());
    let explains = take("explain").is_some_and(|value| value == true || value == "true");
    let attributes = take("attributes").map(|value| texts_of("attributes", value)).transpose()?;
    let texts = take("text").map(|value| texts_of("text", value)).transpose()?;
    let (analyzer, tokenizer, field) = (take("analyzer"), take("tokenizer"), take("field"));
    let (filters, normalizer) = (take("filter"), take("normalizer"));
    let character_filters = take("char_filter");
    if let Some((unknown, value)) = given.iter().next() {
        return Err(wrong_type(unknown, value));
    }
    let texts = texts.unwrap_or_default();
    let mut rules = Vec::new();
    if texts.is_empty() {
        rules.push("text is missing".to_owned());
    }
    if index.is_none() && normalizer.is_some() {
        rules.push("index is required if normalizer is specified".to_owned());
    }
    if !rules.is_empty() {
        return Err(Error::Validation(rules));
    }
    chain::refuse_character_filters(character_filters, index)?;
    let way = match (analyzer, tokenizer, normalizer, field) {
        (Some(analyzer), ..) => chain::named(Some(&text_of("analyzer", &analyzer)?), index)?,
        (None, Some(tokenizer), ..) => chain::chain(&tokenizer, filters, index)?,
        (None, None, Some(normalizer), _) => {
            chain::normalizing(&text_of("normalizer", &normalizer)?, index)?
        }
        (None, None, None, Some(field)) => chain::of_field(&text_of("field", &field)?, index)?,
        (None, None, None, None) if filters.is_some() => {
            chain::whole(chain::read_filters(filters, index)?)
        }
        (None, None, None, None) => chain::named(None, index)?,
    };
    Ok(Asked { texts, way, explains, attributes })
}

/// One text, or a list of texts.
fn texts_of(name: &str, value: Value) -> Result<Vec<String>, Error> {
    match value.as_array() {
        Some(texts) => texts.iter().map(|text| text_of(name, text)).collect(),
        None => Ok(vec![text_of(name, &value)?]),
    }
}

/// A text.
fn text_of(name: &str, value: &Value) -> Result<String, Error> {
    value.as_str().map(str::to_owned).ok_or_else(|| wrong_type(name, value))
}

/// A member that is not known, or not of such a type.
fn wrong_type(name: &str, value: &Value) -> Error {
    let token = super::fields::token_of(&value.to_string());
    Error::illegal_argument(format!(
        "Unknown parameter [{name}] in request body or parameter is of the wrong type[{token}] "
    ))
}

/// The terms of some texts, one behind the other as in one field.
fn terms(texts: &[String], gap: usize, of: impl Fn(&str) -> Vec<Token>) -> Vec<Token> {
    let (mut all, mut offset, mut position) = (Vec::new(), 0, 0);
    for text in texts {
        let found = of(text);
        let last = found.last().map_or(0, |token| token.position + 1);
        all.extend(found.into_iter().map(|token| Token {
            start: token.start + offset,
            end: token.end + offset,
            position: token.position + position,
            ..token
        }));
        offset += text.encode_utf16().count() + OFFSET_GAP;
        position += last + gap;
    }
    all
}

/// Renders the terms, or each step on the way to them.
fn show(asked: &Asked, limit: usize) -> Result<Answer, Error> {
    let mut steps: Vec<(&str, Vec<Token>)> = Vec::new();
    match &asked.way {
        Way::Analyzer(name, analyzer, gap) => {
            steps.push((name, terms(&asked.texts, *gap, |text| analyzer.tokens(text))));
        }
        Way::Chain(name, tokenizer, filters) => {
            steps.push((name, terms(&asked.texts, 0, |text| tokenizer.cut(text))));
            // Each text goes its own way: a filter knows nothing of the others.
            let after = |count: usize, text: &str| {
                let filters = filters.iter().take(count);
                filters.fold(tokenizer.cut(text), |tokens, (_, filter)| filter.apply(&tokens))
            };
            for (number, (name, _)) in (1..).zip(filters) {
                if asked.explains || number == filters.len() {
                    steps.push((name, terms(&asked.texts, 0, |text| after(number, text))));
                }
            }
        }
    }
    if steps.iter().any(|(_, tokens)| tokens.len() > limit) {
        return Err(Error::illegal_argument(format!(
            "The number of tokens produced by calling _analyze has exceeded the allowed maximum of \
             [{limit}]. This limit can be set by changing the [index.analyze.max_token_count] index \
             level setting."
        )));
    }
    let is_analyzer = matches!(asked.way, Way::Analyzer(..));
    let body = json::object(|o| match steps.as_slice() {
        [] => {}
        [.., (_, last)] if !asked.explains => write_tokens(o, last, None),
        [first, filters @ ..] => o.object("detail", |o| {
            o.boolean("custom_analyzer", !is_analyzer);
            if is_analyzer {
                return o.object("analyzer", |o| write_step(o, first, asked));
            }
            o.array("charfilters", |_| {});
            o.object("tokenizer", |o| write_step(o, first, asked));
            if !filters.is_empty() {
                o.array("tokenfilters", |list| {
                    filters.iter().for_each(|step| list.object(|o| write_step(o, step, asked)));
                });
            }
        }),
    });
    Ok(Answer::json(StatusCode::OK, body))
}

/// Writes a step by its name.
fn write_step(o: &mut Object<'_>, (name, tokens): &(&str, Vec<Token>), asked: &Asked) {
    o.string("name", name);
    write_tokens(o, tokens, Some(asked));
}

/// Writes terms, in detail where somebody asks for that.
fn write_tokens(o: &mut Object<'_>, tokens: &[Token], detailed: Option<&Asked>) {
    let shows = |name: &str| {
        detailed.is_some_and(|asked| {
            let wanted = asked.attributes.as_ref();
            wanted.is_none_or(|wanted| wanted.iter().any(|own| own.eq_ignore_ascii_case(name)))
        })
    };
    o.array("tokens", |list| {
        for token in tokens {
            list.object(|o| {
                o.string("token", &token.term);
                o.number("start_offset", token.start);
                o.number("end_offset", token.end);
                o.string("type", token.kind);
                o.number("position", token.position);
                if shows("bytes") {
                    let bytes = token.term.bytes().map(|byte| format!("{byte:x}"));
                    o.string("bytes", &format!("[{}]", bytes.collect::<Vec<_>>().join(" ")));
                }
                if shows("positionLength") {
                    o.number("positionLength", 1);
                }
                if shows("termFrequency") {
                    o.number("termFrequency", 1);
                }
            });
        }
    });
}
