//! Documents on their way past the rules of the shard.
//!
//! A document that needs something durable first (in the mapping of its index, for instance) ends its
//! batch. When that batch is durable, the next one begins with it: it is decided again on durable state,
//! and if it is accepted, the writer waits until what it needs is durable. Nothing else is decided
//! meanwhile, so that its acceptance stands, and the documents after it are judged in their order.

use document::{Action, Effect, Outcome, Plan, Precondition, Refusal, plan_write};

use super::{INLINE_MERGE_BYTES_MAX, Writer, replies::Slot};
use crate::{Candidate, Document, Verdict, WriteError, Written};

/// A document that a write would make.
pub(super) struct Proposal {
    /// The document.
    pub(super) candidate: Candidate,
    /// Whether it may take another one's place.
    pub(super) action: Action,
    /// What the write requires.
    pub(super) precondition: Precondition,
    /// The edition of the rules that it was found to fit.
    pub(super) fits: Option<u64>,
    /// For what an update made: whether the answer shall hold it.
    pub(super) updated: Option<bool>,
    /// Where the answer belongs.
    pub(super) slot: Slot,
}

impl Writer {
    /// Takes a document into the batch, or answers why not, or leaves it for the next batch.
    pub(super) fn propose(&mut self, proposal: Proposal) {
        let verdict = self.judge(&proposal);
        if let Verdict::Refused(unfit) = verdict {
            return self.batch.answer(proposal.slot, Err(WriteError::Unfit(unfit)));
        }
        match self.decide(&proposal) {
            Err(refusal) => self.batch.answer(proposal.slot, Err(WriteError::Refused(refusal))),
            Ok(plan) if verdict == Verdict::Fits => self.take_in(proposal, &plan),
            Ok(_) => self.proposed = Some(proposal),
        }
    }

    /// Plans the document that the batch before left, and waits for what it needs.
    pub(super) async fn plan_proposed(&mut self) {
        let Some(proposal) = self.proposed.take() else { return };
        let plan = match self.decide(&proposal) {
            Ok(plan) => plan,
            Err(refusal) => {
                return self.batch.answer(proposal.slot, Err(WriteError::Refused(refusal)));
            }
        };
        let admitted = match &self.admission {
            Some(admission) => admission.admit(&proposal.candidate).await,
            None => Ok(()),
        };
        match admitted {
            Ok(()) => self.take_in(proposal, &plan),
            Err(error) => self.batch.answer(proposal.slot, Err(error)),
        }
    }

    /// What the rules say. Long documents are judged elsewhere, while the writer waits.
    fn judge(&self, proposal: &Proposal) -> Verdict {
        let Some(admission) = &self.admission else { return Verdict::Fits };
        if proposal.fits == Some(admission.edition()) {
            Verdict::Fits
        } else if proposal.candidate.source.len() > INLINE_MERGE_BYTES_MAX {
            Verdict::Needs
        } else {
            admission.judge(&proposal.candidate)
        }
    }

    /// What versions say.
    fn decide(&self, proposal: &Proposal) -> Result<Plan, Refusal> {
        let Proposal { candidate, action, precondition, .. } = proposal;
        let write = document::Write { action: *action, precondition: *precondition };
        plan_write(self.state(&candidate.id), write)
    }

    /// Gives an accepted document its place in the batch.
    fn take_in(&mut self, proposal: Proposal, plan: &Plan) {
        let Proposal { candidate: Candidate { id, routing, source }, updated, slot, .. } = proposal;
        let (version, outcome): (_, Outcome) = (plan.version, plan.outcome);
        let Some(wants_document) = updated else {
            let last = self.push(Effect::Index { id, routing, version, source });
            return self.batch.answer(slot, Ok(Written { outcome, last, document: None }));
        };
        let (kept_routing, kept_source) = (routing.clone(), source.clone());
        let last = self.push(Effect::Index { id, routing, version, source });
        let document = Document { last, routing: kept_routing, source: kept_source };
        self.batch.remember(&document);
        let document = Some(document).filter(|_| wants_document);
        self.batch.answer(slot, Ok(Written { outcome, last, document }));
    }
}
