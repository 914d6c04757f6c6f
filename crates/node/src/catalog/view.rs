//! What readers see of the catalogue: applied changes only.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::Changes;
use crate::{Alias, ClusterSettings, Error, Index, IndexMetadata, Settings, Templates};

/// How many copies of shards may be wished for: they are listed one by one, although there is one
/// node for them.
const COPIES_MAX: u64 = 100_000;

/// The catalogue at one moment.
#[derive(Clone, Default)]
pub(crate) struct View {
    indices: BTreeMap<Arc<str>, Arc<Index>>,
    /// The indices of each alias.
    aliases: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    pub(crate) templates: Arc<Templates>,
    pub(crate) settings: Arc<ClusterSettings>,
}

impl View {
    /// A catalogue without indices.
    pub(super) fn new(templates: Templates, settings: ClusterSettings) -> Self {
        let (templates, settings) = (Arc::new(templates), Arc::new(settings));
        Self { templates, settings, ..Self::default() }
    }

    /// An index by its own name.
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Index>> {
        self.indices.get(name)
    }

    /// All indices, by name.
    pub(crate) fn indices(&self) -> impl Iterator<Item = &Arc<Index>> {
        self.indices.values()
    }

    /// The names of all aliases.
    pub(crate) fn alias_names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.aliases.keys()
    }

    /// The indices of an alias with what each says of it; none where there is no such alias.
    pub(crate) fn aliased<'v>(
        &'v self,
        alias: &'v str,
    ) -> impl Iterator<Item = (&'v Arc<Index>, &'v Alias)> {
        let names = self.aliases.get(alias).into_iter().flatten();
        names.filter_map(move |name| {
            let index = self.indices.get(name)?;
            Some((index, index.metadata().aliases.get(alias)?))
        })
    }

    /// Whether there is an alias of that name.
    pub(crate) fn is_alias(&self, name: &str) -> bool {
        self.aliases.contains_key(name)
    }

    pub(super) fn insert(&mut self, index: Arc<Index>) {
        let name = Arc::clone(&index.identity().name);
        self.remove(&name);
        for alias in index.metadata().aliases.keys() {
            let indices = self.aliases.entry(alias.as_str().into()).or_default();
            indices.insert(Arc::clone(&name));
        }
        self.indices.insert(name, index);
    }

    pub(super) fn remove(&mut self, name: &str) {
        let Some(index) = self.indices.remove(name) else { return };
        for alias in index.metadata().aliases.keys() {
            let Some(indices) = self.aliases.get_mut(alias.as_str()) else { continue };
            indices.remove(name);
            if indices.is_empty() {
                self.aliases.remove(alias.as_str());
            }
        }
    }

    /// Refuses changes after which a name would mean two things, or an alias lead to two places.
    pub(super) fn check(&self, changes: &Changes) -> Result<(), Error> {
        self.check_copies(changes)?;
        if let Some(new) = &changes.created {
            if self.is_alias(&new.name) && !changes.drops_alias(self, &new.name) {
                let why = "already exists as alias".to_owned();
                return Err(Error::InvalidIndexName { index: Arc::clone(&new.name), why });
            }
            for (alias, metadata) in &new.aliases {
                self.check_alias(changes, alias)?;
                if metadata.leads_writes() {
                    self.check_write_index(changes, alias, &new.name)?;
                }
            }
        }
        for changed in &changes.changed {
            let present = self.get(&changed.name);
            for (alias, metadata) in &changed.aliases {
                if present.and_then(|index| index.metadata().aliases.get(alias)) == Some(metadata) {
                    continue;
                }
                self.check_alias(changes, alias)?;
                if metadata.leads_writes() {
                    self.check_write_index(changes, alias, &changed.name)?;
                }
            }
        }
        Ok(())
    }

    /// Refuses where more copies of shards would be wished for than can be listed.
    fn check_copies(&self, changes: &Changes) -> Result<(), Error> {
        let copies = |shards: usize, settings: &Settings| {
            let shards = u64::try_from(shards).unwrap_or(u64::MAX);
            shards.saturating_mul(u64::from(settings.number_of_replicas()) + 1)
        };
        let mut added = changes.created.iter().fold(0, |sum: u64, new| {
            let shards = usize::try_from(new.settings.number_of_shards()).unwrap_or(usize::MAX);
            sum.saturating_add(copies(shards, &new.settings))
        });
        for changed in &changes.changed {
            let Some(present) = self.get(&changed.name) else { continue };
            let count = present.shards().len();
            let before = copies(count, &present.metadata().settings);
            let after = copies(count, &changed.settings);
            added = added.saturating_add(after.saturating_sub(before));
        }
        if added == 0 {
            return Ok(());
        }
        let present = self.indices().fold(0, |sum: u64, index| {
            sum.saturating_add(copies(index.shards().len(), &index.metadata().settings))
        });
        if present.saturating_add(added) > COPIES_MAX {
            return Err(Error::TooManyShards { added, present, limit: COPIES_MAX });
        }
        Ok(())
    }

    fn check_alias(&self, changes: &Changes, alias: &str) -> Result<(), Error> {
        let is_index = self.indices.contains_key(alias) && !changes.deletes(alias);
        let is_new = changes.created.as_ref().is_some_and(|new| &*new.name == alias);
        if is_index || is_new {
            return Err(Error::AliasIsIndex { alias: alias.to_owned() });
        }
        Ok(())
    }

    fn check_write_index(&self, changes: &Changes, alias: &str, leader: &str) -> Result<(), Error> {
        let leads = |index: &IndexMetadata| {
            index.name != leader && index.aliases.get(alias).is_some_and(Alias::leads_writes)
        };
        let kept = self.aliased(alias).map(|(index, _)| index.metadata()).filter(|index| {
            !changes.deletes(&index.name)
                && !changes.changed.iter().any(|changed| changed.name == index.name)
        });
        let mut leaders: Vec<&str> =
            kept.chain(&changes.changed).filter(|i| leads(i)).map(|i| i.name.as_str()).collect();
        if leaders.is_empty() {
            return Ok(());
        }
        leaders.push(leader);
        leaders.sort_unstable();
        let indices = leaders.into_iter().map(str::to_owned).collect();
        Err(Error::SeveralWriteIndices { alias: alias.to_owned(), indices })
    }
}
