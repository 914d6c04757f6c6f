//! Random concurrent clients of the reference server: each request begins, takes effect and ends at
//! moments of its own.

use std::collections::BTreeMap;

use checker::{
    Action, Condition, Document, Ending, Fields, History, IndexAction, IndexOperation,
    IndexOutcome, Life, Moment, Operation, Outcome, ReadBy, Shape, Upsert,
};

use crate::reference::{Bug, Server};

/// What a run is like.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) clients: u32,
    pub(crate) steps: u64,
    pub(crate) ids: u64,
    /// Once in so many requests, on average.
    pub(crate) index_operations: u64,
    /// Once in so many steps.
    pub(crate) restarts: u64,
}

impl Size {
    pub(crate) const SMALL: Self =
        Self { clients: 4, steps: 900, ids: 3, index_operations: 40, restarts: 250 };
}

/// A version, with the sequence number and term that came with it.
type Seen = (u64, Option<(u64, u64)>);

/// A request that was begun, by the places of its operations.
struct Flight {
    operations: Vec<usize>,
    index_operation: Option<usize>,
    took_effect: bool,
    hangs_up: bool,
    not_applied: bool,
    outcomes: Vec<Outcome>,
    index_outcome: Option<IndexOutcome>,
}

pub(crate) struct World {
    random: u64,
    server: Server,
    history: History,
    order: u64,
    clock: i64,
    life: u32,
    tokens: u64,
    requests: u64,
    flights: Vec<Option<Flight>>,
    /// Requests whose client hung up, which go on.
    orphans: Vec<Flight>,
    /// Numbers that were seen of each document.
    seen: BTreeMap<Document, Vec<Seen>>,
    known: BTreeMap<Document, Fields>,
    size: Size,
}

impl World {
    /// The history of a run.
    pub(crate) fn history(seed: u64, bug: Bug, size: Size) -> History {
        let mut world = Self {
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678,
            server: Server::new(bug, seed),
            history: History::default(),
            order: 0,
            clock: 1_000,
            life: 0,
            tokens: 0,
            requests: 0,
            flights: (0..size.clients).map(|_| None).collect(),
            orphans: Vec::new(),
            seen: BTreeMap::new(),
            known: BTreeMap::new(),
            size,
        };
        let started = world.now();
        world.history.lives.push(Life { number: 0, started, stopped: None });
        for _ in 0..size.steps {
            world.step();
        }
        world.history
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % bound
    }

    fn now(&mut self) -> Moment {
        self.order += 1;
        match self.below(8) {
            0 => self.clock += 1,
            1 if self.below(30) == 0 => {
                // A step is read before and after.
                self.history.clock.push(Moment { order: self.order, wall_millis: self.clock });
                self.order += 1;
                self.clock -= 5;
            }
            _ => {}
        }
        Moment { order: self.order, wall_millis: self.clock }
    }

    fn step(&mut self) {
        if self.below(self.size.restarts) == 0 {
            return self.restart();
        }
        if !self.orphans.is_empty() && self.below(4) == 0 {
            let mut orphan = self.orphans.remove(0);
            self.take_effect(&mut orphan);
            return;
        }
        let client = self.below(u64::from(self.size.clients)) as usize;
        let flight = match self.flights[client].take() {
            None => Some(self.begin(client as u32)),
            Some(mut flight) if !flight.took_effect => {
                if flight.hangs_up && self.below(2) == 0 {
                    self.orphans.push(flight);
                    None
                } else {
                    self.take_effect(&mut flight);
                    Some(flight)
                }
            }
            Some(flight) => {
                self.end(flight);
                None
            }
        };
        self.flights[client] = flight;
    }

    /// Everything under way is lost, whether it took effect or not.
    fn restart(&mut self) {
        self.orphans.clear();
        self.flights.iter_mut().for_each(|flight| *flight = None);
        let stopped = self.now();
        self.history.lives.last_mut().unwrap().stopped = Some((stopped, Ending::Killed));
        self.server.restart(self.clock);
        self.life += 1;
        let started = self.now();
        self.history.lives.push(Life { number: self.life, started, stopped: None });
    }

    fn begin(&mut self, client: u32) -> Flight {
        self.requests += 1;
        let (request, life) = (self.requests, self.life);
        let began = self.now();
        let mut flight = Flight {
            operations: Vec::new(),
            index_operation: None,
            took_effect: false,
            hangs_up: self.below(25) == 0,
            not_applied: self.below(40) == 0,
            outcomes: Vec::new(),
            index_outcome: None,
        };
        let reason = "lost".to_owned();
        if self.below(self.size.index_operations) == 0 {
            flight.hangs_up = false;
            flight.index_operation = Some(self.history.index_operations.len());
            let index = format!("i{}", self.below(2));
            let (action, outcome) = (self.index_action(), IndexOutcome::Unknown { reason });
            let ended = None;
            self.history.index_operations.push(IndexOperation {
                client,
                request,
                life,
                began,
                ended,
                index,
                action,
                outcome,
            });
            return flight;
        }
        let dialect = [2, 5, 7, 8][self.below(4) as usize];
        let items = if self.below(6) == 0 { 1 + self.below(5) } else { 1 };
        for item in 0..items {
            let document = self.document();
            let action = self.action(&document, dialect);
            flight.operations.push(self.history.operations.len());
            self.history.operations.push(Operation {
                client,
                request,
                item: item as u32,
                life,
                dialect,
                began,
                ended: None,
                document,
                action,
                outcome: Outcome::Unknown { reason: reason.clone() },
            });
        }
        flight
    }

