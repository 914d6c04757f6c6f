//! What a search asks for: its URL and its body together.

use node::{Expansion, Index, Node, Scope, parse_time_value};
use query::{Query, QueryError, Search, Sort, StoredFields, TotalHits, UrlQuery, ValuesOf};
use serde_json::value::RawValue;

use crate::rest::api::Call;
use crate::rest::dialect::Dialect;
use crate::rest::document::check_preference;
use crate::rest::error::Error;
use crate::rest::index::expression::take_expansion;
use crate::rest::mapping::rules;
use crate::rest::parameters::Parameters;
use crate::rest::source_filter::SourceFilter;

use super::failure::{phase_failed, query_error};
use super::view::stored;
use super::{SIZE, WINDOW};

/// Parameters that have no effect here.
const WITHOUT_EFFECT: [&str; 3] = ["ccs_minimize_roundtrips", "request_cache", "typed_keys"];

/// Numbers that say how a search is spread over a cluster, the lowest that each may be, and what is said of a
/// lower one. On one node they have no effect.
const SPREAD: [(&str, i32, &str); 3] = [
    ("batched_reduce_size", 2, "batchedReduceSize must be >= 2"),
    ("max_concurrent_shard_requests", 1, "maxConcurrentShardRequests must be >= 1"),
    ("pre_filter_shard_size", 1, "preFilterShardSize must be >= 1"),
];

/// Parameters of what is not there yet.
const UNSUPPORTED: [&str; 5] =
    ["suggest_field", "suggest_mode", "suggest_size", "suggest_text", "explain"];

/// A search with what its URL says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// What is asked.
    pub(crate) search: Search,
    /// The part of each source that is shown.
    pub(crate) source: SourceFilter,
    /// The routing values that narrow the shards.
    pub(crate) routing: Option<Vec<String>>,
    /// How long it may take, in milliseconds.
    pub(crate) timeout: Option<i64>,
    /// How long it is kept, in milliseconds.
    pub(crate) scroll: Option<i64>,
    /// Whether some shards may fail.
    pub(crate) allows_partial: bool,
    /// Whether the number of hits is shown as a number.
    pub(crate) total_as_int: bool,
    /// Whether hits are counted to the end where nothing is said.
    pub(crate) counts_exactly: bool,
}

/// Takes the parameters that say how an expression of indices is read.
pub(crate) fn take_wildcards(call: &mut Call<'_>) -> Result<Expansion, Error> {
    call.parameters.declare(&["type"]);
    take_expansion(call, Expansion::OPEN)
}

impl Asked {
    /// Takes the parameters of a search and reads its body.
    pub(crate) fn take(call: &mut Call<'_>) -> Result<Self, Error> {
        let body = Self::body(call)?;
        let mut asked = Self::read(&body, call.dialect)?;
        asked.take_parameters(call)?;
        asked.finish()
    }

    /// The text of a body, which may also be given in the URL.
    pub(crate) fn body(call: &mut Call<'_>) -> Result<String, Error> {
        if !call.request.body.is_empty() {
            let text = std::str::from_utf8(&call.request.body);
            let text = text
                .map_err(|error| Error::MalformedJson(format!("[1:1] invalid UTF-8: {error}")))?;
            return Ok(text.to_owned());
        }
        Ok(call.parameters.take("source").unwrap_or_default())
    }

    /// Reads a body; an empty one asks for everything.
    pub(crate) fn read(text: &str, dialect: Dialect) -> Result<Self, Error> {
        let search = if text.trim().is_empty() {
            Search::default()
        } else {
            Search::read(text, rules(dialect)).map_err(|error| query_error(&error))?
        };
        Self::of(search, dialect)
    }

