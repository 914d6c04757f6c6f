//! What fields take, for statistics.
//!
//! This server keeps neither the terms of texts nor structures for suggestions in memory, as Elasticsearch
//! does. What it tells instead is what the same things take here: the terms that a search held to sort by a
//! text, and the inputs of completions in the documents.

use std::collections::{BTreeMap, HashMap};

use mapping::{FieldRef, FieldSink, FieldType, FieldValue, Mapping};
use parking_lot::Mutex;
use shard::{Document, Shard};

use crate::search::show_some;

/// The sizes of so many fields are kept of each shard.
const FIELDS_MAX: usize = 1_000;
/// So many documents are looked at to find out what completions take. Of a shard with more, that is an
/// estimate.
const SAMPLED_DOCUMENTS: usize = 100;
/// And no more than so many bytes of them.
const SAMPLED_BYTES: u64 = 1 << 20;

/// The bytes of fields, by shard and path.
pub type Sizes = BTreeMap<String, u64>;

/// What fields of an index take.
#[derive(Debug, Default)]
pub struct FieldSizes {
    /// The most that a search has held to sort by a text.
    sorted: Mutex<HashMap<u32, Sizes>>,
    /// What completions take, and up to which sequence number that was looked at.
    completions: Mutex<HashMap<u32, (Option<u64>, Sizes)>>,
}

impl FieldSizes {
    /// The terms of texts that a search on a shard held to sort by them.
    pub(crate) fn note_sorted(&self, shard: u32, sizes: Sizes) {
        if sizes.is_empty() {
            return;
        }
        let mut sorted = self.sorted.lock();
        let known = sorted.entry(shard).or_default();
        for (path, bytes) in sizes {
            if known.len() < FIELDS_MAX || known.contains_key(&path) {
                let most = known.entry(path).or_default();
                *most = bytes.max(*most);
            }
        }
    }

    /// Forgets what searches held.
    pub fn forget_sorted(&self) {
        self.sorted.lock().clear();
    }

    /// What a search on a shard held at most, by field.
    #[must_use]
    pub fn sorted(&self, shard: u32) -> Sizes {
        self.sorted.lock().get(&shard).cloned().unwrap_or_default()
    }

    /// What the completions of a shard took when they were last measured, by field.
    #[must_use]
    pub fn completions(&self, shard: u32) -> Sizes {
        let known = self.completions.lock();
        known.get(&shard).map(|(_, sizes)| sizes.clone()).unwrap_or_default()
    }

    /// Measures what the completions of a shard take, if it has any and changed since.
    pub(crate) async fn measure(&self, number: u32, shard: &Shard, mapping: &Mapping) {
        let now = shard.max_seq_no().map(document::SeqNo::get);
        if self.completions.lock().get(&number).is_some_and(|(seq_no, _)| *seq_no == now) {
            return;
        }
        let has_any = mapping.has_type(FieldType::Completion);
        let sizes = if has_any { sample(shard, mapping).await } else { Sizes::new() };
        self.completions.lock().insert(number, (now, sizes));
    }
}

/// What the completions in some documents take, as much more as there are more documents.
async fn sample(shard: &Shard, mapping: &Mapping) -> Sizes {
    let mut completions = Completions::default();
    let see = |document: &Document| mapping.fields(&document.source, &mut completions);
    let looked_at = show_some(shard, (SAMPLED_DOCUMENTS, SAMPLED_BYTES), see).await.max(1) as u64;
    let all = shard.shown_documents().max(looked_at);
    let scaled = |bytes: u64| bytes.saturating_mul(all) / looked_at;
    completions.sizes.into_iter().map(|(path, bytes)| (path, scaled(bytes))).collect()
}

/// Adds up the completions of documents.
#[derive(Default)]
struct Completions {
    sizes: Sizes,
}

impl FieldSink for Completions {
    fn wants(&self, field: FieldRef<'_>) -> bool {
        field.field_type() == FieldType::Completion
    }

    fn value(&mut self, field: FieldRef<'_>, value: FieldValue<'_>) {
        let (FieldValue::Json(text) | FieldValue::Text(text) | FieldValue::Keyword(text)) = value
        else {
            return;
        };
        let bytes = self.sizes.entry(field.path().to_owned()).or_default();
        *bytes = bytes.saturating_add(text.len() as u64);
    }
}