    fn index_action(&mut self) -> IndexAction {
        let gc_deletes_millis = Some([60_000, 50, 3, 0, -1][self.below(5) as usize]);
        match self.below(3) {
            0 => IndexAction::Delete,
            1 => IndexAction::Change { gc_deletes_millis, durability: None },
            _ => {
                let shards = Some([1, 2, 5][self.below(3) as usize]);
                IndexAction::Create(Shape { shards, gc_deletes_millis, ..Shape::default() })
            }
        }
    }

    fn document(&mut self) -> Document {
        let index = format!("i{}", self.below(2));
        let id = format!("d{}", self.below(self.size.ids));
        let routing = (self.below(6) == 0).then(|| format!("r{}", self.below(2)));
        Document { index, id, routing }
    }

    fn fields(&mut self) -> Fields {
        self.tokens += 2;
        let mut fields = Fields::from([("a".to_owned(), self.tokens)]);
        if self.below(2) == 0 {
            fields.insert("b".to_owned(), self.tokens + 1);
        }
        fields
    }

    fn action(&mut self, document: &Document, dialect: u8) -> Action {
        let condition = self.condition(document, dialect);
        let internal = match condition {
            Condition::External(_) | Condition::ExternalGte(_) => Condition::None,
            other => other,
        };
        let known = self.known.get(document).cloned();
        match self.below(10) {
            0..=2 => Action::Index { condition, fields: self.fields() },
            3 => {
                let condition = if dialect == 2 { condition } else { Condition::None };
                Action::Create { condition, fields: self.fields() }
            }
            4 | 5 => Action::Delete { condition },
            6 | 7 => {
                let change = known.filter(|_| self.below(4) == 0);
                let change = change.unwrap_or_else(|| self.fields());
                let upsert = match self.below(4) {
                    0 => Some(Upsert::Change),
                    1 => Some(Upsert::Fields(self.fields())),
                    _ => None,
                };
                let condition = if upsert.is_some() { Condition::None } else { internal };
                let detect_noop = self.below(4) != 0;
                Action::Update { condition, change, upsert, detect_noop }
            }
            _ => {
                let seen = self.seen.get(document).and_then(|seen| seen.last());
                let version = seen.map(|(version, _)| *version);
                let version = version.filter(|_| self.below(5) == 0);
                Action::Read { version, by: ReadBy::Get }
            }
        }
    }

    fn condition(&mut self, document: &Document, dialect: u8) -> Condition {
        let seen = self.seen.get(document).cloned().unwrap_or_default();
        let back = if self.below(5) == 0 { self.below(3) as usize } else { 0 };
        let Some((version, last)) = seen.iter().rev().nth(back).copied() else {
            return Condition::None;
        };
        match self.below(6) {
            0 => Condition::External(version + self.below(3)),
            1 => Condition::ExternalGte(version + self.below(2)),
            2 => Condition::None,
            _ if dialect < 7 => Condition::Version(version),
            _ => last.map_or(Condition::None, |(seq_no, term)| Condition::SeqNo { seq_no, term }),
        }
    }

    fn take_effect(&mut self, flight: &mut Flight) {
        let now = self.now();
        // Readings in between tell the checker no more than a begin or an end would.
        self.history.clock.push(now);
        flight.took_effect = true;
        if let Some(place) = flight.index_operation {
            let IndexOperation { index, action, .. } = self.history.index_operations[place].clone();
            flight.index_outcome = Some(self.server.on_index(&index, &action));
            return;
        }
        if flight.not_applied {
            let reason = "full".to_owned();
            let refused = Outcome::NotApplied { reason };
            flight.outcomes = flight.operations.iter().map(|_| refused.clone()).collect();
            if !self.server.slips(Bug::AppliesRefused) {
                return;
            }
        }
        let mut places = flight.operations.clone();
        if self.server.slips(Bug::ReordersBulks) {
            places.reverse();
        }
        let twice = flight.hangs_up && self.server.slips(Bug::AppliesTwice);
        let mut answers = BTreeMap::new();
        for place in places {
            let Operation { document, action, dialect, .. } = &self.history.operations[place];
            let (document, action, dialect) = (document.clone(), action.clone(), *dialect);
            let server = &mut self.server;
            answers.insert(place, server.on_document(&document, &action, dialect, self.clock));
            if twice {
                server.on_document(&document, &action, dialect, self.clock);
            }
        }
        if !flight.not_applied {
            flight.outcomes = answers.into_values().collect();
        }
    }

    fn end(&mut self, flight: Flight) {
        let ended = Some(self.now());
        if let (Some(place), Some(outcome)) = (flight.index_operation, flight.index_outcome) {
            let operation = &mut self.history.index_operations[place];
            operation.ended = ended;
            operation.outcome = outcome;
        }
        for (place, outcome) in flight.operations.iter().zip(flight.outcomes) {
            let operation = &mut self.history.operations[*place];
            let document = operation.document.clone();
            if let Outcome::Written { version: Some(version), seq_no, term, .. }
            | Outcome::Found { version: Some(version), seq_no, term, .. } = &outcome
            {
                let seen = self.seen.entry(document.clone()).or_default();
                seen.push((*version, seq_no.zip(*term)));
            }
            if let Outcome::Found { fields, .. } = &outcome {
                self.known.insert(document, fields.clone());
            }
            operation.ended = ended;
            operation.outcome = outcome;
        }
    }
}
