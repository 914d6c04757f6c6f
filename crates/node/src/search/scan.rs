//! A search that looks at every document.

use std::{collections::BTreeSet, sync::Arc};

use document::SeqNo;
use futures_util::future::join_all;
use mapping::Mapping;
use query::{Context, Document as Seen, Fields, Plan, Slice, TopHits};
use shard::{Document, Machine, Shard, log::BoxFuture, store::StoreError};

use crate::{Error, Index, Sizes};

use super::{
    FailureCause, Filter, Found, Hit, Moment, MomentOfShard, Row, Scope, SearchRequest, Searcher,
    ShardFailure, Turns, Within,
};

/// How many sources are read at a time.
const READ_TOGETHER: usize = 64;
/// How many bytes of them, unless a single one has more.
const READ_BYTES_TOGETHER: u64 = 8 << 20;
/// How many documents that need no source are looked at before others may run.
const LOOKED_AT_TOGETHER: usize = 4_096;
/// For how many hits memory is asked at a time.
const HITS_AT_A_TIME: usize = 256;
/// How many bits of a place are a sequence number; those above number the shard.
const PLACE_BITS: u32 = 44;

/// Searches by looking at every document.
#[derive(Clone)]
pub struct Scan {
    machine: Machine,
    turns: Arc<Turns>,
}

impl Scan {
    /// A search on this machine, which has its turn among others.
    #[must_use]
    pub fn new(machine: Machine, turns: Arc<Turns>) -> Self {
        Self { machine, turns }
    }
}

impl Searcher for Scan {
    fn search<'a>(&'a self, request: SearchRequest<'a>) -> BoxFuture<'a, Result<Found, Error>> {
        Box::pin(self.run(request))
    }

    fn moment<'a>(&'a self, scopes: &'a [Scope]) -> BoxFuture<'a, Result<Moment, Error>> {
        Box::pin(async move {
            let _turn = self.turns.take().await?;
            let mut moment = Moment::default();
            for scope in scopes {
                let index = &scope.index;
                index.check_readable()?;
                let shards = (0..).zip(index.shards().iter());
                for (number, shard) in shards.filter(|(number, _)| scope.has_shard(*number)) {
                    let _hold = shard.hold_shown();
                    let (mut rows, mut part) = (Vec::new(), 0);
                    while rows_of(shard, part, &mut rows) {
                        part += 1;
                        tokio::task::yield_now().await;
                    }
                    let (index, filter) = (Arc::clone(index), scope.filter.clone());
                    moment.shards.push(MomentOfShard { index, shard: number, rows, filter, _hold });
                }
            }
            Ok(moment)
        })
    }
}

/// The documents of one shard that are looked at.
struct Target<'a> {
    index: &'a Arc<Index>,
    number: u32,
    /// Those of a moment, if not the present ones.
    rows: Option<&'a [Row]>,
    /// The part of them, and of how many, if not all.
    slice: Option<(u32, u32)>,
    /// What they match besides.
    filter: Option<&'a Filter>,
}

/// What the shards have found together.
struct Collector {
    top: Option<TopHits<Hit>>,
    limit: usize,
    /// For how many hits there is memory.
    roomy: usize,
    /// Whether there was none for more.
    is_full: bool,
    found: Found,
}

impl Scan {
    /// Searches all shards, one after the other.
    async fn run(&self, request: SearchRequest<'_>) -> Result<Found, Error> {
        let _turn = if counts_everything(&request) { None } else { Some(self.turns.take().await?) };
        let targets = targets(&request)?;
        let mut collector = Collector {
            top: None,
            limit: request.limit,
            roomy: 0,
            is_full: false,
            found: Found::default(),
        };
        let mut planned: Option<(&str, Mapping)> = None;
        for (ordinal, target) in (0..).zip(&targets) {
            let uuid = &*target.index.identity().uuid;
            let mapping = match planned.take() {
                Some((of, mapping)) if of == uuid => mapping,
                Some(_) | None => target.index.mapping(),
            };
            collector.found.shards += 1;
            let searched = self.shard(&request, target, &mapping, ordinal, &mut collector).await;
            planned = Some((uuid, mapping));
            if let Err(cause) = searched {
                let index = target.index.identity().clone();
                let failure = ShardFailure { index, shard: target.number, cause };
                collector.found.failures.push(failure);
            }
            if collector.found.timed_out || collector.is_full {
                break;
            }
        }
        let Collector { top, mut found, .. } = collector;
        let hits = top.map(TopHits::finish).unwrap_or_default();
        found.hits = hits.into_iter().map(|(keys, hit)| Hit { keys, ..hit }).collect();
        Ok(found)
    }

