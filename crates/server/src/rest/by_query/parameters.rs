//! The parameters of writes by query.

use node::{NamedBy, Node, Scope};
use query::{Conflicts, Search, Sort, TotalHits, WriteByQuery};

use crate::rest::api::Call;
use crate::rest::error::Error;
use crate::rest::search::query_error;
use crate::rest::source_filter::SourceFilter;
use crate::rest::write_parameters::{WriteParameters, take_pipeline};

/// How many slices there may be.
const SLICES_MAX: u32 = 1_024;
/// How many slices `auto` is at most.
const SLICES_AUTO_MAX: usize = 20;

/// What the URL says beside the search.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters {
    /// What a conflict does.
    pub(super) conflicts: Option<Conflicts>,
    /// How many documents at most.
    pub(super) max_docs: Option<u64>,
    /// How many documents a batch has.
    pub(super) batch: Option<u64>,
    /// How many writes a second; no bound if none.
    pub(super) per_second: Option<f32>,
    /// Whether documents are read without their sources, which then cannot be written.
    pub(super) without_source: bool,
    /// Whether hits are not to be counted.
    without_total: bool,
    /// Whether the search is to be cached.
    cached: bool,
    /// Whether nobody waits for the end.
    pub(super) is_detached: bool,
    /// How long the search may take, in milliseconds.
    pub(super) search_timeout: Option<i64>,
    /// The routing values that narrow the shards.
    pub(super) routing: Option<Vec<String>>,
    /// What all writes have.
    write: Option<WriteParameters>,
    slices: Option<Slices>,
}

/// How many parts the work is cut into.
#[derive(Clone, Copy, Debug)]
enum Slices {
    /// As many as the index has shards.
    Auto,
    /// So many.
    Count(u32),
}

/// What URL and body, or two names of one thing, say together: none of them is passed over.
pub(super) fn one<T: PartialEq + std::fmt::Display>(
    name: &str,
    one: Option<T>,
    other: Option<T>,
) -> Result<Option<T>, Error> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Err(Error::illegal_argument(format!(
            "[{name}] set to two different values [{one}] and [{other}]"
        ))),
        (one, other) => Ok(one.or(other)),
    }
}

impl Parameters {
    /// Takes those of an update or a delete; what they say of the search goes there.
    pub(super) fn take(
        call: &mut Call<'_>,
        search: &mut Search,
        takes_pipeline: bool,
    ) -> Result<Self, Error> {
        for name in ["require_alias", "require_data_stream"] {
            if call.parameters.value(name).is_some() {
                let path = call.request.raw_path();
                let text = format!("request [{path}] contains unrecognized parameter: [{name}]");
                return Err(Error::illegal_argument(text));
            }
        }
        let mut taken = Self::take_common(call)?;
        if takes_pipeline {
            take_pipeline(call)?;
        }
        let source = SourceFilter::take(&mut call.parameters, call.dialect);
        let without = matches!(source, SourceFilter::Nothing);
        taken.without_source = without || search.source.as_deref() == Some("false");
        if let Some(query) = crate::rest::search::take_query(call)? {
            search.query = Some(query);
        }
        let parameters = &mut call.parameters;
        if let Some(text) = parameters.take("conflicts") {
            taken.conflicts = Some(Conflicts::read(&text).map_err(|error| query_error(&error))?);
        }
        if let Some(sort) = parameters.take("sort") {
            search.sort = Sort::of_url(&sort);
        }
        if let Some(from) = parameters.take_int("from")? {
            search.from = u64::try_from(from).ok();
        }
        if let Some(after) = parameters.take_int("terminate_after")? {
            search.terminate_after = u64::try_from(after).ok().filter(|after| *after > 0);
        }
        let size = parameters.take_int("size")?;
        taken.limit("size", size)?;
        if let Some(size) = parameters.take_int("scroll_size")? {
            let text = format!("[size] parameter cannot be negative, found [{size}]");
            let size = u64::try_from(size).map_err(|_| Error::illegal_argument(text))?;
            taken.batch = Some(size);
        }
        taken.without_total = parameters.take("track_total_hits").as_deref() == Some("false");
        taken.cached = parameters.take_flag("request_cache")? == Some(true);
        parameters.take_flag("version")?;
        taken.search_timeout = parameters.take_time("search_timeout")?;
        for accepted in ["preference", "search_type", "stats"] {
            parameters.take(accepted);
        }
        Ok(taken)
    }

    /// Takes those of a reindex.
    pub(super) fn take_of_reindex(call: &mut Call<'_>) -> Result<Self, Error> {
        Self::take_common(call)
    }

