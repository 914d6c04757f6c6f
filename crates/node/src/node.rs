//! The node: the log it opened, the catalogue, and who it is.

use std::{
    collections::{HashMap, HashSet},
    fmt::Display,
    sync::Arc,
};

use document::Effect;
use parking_lot::{Mutex, RwLock};
use shard::{
    Alarm, Machine, Memory, Recovery, Shard, ShardOptions, VersionTable,
    log::{Damage, EntryOutline, LogError, LogProvider, Logs, Relocate, Replay, StreamId},
    store::{Location, Store},
};
use thiserror::Error;

use crate::{
    Index, LifecycleRun, Random, Scan, Searcher, Turns,
    catalog::{Catalog, Stored},
};

/// What can be set of a node.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// The cluster's name.
    pub cluster_name: String,
    /// The node's name.
    pub node_name: String,
    /// Which indices may be created by writing to them.
    pub auto_create: AutoCreate,
    /// How much memory the documents' identities may take, in bytes: beyond it no new one is taken
    /// in.
    pub table_bytes_max: u64,
}

/// The setting `action.auto_create_index` (spec document-api §8.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AutoCreate {
    /// All: `true`.
    #[default]
    All,
    /// None: `false`.
    None,
    /// By patterns, the first that matches: `+logs-*,-secret*`. What matches none is forbidden.
    Patterns(Vec<String>),
}

impl AutoCreate {
    /// Reads the setting.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "true" | "" => Self::All,
            "false" => Self::None,
            list => Self::Patterns(list.split(',').map(|item| item.trim().to_owned()).collect()),
        }
    }

    /// Says which rule forbids the index, if one does.
    #[must_use]
    pub fn objection(&self, index: &str) -> Option<String> {
        let patterns = match self {
            Self::All => return None,
            Self::None => return Some("[action.auto_create_index] is [false]".to_owned()),
            Self::Patterns(patterns) => patterns,
        };
        for pattern in patterns {
            let (forbids, glob) = match pattern.strip_prefix('-') {
                Some(glob) => (true, glob),
                None => (false, pattern.strip_prefix('+').unwrap_or(pattern)),
            };
            if matches_glob(glob, index) {
                return forbids.then(|| {
                    format!(
                        "[action.auto_create_index] contains [{pattern}] which forbids automatic \
                         creation of the index"
                    )
                });
            }
        }
        Some(format!("[action.auto_create_index] ([{}]) doesn't match", patterns.join(",")))
    }
}

/// Whether `text` is what `glob` describes; `*` stands for anything.
#[must_use]
pub fn matches_glob(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let Some(rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut rest = rest;
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Why a node did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The log could not be opened.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log is whole, but what it says of the indices is not.
    #[error("{0}")]
    Catalog(String),
}

/// How a node started.
pub struct Ready {
    /// The node.
    pub node: Arc<Node>,
    /// How many documents it has.
    pub documents: u64,
}

/// A node that serves.
pub struct Node {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) machine: Machine,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) options: NodeOptions,
    memory: Arc<Memory>,
    logs: Arc<dyn Logs>,
    alarm: Alarm,
    searches: Arc<Turns>,
    pub(crate) last_lifecycle_run: Mutex<Option<LifecycleRun>>,
}

