//! What one change of the catalogue is.

use std::{collections::BTreeMap, sync::Arc};

use mapping::Mapping;

use super::{IndexMetadata, NewIndex, View};
use crate::{
    ClusterSettings, Error, Index,
    templates::{Template, TemplateKey},
};

/// One change of the catalogue: all of it happens, or nothing.
#[derive(Default)]
pub(crate) struct Changes {
    /// Indices as they shall be from now on.
    pub(crate) changed: Vec<IndexMetadata>,
    /// The mappings of changed indices, by name: of those whose mapping becomes another.
    pub(crate) mappings: BTreeMap<String, Mapping>,
    /// Indices to be deleted.
    pub(crate) deleted: Vec<Arc<Index>>,
    /// An index to be created.
    pub(crate) created: Option<NewIndex>,
    /// Whether that index is closed until somebody has filled it.
    pub(crate) is_filling: bool,
    /// Templates to be put, or removed where nothing is put.
    pub(crate) templates: Vec<(TemplateKey, Option<Template>)>,
    /// The settings that all indices share, as they shall be.
    pub(crate) settings: Option<ClusterSettings>,
}

impl Changes {
    /// Compiles the mappings of indices whose metadata say something else to them than before.
    pub(super) fn compile_mappings(&mut self, view: &View) -> Result<(), Error> {
        for changed in &self.changed {
            let present = view.get(&changed.name);
            let is_same = present.is_some_and(|index| index.metadata().maps_like(changed));
            if !is_same && !self.mappings.contains_key(&changed.name) {
                self.mappings.insert(changed.name.clone(), changed.compile()?);
            }
        }
        Ok(())
    }

    /// Whether an index is deleted.
    pub(super) fn deletes(&self, name: &str) -> bool {
        self.deleted.iter().any(|index| index.name() == name)
    }

    /// Whether no index has an alias any more after the change.
    pub(super) fn drops_alias(&self, view: &View, alias: &str) -> bool {
        view.aliased(alias).all(|(index, _)| {
            let mut changed = self.changed.iter();
            let changed = changed.find(|changed| changed.name == index.name());
            self.deletes(index.name())
                || changed.is_some_and(|changed| !changed.aliases.contains_key(alias))
        })
    }
}
