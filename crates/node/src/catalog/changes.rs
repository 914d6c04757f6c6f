//! What one change of the catalogue is.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use mapping::Mapping;

use super::{IndexMetadata, NewIndex, View};
use crate::{
    ClusterSettings, DataStream, Error, Index,
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
    /// Data streams to be put by their names, or removed where nothing is put.
    pub(crate) streams: BTreeMap<String, Option<DataStream>>,
    /// Templates to be put, or removed where nothing is put.
    pub(crate) templates: Vec<(TemplateKey, Option<Template>)>,
    /// The settings that all indices share, as they shall be.
    pub(crate) settings: Option<ClusterSettings>,
}

/// What has an alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AliasOf {
    /// Indices.
    Indices,
    /// Data streams.
    Streams,
    /// Indices and data streams, which cannot be.
    Both,
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

    /// Refuses more than one entry of the log should hold, before anything is made of it.
    pub(super) fn check_amount(&self, limit: usize) -> Result<(), Error> {
        let Self { changed, deleted, templates, streams, .. } = self;
        let wanted = changed.len() + deleted.len() + templates.len() + streams.len();
        if wanted > limit { Err(Error::TooManyChanges { wanted, limit }) } else { Ok(()) }
    }

    /// Whether a data stream is removed.
    pub(super) fn removes_stream(&self, name: &str) -> bool {
        self.streams.get(name).is_some_and(Option::is_none)
    }
}

/// The catalogue as it is after a change, as far as names go.
pub(super) struct After<'c> {
    changes: &'c Changes,
    view: &'c View,
    changed: HashSet<&'c str>,
    deleted: HashSet<&'c str>,
    /// What has each alias that was asked for.
    aliases: HashMap<String, Option<AliasOf>>,
}

impl<'c> After<'c> {
    pub(super) fn new(changes: &'c Changes, view: &'c View) -> Self {
        let changed = changes.changed.iter().map(|changed| changed.name.as_str()).collect();
        let deleted = changes.deleted.iter().map(|index| index.name()).collect();
        Self { changes, view, changed, deleted, aliases: HashMap::new() }
    }

    /// Whether an index is deleted.
    pub(super) fn deletes(&self, name: &str) -> bool {
        self.deleted.contains(name)
    }

    /// Whether an index of that name is created.
    pub(super) fn creates(&self, name: &str) -> bool {
        self.changes.created.as_ref().is_some_and(|new| &*new.name == name)
    }

    /// Whether an index stays as it is.
    pub(super) fn keeps(&self, name: &str) -> bool {
        !self.deleted.contains(name) && !self.changed.contains(name)
    }

    /// The indices that are changed, as they are then.
    pub(super) fn changed(&self) -> impl Iterator<Item = &'c IndexMetadata> + use<'c> {
        self.changes.changed.iter()
    }

    /// The data streams that there are then.
    pub(super) fn streams(&self) -> impl Iterator<Item = &'c DataStream> + use<'c> {
        let changed = &self.changes.streams;
        let kept = self.view.streams().map(|stream| &**stream);
        let kept = kept.filter(move |stream| !changed.contains_key(&stream.name));
        kept.chain(changed.values().flatten())
    }

    /// Whether there is a data stream of that name.
    pub(super) fn has_stream(&self, name: &str) -> bool {
        match self.changes.streams.get(name) {
            Some(put) => put.is_some(),
            None => self.view.stream(name).is_some(),
        }
    }

    /// What has an alias.
    pub(super) fn alias(&mut self, alias: &str) -> Option<AliasOf> {
        if let Some(known) = self.aliases.get(alias) {
            return *known;
        }
        let Changes { changed, created, streams, .. } = self.changes;
        let indices = self.view.aliased(alias).any(|(index, _)| self.keeps(index.name()))
            || changed.iter().any(|changed| changed.aliases.contains_key(alias))
            || created.as_ref().is_some_and(|new| new.aliases.contains_key(alias));
        let mut kept = self.view.aliased_streams(alias);
        let of_streams = kept.any(|(stream, _)| !streams.contains_key(&stream.name))
            || streams.values().flatten().any(|put| put.aliases.contains_key(alias));
        let has = match (indices, of_streams) {
            (false, false) => None,
            (true, false) => Some(AliasOf::Indices),
            (false, true) => Some(AliasOf::Streams),
            (true, true) => Some(AliasOf::Both),
        };
        self.aliases.insert(alias.to_owned(), has);
        has
    }
}
