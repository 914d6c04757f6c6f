//! What a power cut may bring back, where writes are answered before they are durable.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    rc::Rc,
};

use super::Doc;

/// The states of a document that the writes of one life have replaced, the latest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Past(Option<Rc<Replaced>>);

#[derive(Debug)]
struct Replaced {
    life: u32,
    doc: Doc,
    before: Past,
    /// Tells this past from others. Kept, for a past can be long and is asked at every step.
    digest: u64,
}

impl Hash for Past {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.digest().hash(hasher);
    }
}

impl Past {
    /// A write of this life replaces the document, of this digest. What was written in lives before is
    /// durable since.
    pub(super) fn push(&mut self, life: u32, doc: &Doc, digest: u64) {
        let before = match &self.0 {
            Some(replaced) if replaced.life == life => self.clone(),
            Some(_) | None => Self::default(),
        };
        let mut hasher = DefaultHasher::new();
        (life, digest, before.digest()).hash(&mut hasher);
        let digest = hasher.finish();
        *self = Self(Some(Rc::new(Replaced { life, doc: doc.clone(), before, digest })));
    }

    fn digest(&self) -> u64 {
        self.0.as_ref().map_or(0, |replaced| replaced.digest)
    }

    /// What the end of this life may bring back, the latest first.
    pub(super) fn of_life(&self, life: u32) -> impl Iterator<Item = &Doc> {
        let mut next = self.0.as_deref().filter(|replaced| replaced.life == life);
        std::iter::from_fn(move || {
            let replaced = next?;
            next = replaced.before.0.as_deref();
            Some(&replaced.doc)
        })
    }
}
