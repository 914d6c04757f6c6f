//! The order of the operations on one id: a search for one that explains every answer.
//!
//! A state allows some answers and not others. What observes and changes nothing is placed as soon as
//! it fits: that takes nothing from what comes after. Of writes the one that fits is nearly always the
//! only one, by its numbers; where several do, each is tried, and what was tried in vain is remembered.
//! The last search is exact; those before it look for likely orders, and what they find is one. It
//! gives up, and says so, only after so many steps that no history of this size should need.

mod alike;
mod candidates;
mod effort;
mod past;

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use super::document::{Doc, Effect, Fault, Try};
use super::timeline::Wall;
use super::window::{Edge, Window};
use crate::Operation;
use alike::Alike;
use candidates::{Candidate, LeadsTo};
use past::Past;

pub(super) use effort::Effort;

/// How an operation takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// It happened, once.
    Must,
    /// It happened once or never.
    May,
    /// It changes nothing.
    Observes,
}

/// What is placed.
#[derive(Clone, Copy)]
pub(super) enum What<'h> {
    /// An operation on a document, by its number in the history.
    Operation(&'h Operation, usize),
    /// The deletion of the index.
    Deletion,
    /// A power cut at the end of this life.
    PowerCut(u32),
}

/// Something that has a place in the order.
#[derive(Clone, Copy)]
pub(super) struct Op<'h> {
    /// What it is.
    pub(super) what: What<'h>,
    /// The versions that it can have made, by what was seen of it.
    pub(super) versions: (u64, u64),
    /// Its first moment.
    pub(super) from: u64,
    /// Its last moment.
    pub(super) to: u64,
    /// How it takes part.
    pub(super) part: Part,
    /// Which of the id's routings it gives.
    pub(super) routing: usize,
    /// What comes before it in the same request, by its place among these.
    pub(super) after: Option<usize>,
}

/// What a search needs to know besides the operations.
pub(super) struct Rules<'r> {
    /// The wall clock.
    pub(super) wall: &'r Wall,
    /// Which document a routing leads to, by the number of the index's incarnation.
    pub(super) slot: &'r dyn Fn(usize, usize) -> usize,
    /// The range of `gc_deletes` of an incarnation between two moments.
    pub(super) gc_deletes: &'r dyn Fn(usize, u64, u64) -> (i64, i64),
    /// Whether writes of an incarnation can be answered before they are durable, between two moments.
    pub(super) may_be_async: &'r dyn Fn(usize, u64, u64) -> bool,
    /// How many routings there are.
    pub(super) routings: usize,
    /// How many requests of unknown outcome, whose writes nobody saw, may be placed one after the other.
    pub(super) unseen_max: u32,
    /// Whether points that look alike are taken for one: that is quicker, and what it does not find may
    /// be there.
    pub(super) by_likeness: bool,
    /// How long is searched.
    pub(super) effort: &'r Effort,
}

/// Why there is no order.
pub(super) enum Failure {
    /// No order explains the answers.
    None(Furthest),
    /// It took too long to find out.
    Undecided {
        /// The last incarnation that any order came to.
        reached: usize,
    },
}

impl Failure {
    /// The last incarnation that any order came to. What is different only after it ends in the same way.
    pub(super) fn reached(&self) -> usize {
        match self {
            Self::None(Furthest { reached, .. }) | Self::Undecided { reached } => *reached,
        }
    }
}

/// The documents of the id, and which incarnation of the index they are in.
#[derive(Clone, Hash)]
struct State {
    incarnation: usize,
    docs: Vec<Doc>,
    /// For each document what a power cut may bring back.
    pasts: Vec<Past>,
    /// How many requests of which nobody saw a write were placed last, one after the other.
    unseen: u32,
}

/// A point where something was chosen.
struct Frame {
    /// The state before the choice.
    state: State,
    /// The latest beginning of what was placed before.
    moment: u64,
    /// How much was done before.
    trail: usize,
    /// What was placed before.
    key: u128,
    /// What is left to try, the next one last.
    candidates: Vec<Candidate>,
}

/// The order that went furthest.
pub(super) struct Furthest {
    placed: usize,
    /// Why what could not be placed after it does not fit there.
    pub(super) fault: Fault,
    /// What could not be placed.
    pub(super) blocked: usize,
    /// The order's end, oldest first.
    pub(super) order: Vec<usize>,
    /// The documents that it leaves, by slot.
    pub(super) docs: Vec<Doc>,
    /// The last incarnation that any order came to.
    pub(super) reached: usize,
}

/// How many of the last placed operations a failure tells.
const TOLD_MAX: usize = 8;

/// A search.
pub(super) struct Search<'s, 'h> {
    ops: &'s [Op<'h>],
    rules: &'s Rules<'s>,
    alike: Option<Alike>,
    /// The lives that end with a power cut.
    cut: HashSet<u32>,
    window: Window,
    done: Vec<bool>,
    /// What must still be placed.
    missing: usize,
    state: State,
    moment: u64,
    /// What was taken out of the window, placed or dropped.
    trail: Vec<usize>,
    key: u128,
    frames: Vec<Frame>,
    failed: HashSet<u128>,
    furthest: Option<Furthest>,
    reached: usize,
}

