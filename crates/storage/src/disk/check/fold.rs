//! All that is known of streams and documents, folded from entries in the order of the log.

use std::collections::{BTreeMap, HashMap};

use document::{DocumentId, Effect, LastWrite, Operation, PrimaryTerm, SeqNo};
use shard::{
    log::{Outline, OutlineEffect, StreamId},
    store::Location,
};

use super::report::Totals;

/// The streams and their documents.
#[derive(Default)]
pub(super) struct Fold {
    pub(super) streams: BTreeMap<StreamId, Stream>,
}

/// One stream.
pub(super) struct Stream {
    /// The highest term.
    pub(super) term: PrimaryTerm,
    /// The highest number that comes next.
    pub(super) next_seq_no: SeqNo,
    /// The newest operation on each document.
    pub(super) documents: HashMap<Box<str>, Document>,
}

/// The newest operation on a document that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Document {
    /// The identity it gives the document.
    pub(super) last: LastWrite,
    /// What became of the document.
    pub(super) effect: OutlineEffect,
    /// Where it lies.
    pub(super) location: Location,
    /// Whether the record there is what was written.
    pub(super) verifies: bool,
}

impl Document {
    /// The operation, if it is a delete: there is no more to it than what is known.
    pub(super) fn delete(&self, id: &str) -> Option<Operation> {
        let LastWrite { seq_no, term, version } = self.last;
        match self.effect {
            OutlineEffect::Indexed => None,
            OutlineEffect::Deleted(time) => {
                let effect = Effect::Delete { id: DocumentId::from(id), version };
                Some(Operation { seq_no, term, time, effect })
            }
        }
    }

    /// Whether it says the same of the document as another one, wherever the two lie.
    fn agrees(&self, other: &Self) -> bool {
        self.last == other.last && self.effect == other.effect
    }
}

impl Fold {
    /// Takes in an entry without its operations. Says what is wrong with it, if anything is.
    pub(super) fn entry(
        &mut self,
        id: StreamId,
        term: PrimaryTerm,
        next_seq_no: SeqNo,
    ) -> Option<&'static str> {
        let first = || Stream { term, next_seq_no, documents: HashMap::new() };
        let stream = self.streams.entry(id).or_insert_with(first);
        let wrong = if term < stream.term {
            Some("an entry's term is below that of an earlier one")
        } else if next_seq_no < stream.next_seq_no {
            Some("an entry's next sequence number is below that of an earlier one")
        } else {
            None
        };
        stream.term = stream.term.max(term);
        stream.next_seq_no = stream.next_seq_no.max(next_seq_no);
        wrong
    }

    /// Takes in an operation of the entry that came last. Says what is wrong with it, if anything is.
    pub(super) fn operation(
        &mut self,
        id: StreamId,
        outline: &Outline<'_>,
        verifies: bool,
    ) -> Option<&'static str> {
        let stream = self.streams.get_mut(&id)?;
        let Outline { last, effect, location, .. } = *outline;
        let found = Document { last, effect, location, verifies };
        let mut wrong = None;
        match stream.documents.get_mut(outline.id) {
            None => {
                stream.documents.insert(outline.id.into(), found);
            }
            Some(known) if known.last.seq_no < last.seq_no => *known = found,
            Some(known) if known.last.seq_no == last.seq_no => {
                if !known.agrees(&found) {
                    wrong = Some("two operations on a document have the same sequence number");
                } else if !known.verifies {
                    *known = found;
                }
            }
            Some(_) => {}
        }
        // The last number of all has none after it but itself.
        if last.seq_no.next() > stream.next_seq_no {
            stream.next_seq_no = last.seq_no.next();
            wrong = Some("an operation's sequence number is not below its entry's next one");
        }
        if last.term > stream.term {
            stream.term = last.term;
            wrong = Some("an operation's term is above its entry's");
        }
        wrong
    }

    /// How much could be read of the newest operations.
    pub(super) fn readable_bytes(&self) -> u64 {
        let documents = self.streams.values().flat_map(|stream| stream.documents.values());
        documents.map(|document| u64::from(document.location.length)).sum()
    }

    /// What it all comes to.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals { streams: self.streams.len() as u64, ..Totals::default() };
        for (id, stream) in &self.streams {
            for document in stream.documents.values() {
                match document.effect {
                    OutlineEffect::Deleted(_) => totals.deletes += 1,
                    OutlineEffect::Indexed => {
                        totals.documents += 1;
                        totals.catalog += u64::from(*id == StreamId::CATALOG);
                        totals.unreadable += u64::from(!document.verifies);
                    }
                }
            }
        }
        totals
    }
}
