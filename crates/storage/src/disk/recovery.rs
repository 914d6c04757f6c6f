//! Opening: one pass over what is stored, and the beginning of a new segment.
//!
//! A closed segment must be whole. The open one is walked to its end: a torn last group is cut, the
//! last whole group may not be durable (its sync may never have returned), everything before is. So
//! that nothing is shown that a power cut could still take back, that *tail* is written again into a
//! fresh segment, together with the markers of the new terms; only when the manifest lists the
//! fresh segment, with the old one closed before the tail, is the log open. Until then nothing that
//! was there is changed, but that room which holds nothing is given back; and a crash leaves the same
//! work to the next start.
//!
//! A closed segment with a checkpoint is not read at all: the checkpoint shows what is in it.
//!
//! Damage is kept as it is and does not keep the rest from being served, as long as it is known whose
//! operations it touches: the streams concerned carry it, and say whether operations may be missing
//! or only sources cannot be read. Otherwise, or if the catalogue may miss something, the log is not
//! opened.

mod leftovers;
mod outlined;
mod remains;
pub(super) mod tear;
pub(super) mod walk;

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use document::PrimaryTerm;
use parking_lot::Mutex;
use shard::{
    Threads,
    log::{Entry, EntryOutline, LogError, Outline, Position, Replay, StreamId},
    store::{Location, Store},
};

use super::{
    Options, allocation,
    appender::{Appender, OpenedSegment, Shared, begin_segment_of_opening},
    checkpoint::{self, Checkpoint},
    directory::{Directory, DiskError, NamedFile},
    format::{
        GroupExtent, GroupKind, Malformed, NewGroup, Place, SegmentIdentity, TRAILER_BYTES,
        TooLong, encode_entry, frames, group_start, in_memory, locations,
    },
    manifest::{ListedSegment, Manifest, SegmentEnd},
    segments::Segment,
    streams::{Claim, StreamEnd, StreamState},
};
use walk::{Damage, Ending, Walked};

/// Opens the log: shows every entry, starts the new terms, and makes both durable.
pub(super) fn recover(
    directory: Directory,
    options: Options,
    threads: Arc<dyn Threads>,
    replay: &mut dyn Replay,
) -> Result<Appender, LogError> {
    let lock = directory.lock()?;
    // A process that was killed may have left names that are not durable: nothing may rest on them.
    directory.sync()?;
    let manifest = leftovers::open_manifest(&directory)?;

    let shared = Arc::new(Shared::new(threads));
    let mut recovery = Recovery { directory: &directory, replay, shared, seen: Mutex::default() };
    let tail = recovery.walk(&manifest, options.opening_threads_max)?;
    // On a full disk that may be all the room there is for what follows.
    give_back(&recovery.shared, &manifest);
    let opened = recovery.begin_segment(manifest, &tail, options)?;
    let shared = recovery.shared;
    give_back(&shared, &opened.manifest);
    Ok(Appender::new(directory, options, shared, opened, lock))
}

/// Gives back what the segments that were closed, now or earlier, have behind their ends: tails that
/// were written again, and room. What is damaged stays as it is.
fn give_back(shared: &Shared, manifest: &Manifest) {
    for listed in &manifest.segments {
        if let (SegmentEnd::ClosedAt(_), Some(segment)) =
            (listed.end, shared.segments.get(listed.identity.number))
            && !segment.is_damaged()
        {
            allocation::give_back(&segment);
        }
    }
}

/// The end of the log, which is whole but perhaps not durable.
#[derive(Default)]
struct Tail {
    /// Where what is proven durable ends.
    durable: Option<Place>,
    /// The frames behind it.
    payload: Vec<u8>,
}

/// One opening.
struct Recovery<'a> {
    /// Where the log is.
    directory: &'a Directory,
    /// To whom everything is shown.
    replay: &'a mut dyn Replay,
    /// What the log's users will see.
    shared: Arc<Shared>,
    /// Where each stream is so far.
    seen: Mutex<HashMap<StreamId, StreamEnd>>,
}

