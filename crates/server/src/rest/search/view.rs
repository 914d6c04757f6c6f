//! How a search's answer looks.

use mapping::Mapping;
use node::{Found, Hit};
use query::{DocValues, Key, StoredFields, TotalHits};
use serde_json::{Map, Value};
use shard::Document;

use crate::rest::dialect::Dialect;
use crate::rest::document_view::{type_name, write_ignored};
use crate::rest::json::{self, Array, Object};
use crate::rest::source_filter::SourceFilter;
use crate::rest::stored_fields::StoredFields as Stored;

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
        let shown = mappings.shown(asked);
        o.array("hits", |hits| {
            for (hit, document) in page.hits.iter().zip(page.documents) {
                if let Some(document) = document {
                    write_hit(hits, dialect, page, (hit, document), scores, &shown);
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

/// The mappings of the indices that hits are of, by the indices' identities.
struct Mappings<'p>(Vec<(&'p str, Mapping)>);

/// What hits of one index show by its mapping.
struct Shown<'m> {
    uuid: &'m str,
    mapping: &'m Mapping,
    /// The fields whose values are asked for.
    values: Option<DocValues<'m>>,
    /// The stored fields that are asked for.
    stored: Option<Stored>,
}

impl Shown<'_> {
    /// The values of the fields that are asked for.
    fn fields(&self, source: &[u8]) -> Map<String, Value> {
        let mut fields = Map::new();
        if let Some(stored) = &self.stored
            && let Some(Value::Object(values)) = stored.read(self.mapping, source)
        {
            fields.extend(values);
        }
        if let Some(values) = &self.values {
            fields.extend(values.read(source));
        }
        fields
    }
}

/// The stored fields that are asked for by name or by pattern.
pub(super) fn stored(asked: &Asked, mapping: &Mapping) -> Option<Stored> {
    let Some(StoredFields::Named(names)) = &asked.search.stored_fields else { return None };
    let named = |name: &String| match name.contains('*') {
        true => mapping.definitions(name).into_iter().map(|(path, _)| path).collect(),
        false => vec![name.clone()],
    };
    Some(Stored::of(Some(names.iter().flat_map(named).collect())))
}

impl<'p> Mappings<'p> {
    fn of(page: &Page<'p>) -> Self {
        let mut mappings: Vec<(&str, Mapping)> = Vec::new();
        for hit in page.hits {
            let uuid = &*hit.index.identity().uuid;
            if mappings.iter().all(|(known, _)| *known != uuid) {
                mappings.push((uuid, hit.index.mapping()));
            }
        }
        Self(mappings)
    }

    /// What is shown by each.
    fn shown(&self, asked: &Asked) -> Vec<Shown<'_>> {
        let columns = &asked.search.docvalue_fields;
        let shown = self.0.iter().map(|(uuid, mapping)| {
            // What is refused here was refused where it was searched, unless the mapping changed since.
            let values = DocValues::new(columns, mapping).ok().filter(|_| !columns.is_empty());
            Shown { uuid, mapping, values, stored: stored(asked, mapping) }
        });
        shown.collect()
    }
}

/// One hit.
fn write_hit(
    hits: &mut Array<'_>,
    dialect: Dialect,
    page: &Page<'_>,
    (hit, document): (&Hit, &Document),
    scores: bool,
    shown: &[Shown<'_>],
) {
    let uuid = &*hit.index.identity().uuid;
    let by_mapping = shown.iter().find(|shown| shown.uuid == uuid);
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
            o.number("_version", document.last.version.get());
        }
        if search.seq_no_primary_term == Some(true) {
            o.number("_seq_no", document.last.seq_no.get());
            o.number("_primary_term", document.last.term.get());
        }
        if scores {
            o.value("_score", &hit.score)
        } else {
            o.null("_score")
        }
        if let (Some(routing), false) = (&document.routing, without_id) {
            o.string("_routing", routing.as_str());
        }
        let shows_ignored = !without_id && dialect.shows_seq_no();
        if let Some(Shown { mapping, .. }) = by_mapping.filter(|_| shows_ignored) {
            write_ignored(o, mapping, &document.source);
        }
        let source = shown_source(asked).show(&hit.index, &document.source, shows_source(asked));
        if let Some(source) = source {
            o.raw("_source", &source);
        }
        let fields = by_mapping.map(|shown| shown.fields(&document.source)).unwrap_or_default();
        if !fields.is_empty() {
            o.value("fields", &fields);
        }
        if !search.sort.is_empty() {
            o.array("sort", |sort| hit.keys.iter().for_each(|key| write_key(sort, key)));
        }
        if !hit.names.is_empty() {
            o.value("matched_queries", &hit.names);
        }
    });
}

/// What is shown of sources. A list of stored fields that names the source goes before `_source: false`.
fn shown_source(asked: &Asked) -> &SourceFilter {
    let is_named = matches!(asked.search.stored_fields, Some(StoredFields::Named(_)));
    if asked.source == SourceFilter::Nothing && is_named && shows_source(asked) {
        return &SourceFilter::All;
    }
    &asked.source
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
