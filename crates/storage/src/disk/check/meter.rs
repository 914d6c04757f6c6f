//! How far it has got.

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Files are read and verified.
    Reading,
    /// What can be salvaged is written.
    Writing,
}

/// How far it has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// So many bytes are done.
    pub done_bytes: u64,
    /// There are so many.
    pub total_bytes: u64,
}

/// Tells somebody.
pub(super) struct Meter<'a> {
    tell: &'a mut dyn FnMut(Progress),
    progress: Progress,
}

impl<'a> Meter<'a> {
    pub(super) fn new(tell: &'a mut dyn FnMut(Progress)) -> Self {
        let progress = Progress { phase: Phase::Reading, done_bytes: 0, total_bytes: 0 };
        Self { tell, progress }
    }

    pub(super) fn begin(&mut self, phase: Phase, total_bytes: u64) {
        self.progress = Progress { phase, done_bytes: 0, total_bytes };
        (self.tell)(self.progress);
    }

    pub(super) fn advance(&mut self, bytes: u64) {
        self.progress.done_bytes = self.progress.done_bytes.saturating_add(bytes);
        (self.tell)(self.progress);
    }
}
