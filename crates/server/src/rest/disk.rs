//! The disk that the data are on, for those who ask how full it is.

use std::path::PathBuf;
use std::sync::Arc;

/// The disk under a directory; without one nothing is known.
#[derive(Clone, Debug, Default)]
pub struct Disk(Option<Arc<PathBuf>>);

impl Disk {
    /// The disk that a directory is on.
    pub fn under(directory: PathBuf) -> Self {
        Self(Some(Arc::new(directory)))
    }

    /// The directory.
    pub(crate) fn path(&self) -> String {
        self.0.as_ref().map_or_else(String::new, |path| path.display().to_string())
    }

    /// How many bytes it has, and how many of them are free.
    pub(crate) fn space(&self) -> Option<(u64, u64)> {
        let directory = self.0.as_ref()?;
        let found = rustix::fs::statvfs(directory.as_path()).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Some((bytes(found.f_blocks), bytes(found.f_bavail)))
    }
}
