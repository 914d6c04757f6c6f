//! What searches see of a shard whose writes wait for a refresh.
//!
//! Usually searches see a write as soon as it is answered, and nothing of this is there. Where writes
//! wait, this remembers what those documents were that have been written since the last refresh. Reads
//! by id do not ask it: they always see the last write.

use std::{
    collections::{BTreeMap, HashMap},
    sync::atomic::Ordering::Relaxed,
};

use document::{DocumentState, LastWrite, SeqNo, Version, check_read};

use crate::{
    Document, Held, Place, ReadError, Shard, VersionTable,
    log::Outline,
    memory::{Memory, heap_bytes},
    shard::Shared,
    store::{Hold, Location, Store},
};

/// What an entry takes besides the bytes of its id, about.
const ENTRY_BYTES: u64 = 96;

/// The writes of a shard that wait for a refresh.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// Operations from this number on are not shown.
    from: SeqNo,
    /// How many documents are shown.
    documents: u64,
    /// What the documents were that are shown and have been written since.
    earlier: HashMap<Box<str>, (LastWrite, Location)>,
    /// A place in each of the segments that these lie in. A segment is given up as a whole.
    segments: BTreeMap<u32, Location>,
    /// What `earlier` takes of the table's memory.
    bytes: u64,
}

impl Waiting {
    /// Everything below `next` is shown, later writes wait.
    pub(crate) fn new(next: SeqNo, table: &VersionTable) -> Self {
        let (earlier, segments) = (HashMap::new(), BTreeMap::new());
        Self { from: next, documents: table.live(), earlier, segments, bytes: 0 }
    }

    /// How many documents are shown.
    pub(crate) const fn documents(&self) -> u64 {
        self.documents
    }

    /// The number from which on operations are not shown.
    pub(crate) const fn from(&self) -> SeqNo {
        self.from
    }

    /// What is shown of a document that the table holds.
    fn shown(&self, id: &str, held: Held) -> Option<(LastWrite, Location)> {
        if held.last.seq_no < self.from {
            return held.place.location().map(|location| (held.last, location));
        }
        self.earlier.get(id).copied()
    }

    /// Whether some source that is shown is given up already.
    fn is_given_up(&self, store: &dyn Store) -> bool {
        self.segments.values().any(|location| !store.is_stored(*location))
    }

    /// Takes note of what some operations, which are about to be applied, will replace.
    pub(crate) fn remember(&mut self, operations: &[Outline<'_>], table: &VersionTable) {
        for operation in operations {
            if let Some(Held { last, place: Place::Live(location) }) = table.get(operation.id)
                && last.seq_no < self.from
                && last.seq_no < operation.last.seq_no
                && self.earlier.insert(operation.id.into(), (last, location)).is_none()
            {
                self.segments.insert(location.segment, location);
                let bytes = heap_bytes(operation.id.len()).saturating_add(ENTRY_BYTES);
                table.memory().grow(bytes);
                self.bytes = self.bytes.saturating_add(bytes);
            }
        }
    }

    /// Gives back what it takes of the memory.
    pub(crate) fn release(&mut self, memory: &Memory) {
        self.earlier = HashMap::new();
        self.segments = BTreeMap::new();
        memory.shrink(std::mem::take(&mut self.bytes));
    }
}

impl Shared {
    /// Makes operations visible. `next` is the number that the next one takes.
    pub(crate) fn apply(
        &self,
        operations: &[Outline<'_>],
        next: SeqNo,
        retired: &mut Vec<Location>,
    ) {
        let mut waiting = self.waiting.lock();
        if let Some(waiting) = &mut *waiting {
            waiting.remember(operations, &self.table);
        }
        self.table.apply_all(operations, retired);
        self.next_seq_no.store(next.get(), Relaxed);
        // What is remembered for searches must not keep documents out.
        if waiting.is_some() && !self.table.memory().has_room_for(self.table.memory().limit() / 8) {
            self.show_all(&mut waiting);
        }
    }

    /// Shows what waits.
    fn show_all(&self, waiting: &mut Option<Waiting>) {
        if let Some(waiting) = waiting {
            waiting.release(self.table.memory());
            *waiting = Waiting::new(SeqNo::new(self.next_seq_no.load(Relaxed)), &self.table);
        }
    }

    /// The number of the first operation that may wait for a refresh.
    pub(crate) fn waits_from(&self) -> Option<SeqNo> {
        self.waiting.lock().as_ref().map(Waiting::from)
    }
}

impl Shard {
    /// Has writes wait for [`Shard::refresh`] before searches see them, or not any more.
    pub fn set_waits_for_refresh(&self, waits: bool) {
        let mut waiting = self.shared.waiting.lock();
        if waits && waiting.is_none() {
            let next = SeqNo::new(self.shared.next_seq_no.load(Relaxed));
            *waiting = Some(Waiting::new(next, &self.shared.table));
        } else if !waits && let Some(mut shown) = waiting.take() {
            shown.release(self.shared.table.memory());
        }
    }