impl Node {
    /// Opens the log and starts all shards. Needs a tokio runtime; opening blocks it.
    ///
    /// # Errors
    /// [`StartError`] when nothing can be served.
    pub async fn start(
        log: Box<dyn LogProvider>,
        machine: Machine,
        random: Arc<dyn Random>,
        options: NodeOptions,
    ) -> Result<Ready, StartError> {
        let tables = Tables {
            memory: Arc::new(Memory::new(options.table_bytes_max)),
            random: Arc::clone(&random),
        };
        let mut replay = NodeReplay::new(tables.clone());
        let logs = log.open(&mut replay)?;
        let stored = std::mem::take(&mut replay.stored);
        let opened = logs
            .stream(StreamId::CATALOG)
            .ok_or_else(|| StartError::Catalog("the catalogue's stream is missing".to_owned()))?;
        let alarm = Alarm::new();
        let records = Shard::start(
            opened,
            replay.recovery(StreamId::CATALOG),
            machine.clone(),
            ShardOptions::default(),
            &alarm,
        );
        let catalog = Catalog::start(
            stored,
            records,
            |stream| replay.recovery(stream),
            Arc::clone(&logs),
            machine.clone(),
            tables.clone(),
            alarm.clone(),
        );
        let catalog = Arc::new(catalog.await.map_err(StartError::Catalog)?);
        catalog.connect();
        logs.collect(Arc::clone(&catalog) as Arc<dyn Relocate>);
        let documents = catalog.all().iter().map(|index| index.documents()).sum();
        let memory = tables.memory;
        let searches = Arc::default();
        let last_lifecycle_run = Mutex::default();
        let node = Self {
            catalog,
            machine,
            random,
            options,
            memory,
            logs,
            alarm,
            searches,
            last_lifecycle_run,
        };
        let node = Arc::new(node);
        let deleted = node.delete_unfinished().await;
        deleted.map_err(|error| StartError::Catalog(error.to_string()))?;
        Ok(Ready { node, documents })
    }

    /// The cluster's name.
    #[must_use]
    pub fn cluster_name(&self) -> &str {
        &self.options.cluster_name
    }

    /// The node's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.options.node_name
    }

    /// The uuid of the cluster that this one node is; the same after a restart.
    #[must_use]
    pub fn cluster_uuid(&self) -> &str {
        &self.catalog.node().cluster_uuid
    }

    /// The node's id; the same after a restart.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.catalog.node().node_id
    }

    /// What the documents' identities take of the memory, and how much they may.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// What its log did since it was opened, and how it is now.
    #[must_use]
    pub fn log_statistics(&self) -> shard::log::LogStatistics {
        self.logs.statistics()
    }

    /// What is wrong with what is stored of the catalogue of indices, if anything is. What is wrong
    /// with documents is told by their shards.
    #[must_use]
    pub fn catalog_damage(&self) -> Option<Damage> {
        self.catalog.damage()
    }

    /// Whoever answers the node's searches.
    #[must_use]
    pub fn searcher(&self) -> impl Searcher + use<> {
        Scan::new(self.machine.clone(), Arc::clone(&self.searches))
    }

    /// The present moment, as the node sees it.
    #[must_use]
    pub fn now(&self) -> document::Timestamp {
        self.machine.clock.now()
    }

    /// All indices, by name.
    #[must_use]
    pub fn indices(&self) -> Vec<Arc<Index>> {
        self.catalog.all()
    }

    /// Returns when the log or a shard has failed for good, with the reason: the process should end.
    pub async fn failed(&self) -> String {
        tokio::select! {
            biased;
            reason = self.logs.failed() => format!("the log has failed: {reason}"),
            reason = self.alarm.raised() => reason,
        }
    }

    /// The clean stop: answers what waits, ends the writers and closes the log.
    ///
    /// # Errors
    /// [`LogError`] when the end mark cannot be written. What was answered is durable all the same.
    pub async fn close(&self) -> Result<(), LogError> {
        self.logs.stop_collecting().await;
        self.catalog.close().await;
        self.logs.close().await
    }
}

/// Folds the one pass over the log into the state of every shard, and of the catalogue.
struct NodeReplay {
    tables: Tables,
    recoveries: RwLock<HashMap<StreamId, Arc<Recovery>>>,
    /// The catalogue, once everything was shown.
    stored: Stored,
}

impl NodeReplay {
    fn new(tables: Tables) -> Self {
        Self { tables, recoveries: RwLock::default(), stored: Stored::default() }
    }

