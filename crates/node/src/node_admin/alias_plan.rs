//! Actions on aliases, put together into one change.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    AliasAction, Error, Expansion, Index, IndexMetadata,
    catalog::{Changes, View},
    index_name, matches_glob,
};

/// What actions on aliases come to together.
#[derive(Default)]
pub(super) struct AliasPlan {
    changed: BTreeMap<Arc<str>, IndexMetadata>,
    deleted: BTreeMap<Arc<str>, Arc<Index>>,
    missing: Vec<String>,
    removed: bool,
}

impl AliasPlan {
    /// Adds an action.
    pub(super) fn add(
        &mut self,
        action: &AliasAction,
        view: &View,
        now: document::Timestamp,
    ) -> Result<(), Error> {
        const CONCRETE: Expansion = Expansion { refuses_aliases: true, ..Expansion::ALL };
        match action {
            AliasAction::Add { indices, aliases, alias } => {
                for name in aliases {
                    if let Some(why) = index_name::alias_objection(name) {
                        return Err(Error::InvalidAliasName { alias: name.clone(), why });
                    }
                }
                let indices =
                    view.resolve(indices, Expansion { allows_none: false, ..CONCRETE }, now)?;
                for index in indices {
                    let metadata = self.metadata(&index)?;
                    let named = aliases.iter().map(|name| (name.clone(), alias.clone()));
                    metadata.aliases.extend(named);
                }
            }
            AliasAction::Remove { indices, aliases, must_exist } => {
                let mut found = false;
                for index in view.resolve(indices, CONCRETE, now)? {
                    let matching: Vec<String> = {
                        let present = self.changed.get(index.name()).unwrap_or(index.metadata());
                        let is_meant = |name: &&String| {
                            aliases.iter().any(|a| a == "_all" || matches_glob(a, name))
                        };
                        present.aliases.keys().filter(is_meant).cloned().collect()
                    };
                    if matching.is_empty() {
                        continue;
                    }
                    found = true;
                    let metadata = self.metadata(&index)?;
                    matching.iter().for_each(|name| drop(metadata.aliases.remove(name)));
                }
                self.removed |= found;
                if !found && *must_exist == Some(true) {
                    return Err(Error::AliasesMissing { aliases: aliases.clone() });
                }
                if !found && *must_exist != Some(false) {
                    self.missing.extend(aliases.iter().cloned());
                }
            }
            AliasAction::RemoveIndex { indices } => {
                for index in view.resolve(indices, CONCRETE, now)? {
                    index.check_changeable()?;
                    self.deleted.insert(Arc::clone(&index.identity().name), index);
                }
            }
        }
        Ok(())
    }

    fn metadata(&mut self, index: &Arc<Index>) -> Result<&mut IndexMetadata, Error> {
        index.check_changeable()?;
        let name = Arc::clone(&index.identity().name);
        Ok(self.changed.entry(name).or_insert_with(|| index.metadata().clone()))
    }

    /// The change that the actions come to.
    pub(super) fn finish(mut self) -> Result<Changes, Error> {
        // Actions that find nothing are passed over where others do something.
        if !self.missing.is_empty()
            && !self.removed
            && self.changed.is_empty()
            && self.deleted.is_empty()
        {
            return Err(Error::AliasesMissing { aliases: self.missing });
        }
        for name in self.deleted.keys() {
            self.changed.remove(name);
        }
        Ok(Changes {
            changed: self.changed.into_values().collect(),
            deleted: self.deleted.into_values().collect(),
            ..Changes::default()
        })
    }
}
