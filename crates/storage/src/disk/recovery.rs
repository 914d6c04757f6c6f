//! Opening: one pass over what is stored, and the beginning of a new segment.
//!
//! A closed segment must be whole. The open one is walked to its end: a torn last group is cut, the
//! last whole group may not be durable (its sync may never have returned), everything before is. So
//! that nothing is shown that a power cut could still take back, that *tail* is written again into a
//! fresh segment, together with the markers of the new terms; only when the manifest lists the
//! fresh segment, with the old one closed before the tail, is the log open. Until then nothing that
//! was there is changed, and a crash leaves the same work to the next start.
//!
//! Damage refuses the whole log. Serving what is readable beside it will begin where
//! [`Recovery::walk`] returns it.

mod tear;
mod walk;

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use shard::log::{Entry, EntryOutline, LogError, Outline, Position, Replay, StreamId};

use super::{
    Options,
    appender::{Appender, Shared, make_room_for_opening},
    directory::{Directory, DiskError, NamedFile},
    format::{
        GroupExtent, GroupKind, Malformed, NewGroup, Place, SegmentIdentity, TooLong, encode_entry,
        frames, group_start, in_memory, locations, segment_number,
    },
    manifest::{ListedSegment, Manifest, SegmentEnd},
    segments::Segment,
    streams::{Claim, StreamEnd, StreamState},
};
use tear::was_in_use;
use walk::{Damage, Walked};

/// Opens the log: shows every entry, starts the new terms, and makes both durable.
pub(super) fn recover(
    directory: Directory,
    options: Options,
    replay: &mut dyn Replay,
) -> Result<Appender, LogError> {
    let lock = directory.lock()?;
    // A process that was killed may have left names that are not durable: nothing may rest on them.
    directory.sync()?;
    let found = segment_files(&directory)?;
    let mut manifest = Manifest::open(&directory, !found.is_empty())?;
    remove_leftovers(&directory, &mut manifest, &found)?;

    let mut recovery =
        Recovery { directory: &directory, replay, shared: Arc::default(), seen: HashMap::new() };
    let tail = recovery.walk(&manifest)?;
    make_room_for_opening(&directory, tail.payload.len())?;
    let (segment, manifest) = recovery.begin_segment(manifest, &tail)?;
    let shared = recovery.shared;
    Ok(Appender::new(directory, options, manifest, shared, segment, lock))
}

/// The numbers of all segment files, listed in the manifest or not.
fn segment_files(directory: &Directory) -> Result<Vec<u32>, DiskError> {
    Ok(directory.list()?.iter().filter_map(|name| segment_number(name)).collect())
}

/// Removes the segments that the manifest does not list: crashes left them of creating one. One
/// that was written to stays, and nothing is opened: then the manifest is older than the log.
fn remove_leftovers(
    directory: &Directory,
    manifest: &mut Manifest,
    found: &[u32],
) -> Result<(), LogError> {
    for &number in found {
        if manifest.segments.iter().any(|listed| listed.identity.number == number) {
            continue;
        }
        let name = SegmentIdentity { number, generation: 0 }.file_name();
        if !manifest.segments.is_empty()
            && let Some(file) = directory.open(&name)?
        {
            let contents = file.read(0, in_memory(file.length()?))?;
            let identity = SegmentIdentity::decode(&contents);
            if identity.is_some_and(|identity| was_in_use(identity, &contents)) {
                let what = "it was written to, but the manifest does not list it: is that older?";
                return Err(LogError::Damaged(file.damage(0, what)));
            }
        }
        tracing::warn!(
            file = %directory.path(&name).display(),
            "removing a segment that a crash left before it held anything"
        );
        directory.remove(&name)?;
        manifest.next_segment = manifest.next_segment.max(number.saturating_add(1));
    }
    Ok(())
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
    seen: HashMap<StreamId, StreamEnd>,
}