    /// What a search asks for that is read already.
    pub(crate) fn of(search: Search, dialect: Dialect) -> Result<Self, Error> {
        let source = match &search.source {
            Some(raw) => {
                let raw = RawValue::from_string(raw.clone());
                SourceFilter::parse(&raw.map_err(|error| Error::malformed(&error))?)?
            }
            None => SourceFilter::Unasked,
        };
        let counts_exactly = matches!(dialect, Dialect::V2 | Dialect::V5);
        Ok(Self {
            search,
            source,
            allows_partial: true,
            total_as_int: counts_exactly,
            counts_exactly,
            ..Self::default()
        })
    }

    /// Takes the parameters, which come before what the body says.
    fn take_parameters(&mut self, call: &mut Call<'_>) -> Result<(), Error> {
        let source = SourceFilter::take(&mut call.parameters, call.dialect);
        self.source = source.or(&self.source);
        check_preference(call.parameters.take("preference").as_deref(), call.dialect)?;
        let parameters = &mut call.parameters;
        if let Some(groups) = parameters.take_list("stats") {
            self.search.stats = groups;
        }
        take_spread(parameters)?;
        for name in WITHOUT_EFFECT {
            parameters.take(name);
        }
        for name in UNSUPPORTED {
            if parameters.take(name).is_some_and(|value| value != "false") {
                return Err(Error::Unsupported(format!("[{name}] is not supported yet")));
            }
        }
        let search = &mut self.search;
        if let Some(text) = take_query(call)? {
            search.query = Some(text);
        }
        let parameters = &mut call.parameters;
        if let Some(from) = parameters.take_int("from")? {
            let negative = || Error::illegal_argument("[from] parameter cannot be negative");
            search.from = Some(u64::try_from(from).map_err(|_| negative())?);
        }
        if let Some(size) = parameters.take_int("size")? {
            let text = format!("[size] parameter cannot be negative, found [{size}]");
            search.size = Some(u64::try_from(size).map_err(|_| Error::illegal_argument(text))?);
        }
        if let Some(sort) = parameters.take("sort") {
            search.sort = Sort::of_url(&sort);
        }
        if let Some(fields) = parameters.take_list("stored_fields") {
            search.stored_fields = StoredFields::of(fields);
        }
        if let Some(fields) = parameters.take_list("docvalue_fields") {
            let values_of = |field| ValuesOf { field, format: None };
            search.docvalue_fields = fields.into_iter().map(values_of).collect();
        }
        // Without a value these two say nothing, unlike other flags.
        if parameters.value("version") != Some("") {
            search.version = parameters.take_flag("version")?.or(search.version);
        }
        if parameters.value("seq_no_primary_term") != Some("") {
            let seq_no = parameters.take_flag("seq_no_primary_term")?;
            search.seq_no_primary_term = seq_no.or(search.seq_no_primary_term);
        }
        parameters.take("version");
        parameters.take("seq_no_primary_term");
        search.track_scores = parameters.take_flag("track_scores")?.or(search.track_scores);
        if let Some(text) = parameters.take("track_total_hits") {
            let text = if text.is_empty() { "true" } else { &text };
            let read = TotalHits::read(text).map_err(|error| query_error(&error))?;
            search.track_total_hits = Some(read);
        }
        if let Some(after) = parameters.take_int("terminate_after")? {
            let negative = || Error::illegal_argument("terminateAfter must be > 0");
            let after = u64::try_from(after).map_err(|_| negative())?;
            search.terminate_after = Some(after).filter(|after| *after > 0);
        }
        self.timeout = parameters.take_time("timeout")?;
        self.scroll = parameters.take_time("scroll")?;
        self.routing = parameters.take_list("routing").filter(|values| !values.is_empty());
        let partial = parameters.take_flag("allow_partial_search_results")?;
        self.allows_partial = partial.unwrap_or(true);
        if parameters.take_flag("rest_total_hits_as_int")?.unwrap_or(false) {
            self.show_total_as_int()?;
        }
        check_search_type(parameters.take("search_type").as_deref())
    }

