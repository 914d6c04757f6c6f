//! How a search's answer looks.

use mapping::Mapping;
use node::{Found, Hit};
use query::{DocValues, Key, StoredFields, TotalHits};
use shard::Document;

use crate::rest::dialect::Dialect;
use crate::rest::document_view::type_name;
use crate::rest::json::{self, Array, Object};

use super::{Asked, failure::failures_json, total_hits};

/// One page of a search.
pub(crate) struct Page<'p> {
    /// What was asked.
    pub(crate) asked: &'p Asked,
    /// What was found in all.
    pub(crate) found: &'p Found,
    /// The hits of the page.
    pub(crate) hits: &'p [&'p Hit],
    /// Their documents.
    pub(crate) documents: &'p [Option<Document>],
    /// The id by which the next page is asked for.
    pub(crate) scroll_id: Option<&'p str>,
    /// The node that answers.
    pub(crate) node_id: &'p str,
    /// How many milliseconds it took.
    pub(crate) took: u64,
}

/// Renders a page.
pub(crate) fn write_page(dialect: Dialect, page: &Page<'_>) -> Vec<u8> {
    json::object(|o| write_members(o, dialect, page))
}

/// Renders the members of a page.
pub(crate) fn write_members(o: &mut Object<'_>, dialect: Dialect, page: &Page<'_>) {
    let Page { asked, found, .. } = page;
    if let Some(id) = page.scroll_id {
        o.string("_scroll_id", id);
    }
    if let Some(pit) = &asked.search.pit {
        o.string("pit_id", &pit.id);
    }
    o.number("took", page.took);
    o.boolean("timed_out", found.timed_out);
    if asked.search.terminate_after.is_some() {
        o.boolean("terminated_early", found.terminated_early);
    }
    write_shards(o, dialect, found, page.node_id);
    o.object("hits", |o| {
        write_total(o, asked, found.total);
        let is_sorted = !asked.search.sort.is_empty();
        let scores = !is_sorted
            || asked.search.track_scores == Some(true)
            || asked.search.sort.iter().any(query::Sort::is_by_score);
        let max = found.max_score.filter(|_| scores && asked.size() > 0);
        match max {
            Some(max) => o.value("max_score", &max),
            // No shard at all scores nothing.
            None if found.shards == 0 => o.float("max_score", 0.0),
            None => o.null("max_score"),
        }
        let mappings = Mappings::of(page);
        let values = mappings.values(asked);
        o.array("hits", |hits| {
            for (hit, document) in page.hits.iter().zip(page.documents) {
                if let Some(document) = document {
                    write_hit(hits, dialect, page, (hit, document), scores, &values);
                }
            }
        });
    });
}

/// `_shards`
pub(crate) fn write_shards(o: &mut Object<'_>, dialect: Dialect, found: &Found, node_id: &str) {
    let failed = u64::try_from(found.failures.len()).unwrap_or(u64::MAX);
    o.object("_shards", |o| {
        o.number("total", found.shards);
        o.number("successful", found.shards.saturating_sub(failed));
        if matches!(dialect, Dialect::V7 | Dialect::V8) {
            o.number("skipped", 0);
        }
        o.number("failed", failed);
        if failed > 0 {
            o.raw("failures", failures_json(node_id, &found.failures).as_bytes());
        }
    });
}

/// How many hits there are.
fn write_total(o: &mut Object<'_>, asked: &Asked, total: u64) {
    let (value, relation) = match total_hits(asked) {
        TotalHits::Off if asked.total_as_int => return o.number("total", -1),
        TotalHits::Off => return,
        TotalHits::UpTo(limit) if total > limit => (limit, "gte"),
        TotalHits::UpTo(_) | TotalHits::Exact => (total, "eq"),
    };
    if asked.total_as_int {
        return o.number("total", value);
    }
    o.object("total", |o| {
        o.number("value", value);
        o.string("relation", relation);
    });
}