    /// Shows searches every write that was answered.
    pub fn refresh(&self) {
        self.shared.show_all(&mut self.shared.waiting.lock());
    }

    /// Keeps what searches see now readable ([`Store::hold`]), all of it. Where a source of that is given up
    /// already, the whole shard is refreshed before, so that what is seen is of one moment.
    #[must_use]
    pub fn hold_shown(&self) -> Hold {
        let hold = self.store.hold();
        let mut waiting = self.shared.waiting.lock();
        if waiting.as_ref().is_some_and(|waiting| waiting.is_given_up(self.store.as_ref())) {
            self.shared.show_all(&mut waiting);
        }
        hold
    }

    /// How many documents searches see.
    #[must_use]
    pub fn shown_documents(&self) -> u64 {
        let waiting = self.shared.waiting.lock();
        waiting.as_ref().map_or_else(|| self.shared.table.live(), Waiting::documents)
    }

    /// What searches see of a document: the write that made it so, and where that lies.
    #[must_use]
    pub fn shown(&self, id: &str) -> Option<(LastWrite, Location)> {
        let waiting = self.shared.waiting.lock();
        let held = self.shared.table.get(id)?;
        match &*waiting {
            None => held.place.location().map(|location| (held.last, location)),
            Some(waiting) => waiting.shown(id, held),
        }
    }

    /// As [`VersionTable::for_each_live_in_part`], with what searches see.
    pub fn for_each_shown_in_part(
        &self,
        part: usize,
        f: &mut dyn FnMut(&str, LastWrite, Location),
    ) -> bool {
        let waiting = self.shared.waiting.lock();
        let Some(shown) = &*waiting else {
            // The writer need not wait for this.
            drop(waiting);
            return self.shared.table.for_each_live_in_part(part, f);
        };
        self.shared.table.for_each_in_part(part, &mut |id, held| {
            if let Some((last, location)) = shown.shown(id, held) {
                f(id, last, location);
            }
        })
    }

    /// Reads a document as searches see it. Where the older source is given up meanwhile, it is read as it is
    /// now.
    ///
    /// # Errors
    /// As [`Shard::get`].
    pub async fn get_shown(
        &self,
        id: &str,
        required: Option<Version>,
    ) -> Result<Option<Document>, ReadError> {
        if self.shared.waits_from().is_none() {
            return self.get(id, required).await;
        }
        let _hold = self.hold_shown();
        let found = self.shown(id);
        let certain =
            found.map(|(last, location)| (Held { last, place: Place::Live(location) }, location));
        self.check_certain(certain).map_err(ReadError::Store)?;
        let Some((last, location)) = found else { return Ok(None) };
        check_read(DocumentState::Live(last), required).map_err(ReadError::Conflict)?;
        match self.read_at(id, last, location).await.map_err(ReadError::Store)? {
            Some(document) => Ok(Some(document)),
            None => self.get(id, required).await,
        }
    }
}