    /// Searches one shard.
    async fn shard(
        &self,
        request: &SearchRequest<'_>,
        target: &Target<'_>,
        mapping: &Mapping,
        ordinal: u64,
        collector: &mut Collector,
    ) -> Result<(), FailureCause> {
        let now = self.machine.clock.now().as_millis();
        let filter = match target.filter.map(|filter| filter.as_ref().as_ref()) {
            Some(Ok(filter)) => Some(filter),
            Some(Err(error)) => return Err(FailureCause::Query(error.clone())),
            None => None,
        };
        let default_field = default_field(target.index);
        let context = Context {
            mapping,
            index: target.index.name(),
            aliases: &[],
            default_field: default_field.as_deref(),
            filter,
            now,
        };
        let plan = Plan::new(request.search, &context).map_err(FailureCause::Query)?;
        if collector.top.is_none() {
            collector.top = Some(TopHits::new(plan.ranking().clone(), collector.limit));
        }
        let shard = target.index.shard(target.number).map_err(|_| FailureCause::Gone)?;
        let damage = shard.damage().and_then(|damage| Some((&damage.what, damage.lost_below?)));
        let unknown = |what: &str| {
            let what = format!("{what}; which other documents match is unknown");
            Err(FailureCause::Unreadable(what.into()))
        };
        let mut look = Look {
            request,
            target,
            plan: &plan,
            ordinal,
            matched: 0,
            shard,
            certain_from: damage.map_or(SeqNo::ZERO, |(_, lost_below)| lost_below),
            sorted: Sizes::new(),
        };
        let hold = shard.hold_shown();
        let counts_all = request.limit == 0
            && target.rows.is_none()
            && target.slice.is_none()
            && request.search.terminate_after.is_none()
            && plan.matches_all();
        if counts_all {
            if let Some((what, _)) = damage {
                return unknown(what);
            }
            // The table knows how many it has.
            collector.found.total += shard.shown_documents();
            return Ok(());
        }
        collector.found.holds.push(hold);
        if let Some(rows) = target.rows {
            look.rows(self, rows, collector).await?;
        } else if let Some(ids) = plan.ids() {
            let rows = rows_by_id(shard, ids);
            look.rows(self, &rows, collector).await?;
        } else {
            let (mut rows, mut part) = (Vec::new(), 0);
            loop {
                rows.clear();
                let more = rows_of(shard, part, &mut rows);
                let goes_on = look.rows(self, &rows, collector).await?;
                if !more || !goes_on {
                    break;
                }
                part += 1;
            }
        }
        target.index.counters().fields.note_sorted(target.number, look.sorted);
        // What is certain is shown, and that there may be more.
        damage.map_or(Ok(()), |(what, _)| unknown(what))
    }
}

/// A look at the documents of a shard.
struct Look<'l, 'a> {
    request: &'l SearchRequest<'a>,
    target: &'l Target<'a>,
    plan: &'l Plan<'l>,
    shard: &'l Shard,
    ordinal: u64,
    matched: u64,
    /// Older operations may be missing, and with them what they made of documents.
    certain_from: SeqNo,
    /// The bytes of the terms of texts that it sorts by.
    sorted: Sizes,
}