impl<'s, 'h> Search<'s, 'h> {
    /// A search over these.
    pub(super) fn new(ops: &'s [Op<'h>], rules: &'s Rules<'s>) -> Self {
        let spans: Vec<(u64, u64)> = ops.iter().map(|op| (op.from, op.to)).collect();
        let docs = vec![Doc::Absent { floor: 0 }; rules.routings];
        let cut = ops.iter().filter_map(|op| match op.what {
            What::PowerCut(life) => Some(life),
            What::Operation(..) | What::Deletion => None,
        });
        Self {
            ops,
            cut: cut.collect(),
            rules,
            alike: rules.by_likeness.then(|| Alike::among(ops)),
            window: Window::new(&spans),
            done: vec![false; ops.len()],
            missing: ops.iter().filter(|op| op.part != Part::May).count(),
            state: State {
                incarnation: 0,
                docs,
                pasts: vec![Past::default(); rules.routings],
                unseen: 0,
            },
            moment: 0,
            trail: Vec::new(),
            key: 0,
            frames: Vec::new(),
            failed: HashSet::new(),
            furthest: None,
            reached: 0,
        }
    }

    /// Looks for an order that explains every answer.
    pub(super) fn run(mut self) -> Result<(), Failure> {
        let mut steps = 0_u64;
        loop {
            self.observe();
            if self.missing == 0 {
                return Ok(());
            }
            if !self.rules.effort.step(steps) {
                return Err(Failure::Undecided { reached: self.reached });
            }
            steps += 1;
            let known = !self.failed.is_empty() && self.failed.contains(&self.point());
            let candidates = if known { Vec::new() } else { self.candidates() };
            self.frames.push(Frame {
                state: self.state.clone(),
                moment: self.moment,
                trail: self.trail.len(),
                key: self.key,
                candidates,
            });
            if !self.advance() {
                return Err(self.failure());
            }
        }
    }

    /// Takes the next choice of the last frame that has one.
    fn advance(&mut self) -> bool {
        while let Some(mut frame) = self.frames.pop() {
            self.undo(&frame);
            if let Some(candidate) = frame.candidates.pop() {
                self.frames.push(frame);
                self.choose(candidate);
                return true;
            }
            let point = self.point();
            self.failed.insert(point);
        }
        false
    }

    fn choose(&mut self, candidate: Candidate) {
        let continues = self.continues(candidate.op);
        for dropped in candidate.drops {
            self.take(dropped);
        }
        self.take(candidate.op);
        if let Some(op) = self.ops.get(candidate.op) {
            if op.part != Part::Observes {
                self.moment = self.moment.max(op.from);
            }
            self.state.unseen = match op.part {
                Part::May => self.state.unseen + u32::from(!continues),
                Part::Must | Part::Observes => 0,
            };
        }
        match candidate.leads_to {
            LeadsTo::Nothing => {
                self.state.incarnation += 1;
                self.reached = self.reached.max(self.state.incarnation);
                self.state.docs.fill(Doc::Absent { floor: 0 });
                self.state.pasts.fill(Past::default());
            }
            LeadsTo::Doc(slot, doc) => {
                self.remember(candidate.op, slot);
                if let Some(place) = self.state.docs.get_mut(slot) {
                    *place = doc;
                }
            }
            LeadsTo::Docs(docs) => {
                self.state.docs = docs;
                self.state.pasts.fill(Past::default());
            }
        }
    }

    /// Keeps what a power cut may bring back, where a write is not durable when it is answered and its life
    /// ends so. One that is durable makes all before it durable.
    fn remember(&mut self, op: usize, slot: usize) {
        let Some(known) = self.ops.get(op) else { return };
        let What::Operation(operation, _) = known.what else { return };
        if known.part == Part::Observes {
            return;
        }
        let may_be_lost = self.cut.contains(&operation.life)
            && (self.rules.may_be_async)(self.state.incarnation, known.from, known.to);
        if let (Some(past), Some(doc)) = (self.state.pasts.get_mut(slot), self.state.docs.get(slot))
        {
            if may_be_lost {
                let mut hasher = DefaultHasher::new();
                match &self.alike {
                    Some(alike) => alike.hash_doc(doc, &mut hasher),
                    None => doc.hash(&mut hasher),
                }
                past.push(operation.life, doc, hasher.finish());
            } else {
                *past = Past::default();
            }
        }
    }

    /// Takes something out of what is to be placed.
    fn take(&mut self, op: usize) {
        if self.is_done(op) {
            return;
        }
        self.window.take(op);
        self.mark(op, true);
        self.trail.push(op);
    }

    fn mark(&mut self, op: usize, done: bool) {
        if let Some(mark) = self.done.get_mut(op) {
            *mark = done;
        }
        let mark = self.alike.as_ref().map_or_else(|| spread(op), |alike| alike.mark(op));
        self.key = if done { self.key.wrapping_add(mark) } else { self.key.wrapping_sub(mark) };
        if self.ops.get(op).is_some_and(|op| op.part != Part::May) {
            self.missing = if done { self.missing - 1 } else { self.missing + 1 };
        }
    }

    fn undo(&mut self, frame: &Frame) {
        while self.trail.len() > frame.trail {
            if let Some(op) = self.trail.pop() {
                self.window.put_back(op);
                self.mark(op, false);
            }
        }
        self.key = frame.key;
        self.moment = frame.moment;
        self.state = frame.state.clone();
    }

    /// Where the search is: what was placed, and what came of it.
    fn point(&self) -> u128 {
        let mut hasher = DefaultHasher::new();
        match &self.alike {
            Some(alike) => alike.hash(&self.state, &mut hasher),
            None => self.state.hash(&mut hasher),
        }
        let low = hasher.finish();
        low.hash(&mut hasher);
        self.key ^ (u128::from(hasher.finish()) << 64 | u128::from(low))
    }

    /// Places whatever observes and fits here. It may fit later as well, so that nothing follows from
    /// it about the moment of what comes next.
    fn observe(&mut self) {
        loop {
            let ready = self.window.iter().map_while(|edge| match edge {
                Edge::Begin(op) => Some(op),
                Edge::End(_) => None,
            });
            let fits = |op: &usize| {
                self.ops.get(*op).is_some_and(|known| known.part == Part::Observes)
                    && self.follows(*op)
                    && self.try_op(*op).is_ok_and(|effects| effects.contains(&Effect::Same))
            };
            let ready: Vec<usize> = ready.filter(fits).collect();
            if ready.is_empty() {
                return;
            }
            self.state.unseen = 0;
            for op in ready {
                self.take(op);
            }
        }
    }

    fn is_done(&self, op: usize) -> bool {
        self.done.get(op).copied().unwrap_or(true)
    }

    /// Whether what comes before it in its request is placed.
    fn follows(&self, op: usize) -> bool {
        let before = self.ops.get(op).and_then(|op| op.after);
        before.is_none_or(|before| self.is_done(before))
    }

    /// Whether it is of the request of what was placed last.
    fn continues(&self, op: usize) -> bool {
        let request = |op: usize| match self.ops.get(op)?.what {
            What::Operation(operation, _) => Some(operation.request),
            What::Deletion | What::PowerCut(_) => None,
        };
        let last = self.trail.last().and_then(|last| request(*last));
        last.is_some() && last == request(op)
    }

    /// Whether what comes before it in its request is placed, or need not be.
    fn may_follow(&self, op: usize) -> bool {
        let before = self.ops.get(op).and_then(|op| op.after);
        let may_be_dropped =
            before.and_then(|before| self.ops.get(before)).is_some_and(|op| op.part == Part::May);
        may_be_dropped || self.follows(op)
    }

    fn slot(&self, op: usize) -> usize {
        let routing = self.ops.get(op).map_or(0, |op| op.routing);
        (self.rules.slot)(self.state.incarnation, routing)
    }

    /// What an operation on a document can make of the present state.
    fn try_op(&self, op: usize) -> Result<Vec<Effect>, Fault> {
        let nothing = || Fault { rule: "search", words: "there is no such operation".to_owned() };
        let known = self.ops.get(op).ok_or_else(nothing)?;
        let What::Operation(operation, number) = known.what else { return Err(nothing()) };
        let doc = self.state.docs.get(self.slot(op)).ok_or_else(nothing)?;
        let incarnation = self.state.incarnation;
        let gc_deletes = |from, to| (self.rules.gc_deletes)(incarnation, from, to);
        let from = known.from.max(self.moment);
        let (wall, versions, to) = (self.rules.wall, known.versions, known.to);
        let op = number;
        Try { operation, op, versions, from, to, wall, gc_deletes: &gc_deletes }.on(doc)
    }

    /// Notes how far this went, if nothing went further.
    fn note(&mut self, blocked: usize) {
        let placed = self.ops.len().saturating_sub(self.missing);
        if self.furthest.as_ref().is_some_and(|furthest| furthest.placed >= placed) {
            return;
        }
        let fault = match self.try_op(blocked) {
            Err(fault) => fault,
            Ok(_) => Fault {
                rule: "order",
                words: "it fits here, but then something else fits nowhere".to_owned(),
            },
        };
        let order: Vec<usize> = self.trail.iter().rev().take(TOLD_MAX).copied().collect();
        let order = order.into_iter().rev().collect();
        let docs = self.state.docs.clone();
        let reached = self.reached;
        self.furthest = Some(Furthest { placed, fault, blocked, order, docs, reached });
    }

    fn failure(self) -> Failure {
        let reached = self.reached;
        let furthest = self.furthest.map(|furthest| Furthest { reached, ..furthest });
        match furthest {
            Some(furthest) if !self.rules.by_likeness => Failure::None(furthest),
            Some(_) | None => Failure::Undecided { reached },
        }
    }
}

/// A number that tells an operation in a set of them.
fn spread(op: usize) -> u128 {
    let mix = |number: u64| {
        let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ number >> 31
    };
    let number = u64::try_from(op).unwrap_or(u64::MAX);
    u128::from(mix(number)) << 64 | u128::from(mix(!number))
}
