//! What an opening found damaged, by stream.

use std::collections::HashMap;

use document::SeqNo;
use parking_lot::Mutex;
use shard::log::{Damage, StreamId};

/// The damage of each stream that has any.
#[derive(Default)]
pub(super) struct Damages {
    by_stream: Mutex<HashMap<StreamId, StreamDamage>>,
}

/// What is wrong with one stream.
struct StreamDamage {
    /// The first thing that was found.
    first: String,
    /// How many more there are.
    more: usize,
    lost_below: Option<SeqNo>,
}

impl Damages {
    /// Takes note of damage to a stream and tells the operator.
    pub(super) fn add(&self, stream: StreamId, what: String, lost_below: Option<SeqNo>) {
        match lost_below {
            Some(bound) => tracing::error!(
                %stream,
                "{what}; operations with sequence numbers below {bound} may be lost"
            ),
            None => tracing::error!(%stream, "{what}; all operations are known"),
        }
        let mut by_stream = self.by_stream.lock();
        match by_stream.get_mut(&stream) {
            Some(damage) => {
                damage.more += 1;
                damage.lost_below = damage.lost_below.max(lost_below);
            }
            None => {
                by_stream.insert(stream, StreamDamage { first: what, more: 0, lost_below });
            }
        }
    }

    /// The damage of a stream, if it has any.
    pub(super) fn of(&self, stream: StreamId) -> Option<Damage> {
        let by_stream = self.by_stream.lock();
        let StreamDamage { first, more, lost_below } = by_stream.get(&stream)?;
        let what = match more {
            0 => first.as_str().into(),
            more => format!("{first} and {more} more").into(),
        };
        Some(Damage { what, lost_below: *lost_below })
    }
}
