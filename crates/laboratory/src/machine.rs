//! Where the server keeps its data: a directory, or a file system of its own whose power can be cut.

mod image;

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;
use workload::Random;

use image::Image;
pub(crate) use image::missing;

use crate::arguments::Common;
use crate::process::Program;

/// A directory for all that a run writes. A temporary one goes away unless something was found.
#[derive(Debug)]
pub(crate) struct Workplace {
    root: PathBuf,
    temporary: Option<TempDir>,
}

impl Workplace {
    /// The directory that was named, or a temporary one.
    ///
    /// # Errors
    /// When there can be none, or there is something in it.
    pub(crate) fn new(common: &Common) -> anyhow::Result<Self> {
        let Some(root) = &common.data else {
            let temporary = tempfile::Builder::new().prefix("laboratory-").tempdir()?;
            return Ok(Self { root: temporary.path().to_owned(), temporary: Some(temporary) });
        };
        std::fs::create_dir_all(root)?;
        let is_empty = std::fs::read_dir(root)?.next().is_none();
        anyhow::ensure!(is_empty, "[{}] is not empty", root.display());
        Ok(Self { root: root.clone(), temporary: None })
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The server to run: a copy, so that a build meanwhile does not change what is run.
    ///
    /// # Errors
    /// When nobody says where it is.
    pub(crate) fn program(&self, common: &Common) -> anyhow::Result<Program> {
        let beside = || Some(std::env::current_exe().ok()?.with_file_name("occam"));
        let binary = common.binary.clone().or_else(beside).context("--binary is missing")?;
        let copy = self.path("occam");
        std::fs::copy(&binary, &copy)
            .with_context(|| format!("cannot copy [{}]: see --binary", binary.display()))?;
        Ok(Program { binary: copy, log: self.path("server.log") })
    }

    /// Leaves everything where it is, for somebody to look at.
    pub(crate) fn keep(&mut self) -> &Path {
        if let Some(temporary) = self.temporary.take() {
            self.root = temporary.keep();
        }
        &self.root
    }
}

/// What the server runs on.
#[derive(Debug)]
pub(crate) struct Machine {
    /// The data directory.
    pub(crate) data: PathBuf,
    image: Option<Image>,
}

impl Machine {
    /// A plain directory.
    pub(crate) fn plain(workplace: &Workplace) -> Self {
        Self { data: workplace.path("data"), image: None }
    }

    /// A file system of its own.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) async fn with_power(workplace: &Workplace) -> anyhow::Result<Self> {
        let image = Image::mount(workplace.path("image"), workplace.path("mount")).await?;
        Ok(Self { data: workplace.path("mount").join("data"), image: Some(image) })
    }

    /// Whether its power can be cut.
    pub(crate) fn has_power(&self) -> bool {
        self.image.is_some()
    }

    /// Writes some of what was not synced: a disk may keep more than it was asked to, and not in the
    /// order it was asked in.
    pub(crate) fn write_some_back(&self, random: &mut Random) {
        let files = std::fs::read_dir(&self.data).into_iter().flatten().flatten();
        for file in files.filter(|_| random.percent(50)) {
            // It may be gone by now, and after a cut it cannot be synced.
            let _ = File::open(file.path()).and_then(|file| file.sync_data());
        }
    }

    /// Cuts the power: from now on nothing is written.
    ///
    /// # Errors
    /// When it has none, or the cut did not succeed.
    pub(crate) async fn cut_power(&mut self) -> anyhow::Result<()> {
        self.image.as_mut().context("there is no power to cut")?.cut_power().await
    }

    /// Gives the power back; nobody may use the directory meanwhile.
    ///
    /// # Errors
    /// When the file system cannot be mounted again.
    pub(crate) async fn restore_power(&mut self) -> anyhow::Result<()> {
        self.image.as_mut().context("there is no power to restore")?.restore_power().await
    }
}
