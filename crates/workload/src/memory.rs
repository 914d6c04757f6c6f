//! What a client remembers of the documents it has to do with.

use std::collections::BTreeMap;

use checker::{Action, Document, Fields, Outcome, Upsert, WriteResult};

/// A document as it was last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its version, or its tombstone's.
    pub version: Option<u64>,
    /// Sequence number and term of its last write.
    pub last: Option<(u64, u64)>,
    /// Its source, as far as it is known.
    pub fields: Fields,
    /// Whether it was there.
    pub live: bool,
}

/// How many former states of a document are remembered, to be wrong on purpose.
const FORMER_MAX: usize = 4;

/// The states of one document, the latest last.
#[derive(Clone, Debug, Default)]
struct States(Vec<Seen>);

/// A client's memory.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    documents: BTreeMap<Document, States>,
}

impl Memory {
    /// The last state seen of a document.
    #[must_use]
    pub fn last(&self, document: &Document) -> Option<&Seen> {
        self.documents.get(document)?.0.last()
    }

    /// Former states seen of a document, oldest first.
    #[must_use]
    pub fn former(&self, document: &Document) -> &[Seen] {
        let states = self.documents.get(document).map(|states| states.0.as_slice());
        states.and_then(|states| states.split_last()).map_or(&[], |(_, former)| former)
    }

    /// Learns from an answer.
    pub fn learn(&mut self, document: &Document, action: &Action, outcome: &Outcome) {
        let seen = match outcome {
            Outcome::Written { result: WriteResult::Noop, .. } => return,
            Outcome::Written { result, version, seq_no, term } => Seen {
                version: *version,
                last: seq_no.zip(*term),
                fields: self.written(document, action, *result),
                live: matches!(result, WriteResult::Created | WriteResult::Updated),
            },
            Outcome::Found { version, seq_no, term, fields, .. } => Seen {
                version: *version,
                last: seq_no.zip(*term),
                fields: fields.clone(),
                live: true,
            },
            Outcome::Missing => {
                let version = self.last(document).and_then(|seen| seen.version);
                Seen { version, ..Seen::default() }
            }
            Outcome::Conflict { .. }
            | Outcome::AbsentIndex
            | Outcome::NotApplied { .. }
            | Outcome::Unknown { .. } => return,
        };
        let states = &mut self.documents.entry(document.clone()).or_default().0;
        if states.len() > FORMER_MAX {
            states.remove(0);
        }
        states.push(seen);
    }

    /// Guesses what a write will leave if it succeeds, for those that follow it in one request.
    pub fn foresee(&mut self, document: &Document, action: &Action) {
        let version = self.last(document).and_then(|seen| seen.version).unwrap_or(0);
        let result = match action {
            Action::Delete { .. } => WriteResult::Deleted,
            Action::Read { .. } => return,
            Action::Index { .. } | Action::Create { .. } | Action::Update { .. } => {
                WriteResult::Updated
            }
        };
        let version = Some(version.saturating_add(1));
        let (seq_no, term) = self.last(document).and_then(|seen| seen.last).unzip();
        let seq_no = seq_no.map(|seq_no| seq_no + 1);
        self.learn(document, action, &Outcome::Written { result, version, seq_no, term });
    }

    /// Forgets what was in an index that was deleted, all but how wrong it could be.
    pub fn forget(&mut self, index: &str) {
        self.documents.retain(|document, _| document.index != index);
    }

    /// What a write probably left.
    fn written(&self, document: &Document, action: &Action, result: WriteResult) -> Fields {
        match action {
            Action::Index { fields, .. } | Action::Create { fields, .. } => fields.clone(),
            Action::Update { change, upsert, .. } => match (result, upsert) {
                (WriteResult::Created, Some(Upsert::Fields(fields))) => fields.clone(),
                (WriteResult::Created, _) => change.clone(),
                _ => {
                    let mut fields =
                        self.last(document).map_or_else(Fields::new, |s| s.fields.clone());
                    fields.extend(change.iter().map(|(name, token)| (name.clone(), *token)));
                    fields
                }
            },
            Action::Delete { .. } | Action::Read { .. } => Fields::new(),
        }
    }
}