impl Recovery<'_> {
    /// Shows everything that is proven durable and returns the rest.
    fn walk(&self, manifest: &Manifest, threads_max: usize) -> Result<Tail, LogError> {
        let mut tail = Tail::default();
        let outlined = self.show_checkpoints(manifest, threads_max)?;
        for (listed, outlined) in manifest.segments.iter().zip(outlined) {
            if let Some(end) = outlined {
                tail.durable = Some(end);
            } else {
                let ends_the_log = manifest.stopped && Some(listed) == manifest.segments.last();
                let ending = if ends_the_log { Ending::EndMark } else { Ending::AsListed };
                self.show_read(listed, ending, &mut tail)?;
            }
        }
        Ok(tail)
    }

    /// The checkpoint of a listed segment, if there is a good one.
    fn checkpoint(&self, listed: &ListedSegment, stopped: bool) -> Option<Checkpoint> {
        let name = listed.identity.file_name();
        let segment = self.directory.path(&name);
        match checkpoint::read(self.directory, listed) {
            // A clean stop leaves none without.
            Ok(None) if stopped => {
                tracing::warn!(
                    segment = %segment.display(),
                    "its checkpoint is missing: reading the segment instead"
                );
                None
            }
            Ok(None) if matches!(listed.end, SegmentEnd::ClosedAt(_)) => {
                tracing::info!(segment = %segment.display(), "no checkpoint: reading the segment");
                None
            }
            Ok(checkpoint) => checkpoint,
            Err(bad) => {
                tracing::warn!(segment = %segment.display(), "{bad}: reading the segment instead");
                None
            }
        }
    }

    /// Reads a segment and shows what of it is proven durable; adds the others to the tail.
    fn show_read(
        &self,
        listed: &ListedSegment,
        ending: Ending,
        tail: &mut Tail,
    ) -> Result<(), LogError> {
        let file = self.open_segment(listed)?;
        let contents = Bytes::from(file.read(0, in_memory(file.length()?))?);
        let walked = Walked::new(listed, &contents, ending)
            .map_err(|(offset, what)| LogError::Damaged(file.damage(offset, what)))?;
        if walked.cut_bytes > 0 {
            tracing::warn!(
                file = %file.path().display(),
                offset = walked.end,
                bytes = walked.cut_bytes,
                "cut what a crash left of writes that were never synced, or a disk of ones that were"
            );
        }
        if let Some(end) = walked.trailed {
            // Of the reserve that it was, if the last start did not come to its end.
            allocation::give_back_behind(&file, end);
        }
        let segment = Arc::new(Segment::new(listed.identity, file, walked.durable));
        segment.close();
        self.shared.segments.add(Arc::clone(&segment));
        self.show_proven(&segment, &walked, tail)
    }

    /// Shows the groups of a segment that are proven durable and adds the others to the tail.
    fn show_proven(
        &self,
        segment: &Segment,
        walked: &Walked,
        tail: &mut Tail,
    ) -> Result<(), LogError> {
        let damaged = |(offset, what)| LogError::Damaged(segment.file.damage(offset, what));
        let number = segment.identity.number;
        tail.durable = Some(Place { segment: number, offset: walked.durable });
        for found in &walked.groups {
            let extent = found.group.header.extent;
            let place = Place { segment: number, offset: extent.payload().start };
            let is_proven = extent.end() <= walked.durable;
            match found.bad.first() {
                None if is_proven => self.show(&found.group.payload, place).map_err(damaged)?,
                None => tail.payload.extend_from_slice(&found.group.payload),
                Some(_) if is_proven => self.show_remains(segment, found)?,
                // What would have to be written again is not known.
                Some(bad) => return Err(damaged((bad.start, "a group is not what was written"))),
            }
        }
        Ok(())
    }

    /// A segment's file, which must be there.
    fn open_segment(&self, listed: &ListedSegment) -> Result<NamedFile, LogError> {
        let name = listed.identity.file_name();
        self.directory.open(&name)?.ok_or_else(|| {
            let path = self.directory.path(&name);
            LogError::Damaged(format!("{} is missing", path.display()))
        })
    }

    /// Shows the entries of a payload that lies, or will lie, at `place`.
    fn show(&self, payload: &Bytes, place: Place) -> Result<(), Damage> {
        let mut retired = Vec::new();
        for frame in frames(payload.clone(), place) {
            let frame = frame.map_err(|Malformed(what)| (place.offset, what))?;
            let position = Position::from(frame.place);
            let Entry { term, next_seq_no, .. } = frame.entry;
            let locations = locations(position, &frame.entry);
            let operations = Outline::of_entry(&frame.entry, &locations);
            let outline = EntryOutline { position, term, next_seq_no, operations: &operations };
            self.show_entry(frame.stream, &outline, &mut retired);
        }
        Ok(())
    }

    /// Shows one entry and keeps account of what of its segment is of use. Wherever it was found:
    /// there is no other way to show one.
    fn show_entry(&self, stream: StreamId, entry: &EntryOutline<'_>, retired: &mut Vec<Location>) {
        {
            let mut seen = self.seen.lock();
            let seen = seen.entry(stream).or_insert(StreamEnd::FIRST);
            seen.term = seen.term.max(entry.term);
            seen.next_seq_no = seen.next_seq_no.max(entry.next_seq_no);
            seen.last = seen.last.max(entry.position);
        }
        let segments = self.shared.segments.as_ref();
        segments.stored(entry.operations);
        self.replay.entry(stream, entry, retired);
        for location in retired.drain(..) {
            segments.retire(location);
        }
    }

    /// Begins the segment of this opening with the tail and the new terms, all durable on return.
    fn begin_segment(
        &mut self,
        mut manifest: Manifest,
        tail: &Tail,
        options: Options,
    ) -> Result<OpenedSegment, LogError> {
        let identity = SegmentIdentity::new(manifest.next_segment, manifest.edition);
        manifest.next_segment = manifest.next_segment.saturating_add(1);
        let segment = begin_segment_of_opening(self.directory, identity, tail.payload.len())?;
        let segment = Arc::new(segment);
        // Whoever is asked for the streams that are wanted reads sources, of the tail too.
        self.shared.segments.add(Arc::clone(&segment));
        let here = Place { segment: identity.number, offset: segment.end() };
        let mut fresh = FreshSegment { segment, durable: tail.durable.unwrap_or(here) };

        if !tail.payload.is_empty() {
            let place = fresh.write(&[&tail.payload])?;
            let payload = Bytes::copy_from_slice(&tail.payload);
            self.show(&payload, place).map_err(|(offset, what)| {
                LogError::Damaged(fresh.segment.file.damage(offset, what))
            })?;
        }
        self.write_markers(&mut fresh, options.term_min)?;

        let segment = fresh.segment;
        let bytes_max = self.shared.segments.segment_bytes_max(&options);
        // Of a reserve half is kept here, where nobody else can take it, and half is given back to be
        // a reserve again.
        let wanted = allocation::target(segment.end(), bytes_max).max(segment.file.length()? / 2);
        let trailer = allocation::extend(&segment, segment.end(), wanted)?;
        segment.file.sync()?;
        manifest.keep_spare(self.directory)?;
        self.directory.sync()?;
        let listed = ListedSegment { identity, end: SegmentEnd::OpenFrom(segment.end()) };
        let manifest = manifest.rolled(tail.durable.map_or(0, |durable| durable.offset), listed);
        manifest.store_with_spare(self.directory)?;
        segment.file.truncate(trailer + TRAILER_BYTES)?;
        if manifest.keep_spare(self.directory)? {
            // This start has used the last one up: the next may find the disk as full.
            self.directory.sync()?;
        }
        Ok(OpenedSegment { segment, trailer, manifest })
    }

    /// Starts the new term of every stream that is still wanted.
    fn write_markers(
        &mut self,
        fresh: &mut FreshSegment,
        term_min: PrimaryTerm,
    ) -> Result<(), LogError> {
        let live = self.replay.live_streams(self.shared.segments.as_ref())?;
        let seen = self.seen.get_mut();
        for (&id, &end) in &*seen {
            self.shared.streams.set(id, StreamState::new(end, Claim::Unclaimed));
        }
        let mut markers = Vec::with_capacity(live.len());
        for &id in &live {
            let seen = seen.get(&id).copied();
            let next =
                seen.map_or(StreamEnd::FIRST, |end| StreamEnd { term: end.term.next(), ..end });
            let end = StreamEnd { term: next.term.max(term_min), ..next };
            let marker = encode_entry(id, &Entry::marker(end.term, end.next_seq_no))
                .map_err(|long| failed_marker(id, long))?;
            markers.push((id, end, marker));
        }
        if markers.is_empty() {
            return Ok(());
        }
        let frames: Vec<_> = markers.iter().map(|(_, _, marker)| marker.as_slice()).collect();
        let mut place = fresh.write(&frames)?;
        for (id, end, marker) in &markers {
            let end = StreamEnd { last: Position::from(place), ..*end };
            self.shared.streams.set(*id, StreamState::new(end, Claim::Open));
            place.offset += marker.len() as u64;
        }
        Ok(())
    }
}

/// That a marker does not fit the format, which cannot be.
fn failed_marker(id: StreamId, cause: TooLong) -> LogError {
    LogError::Failed { context: format!("cannot open stream {id}"), cause: cause.into() }
}

/// The segment that an opening begins with; not synced yet.
struct FreshSegment {
    segment: Arc<Segment>,
    /// Where the log ends durably until the segment is synced.
    durable: Place,
}

impl FreshSegment {
    /// Appends a group of these frames; returns where its payload begins.
    fn write(&mut self, frames: &[&[u8]]) -> Result<Place, DiskError> {
        let payload_bytes = frames.iter().map(|frame| frame.len() as u64).sum();
        let start = group_start(self.segment.end());
        let extent = GroupExtent { start, payload_bytes };
        let group = NewGroup {
            segment: self.segment.identity,
            kind: GroupKind::Data,
            extent,
            durable: self.durable,
        };
        let mut bytes = Vec::new();
        group.encode(frames.iter().copied(), &mut bytes);
        self.segment.file.write(&bytes, start)?;
        self.segment.set_end(extent.end());
        Ok(group.payload_place())
    }
}
