//! Searches: one, many, counted, page by page (spec search-api).

mod contexts;
mod count;
mod failure;
mod many;
mod point_in_time;
mod request;
mod scroll;
mod shards;
mod view;

use std::collections::BTreeSet;
use std::sync::Arc;

use document::Timestamp;
use hyper::StatusCode;
use node::{Found, Hit, Node, Room, Scope, SearchRequest, Searcher, Within};
use query::{Query, TotalHits};
use shard::Document;

use super::api::Call;
use super::budget::Reservation;
use super::dialect::Dialect;
use super::document_view::{TYPELESS, type_name};
use super::error::Error;
use super::response::Answer;

pub(crate) use contexts::Contexts;
pub(crate) use count::count;
pub(crate) use failure::{context_missing, failure_body, query_error};
pub(crate) use many::multi_search;
pub(crate) use point_in_time::{close_point_in_time, open_point_in_time};
pub(crate) use request::{Asked, check_window, take_query, take_wildcards};
pub(crate) use scroll::{clear_scroll, scroll};
pub(crate) use shards::search_shards;

use super::index::expression::find_scopes;
use failure::{search_failed, unreadable};
use view::{Page, write_page};

/// How many hits of a search may be asked for where the index does not say.
const WINDOW: u64 = 10_000;
/// How many hits are remembered of a search that is shown page by page, or written to.
const HITS_MAX: usize = 1_000_000;
/// How often a search is tried whose sources are given up meanwhile.
const ATTEMPTS_MAX: u32 = 3;
/// How many hits a search has that does not say.
const SIZE: u64 = 10;

/// One search.
pub(crate) async fn search(
    node: &Node,
    call: &mut Call<'_>,
    contexts: &Contexts,
) -> Result<Answer, Error> {
    let mut asked = Asked::take(call)?;
    let expansion = take_wildcards(call)?;
    call.finish_parameters()?;
    asked.check()?;
    let expression = call.found.index;
    let scopes = if asked.search.pit.is_some() {
        if expression.is_some() {
            let rule = "[indices] cannot be used with point in time. Do not specify any index with \
                        point in time.";
            return Err(Error::Validation(vec![rule.to_owned()]));
        }
        Vec::new()
    } else {
        find_scopes(node, call, expression.unwrap_or("_all"), expansion, asked.routing.as_deref())?
    };
    narrow_to_type(call, &mut asked, &scopes);
    if asked.scroll.is_some() {
        return scroll::begin(node, call, contexts, asked, &scopes).await;
    }
    let (body, held) = answer(node, call, contexts, &asked, &scopes).await?;
    let held = Some(Arc::new(held));
    Ok(Answer { held, ..Answer::json(StatusCode::OK, body) })
}

/// Where the path names a type that none of the indices has, nothing is found.
pub(crate) fn narrow_to_type(call: &Call<'_>, asked: &mut Asked, scopes: &[Scope]) {
    let asks_for = |name: &&str| *name != TYPELESS && *name != "_all";
    let Some(name) = call.found.document_type.filter(asks_for) else { return };
    if !scopes.iter().any(|scope| type_name(&scope.index) == name) {
        asked.search.query = Some(Query::none());
    }
}

/// Carries out a search and renders its one page.
pub(crate) async fn answer(
    node: &Node,
    call: &Call<'_>,
    contexts: &Contexts,
    asked: &Asked,
    scopes: &[Scope],
) -> Result<(Vec<u8>, Reservation), Error> {
    let started = node.now();
    check_window(node, asked, scopes)?;
    let (from, size) = (asked.search.from.unwrap_or(0), asked.search.size.unwrap_or(SIZE));
    let limit = usize::try_from(from.saturating_add(size)).unwrap_or(usize::MAX);
    let moment = match &asked.search.pit {
        Some(pit) => Some(contexts.moment(node, pit)?),
        None => None,
    };
    let within = match &moment {
        Some(moment) => Within::Moment(moment),
        None => Within::Now(scopes),
    };
    let mut held = call.request.budget.reserve_none("search");
    let mut attempts = 0;
    let (found, documents) = loop {
        let found = find(node, call.dialect, asked, within, limit).await?;
        let hits = page_of(&found, from);
        let reading = if moment.is_some() { Reading::AsFound } else { Reading::OrLatest };
        let documents = read(node, &hits, reading, &mut held).await?;
        if !is_lost(&hits, &documents, reading) {
            break (found, documents);
        }
        // Where room is short, sources are given up under a search.
        attempts += 1;
        match &asked.search.pit {
            Some(pit) => return Err(contexts.moment_missing(pit)),
            None if attempts >= ATTEMPTS_MAX => return Err(context_missing("0")),
            None => {}
        }
    };
    let hits = page_of(&found, from);
    let page = Page {
        asked,
        found: &found,
        hits: &hits,
        documents: &documents,
        scroll_id: None,
        node_id: node.id(),
        took: took(node, started),
    };
    Ok((write_page(call.dialect, &page), held))
}

