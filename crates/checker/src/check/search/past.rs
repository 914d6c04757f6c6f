//! What a power cut may bring back, where writes are answered before they are durable.

use std::rc::Rc;

use super::Doc;

/// The states of a document that the writes of one life have replaced, the latest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Past(Option<Rc<Replaced>>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Replaced {
    life: u32,
    doc: Doc,
    before: Past,
}

impl Past {
    /// A write of this life replaces the document. What was written in lives before is durable since.
    pub(super) fn push(&mut self, life: u32, doc: &Doc) {
        let before = match &self.0 {
            Some(replaced) if replaced.life == life => self.clone(),
            Some(_) | None => Self::default(),
        };
        *self = Self(Some(Rc::new(Replaced { life, doc: doc.clone(), before })));
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
