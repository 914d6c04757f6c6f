//! How a shard says that it has failed in a way that must end the process.

use std::sync::Arc;

use tokio::sync::watch;

/// Raised once, heard by whoever owns the process. Clones are the same alarm.
#[derive(Clone, Debug)]
pub struct Alarm {
    reason: Arc<watch::Sender<Option<String>>>,
}

impl Alarm {
    /// An alarm that nobody has raised.
    #[must_use]
    pub fn new() -> Self {
        Self { reason: Arc::new(watch::channel(None).0) }
    }

    /// Raises it; only the first reason counts.
    pub fn raise(&self, why: &str) {
        self.reason.send_if_modified(|reason| {
            let first = reason.is_none();
            reason.get_or_insert_with(|| why.to_owned());
            first
        });
    }

    /// Returns when it is raised, with the reason.
    pub async fn raised(&self) -> String {
        let mut reason = self.reason.subscribe();
        let raised = reason.wait_for(Option::is_some).await;
        // The sender lives as long as this alarm, so there is a reason.
        raised.ok().and_then(|reason| reason.clone()).unwrap_or_default()
    }

    /// Raised when it is dropped, unless its work ended as it should.
    pub(crate) fn armed(self, why: &'static str) -> Armed {
        Armed { alarm: Some(self), why }
    }
}

impl Default for Alarm {
    fn default() -> Self {
        Self::new()
    }
}

/// Watches over work that must not panic.
pub(crate) struct Armed {
    alarm: Option<Alarm>,
    why: &'static str,
}

impl Armed {
    /// The work has ended as it should.
    pub(crate) fn disarm(mut self) {
        self.alarm = None;
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        if let Some(alarm) = &self.alarm {
            alarm.raise(self.why);
        }
    }
}