impl Look<'_, '_> {
    /// Looks at some documents. Says whether to go on.
    async fn rows(
        &mut self,
        scan: &Scan,
        rows: &[Row],
        collector: &mut Collector,
    ) -> Result<bool, FailureCause> {
        let needs_source = self.plan.needs_source();
        let mut fields = Fields::default();
        let mut rest = rows;
        while !rest.is_empty() {
            let count = if needs_source { readable(rest) } else { LOOKED_AT_TOGETHER };
            let (chunk, after) = rest.split_at_checked(count).unwrap_or((rest, &[]));
            rest = after;
            let deadline = self.request.deadline;
            if deadline.is_some_and(|deadline| scan.machine.clock.now() >= deadline) {
                collector.found.timed_out = true;
                return Ok(false);
            }
            if needs_source {
                self.read(chunk, &mut fields, collector).await?;
            } else {
                for row in chunk {
                    self.one(row, None, &fields, collector);
                }
            }
            tokio::task::yield_now().await;
            if collector.is_full {
                return Ok(false);
            }
            if self.request.search.terminate_after.is_some_and(|after| self.matched >= after) {
                collector.found.terminated_early = true;
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads some documents and looks at them.
    async fn read(
        &mut self,
        rows: &[Row],
        fields: &mut Fields,
        collector: &mut Collector,
    ) -> Result<(), FailureCause> {
        let unreadable = |error: String| FailureCause::Unreadable(error.into());
        let certain_from = self.certain_from;
        let rows: Vec<&Row> = rows.iter().filter(|row| row.last.seq_no >= certain_from).collect();
        for (row, document) in
            rows.iter().copied().zip(read_rows(self.shard, rows.iter().copied()).await)
        {
            let document = match document.map_err(|error| unreadable(error.to_string()))? {
                Some(document) => Some(document),
                None if self.target.rows.is_some() => return Err(FailureCause::Gone),
                // It was written since searches were to see it: it counts as it is now, if it still is.
                None => {
                    let read = self.shard.get(&row.id, None).await;
                    read.map_err(|error| unreadable(error.to_string()))?
                }
            };
            let Some(document) = document else { continue };
            self.plan.read(&document.source, fields);
            let row = Row { last: document.last, ..row.clone() };
            self.one(&row, document.routing.as_ref().map(|r| r.as_str()), fields, collector);
        }
        Ok(())
    }

    /// Looks at one document.
    fn one(
        &mut self,
        row: &Row,
        routing: Option<&str>,
        fields: &Fields,
        collector: &mut Collector,
    ) {
        if row.last.seq_no < self.certain_from {
            return;
        }
        let search = self.request.search;
        if search.terminate_after.is_some_and(|after| self.matched >= after) {
            return;
        }
        if self.target.slice.is_some_and(|(part, parts)| slice_of(&row.id, parts) != part) {
            return;
        }
        let seq_no = row.last.seq_no.get();
        let place = (self.ordinal << PLACE_BITS) | seq_no.min((1 << PLACE_BITS) - 1);
        let document = Seen { id: &row.id, routing, seq_no, place };
        let Some(score) = self.plan.score(&document, fields) else { return };
        self.matched += 1;
        collector.found.total += 1;
        let max = collector.found.max_score.map_or(score, |max: f32| max.max(score));
        collector.found.max_score = Some(max);
        for (path, bytes) in self.plan.sorted_texts(fields) {
            match self.sorted.get_mut(path) {
                Some(sum) => *sum = sum.saturating_add(bytes),
                None => drop(self.sorted.insert(path.to_owned(), bytes)),
            }
        }
        let Some(top) = &mut collector.top else { return };
        let keys = self.plan.keys(&document, fields, score);
        if !self.plan.is_after(&keys) || !top.takes(&keys, place) {
            return;
        }
        let names = self.plan.matched_names(&document, fields);
        let hit = Hit {
            index: Arc::clone(self.target.index),
            shard: self.target.number,
            id: row.id.clone(),
            last: row.last,
            score,
            keys: Vec::new(),
            names: names.into_iter().map(str::to_owned).collect(),
            is_judged_by_source: self.plan.needs_source(),
            location: row.location,
        };
        let bytes = hit.bytes();
        top.add(keys, place, hit);
        if let Some(room) = self.request.room.filter(|_| top.kept() > collector.roomy) {
            collector.roomy += HITS_AT_A_TIME;
            let more = u64::try_from(HITS_AT_A_TIME).unwrap_or(u64::MAX);
            collector.is_full = !room(bytes.saturating_mul(more));
        }
    }
}

/// The fields of words that name none, as the index's settings say: one, or a list.
fn default_field(index: &Index) -> Option<String> {
    let name = "index.query.default_field";
    let (_, value) = index.metadata().settings.iter().find(|(own, _)| *own == name)?;
    match value.as_array() {
        Some(names) => {
            Some(names.iter().filter_map(|name| name.as_str()).collect::<Vec<_>>().join(","))
        }
        None => value.as_str().map(str::to_owned),
    }
}

/// Whether a search only counts what is there: that looks at no document, so it needs no turn.
fn counts_everything(request: &SearchRequest<'_>) -> bool {
    let search = request.search;
    let narrows = search.query.is_some()
        || search.post_filter.is_some()
        || search.min_score.is_some()
        || search.slice.is_some()
        || search.terminate_after.is_some();
    let is_now = match request.within {
        Within::Now(scopes) => scopes.iter().all(|scope| scope.filter.is_none()),
        Within::Moment(_) => false,
    };
    request.limit == 0 && is_now && !narrows
}

/// The shards that a search looks at.
fn targets<'a>(request: &SearchRequest<'a>) -> Result<Vec<Target<'a>>, Error> {
    match request.within {
        Within::Now(scopes) => {
            let mut targets = Vec::new();
            for scope in scopes {
                let (index, filter) = (&scope.index, scope.filter.as_ref());
                index.check_readable()?;
                let count = u32::try_from(index.shards().len()).unwrap_or(u32::MAX);
                for number in (0..count).filter(|number| scope.has_shard(*number)) {
                    let slice = part_of_shard(request.search.slice.as_ref(), number, count);
                    let Some(slice) = slice else { continue };
                    targets.push(Target { index, number, rows: None, slice, filter });
                }
            }
            Ok(targets)
        }
        Within::Moment(moment) => {
            let target = |shard: &'a MomentOfShard| Target {
                index: &shard.index,
                number: shard.shard,
                rows: Some(&shard.rows),
                slice: request.search.slice.as_ref().map(|slice| (slice.id, slice.max)),
                filter: shard.filter.as_ref(),
            };
            Ok(moment.shards.iter().map(target).collect())
        }
    }
}