    /// Shows the number of hits as a number, which has to be exact.
    pub(crate) fn show_total_as_int(&mut self) -> Result<(), Error> {
        (self.total_as_int, self.counts_exactly) = (true, true);
        if let Some(TotalHits::UpTo(limit)) = self.search.track_total_hits {
            let text = format!(
                "[rest_total_hits_as_int] cannot be used if the tracking of total hits is not \
                 accurate, got {limit}"
            );
            return Err(Error::illegal_argument(text));
        }
        Ok(())
    }

    /// Reads what is left to be read.
    pub(crate) fn finish(mut self) -> Result<Self, Error> {
        if let (None, Some(text)) = (self.timeout, &self.search.timeout) {
            let unit = |_| {
                Error::illegal_argument(format!(
                    "failed to parse setting [timeout] with value [{text}] as a time value: unit is \
                     missing or unrecognized"
                ))
            };
            self.timeout = Some(parse_time_value(text).map_err(unit)?);
        }
        self.timeout = self.timeout.filter(|timeout| *timeout >= 0);
        Ok(self)
    }

    /// The rules that it breaks.
    pub(crate) fn rules(&self) -> Vec<String> {
        let mut rules = Vec::new();
        let search = &self.search;
        if self.scroll.is_some() {
            if search.track_total_hits == Some(TotalHits::Off) {
                rules.push("disabling [track_total_hits] is not allowed in a scroll context");
            }
            if search.from.is_some_and(|from| from > 0) {
                rules.push("using [from] is not allowed in a scroll context");
            }
            if search.size == Some(0) {
                rules.push("[size] cannot be [0] in a scroll context");
            }
            if search.pit.is_some() {
                rules.push("using [point in time] is not allowed in a scroll context");
            }
        }
        if search.pit.is_some() && self.routing.is_some() {
            rules.push("[routing] cannot be used with point in time");
        }
        rules.into_iter().map(str::to_owned).collect()
    }

    /// Refuses what cannot be.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let rules = self.rules();
        if !rules.is_empty() {
            return Err(Error::Validation(rules));
        }
        let search = &self.search;
        let refused = |reason: &str| {
            let error = QueryError::argument(reason);
            Err(query_error(&error))
        };
        if search.is_continued() && search.from.is_some_and(|from| from > 0) {
            return refused("`from` parameter must be set to 0 when `search_after` is used.");
        }
        if search.is_continued() && self.scroll.is_some() {
            return refused("`search_after` cannot be used in a scroll context.");
        }
        if search.slice.is_some() && self.scroll.is_none() && search.pit.is_none() {
            return refused("`slice` cannot be used outside of a scroll context");
        }
        let nothing = search.stored_fields == Some(StoredFields::Nothing);
        if nothing && !matches!(self.source, SourceFilter::Unasked | SourceFilter::Nothing) {
            return refused("`stored_fields` cannot be disabled if _source is requested");
        }
        Ok(())
    }

    /// How many hits a page has.
    pub(crate) fn size(&self) -> u64 {
        self.search.size.unwrap_or(SIZE)
    }
}

/// Takes `q`, and what says how it is read.
pub(crate) fn take_query(call: &mut Call<'_>) -> Result<Option<Query>, Error> {
    call.parameters.take_flag("analyze_wildcard")?;
    let operator = call.parameters.take("default_operator");
    let how = UrlQuery {
        default_field: call.parameters.take("df"),
        every: operator.is_some_and(|operator| operator.eq_ignore_ascii_case("and")),
        analyzer: call.parameters.take("analyzer"),
        lenient: call.parameters.take_flag("lenient")?,
    };
    Ok(call.parameters.take("q").map(|text| Query::of_url(&text, &how)))
}

/// How long a context is kept, in milliseconds.
pub(crate) fn parse_keep_alive(text: &str) -> Result<i64, Error> {
    parse_time_value(text).map_err(|_| {
        Error::illegal_argument(format!(
            "failed to parse setting [scroll] with value [{text}] as a time value: unit is missing \
             or unrecognized"
        ))
    })
}

