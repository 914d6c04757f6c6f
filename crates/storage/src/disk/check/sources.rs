//! Reading operations again, once it is known which are wanted.

use std::collections::BTreeMap;

use bytes::Bytes;
use document::Operation;
use shard::log::Outline;

use super::{
    super::{
        directory::{Directory, NamedFile},
        format::{SegmentIdentity, decode_record},
    },
    fold::Document,
};

/// So many segments are kept open.
const OPEN_MAX: usize = 64;

/// The segments, opened as they are needed.
pub(super) struct Sources<'a> {
    directory: &'a Directory,
    open: BTreeMap<u32, NamedFile>,
}

impl<'a> Sources<'a> {
    pub(super) fn new(directory: &'a Directory) -> Self {
        Self { directory, open: BTreeMap::new() }
    }

    /// The newest operation on a document, if it is what was written.
    pub(super) fn read(&mut self, id: &str, document: &Document) -> Option<Operation> {
        let location = document.location;
        let record =
            self.file(location.segment)?.read(location.offset.into(), location.length as usize);
        let operation = decode_record(&Bytes::from(record.ok()?)).ok()?;
        let outline = Outline::new(&operation, location)?;
        let is_it =
            outline.id == id && outline.last == document.last && outline.effect == document.effect;
        is_it.then_some(operation)
    }

    fn file(&mut self, number: u32) -> Option<&NamedFile> {
        if !self.open.contains_key(&number) {
            if self.open.len() >= OPEN_MAX {
                self.open.clear();
            }
            let name = SegmentIdentity { number, generation: 0 }.file_name();
            self.open.insert(number, self.directory.open_read_only(&name).ok()??);
        }
        self.open.get(&number)
    }
}
