//! What a random client does next.

mod choose;

pub use choose::Chooser;

use crate::wire::Dialect;

/// The type that typed requests name, where it is not `_doc`.
pub(crate) const TYPE_NAME: &str = "item";

/// How often each kind of request is made, against each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    /// Index one document.
    pub index: u32,
    /// Create one document.
    pub create: u32,
    /// Delete one document.
    pub delete: u32,
    /// Update one document, and nothing where there is none.
    pub update: u32,
    /// Update one document, or make it.
    pub upsert: u32,
    /// Read one document.
    pub read: u32,
    /// Read many.
    pub multi_get: u32,
    /// Write many.
    pub bulk: u32,
    /// Create an index.
    pub create_index: u32,
    /// Delete an index.
    pub delete_index: u32,
    /// Change an index's settings.
    pub change_settings: u32,
    /// Search.
    pub search: u32,
    /// Write what a query finds.
    pub by_query: u32,
}

/// What random clients are like. Every client of a run has the same plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What they do.
    pub weights: Weights,
    /// How many indices there are.
    pub indices: u32,
    /// How many ids each index has.
    pub documents: u32,
    /// How many operations in a hundred are about the first ids, of which there are three at most.
    pub hot_percent: u32,
    /// How many operations in a hundred give a routing.
    pub routing_percent: u32,
    /// How many different routings there are.
    pub routings: u32,
    /// How many items a bulk or an mget has at most.
    pub items_max: u32,
    /// How many writes in a hundred, of those that can, require something.
    pub condition_percent: u32,
    /// How many of those in a hundred require what was true before.
    pub stale_percent: u32,
    /// How many of those in a hundred require what was never true, or do not fit the dialect.
    pub wild_percent: u32,
    /// How many conditions in a hundred are external versions.
    pub external_percent: u32,
    /// How many updates in a hundred change nothing, as far as the client knows.
    pub noop_percent: u32,
    /// How many updates in a hundred write even if they change nothing.
    pub always_write_percent: u32,
    /// How many requests in a hundred are hung up on.
    pub hang_up_percent: u32,
    /// After how many microseconds at most.
    pub hang_up_micros_max: u64,
    /// How many microseconds at most a client rests between two requests.
    pub rest_micros_max: u64,
    /// How many microseconds at most a client rests before it asks for the next page of a search.
    pub page_micros_max: u64,
    /// How many shards created indices have: one of these.
    pub shards: Vec<u32>,
    /// `gc_deletes` of created and changed indices: one of these.
    pub gc_deletes_millis: Vec<i64>,
    /// How many created or changed indices in a hundred answer before they sync.
    pub async_percent: u32,
    /// How many created indices in a hundred show writes to searches after a refresh alone.
    pub refresh_percent: u32,
    /// The dialects, by weight.
    pub dialects: Vec<(u32, Dialect)>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            weights: Weights {
                index: 20,
                create: 10,
                delete: 12,
                update: 12,
                upsert: 8,
                read: 20,
                multi_get: 4,
                bulk: 8,
                create_index: 1,
                delete_index: 1,
                change_settings: 1,
                search: 0,
                by_query: 0,
            },
            indices: 2,
            documents: 8,
            hot_percent: 50,
            routing_percent: 15,
            routings: 2,
            items_max: 8,
            condition_percent: 60,
            stale_percent: 15,
            wild_percent: 5,
            external_percent: 30,
            noop_percent: 25,
            always_write_percent: 20,
            hang_up_percent: 3,
            hang_up_micros_max: 3_000,
            rest_micros_max: 0,
            page_micros_max: 0,
            shards: vec![1, 1, 2, 5],
            gc_deletes_millis: vec![60_000, 1_000, 20, 0, -1],
            async_percent: 0,
            refresh_percent: 0,
            dialects: vec![(3, Dialect::V2), (3, Dialect::V5), (5, Dialect::V7), (5, Dialect::V8)],
        }
    }
}
