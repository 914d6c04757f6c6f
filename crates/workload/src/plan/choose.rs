//! The choices of one client, from its generator and its memory alone.

use checker::{
    Action, Condition, Document, Durability, Fields, IndexAction, ReadBy, Shape, Upsert,
};

use super::{Plan, TYPE_NAME};
use crate::memory::{Memory, Seen};
use crate::random::Random;
use crate::transport::Listener;
use crate::wire::{Call, Dialect, Manner, Planned, Search, Walk};

/// The names of fields.
const FIELDS: [&str; 3] = ["a", "b", "c"];

/// What a request is to be.
#[derive(Clone, Copy)]
enum Kind {
    Index,
    Create,
    Delete,
    Update,
    Upsert,
    Read,
    MultiGet,
    Bulk,
    CreateIndex,
    DeleteIndex,
    ChangeSettings,
    Search,
    ByQuery,
}

/// Chooses what comes next.
#[derive(Clone, Debug)]
pub struct Chooser {
    random: Random,
    /// The next token, above those of all other clients.
    token: u64,
}

impl Chooser {
    /// The choices of a client, by its seed. Its number keeps its tokens apart from those of others.
    #[must_use]
    pub fn new(client: u32, seed: u64) -> Self {
        Self { random: Random::new(seed), token: u64::from(client) * 1_000_000_000 }
    }

    /// The generator, for choices about time.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// How to speak, and what to say.
    pub fn next(&mut self, plan: &Plan, memory: &Memory) -> (Manner, Call) {
        let dialect = self.random.weigh(&plan.dialects).unwrap_or(Dialect::V7);
        let mut manner = self.manner(dialect);
        let weights = &plan.weights;
        let kinds = [
            (weights.index, Kind::Index),
            (weights.create, Kind::Create),
            (weights.delete, Kind::Delete),
            (weights.update, Kind::Update),
            (weights.upsert, Kind::Upsert),
            (weights.read, Kind::Read),
            (weights.multi_get, Kind::MultiGet),
            (weights.bulk, Kind::Bulk),
            (weights.create_index, Kind::CreateIndex),
            (weights.delete_index, Kind::DeleteIndex),
            (weights.change_settings, Kind::ChangeSettings),
            (weights.search, Kind::Search),
            (weights.by_query, Kind::ByQuery),
        ];
        let kind = self.random.weigh(&kinds).unwrap_or(Kind::Read);
        let call = match kind {
            Kind::Index | Kind::Create | Kind::Delete | Kind::Update | Kind::Upsert => {
                Call::One(self.write(plan, memory, dialect, kind))
            }
            Kind::Read => {
                let by = if self.random.percent(25) { ReadBy::Source } else { ReadBy::Get };
                Call::One(self.read(plan, memory, by))
            }
            Kind::MultiGet => {
                let items = 1 + self.random.below(u64::from(plan.items_max));
                Call::MultiGet(
                    (0..items).map(|_| self.read(plan, memory, ReadBy::MultiGet)).collect(),
                )
            }
            Kind::Bulk => Call::Bulk(self.bulk(plan, memory, dialect)),
            Kind::CreateIndex | Kind::DeleteIndex | Kind::ChangeSettings => {
                let action = self.index_action(plan, kind);
                Call::Index { index: self.index(plan), action }
            }
            Kind::Search => Call::Search(self.search(plan, dialect)),
            Kind::ByQuery => {
                // Older ones have none, or have it as a plugin.
                manner = self.manner(Dialect::V7);
                self.by_query(plan, memory)
            }
        };
        (manner, call)
    }

    /// A search for the ids that most is done to, or for all.
    fn search(&mut self, plan: &Plan, dialect: Dialect) -> Search {
        let index = self.index(plan);
        let count = if self.random.percent(50) { plan.documents.min(3) } else { plan.documents };
        let ids: Vec<String> = (0..count.into()).map(id).collect();
        let routings: Vec<Option<String>> =
            std::iter::once(None).chain((0..plan.routings.into()).map(routing).map(Some)).collect();
        let walk = match self.random.below(3) {
            0 => Walk::Once,
            1 if !dialect.is_old() => Walk::PointInTime,
            _ => Walk::Scroll,
        };
        // An id is there once for each routing at most.
        let all = u64::try_from(ids.len().saturating_mul(routings.len())).unwrap_or(u64::MAX);
        let size = if walk == Walk::Once { all } else { 1 + self.random.below(3) };
        let closes = self.random.percent(70);
        Search { index, ids, routings, walk, size, closes }
    }