/// Adds the documents of one part of a shard, and says whether there is another part.
pub(super) fn rows_of(shard: &Shard, part: usize, rows: &mut Vec<Row>) -> bool {
    shard.for_each_shown_in_part(part, &mut |id, last, location| {
        rows.push(Row { id: id.into(), last, location });
    })
}

/// Shows some of a shard's documents: so many, and of so many bytes, at most, but one. Returns how many. What
/// cannot be read, or is written meanwhile, is left out.
pub(crate) async fn show_some(
    shard: &Shard,
    (most, bytes_most): (usize, u64),
    mut show: impl FnMut(&Document),
) -> usize {
    let (mut rows, mut part) = (Vec::new(), 0);
    while rows.len() < most && rows_of(shard, part, &mut rows) {
        part += 1;
    }
    let mut bytes = 0_u64;
    let fits = |row: &&Row| {
        bytes = bytes.saturating_add(u64::from(row.location.length));
        bytes <= bytes_most
    };
    let fitting = rows.iter().take(most).take_while(fits).count();
    rows.truncate(fitting.max(1));
    let mut shown = 0;
    let mut rest = rows.as_slice();
    while !rest.is_empty() {
        let (some, after) = rest.split_at_checked(readable(rest)).unwrap_or((rest, &[]));
        rest = after;
        for document in read_rows(shard, some).await.into_iter().filter_map(Result::ok).flatten() {
            show(&document);
            shown += 1;
        }
    }
    shown
}

