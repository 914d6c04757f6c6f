//! Whether a query can be carried out, without carrying it out.

use hyper::StatusCode;
use node::{Index, Node};
use query::{Context, Plan, Query, QueryError, Search};

use super::api::Call;
use super::error::Error;
use super::index::expression::find_scopes;
use super::json;
use super::mapping::rules;
use super::response::Answer;
use super::search::{Asked, query_error, take_query, take_wildcards};

/// What an index says of a query.
struct Verdict {
    index: String,
    error: Option<String>,
}

/// Says whether a query is one that the indices can answer. What Elasticsearch has and this server has
/// not is no invalid query: it is refused as in a search.
pub(crate) fn validate_query(node: &Node, call: &mut Call<'_>) -> Result<Answer, Error> {
    let body = Asked::body(call)?;
    let read = read(&body, call);
    let from_url = take_query(call);
    let explains = call.parameters.take_flag("explain")?.unwrap_or(false);
    let rewrites = call.parameters.take_flag("rewrite")?.unwrap_or(false);
    call.parameters.take_flag("all_shards")?;
    let expansion = take_wildcards(call)?;
    call.finish_parameters()?;
    let names = call.found.index.unwrap_or("_all");
    let scopes = find_scopes(node, call, names, expansion, None)?;
    let shows = explains || rewrites;
    let query = match read.map(|read| from_url.map(|asked| asked.or(read))) {
        Ok(query) => query?,
        Err(error) if is_unsupported(&error) => return Err(query_error(&error)),
        Err(error) => return Ok(unreadable(&error, shows)),
    };
    let mut search = Search::default();
    search.query = query;
    let mut verdicts = Vec::new();
    for index in scopes.iter().map(|scope| &*scope.index) {
        let verdict = judge(node, index, &search);
        let error = match verdict {
            Err(error) if is_unsupported(&error) => return Err(query_error(&error)),
            Err(error) => Some(detailed(&error)),
            Ok(()) => None,
        };
        verdicts.push(Verdict { index: index.name().to_owned(), error });
    }
    Ok(answer(&verdicts, shows, &explanation(search.query.as_ref(), &body)))
}

/// The query of a body, if it has one.
fn read(body: &str, call: &Call<'_>) -> Result<Option<Query>, QueryError> {
    if body.trim().is_empty() {
        return Ok(None);
    }
    Search::read_count(body, rules(call.dialect))
}

/// Whether an index can answer a query.
fn judge(node: &Node, index: &Index, search: &Search) -> Result<(), QueryError> {
    let (mapping, now) = (index.mapping(), node.now().as_millis());
    let context = Context {
        mapping: &mapping,
        index: index.name(),
        aliases: &[],
        filter: None,
        default_field: index.metadata().settings.get("index.query.default_field"),
        now,
    };
    Plan::new(search, &context).map(drop)
}

/// Whether an error says that this server has not something yet.
fn is_unsupported(error: &QueryError) -> bool {
    let cause = error.caused_by().is_some_and(is_unsupported);
    cause || error.reason().contains("not supported yet")
}

/// A query as it is explained: as it was given, but for that which matches everything.
fn explanation(query: Option<&Query>, body: &str) -> String {
    if query.is_none_or(|query| *query == Query::all()) {
        return "*:*".to_owned();
    }
    let body: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let query = body.as_ref().and_then(|body| body.get("query"));
    query.map_or_else(String::new, ToString::to_string)
}

/// An answer about a body that is no query.
fn unreadable(error: &QueryError, shows: bool) -> Answer {
    let body = json::object(|o| {
        o.boolean("valid", false);
        if shows {
            o.string("error", &detailed(error));
        }
    });
    Answer::json(StatusCode::OK, body)
}

/// The answer of some indices.
fn answer(verdicts: &[Verdict], shows: bool, explanation: &str) -> Answer {
    let count = u64::try_from(verdicts.len()).unwrap_or(u64::MAX);
    let body = json::object(|o| {
        super::index::write_shards(o, count, count);
        o.boolean("valid", verdicts.iter().all(|verdict| verdict.error.is_none()));
        if shows && !verdicts.is_empty() {
            o.array("explanations", |list| {
                for Verdict { index, error } in verdicts {
                    list.object(|o| {
                        o.string("index", index);
                        o.boolean("valid", error.is_none());
                        match error {
                            Some(error) => o.string("error", error),
                            None => o.string("explanation", explanation),
                        }
                    });
                }
            });
        }
    });
    Answer::json(StatusCode::OK, body)
}

/// An error as Elasticsearch spells it here: with the names of its classes.
fn detailed(error: &QueryError) -> String {
    let own = format!("{}: {}", class_of(error.kind()), error.reason());
    match error.caused_by() {
        Some(cause) => format!("{own}; nested: {}", detailed(cause)),
        None => own,
    }
}

/// The class that an error of Elasticsearch's has.
fn class_of(kind: &str) -> String {
    match kind {
        "parsing_exception" => "org.elasticsearch.common.ParsingException".to_owned(),
        "parse_exception" => "org.elasticsearch.ElasticsearchParseException".to_owned(),
        "query_shard_exception" => "org.elasticsearch.index.query.QueryShardException".to_owned(),
        "illegal_argument_exception" => "java.lang.IllegalArgumentException".to_owned(),
        "number_format_exception" => "java.lang.NumberFormatException".to_owned(),
        "x_content_parse_exception" => {
            "org.elasticsearch.common.xcontent.XContentParseException".to_owned()
        }
        other => format!("org.elasticsearch.{other}"),
    }
}