    /// A write of what a query finds, or a read where nothing is known to be found.
    fn by_query(&mut self, plan: &Plan, memory: &Memory) -> Call {
        let document = self.document(plan);
        let known = memory.last(&document).filter(|seen| seen.live);
        let known = known.and_then(|seen| seen.fields.iter().next());
        let Some((field, token)) = known.map(|(field, token)| (field.clone(), *token)) else {
            return Call::One(self.read(plan, memory, ReadBy::Get));
        };
        let index = document.index.clone();
        let condition = Condition::Holds(token);
        // Copies go one way, so that no token comes back to an index that had forgotten it.
        let copied = (1..plan.indices).find(|number| index_name((number - 1).into()) == index);
        let copies = copied.filter(|_| self.random.percent(30));
        let (document, action) = match (copies, self.random.below(2)) {
            (Some(number), way) => {
                let fields = Fields::from([(field.clone(), token)]);
                let condition = Condition::None;
                let action = match way {
                    0 => Action::Index { condition, fields },
                    _ => Action::Create { condition, fields },
                };
                (Document { index: index_name(number.into()), ..document }, action)
            }
            (None, 0) => (document, Action::Delete { condition }),
            (None, _) => {
                let change = Fields::new();
                (document, Action::Update { condition, change, upsert: None, detect_noop: false })
            }
        };
        Call::ByQuery { index, field, token, planned: Planned { document, action } }
    }

    /// A way to speak a dialect.
    fn manner(&mut self, dialect: Dialect) -> Manner {
        // An index that typeless requests made takes no other type.
        let typed = if self.random.percent(20) { TYPE_NAME } else { "_doc" };
        let way = self.random.below(4);
        let (listener, type_name, vendor) = match (dialect, way) {
            (Dialect::V2, 0) | (Dialect::V5, 0) => (Listener::Plain, Some(typed), true),
            (Dialect::V2, _) => (Listener::V2, Some(typed), false),
            (Dialect::V5, 1) => (Listener::Plain, Some(TYPE_NAME), false),
            (Dialect::V5, _) => (Listener::V5, Some(typed), false),
            (Dialect::V7, 0) => (Listener::V7, None, false),
            (Dialect::V7, 1) => (Listener::V7, Some(typed), false),
            (Dialect::V7, 2) => (Listener::Plain, None, true),
            (Dialect::V7, _) => (Listener::Plain, None, false),
            (Dialect::V8, 0 | 1) => (Listener::V8, None, false),
            (Dialect::V8, _) => (Listener::Plain, None, true),
        };
        Manner { listener, dialect, type_name, vendor }
    }

    fn index(&mut self, plan: &Plan) -> String {
        index_name(self.random.below(u64::from(plan.indices)))
    }

    fn document(&mut self, plan: &Plan) -> Document {
        let index = self.index(plan);
        let hot = u64::from(plan.documents.min(3));
        let ids = if self.random.percent(plan.hot_percent) { hot } else { plan.documents.into() };
        let id = id(self.random.below(ids));
        let routed = self.random.percent(plan.routing_percent);
        let routing = routed.then(|| routing(self.random.below(u64::from(plan.routings))));
        Document { index, id, routing }
    }

    fn read(&mut self, plan: &Plan, memory: &Memory, by: ReadBy) -> Planned {
        let document = self.document(plan);
        let seen = memory.last(&document).and_then(|seen| seen.version);
        let asks = by != ReadBy::Source && self.random.percent(20);
        let version = seen.filter(|version| *version > 0 && asks);
        Planned { document, action: Action::Read { version, by } }
    }

    fn bulk(&mut self, plan: &Plan, memory: &Memory, dialect: Dialect) -> Vec<Planned> {
        let kinds = [
            (4, Kind::Index),
            (2, Kind::Create),
            (2, Kind::Delete),
            (2, Kind::Update),
            (2, Kind::Upsert),
        ];
        let items = 1 + self.random.below(u64::from(plan.items_max));
        let mut memory = memory.clone();
        (0..items)
            .map(|_| {
                let kind = self.random.weigh(&kinds).unwrap_or(Kind::Index);
                // What an item requires may be what an earlier one makes: versions can be foreseen.
                let planned = self.write(plan, &memory, dialect, kind);
                memory.foresee(&planned.document, &planned.action);
                planned
            })
            .collect()
    }

    fn write(&mut self, plan: &Plan, memory: &Memory, dialect: Dialect, kind: Kind) -> Planned {
        let document = self.document(plan);
        let seen = memory.last(&document).cloned();
        let former = memory.former(&document).to_vec();
        let mut condition = Condition::None;
        if self.random.percent(plan.condition_percent) {
            condition = self.condition(plan, dialect, seen.as_ref(), &former);
        }
        let internal = match condition {
            Condition::External(_)
            | Condition::ExternalGte(_)
            | Condition::Holds(_)
            | Condition::None => Condition::None,
            Condition::SeqNo { .. } | Condition::Version(_) => condition,
        };
        let action = match kind {
            Kind::Create => {
                // A condition on a create is an error nearly everywhere.
                let fits = dialect == Dialect::V2 || self.random.percent(plan.wild_percent / 2);
                let condition = if fits { condition } else { Condition::None };
                Action::Create { condition, fields: self.fields() }
            }
            Kind::Delete => Action::Delete { condition },
            Kind::Update => self.update(plan, internal, None, seen.as_ref()),
            Kind::Upsert => {
                let upsert = match self.random.below(3) {
                    0 => Upsert::Fields(self.fields()),
                    _ => Upsert::Change,
                };
                self.update(plan, Condition::None, Some(upsert), seen.as_ref())
            }
            Kind::Index
            | Kind::Read
            | Kind::MultiGet
            | Kind::Bulk
            | Kind::CreateIndex
            | Kind::DeleteIndex
            | Kind::ChangeSettings
            | Kind::Search
            | Kind::ByQuery => Action::Index { condition, fields: self.fields() },
        };
        Planned { document, action }
    }

