//! A directory's files as plain bytes.

use std::collections::BTreeMap;

use super::Names;

/// The files of a directory by name: what a start finds there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Image {
    /// Their contents by name, for tests to look at and to damage.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Image {
    /// The files of these names, with these contents.
    pub(super) fn new(names: &Names, contents: &[Vec<u8>]) -> Self {
        let file = |(name, &number): (&String, &usize)| {
            Some((name.clone(), contents.get(number)?.clone()))
        };
        Self { files: names.iter().filter_map(file).collect() }
    }

    /// The same, with a number for each file.
    pub(super) fn numbered(&self) -> (Names, Vec<Vec<u8>>) {
        let names = self.files.keys().cloned().zip(0..).collect();
        (names, self.files.values().cloned().collect())
    }
}

/// Writes `bytes` at `offset`; what is skipped reads as zeros.
pub(super) fn overwrite(contents: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    let end = start.saturating_add(bytes.len());
    if contents.len() < end {
        contents.resize(end, 0);
    }
    if let Some(target) = contents.get_mut(start..end) {
        target.copy_from_slice(bytes);
    }
}