/// Takes the numbers that say how a search is spread.
pub(super) fn take_spread(parameters: &mut Parameters) -> Result<(), Error> {
    for (name, least, rule) in SPREAD {
        if parameters.take_int(name)?.is_some_and(|number| number < least) {
            return Err(Error::illegal_argument(rule));
        }
    }
    Ok(())
}

/// Refuses a search type that there is not.
fn check_search_type(text: Option<&str>) -> Result<(), Error> {
    match text {
        None | Some("query_then_fetch" | "dfs_query_then_fetch") => Ok(()),
        Some(old @ ("query_and_fetch" | "dfs_query_and_fetch")) => {
            Err(Error::illegal_argument(format!("Unsupported search type [{old}]")))
        }
        Some(other) => Err(Error::illegal_argument(format!("No search type for [{other}]"))),
    }
}

/// How many fields' values an index gives at most, unless its settings say something else.
const VALUES_MAX: usize = 100;

/// Refuses to show an object as a stored field.
fn check_stored(node: &Node, asked: &Asked, scopes: &[Scope]) -> Result<(), Error> {
    for index in scopes.iter().map(|scope| &scope.index) {
        let mapping = index.mapping();
        let checked = stored(asked, &mapping).map_or(Ok(()), |stored| stored.check(&mapping));
        if let Err(Error::IllegalArgument(text)) = checked {
            let error = QueryError::argument(text);
            return Err(phase_failed(node, Some(index.identity()), &error));
        }
    }
    Ok(())
}

/// Refuses the values of more fields than an index gives.
fn check_values(node: &Node, asked: &Asked, scopes: &[Scope]) -> Result<(), Error> {
    let wanted = asked.search.docvalue_fields.len();
    for scope in scopes.iter().filter(|_| wanted > 0) {
        let setting = scope.index.metadata().settings.get("index.max_docvalue_fields_search");
        let limit = setting.and_then(|text| text.parse().ok()).unwrap_or(VALUES_MAX);
        if wanted > limit {
            let reason = format!(
                "Trying to retrieve too many docvalue_fields. Must be less than or equal to: [{limit}] but \
                 was [{wanted}]. This limit can be set by changing the \
                 [index.max_docvalue_fields_search] index level setting."
            );
            let error = QueryError::argument(reason);
            return Err(phase_failed(node, Some(scope.index.identity()), &error));
        }
    }
    Ok(())
}

/// Refuses more hits than a page of an index may have, and the values of more fields.
pub(crate) fn check_window(node: &Node, asked: &Asked, scopes: &[Scope]) -> Result<(), Error> {
    check_values(node, asked, scopes)?;
    check_stored(node, asked, scopes)?;
    check_stored(node, asked, scopes)?;
    let wanted = asked.search.from.unwrap_or(0).saturating_add(asked.size());
    let window = |index: &Index| {
        let setting = index.metadata().settings.get("index.max_result_window");
        let limit = setting.and_then(|text| text.parse().ok()).unwrap_or(WINDOW);
        (wanted > limit).then_some(limit)
    };
    let indices = scopes.iter().map(|scope| &scope.index);
    let mut exceeded = indices.filter_map(|index| Some((index, window(index)?)));
    let limit = match exceeded.next() {
        Some((index, limit)) => Some((Some(index.identity().clone()), limit)),
        None if asked.search.pit.is_some() && wanted > WINDOW => Some((None, WINDOW)),
        None => None,
    };
    let Some((index, limit)) = limit else { return Ok(()) };
    let what = if asked.scroll.is_some() {
        format!(
            "Batch size is too large, size must be less than or equal to: [{limit}] but was \
             [{wanted}]. Scroll batch sizes cost as much memory as result windows so they are \
             controlled by the [index.max_result_window] index level setting."
        )
    } else {
        format!(
            "Result window is too large, from + size must be less than or equal to: [{limit}] but was \
             [{wanted}]. See the scroll api for a more efficient way to request large data sets. This \
             limit can be set by changing the [index.max_result_window] index level setting."
        )
    };
    Err(phase_failed(node, index.as_ref(), &QueryError::argument(what)))
}