/// Finds so many documents at most, or all, for those who show them page by page or write to them: within the
/// bounds of what is remembered.
pub(crate) async fn find_hits(
    node: &Node,
    dialect: Dialect,
    asked: &Asked,
    within: Within<'_>,
    limit: Option<u64>,
    held: Reservation,
) -> Result<(Found, Reservation), Error> {
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).filter(|some| *some < HITS_MAX);
    // Refused where it gets too much, not when all of it is there.
    let taken = parking_lot::Mutex::new((held, None));
    let room = |bytes: u64| {
        let (held, refused) = &mut *taken.lock();
        *refused = held.grow(bytes).err();
        refused.is_none()
    };
    let most = limit.unwrap_or(HITS_MAX);
    let found = find_within(node, dialect, asked, within, most, Some(&room)).await;
    let (held, refused) = taken.into_inner();
    if let Some(refused) = refused {
        return Err(refused);
    }
    let found = found?;
    if limit.is_none() && found.total > u64::try_from(HITS_MAX).unwrap_or(u64::MAX) {
        return Err(Error::TooMany { what: "hits", limit: HITS_MAX });
    }
    Ok((found, held))
}

/// Carries out a search; fails where all shards have failed.
pub(crate) async fn find(
    node: &Node,
    dialect: Dialect,
    asked: &Asked,
    within: Within<'_>,
    limit: usize,
) -> Result<Found, Error> {
    find_within(node, dialect, asked, within, limit, None).await
}

/// The same, with memory for hits only as far as there is room.
async fn find_within(
    node: &Node,
    dialect: Dialect,
    asked: &Asked,
    within: Within<'_>,
    limit: usize,
    room: Option<&Room<'_>>,
) -> Result<Found, Error> {
    let deadline = asked
        .timeout
        .map(|timeout| Timestamp::from_millis(node.now().as_millis().saturating_add(timeout)));
    let request = SearchRequest { within, search: &asked.search, limit, deadline, room };
    let found = node.searcher().search(request).await;
    let found = found.map_err(|error| Error::node(error, dialect, TYPELESS))?;
    count_search(within, &found, &asked.search.stats);
    let failed = u64::try_from(found.failures.len()).unwrap_or(u64::MAX);
    let all_failed = failed > 0 && failed >= found.shards;
    if all_failed || (failed > 0 && !asked.allows_partial) {
        return Err(search_failed(node, &found.failures, all_failed));
    }
    Ok(found)
}

/// Notes a search for statistics: by shard, and by the groups that it names.
fn count_search(within: Within<'_>, found: &Found, groups: &[String]) {
    let Within::Now(scopes) = within else { return };
    for index in scopes.iter().map(|scope| &scope.index) {
        let shards = u64::try_from(index.shards().len()).unwrap_or(u64::MAX);
        let is_shown = |hit: &&Hit| hit.index.identity() == index.identity();
        let numbers: BTreeSet<u32> =
            found.hits.iter().filter(is_shown).map(|hit| hit.shard).collect();
        let fetched = u64::try_from(numbers.len()).unwrap_or(u64::MAX);
        index.counters().note_search(shards, fetched, groups);
    }
}

/// The hits of a page, which begins with this one.
fn page_of(found: &Found, from: u64) -> Vec<&Hit> {
    found.hits.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)).collect()
}

/// Which source of a hit is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// That which was found, or none.
    AsFound,
    /// That which was found; where it is given up, what the document is now, if it does not matter what its
    /// source is.
    OrLatest,
}

/// Whether a source is missing of which it matters what it was.
pub(crate) fn is_lost(hits: &[&Hit], documents: &[Option<Document>], reading: Reading) -> bool {
    let matters = |hit: &Hit| hit.is_judged_by_source || reading == Reading::AsFound;
    hits.iter().zip(documents).any(|(hit, document)| document.is_none() && matters(hit))
}

/// Reads the documents of some hits, within the budget: none where there is none to read.
pub(crate) async fn read(
    node: &Node,
    hits: &[&Hit],
    reading: Reading,
    held: &mut Reservation,
) -> Result<Vec<Option<Document>>, Error> {
    held.grow(hits.iter().map(|hit| hit.stored_bytes()).sum())?;
    let read = async |hit: &&Hit| match hit.read().await {
        Ok(None) if reading == Reading::OrLatest && !hit.is_judged_by_source => {
            hit.read_latest().await
        }
        read => read,
    };
    let mut documents = Vec::with_capacity(hits.len());
    for together in hits.chunks(64) {
        let read = futures_util::future::join_all(together.iter().map(read)).await;
        for (hit, document) in together.iter().zip(read) {
            documents.push(document.map_err(|error| unreadable(node, hit, &error))?);
        }
    }
    Ok(documents)
}

/// How many milliseconds have passed.
pub(crate) fn took(node: &Node, started: Timestamp) -> u64 {
    u64::try_from(node.now().as_millis().saturating_sub(started.as_millis())).unwrap_or(0)
}

/// How far a search counts.
fn total_hits(asked: &Asked) -> TotalHits {
    let counts_all = asked.scroll.is_some() || asked.counts_exactly;
    match asked.search.track_total_hits {
        Some(total) => total,
        None if counts_all => TotalHits::Exact,
        None => TotalHits::UpTo(10_000),
    }
}
