//! What a write to a document means: identities, versions, preconditions, the decision.
//!
//! Arithmetic on values. [`plan_write`] decides what a primary does with a write; [`apply`] decides
//! what anybody does who replays or copies its operations. There is no I/O, no clock, no JSON and
//! no HTTP here: the caller resolves the document's state and passes it in.

mod apply;
mod conflict;
mod id;
mod operation;
mod plan;
mod precondition;
mod state;
mod version;

pub use apply::{Application, Processed, TermTooOld, adopt_term, apply};
pub use conflict::{Refusal, Required, VersionConflict};
pub use id::{DocumentId, Routing};
pub use operation::{Effect, Operation};
pub use plan::{Action, Outcome, Plan, Write, check_read, plan_write};
pub use precondition::Precondition;
pub use state::{DocumentState, GcDeletes, LastWrite, Timestamp};
pub use version::{PrimaryTerm, SeqNo, Version};

#[cfg(test)]
mod tests;