    fn take_common(call: &mut Call<'_>) -> Result<Self, Error> {
        call.refuse_if_match()?;
        call.parameters.take_flag("refresh")?;
        let write = WriteParameters::take(call)?;
        let parameters = &mut call.parameters;
        parameters.take_time("scroll")?;
        let is_detached = parameters.take_flag("wait_for_completion")? == Some(false);
        let routing = write.routing.as_ref();
        let routing = routing.map(|text| text.split(',').map(str::to_owned).collect());
        let mut taken = Self { is_detached, routing, write: Some(write), ..Self::default() };
        if let Some(text) = parameters.take("requests_per_second") {
            taken.per_second = per_second(&text)?;
        }
        if let Some(text) = parameters.take("slices") {
            taken.slices = Some(slices(&text)?);
        }
        let limit = parameters.take_int("max_docs")?;
        taken.limit("max_docs", limit)?;
        Ok(taken)
    }

    /// Takes how many documents at most.
    fn limit(&mut self, name: &str, given: Option<i32>) -> Result<(), Error> {
        let Some(given) = given else { return Ok(()) };
        let limit = WriteByQuery::max_docs(name, i64::from(given));
        let limit = limit.map_err(|error| query_error(&error))?;
        self.max_docs = one("max_docs", self.max_docs, Some(limit))?;
        Ok(())
    }

    /// Whether searches see what was written when it is answered.
    pub(super) fn refreshes(&self) -> bool {
        self.write.as_ref().is_some_and(WriteParameters::refreshes)
    }

    /// What the name of the index must be that copies go to.
    pub(super) fn named_by(&self) -> NamedBy {
        self.write.as_ref().map(|write| write.named_by).unwrap_or_default()
    }

    /// The rules that the request breaks.
    pub(super) fn rules(&self, search: &Search) -> Vec<String> {
        let mut rules = Vec::new();
        if self.without_total || search.track_total_hits == Some(TotalHits::Off) {
            rules.push("disabling [track_total_hits] is not allowed in a scroll context");
        }
        if self.cached {
            rules.push("[request_cache] cannot be used in a scroll context");
        }
        if search.from.is_some_and(|from| from > 0) {
            rules.push("using [from] is not allowed in a scroll context");
            rules.push("from is not supported in this context");
        }
        if search.stored_fields.is_some() {
            rules.push("stored_fields is not supported in this context");
        }
        if search.slice.is_some() && matches!(self.slices, Some(Slices::Auto | Slices::Count(2..)))
        {
            rules.push("can't specify both manual and automatic slicing at the same time");
        }
        rules.into_iter().map(str::to_owned).collect()
    }

    /// Refuses to write where more copies are asked for than one node has.
    pub(super) fn check_copies(&self, node: &Node, index: &str) -> Result<(), Error> {
        self.write.as_ref().map_or(Ok(()), |write| write.check_copies(node, index))
    }

    /// How many parts the work is cut into.
    pub(super) fn slices(&self, scopes: &[Scope]) -> u32 {
        match self.slices {
            None => 1,
            Some(Slices::Count(count)) => count,
            Some(Slices::Auto) => {
                let shards = scopes.iter().map(|scope| scope.index.shards().len());
                let least = shards.min().unwrap_or(1);
                u32::try_from(least.min(SLICES_AUTO_MAX)).unwrap_or(1)
            }
        }
    }
}

/// How many writes a second; -1 is no bound.
pub(super) fn per_second(text: &str) -> Result<Option<f32>, Error> {
    let reason =
        "[requests_per_second] must be a float greater than 0. Use -1 to disable throttling.";
    let wrong = || Error::illegal_argument(reason);
    if text.is_empty() {
        return Err(wrong());
    }
    let no_number = |_| Error::not_a_number(reason.to_owned(), text);
    let value: f32 = text.parse().map_err(no_number)?;
    if value == -1.0 {
        return Ok(None);
    }
    if value > 0.0 { Ok(Some(value).filter(|value| value.is_finite())) } else { Err(wrong()) }
}

/// How many parts the work is cut into.
fn slices(text: &str) -> Result<Slices, Error> {
    if text == "auto" {
        return Ok(Slices::Auto);
    }
    let reason =
        format!("[slices] must be a positive integer or the string \"auto\", but was [{text}]");
    match text.parse::<i64>().map(u32::try_from) {
        Ok(Ok(count @ 1..=SLICES_MAX)) => Ok(Slices::Count(count)),
        Ok(_) => Err(Error::illegal_argument(reason)),
        Err(_) => Err(Error::not_a_number(reason, text)),
    }
}
