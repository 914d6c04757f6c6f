//! What one change of the catalogue is.

use std::sync::Arc;

use super::{IndexMetadata, NewIndex, View};
use crate::{
    ClusterSettings, Index,
    templates::{Template, TemplateKey},
};

/// One change of the catalogue: all of it happens, or nothing.
#[derive(Default)]
pub(crate) struct Changes {
    /// Indices as they shall be from now on.
    pub(crate) changed: Vec<IndexMetadata>,
    /// Indices to be deleted.
    pub(crate) deleted: Vec<Arc<Index>>,
    /// An index to be created.
    pub(crate) created: Option<NewIndex>,
    /// Templates to be put, or removed where nothing is put.
    pub(crate) templates: Vec<(TemplateKey, Option<Template>)>,
    /// The settings that all indices share, as they shall be.
    pub(crate) settings: Option<ClusterSettings>,
}

impl Changes {
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