/// The documents of some ids.
fn rows_by_id(shard: &Shard, ids: &BTreeSet<String>) -> Vec<Row> {
    let row = |id: &String| {
        let (last, location) = shard.shown(id)?;
        Some(Row { id: id.as_str().into(), last, location })
    };
    ids.iter().filter_map(row).collect()
}

/// How many of some documents are read at a time: at least one.
pub(super) fn readable(rows: &[Row]) -> usize {
    let mut bytes = 0;
    let fits = |row: &&Row| {
        bytes += u64::from(row.location.length);
        bytes <= READ_BYTES_TOGETHER
    };
    rows.iter().take(READ_TOGETHER).take_while(fits).count().max(1)
}

/// Reads documents, each as it was when the table told of it.
pub(super) async fn read_rows<'r>(
    shard: &Shard,
    rows: impl IntoIterator<Item = &'r Row>,
) -> Vec<Result<Option<Document>, StoreError>> {
    let read = |row: &'r Row| shard.read_at(&row.id, row.last, row.location);
    join_all(rows.into_iter().map(read)).await
}

/// The part of a shard's documents that a slice has: none of them, all, or one of several parts. Whole
/// shards are dealt out to slices where there are as many, and slices to shards where there are not.
#[allow(clippy::option_option, reason = "no part, the whole, one part of several")]
fn part_of_shard(slice: Option<&Slice>, shard: u32, shards: u32) -> Option<Option<(u32, u32)>> {
    let Some(slice) = slice else { return Some(None) };
    if slice.max <= shards {
        return (shard % slice.max.max(1) == slice.id).then_some(None);
    }
    if slice.id % shards.max(1) != shard {
        return None;
    }
    let (each, rest) = (slice.max / shards.max(1), slice.max % shards.max(1));
    let parts = each + u32::from(shard < rest);
    Some(Some((slice.id / shards.max(1), parts)).filter(|_| parts > 1))
}

/// The part of the documents that an id belongs to.
fn slice_of(id: &str, max: u32) -> u32 {
    // FNV-1a: the same on every node and at every start.
    let hash = id
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash >> 8) % max.max(1)
}

#[cfg(test)]
mod tests {
    use document::{LastWrite, PrimaryTerm, SeqNo, Version};
    use query::Slice;
    use shard::store::Location;

    use super::{READ_TOGETHER, Row, part_of_shard, readable, slice_of};

    #[test]
    fn so_many_documents_are_read_at_a_time_as_the_memory_bears() {
        let row = |length: u32| Row {
            id: "1".into(),
            last: LastWrite {
                seq_no: SeqNo::new(0),
                term: PrimaryTerm::new(1),
                version: Version::new(1).unwrap(),
            },
            location: Location { segment: 0, offset: 0, length },
        };
        assert_eq!(readable(&vec![row(100); 500]), READ_TOGETHER);
        assert_eq!(readable(&vec![row(3 << 20); 500]), 2);
        assert_eq!(readable(&vec![row(u32::MAX); 3]), 1);
    }

    #[test]
    fn every_document_is_in_one_slice() {
        for shards in 1..7 {
            for max in 2..20 {
                for shard in 0..shards {
                    for id in ["a", "b", "c", "1", "2", "3", "é"] {
                        let is_in = |slice: &u32| {
                            let slice = Slice { id: *slice, max };
                            match part_of_shard(Some(&slice), shard, shards) {
                                None => false,
                                Some(None) => true,
                                Some(Some((part, parts))) => slice_of(id, parts) == part,
                            }
                        };
                        assert_eq!(
                            (0..max).filter(is_in).count(),
                            1,
                            "{shards} {max} {shard} {id}"
                        );
                    }
                }
            }
        }
    }
}