    fn update(
        &mut self,
        plan: &Plan,
        condition: Condition,
        upsert: Option<Upsert>,
        seen: Option<&Seen>,
    ) -> Action {
        let detect_noop = !self.random.percent(plan.always_write_percent);
        let known = seen.map(|seen| seen.fields.clone()).filter(|fields| !fields.is_empty());
        let change = match known {
            Some(known) if self.random.percent(plan.noop_percent) => known,
            Some(_) | None => {
                let name = self.random.pick(&FIELDS).copied().unwrap_or("a");
                Fields::from([(name.to_owned(), self.token())])
            }
        };
        Action::Update { condition, change, upsert, detect_noop }
    }

    fn condition(
        &mut self,
        plan: &Plan,
        dialect: Dialect,
        seen: Option<&Seen>,
        former: &[Seen],
    ) -> Condition {
        let stale = self.random.percent(plan.stale_percent);
        let seen = if stale { self.random.pick(former) } else { seen };
        let version = seen.and_then(|seen| seen.version);
        let wild = self.random.percent(plan.wild_percent);
        if self.random.percent(plan.external_percent) {
            let gte = self.random.percent(40);
            let ahead = if stale { 0 } else { self.random.below(3) + u64::from(!gte) };
            let far = if wild { self.random.below(1_000) } else { 0 };
            let version = version.unwrap_or(0).saturating_add(ahead).saturating_add(far);
            return if gte {
                Condition::ExternalGte(version)
            } else {
                Condition::External(version)
            };
        }
        let last = seen.and_then(|seen| seen.last);
        if wild {
            return match self.random.below(4) {
                // The right number under a wrong term.
                0 => last.map_or(Condition::None, |(seq_no, term)| Condition::SeqNo {
                    seq_no,
                    term: term + 1,
                }),
                1 => Condition::SeqNo {
                    seq_no: self.random.below(1_000),
                    term: 1 + self.random.below(3),
                },
                // Either does not fit some dialects, which must refuse it.
                2 => Condition::Version(1 + self.random.below(5)),
                _ => Condition::Version(version.unwrap_or(1).max(1).saturating_add(1)),
            };
        }
        if dialect.is_old() {
            let version = version.filter(|version| *version > 0);
            return version.map_or(Condition::None, Condition::Version);
        }
        last.map_or(Condition::None, |(seq_no, term)| Condition::SeqNo { seq_no, term })
    }

    fn fields(&mut self) -> Fields {
        let mut fields = Fields::new();
        for name in FIELDS {
            if fields.is_empty() || self.random.percent(40) {
                fields.insert(name.to_owned(), self.token());
            }
        }
        fields
    }

    fn token(&mut self) -> u64 {
        self.token += 1;
        self.token
    }

    fn index_action(&mut self, plan: &Plan, kind: Kind) -> IndexAction {
        let gc_deletes_millis = self.random.pick(&plan.gc_deletes_millis).copied();
        let is_async = self.random.percent(plan.async_percent);
        let durability = if is_async { Durability::Async } else { Durability::Request };
        let durability = (plan.async_percent > 0).then_some(durability);
        if matches!(kind, Kind::DeleteIndex) {
            return IndexAction::Delete;
        }
        if matches!(kind, Kind::ChangeSettings) {
            return IndexAction::Change { gc_deletes_millis, durability };
        }
        let shards = self.random.pick(&plan.shards).copied();
        let routing_shards = shards.filter(|_| self.random.percent(30));
        let waits_for_refresh =
            plan.refresh_percent > 0 && self.random.percent(plan.refresh_percent);
        IndexAction::Create(Shape {
            shards,
            routing_shards,
            gc_deletes_millis,
            durability,
            waits_for_refresh,
        })
    }
}

fn index_name(number: u64) -> String {
    format!("i{number}")
}

/// Some ids are not made for paths.
fn id(number: u64) -> String {
    match number {
        4 => "d/4 ü".to_owned(),
        _ => format!("d{number}"),
    }
}

fn routing(number: u64) -> String {
    format!("r{number}")
}
