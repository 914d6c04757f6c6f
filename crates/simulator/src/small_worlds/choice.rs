//! What can happen next in a small world.

use std::fmt;

use super::disk::Ending;

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A client sends its next request.
    Send(usize),
    /// The writer, or what it has others do, runs until it waits.
    Work,
    /// The append under way ends.
    EndAppend(Ending),
    /// The oldest slow read or long merge ends.
    EndBeside,
    /// Collection has a stored operation moved.
    Move {
        /// The oldest one, not the last.
        oldest: bool,
    },
    /// A client waits no longer.
    HangUp(usize),
    /// The clock steps beyond `gc_deletes`.
    StepClock,
    /// The power is cut, and the shard starts again.
    Crash {
        /// Whether the entry under way is stored.
        kept: bool,
    },
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(client) => write!(f, "client {client} sends"),
            Self::Work => f.write_str("the writer runs"),
            Self::EndAppend(ending) => write!(f, "the append ends: {ending:?}"),
            Self::EndBeside => f.write_str("a read or a merge ends"),
            Self::Move { oldest: true } => f.write_str("collection moves the oldest operation"),
            Self::Move { oldest: false } => f.write_str("collection moves the last operation"),
            Self::HangUp(client) => write!(f, "client {client} hangs up"),
            Self::StepClock => f.write_str("the clock steps"),
            Self::Crash { kept } => write!(f, "a crash, what is under way is kept: {kept}"),
        }
    }
}