    fn recovery(&mut self, stream: StreamId) -> Recovery {
        // Nobody else has it any more.
        let folded = self.recoveries.get_mut().remove(&stream).and_then(Arc::into_inner);
        folded.unwrap_or_else(|| self.tables.recovery())
    }

    /// Reads the documents of the catalogue, as they are after everything was shown.
    fn read_catalog(&self, store: &dyn Store) -> Result<Stored, LogError> {
        let mut documents = Vec::new();
        let recoveries = self.recoveries.read();
        if let Some(catalog) = recoveries.get(&StreamId::CATALOG) {
            catalog.table().for_each_live(&mut |location| documents.push(location));
        }
        let mut records = Vec::new();
        for location in documents {
            let operation = store.read_blocking(location).map_err(unreadable_catalog)?;
            if let Effect::Index { id, source, .. } = operation.effect {
                records.push((id, source));
            }
        }
        let mut stored = Stored::read(&records).map_err(unreadable_catalog)?;
        let streams = recoveries.keys().map(|stream| stream.get().saturating_add(1));
        stored.stream_behind_last = streams.max().unwrap_or_default();
        Ok(stored)
    }
}

/// What every shard's version table begins with.
#[derive(Clone)]
pub(crate) struct Tables {
    pub(crate) memory: Arc<Memory>,
    pub(crate) random: Arc<dyn Random>,
}

impl Tables {
    /// The state of a shard without history.
    pub(crate) fn recovery(&self) -> Recovery {
        let memory = Arc::clone(&self.memory);
        Recovery::new(VersionTable::with_memory(self.random.number(), memory))
    }
}

fn unreadable_catalog(why: impl Display) -> LogError {
    LogError::Damaged(format!("the catalogue of indices cannot be read: {why}"))
}

impl Replay for NodeReplay {
    fn entry(&self, stream: StreamId, entry: &EntryOutline<'_>, retired: &mut Vec<Location>) {
        let known = self.recoveries.read().get(&stream).map(Arc::clone);
        let recovery = known.unwrap_or_else(|| {
            let mut recoveries = self.recoveries.write();
            Arc::clone(recoveries.entry(stream).or_insert_with(|| Arc::new(self.tables.recovery())))
        });
        recovery.entry(entry, retired);
    }

    fn live_streams(&mut self, store: &dyn Store) -> Result<Vec<StreamId>, LogError> {
        self.stored = self.read_catalog(store)?;
        let mut live = vec![StreamId::CATALOG];
        live.extend(self.stored.streams());
        let wanted: HashSet<_> = live.iter().copied().collect();
        self.recoveries.get_mut().retain(|id, recovery| {
            if !wanted.contains(id) {
                recovery.table().for_each_live(&mut |location| store.retire(location));
            }
            wanted.contains(id)
        });
        Ok(live)
    }
}

#[cfg(test)]
mod tests {
    use super::{AutoCreate, matches_glob};

    #[test]
    fn globs() {
        for (glob, text) in
            [("*", "x"), ("a*", "a"), ("a*c", "abc"), ("*b*", "abc"), ("abc", "abc")]
        {
            assert!(matches_glob(glob, text), "{glob} {text}");
        }
        for (glob, text) in [("a", "ab"), ("a*c", "ab"), ("ab*b", "ab"), ("", "a")] {
            assert!(!matches_glob(glob, text), "{glob} {text}");
        }
    }

    #[test]
    fn creating_indices_along_the_way_can_be_forbidden() {
        assert_eq!(AutoCreate::parse("true").objection("a"), None);
        let none = AutoCreate::parse("false").objection("a");
        assert_eq!(none.as_deref(), Some("[action.auto_create_index] is [false]"));
        let some = AutoCreate::parse("-b*,+a*");
        assert_eq!(some.objection("abc"), None);
        assert!(
            some.objection("b").is_some_and(|why| why.contains("contains [-b*] which forbids"))
        );
        assert!(some.objection("c").is_some_and(|why| why.ends_with("([-b*,+a*]) doesn't match")));
    }
}