/// The mappings of the indices that hits are of, by the indices' identities, where fields' values are asked
/// for.
struct Mappings<'p>(Vec<(&'p str, Mapping)>);

impl<'p> Mappings<'p> {
    fn of(page: &Page<'p>) -> Self {
        let mut mappings: Vec<(&str, Mapping)> = Vec::new();
        if !page.asked.search.docvalue_fields.is_empty() {
            for hit in page.hits {
                let uuid = &*hit.index.identity().uuid;
                if mappings.iter().all(|(known, _)| *known != uuid) {
                    mappings.push((uuid, hit.index.mapping()));
                }
            }
        }
        Self(mappings)
    }

    /// The fields of each that are asked for.
    fn values(&self, asked: &Asked) -> Vec<(&'p str, DocValues<'_>)> {
        let asked = &asked.search.docvalue_fields;
        let mut all = Vec::with_capacity(self.0.len());
        for (uuid, mapping) in &self.0 {
            // What is refused here was refused where it was searched, unless the mapping changed since.
            if let Ok(values) = DocValues::new(asked, mapping) {
                all.push((*uuid, values));
            }
        }
        all
    }
}

/// One hit.
fn write_hit(
    hits: &mut Array<'_>,
    dialect: Dialect,
    page: &Page<'_>,
    (hit, document): (&Hit, &Document),
    scores: bool,
    values: &[(&str, DocValues<'_>)],
) {
    let asked = page.asked;
    let search = &asked.search;
    let without_id = search.stored_fields == Some(StoredFields::Nothing);
    hits.object(|o| {
        o.string("_index", hit.index.name());
        if dialect.shows_type() {
            o.string("_type", type_name(&hit.index));
        }
        if !without_id {
            o.string("_id", &hit.id);
        }
        if search.version == Some(true) {
            o.number("_version", hit.last.version.get());
        }
        if search.seq_no_primary_term == Some(true) {
            o.number("_seq_no", hit.last.seq_no.get());
            o.number("_primary_term", hit.last.term.get());
        }
        if scores {
            o.value("_score", &hit.score)
        } else {
            o.null("_score")
        }
        if let (Some(routing), false) = (&document.routing, without_id) {
            o.string("_routing", routing.as_str());
        }
        let source = asked.source.show(&hit.index, &document.source, shows_source(asked));
        if let Some(source) = source {
            o.raw("_source", &source);
        }
        let uuid = &*hit.index.identity().uuid;
        if let Some((_, values)) = values.iter().find(|(of, _)| *of == uuid) {
            let values = values.read(&document.source);
            if !values.is_empty() {
                o.value("fields", &values);
            }
        }
        if !search.sort.is_empty() {
            o.array("sort", |sort| hit.keys.iter().for_each(|key| write_key(sort, key)));
        }
        if !hit.names.is_empty() {
            o.value("matched_queries", &hit.names);
        }
    });
}

/// Whether sources are shown where nobody asked: stored fields take their place.
fn shows_source(asked: &Asked) -> bool {
    match &asked.search.stored_fields {
        None => true,
        Some(StoredFields::Nothing) => false,
        Some(StoredFields::Named(names)) => names.iter().any(|name| name == "_source"),
    }
}

/// One value that a hit is ordered by.
fn write_key(sort: &mut Array<'_>, key: &Key) {
    let infinity = |is_positive: bool| if is_positive { "Infinity" } else { "-Infinity" };
    match key {
        Key::Whole(number) => sort.number(*number),
        Key::Unsigned(number) => sort.number(*number),
        Key::Double(number) if number.is_infinite() => sort.string(infinity(*number > 0.0)),
        Key::Double(number) => sort.value(number),
        Key::Single(number) if number.is_infinite() => sort.string(infinity(*number > 0.0)),
        Key::Single(number) => sort.value(number),
        Key::Term(_) | Key::Ip(_) => sort.value(&key.text()),
    }
}
