//! What a client asks the shard, and what a wrong server answers in its place.

use std::sync::Arc;

use checker::{Action, Outcome};
use document::{DocumentState, Effect, Refusal, plan_write};
use shard::{Change, Write};

use super::{Answers, Play};
use crate::small_worlds::{
    disk::{self, Bug},
    program::{Act, ID, write},
    record::{found, shown, told_of_read, told_of_write},
};

impl Play {
    /// Asks the shard.
    pub(super) fn ask(&self, actions: Vec<(Act, Action)>) -> Answers {
        if let Some(early) = self.answer_early(&actions) {
            return Box::pin(std::future::ready(vec![Ok(early)]));
        }
        let shard = Arc::clone(&self.shard);
        let writes: Vec<Write> =
            actions.iter().filter_map(|(act, action)| write(*act, action)).collect();
        if writes.is_empty() {
            return Box::pin(async move { vec![told_of_read(shard.get(ID, None).await)] });
        }
        Box::pin(async move { shard.write(writes).await.into_iter().map(told_of_write).collect() })
    }

    /// The answer of a server that looks at what is not durable yet.
    fn answer_early(&self, actions: &[(Act, Action)]) -> Option<Outcome> {
        let [(act, action)] = actions else { return None };
        let disk = self.disk.lock();
        let operation = disk.in_flight()?.operations.last()?;
        let (_, last) = operation.target()?;
        match (self.bug?, action) {
            (Bug::ShowsBeforeDurable, Action::Read { .. }) => {
                let shown = disk::source(operation).map(|source| shown(last, source));
                Some(shown.unwrap_or(Outcome::Missing))
            }
            (Bug::RefusesBeforeDurable, _) => {
                let state = match operation.effect {
                    Effect::Index { .. } => DocumentState::Live(last),
                    Effect::Delete { .. } | Effect::Noop { .. } => DocumentState::Tombstone(last),
                };
                match plan_write(state, decided(write(*act, action)?)?) {
                    Err(Refusal::Conflict(conflict)) => {
                        Some(Outcome::Conflict { found: Some(found(conflict)) })
                    }
                    Err(Refusal::VersionExhausted) | Ok(_) => None,
                }
            }
            _ => None,
        }
    }
}

/// What the decision sees of a write; of an update nothing.
fn decided(write: Write) -> Option<document::Write> {
    let action = match write.change {
        Change::Index(_) => document::Action::Index,
        Change::Create(_) => document::Action::Create,
        Change::Delete => document::Action::Delete,
        Change::Update(_) => return None,
    };
    Some(document::Write { action, precondition: write.precondition })
}