impl Recovery<'_> {
    /// Shows everything that is proven durable and returns the rest.
    fn walk(&mut self, manifest: &Manifest) -> Result<Tail, LogError> {
        let mut tail = Tail::default();
        for listed in &manifest.segments {
            let file = self.open_segment(listed)?;
            let contents = Bytes::from(file.read(0, in_memory(file.length()?))?);
            let ends_the_log = manifest.stopped && Some(listed) == manifest.segments.last();
            let walked = Walked::new(listed, &contents, ends_the_log)
                .and_then(|walked| self.show_proven(listed, &walked, &mut tail).map(|()| walked))
                .map_err(|(offset, what)| LogError::Damaged(file.damage(offset, what)))?;
            if walked.cut_bytes > 0 {
                tracing::warn!(
                    file = %file.path().display(),
                    offset = walked.end,
                    bytes = walked.cut_bytes,
                    "cut what a crash tore of the last writes; nobody was told that they were synced"
                );
            }
            self.shared.segments.add(Arc::new(Segment::new(listed.identity, file, walked.durable)));
        }
        Ok(tail)
    }

    /// Shows the groups of a segment that are proven durable and adds the others to the tail.
    fn show_proven(
        &mut self,
        listed: &ListedSegment,
        walked: &Walked,
        tail: &mut Tail,
    ) -> Result<(), Damage> {
        let segment = listed.identity.number;
        tail.durable = Some(Place { segment, offset: walked.durable });
        for group in &walked.groups {
            let extent = group.header.extent;
            if extent.end() <= walked.durable {
                let place = Place { segment, offset: extent.payload().start };
                self.show(&group.payload, place)?;
            } else {
                tail.payload.extend_from_slice(&group.payload);
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
    fn show(&mut self, payload: &Bytes, place: Place) -> Result<(), Damage> {
        for frame in frames(payload.clone(), place) {
            let frame = frame.map_err(|Malformed(what)| (place.offset, what))?;
            let position = Position::from(frame.place);
            let Entry { term, next_seq_no, .. } = frame.entry;
            let seen = self.seen.entry(frame.stream).or_insert(StreamEnd::FIRST);
            seen.term = seen.term.max(term);
            seen.next_seq_no = seen.next_seq_no.max(next_seq_no);
            seen.last = position;
            let locations = locations(position, &frame.entry);
            let operations = Outline::of_entry(&frame.entry, &locations);
            let outline = EntryOutline { position, term, next_seq_no, operations: &operations };
            self.replay.entry(frame.stream, &outline, &mut Vec::new());
        }
        Ok(())
    }

    /// Begins the segment of this opening with the tail and the new terms, all durable on return.
    fn begin_segment(
        &mut self,
        mut manifest: Manifest,
        tail: &Tail,
    ) -> Result<(Arc<Segment>, Manifest), LogError> {
        let identity = SegmentIdentity::new(manifest.next_segment, manifest.edition);
        manifest.next_segment = manifest.next_segment.saturating_add(1);
        let segment = Arc::new(Segment::create(self.directory, identity)?);
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
        self.write_markers(&mut fresh)?;

        let segment = fresh.segment;
        segment.file.sync()?;
        self.directory.sync()?;
        let listed = ListedSegment { identity, end: SegmentEnd::OpenFrom(segment.end()) };
        let manifest = manifest.rolled(tail.durable.map_or(0, |durable| durable.offset), listed);
        manifest.store(self.directory)?;
        Ok((segment, manifest))
    }

    /// Starts the new term of every stream that is still wanted.
    fn write_markers(&mut self, fresh: &mut FreshSegment) -> Result<(), LogError> {
        let live = self.replay.live_streams(self.shared.segments.as_ref())?;
        for (&id, &end) in &self.seen {
            self.shared.streams.set(id, StreamState::new(end, Claim::Unclaimed));
        }
        let mut markers = Vec::with_capacity(live.len());
        for &id in &live {
            let seen = self.seen.get(&id).copied();
            let end =
                seen.map_or(StreamEnd::FIRST, |end| StreamEnd { term: end.term.next(), ..end });
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
