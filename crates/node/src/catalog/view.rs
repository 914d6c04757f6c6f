//! What readers see of the catalogue: applied changes only.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mapping::Dialect;

use super::{
    Changes,
    changes::{After, AliasOf},
};
use crate::{
    Alias, ClusterSettings, DataStream, DataStreamError, Error, Index, IndexMetadata, Settings,
    Templates,
    data_stream::Membership,
    templates::{Template, TemplateKey, stack},
};

/// How many copies of shards may be wished for: they are listed one by one, although there is one
/// node for them.
const COPIES_MAX: u64 = 100_000;

/// The catalogue at one moment.
#[derive(Clone, Default)]
pub(crate) struct View {
    indices: BTreeMap<Arc<str>, Arc<Index>>,
    /// The indices of each alias.
    aliases: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    streams: BTreeMap<Arc<str>, Arc<DataStream>>,
    /// The data streams of each alias.
    stream_aliases: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// The indices of each data stream, by their places.
    members: BTreeMap<Arc<str>, BTreeMap<i64, Arc<str>>>,
    /// The templates that were put.
    templates: Arc<Templates>,
    /// Those, and what version 8 brings along unless a setting does without.
    templates_of_8: Arc<Templates>,
    /// Those, and what version 8 brings along: data streams that were made by it need it on.
    templates_of_streams: Arc<Templates>,
    pub(crate) settings: Arc<ClusterSettings>,
}

impl View {
    /// A catalogue without indices.
    pub(super) fn new(templates: Templates, settings: ClusterSettings) -> Self {
        let (templates, settings) = (Arc::new(templates), Arc::new(settings));
        let mut view = Self { templates, settings, ..Self::default() };
        view.renew_templates();
        view
    }

    /// The templates that count for requests of a dialect.
    pub(crate) fn templates(&self, dialect: Dialect) -> &Arc<Templates> {
        match dialect {
            Dialect::Seven => &self.templates,
            Dialect::Eight => &self.templates_of_8,
        }
    }

    /// The templates that the indices of a data stream are made by, whoever asks.
    pub(crate) fn templates_of(&self, stream: &DataStream) -> &Arc<Templates> {
        if stream.made_by_8 { &self.templates_of_streams } else { &self.templates }
    }

    /// As many of the data streams as would have no template after changes of templates.
    pub(crate) fn bereft_by(&self, changes: &[(TemplateKey, Option<Template>)]) -> Vec<&str> {
        let mut own = (*self.templates).clone();
        own.change(changes);
        let (is_on, all) = (self.offers_stack(), Arc::new(own));
        self.bereft(&all, &Arc::new(stack::with_stack(&all, is_on)))
    }

    /// The data streams that would have no template under other settings.
    pub(crate) fn bereft_under(&self, settings: &ClusterSettings) -> Vec<&str> {
        let is_on = settings.get(stack::SWITCH) != Some("false");
        self.bereft(&self.templates, &Arc::new(stack::with_stack(&self.templates, is_on)))
    }

    /// The data streams that have a template, but would have none among these.
    fn bereft(&self, own: &Arc<Templates>, of_8: &Arc<Templates>) -> Vec<&str> {
        let streams = self.streams().filter(|stream| {
            let after = if stream.made_by_8 { of_8 } else { own };
            self.templates_of(stream).stream_winner(&stream.name).is_some()
                && after.stream_winner(&stream.name).is_none()
        });
        streams.map(|stream| stream.name.as_str()).collect()
    }

    /// Puts templates, or takes them away where none is given.
    pub(super) fn change_templates(&mut self, changes: &[(TemplateKey, Option<Template>)]) {
        if changes.is_empty() {
            return;
        }
        Arc::make_mut(&mut self.templates).change(changes);
        self.renew_templates();
    }

    /// Lets other settings hold.
    pub(super) fn change_settings(&mut self, settings: ClusterSettings) {
        self.settings = Arc::new(settings);
        self.renew_templates();
    }

    fn renew_templates(&mut self) {
        let is_on = self.offers_stack();
        self.templates_of_streams = Arc::new(stack::with_stack(&self.templates, is_on));
        let of_8 = if is_on { &self.templates_of_streams } else { &self.templates };
        self.templates_of_8 = Arc::clone(of_8);
    }

    /// Whether the templates that version 8 brings along are offered.
    fn offers_stack(&self) -> bool {
        self.settings.get(stack::SWITCH) != Some("false")
    }

    /// A data stream by its name.
    pub(crate) fn stream(&self, name: &str) -> Option<&Arc<DataStream>> {
        self.streams.get(name)
    }

    /// All data streams, by name.
    pub(crate) fn streams(&self) -> impl Iterator<Item = &Arc<DataStream>> {
        self.streams.values()
    }

    /// The data stream that an index is of.
    pub(crate) fn stream_of(&self, index: &str) -> Option<&Arc<DataStream>> {
        self.stream_of_index(self.get(index)?)
    }

    /// As [`View::stream_of`], for one that is at hand.
    pub(crate) fn stream_of_index(&self, index: &Index) -> Option<&Arc<DataStream>> {
        let membership = index.metadata().stream.as_ref()?;
        self.streams.get(membership.stream.as_str())
    }

    /// The indices of a data stream, the oldest first.
    pub(crate) fn indices_of(&self, stream: &DataStream) -> impl Iterator<Item = &Arc<Index>> {
        stream.indices.iter().filter_map(|index| self.indices.get(index))
    }

    /// The data streams of an alias with what each says of it; none where there is no such alias.
    pub(crate) fn aliased_streams<'v>(
        &'v self,
        alias: &str,
    ) -> impl Iterator<Item = (&'v Arc<DataStream>, &'v Alias)> + use<'v> {
        let named = self.stream_aliases.get_key_value(alias);
        named.into_iter().flat_map(move |(alias, streams)| {
            streams.iter().filter_map(move |stream| {
                let stream = self.streams.get(stream)?;
                Some((stream, stream.aliases.get(&**alias)?))
            })
        })
    }

    /// The names of all aliases of data streams.
    pub(crate) fn stream_alias_names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.stream_aliases.keys()
    }

    /// The highest and the lowest place of an index of a data stream.
    pub(crate) fn places(&self, stream: &str) -> (i64, i64) {
        let members = self.members.get(stream);
        let place = |found: Option<(&i64, &Arc<str>)>| found.map_or(0, |(place, _)| *place);
        let ends = members
            .map(|members| (place(members.last_key_value()), place(members.first_key_value())));
        ends.unwrap_or_default()
    }

    pub(super) fn insert_stream(&mut self, mut stream: DataStream) {
        self.remove_stream(&stream.name);
        stream.indices = self.listed(&stream.name);
        let name: Arc<str> = stream.name.as_str().into();
        for alias in stream.aliases.keys() {
            let streams = self.stream_aliases.entry(alias.as_str().into()).or_default();
            streams.insert(Arc::clone(&name));
        }
        self.streams.insert(name, Arc::new(stream));
    }

    pub(super) fn remove_stream(&mut self, name: &str) {
        let Some(stream) = self.streams.remove(name) else { return };
        for alias in stream.aliases.keys() {
            let Some(streams) = self.stream_aliases.get_mut(alias.as_str()) else { continue };
            streams.remove(name);
            if streams.is_empty() {
                self.stream_aliases.remove(alias.as_str());
            }
        }
    }

    /// The names of the indices of a data stream, in their order.
    fn listed(&self, stream: &str) -> Vec<Arc<str>> {
        self.members.get(stream).into_iter().flat_map(BTreeMap::values).cloned().collect()
    }

    /// Lists the indices of a data stream again, of which one came or went.
    fn list_again(&mut self, name: &str) {
        // At the start indices come first, streams later.
        if !self.streams.contains_key(name) {
            return;
        }
        let indices = self.listed(name);
        if let Some(stream) = self.streams.get_mut(name) {
            Arc::make_mut(stream).indices = indices;
        }
    }

    /// Lets an index be of a data stream, or of none.
    fn change_membership(
        &mut self,
        index: &Arc<str>,
        before: Option<&Membership>,
        after: Option<&Membership>,
    ) {
        if before == after {
            return;
        }
        if let Some(Membership { stream, place }) = before {
            if let Some(members) = self.members.get_mut(stream.as_str()) {
                members.remove(place);
                if members.is_empty() {
                    self.members.remove(stream.as_str());
                }
            }
            self.list_again(stream);
        }
        if let Some(Membership { stream, place }) = after {
            let members = self.members.entry(stream.as_str().into()).or_default();
            members.insert(*place, Arc::clone(index));
            self.list_again(stream);
        }
    }

    /// An index by its own name.
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Index>> {
        self.indices.get(name)
    }

    /// All indices, by name.
    pub(crate) fn indices(&self) -> impl Iterator<Item = &Arc<Index>> {
        self.indices.values()
    }

    /// The names of all aliases of indices.
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
        self.aliases.contains_key(name) || self.is_stream_alias(name)
    }

    /// Whether there is an alias of data streams of that name.
    pub(crate) fn is_stream_alias(&self, name: &str) -> bool {
        self.stream_aliases.contains_key(name)
    }

    pub(super) fn insert(&mut self, index: Arc<Index>) {
        let name = Arc::clone(&index.identity().name);
        let before = self.take_out(&name);
        let before = before.as_ref().and_then(|before| before.metadata().stream.as_ref());
        self.change_membership(&name, before, index.metadata().stream.as_ref());
        for alias in index.metadata().aliases.keys() {
            let indices = self.aliases.entry(alias.as_str().into()).or_default();
            indices.insert(Arc::clone(&name));
        }
        self.indices.insert(name, index);
    }

    pub(super) fn remove(&mut self, name: &str) {
        if let Some(index) = self.take_out(name) {
            let before = index.metadata().stream.as_ref();
            self.change_membership(&index.identity().name, before, None);
        }
    }

    /// Takes an index and its aliases out, but not out of its data stream.
    fn take_out(&mut self, name: &str) -> Option<Arc<Index>> {
        let index = self.indices.remove(name)?;
        for alias in index.metadata().aliases.keys() {
            let Some(indices) = self.aliases.get_mut(alias.as_str()) else { continue };
            indices.remove(name);
            if indices.is_empty() {
                self.aliases.remove(alias.as_str());
            }
        }
        Some(index)
    }

    /// Refuses changes after which a name would mean two things, or an alias lead to two places.
    pub(super) fn check(&self, changes: &Changes) -> Result<(), Error> {
        self.check_copies(changes)?;
        changes.deleted.iter().try_for_each(|index| self.check_deletable(changes, index))?;
        let mut after = After::new(changes, self);
        if let Some(new) = &changes.created {
            for (alias, metadata) in &new.aliases {
                self.check_alias(&mut after, alias)?;
                if metadata.leads_writes() {
                    self.check_write_index(&after, alias, &new.name)?;
                }
            }
            let taken = match after.alias(&new.name) {
                Some(_) => Some("already exists as alias"),
                None if after.has_stream(&new.name) => Some("already exists as data stream"),
                None => None,
            };
            if let Some(why) = taken {
                let (index, why) = (Arc::clone(&new.name), why.to_owned());
                return Err(Error::InvalidIndexName { index, why });
            }
        }
        for changed in &changes.changed {
            let present = self.get(&changed.name);
            for (alias, metadata) in &changed.aliases {
                if present.and_then(|index| index.metadata().aliases.get(alias)) == Some(metadata) {
                    continue;
                }
                self.check_alias(&mut after, alias)?;
                if metadata.leads_writes() {
                    self.check_write_index(&after, alias, &changed.name)?;
                }
            }
        }
        changes.streams.values().flatten().try_for_each(|put| self.check_stream(&mut after, put))
    }

    /// Refuses to delete the index that takes what is added to a data stream, unless that goes as well.
    fn check_deletable(&self, changes: &Changes, index: &Index) -> Result<(), Error> {
        let stream = self.stream_of(index.name()).filter(|stream| {
            stream.is_written_to(index.name()) && !changes.removes_stream(&stream.name)
        });
        let Some(stream) = stream else { return Ok(()) };
        let (index, name) = (index.name(), &stream.name);
        let text = format!(
            "index [{index}] is the write index for data stream [{name}] and cannot be deleted"
        );
        Err(DataStreamError::Refused(text).into())
    }

    /// Refuses a data stream that would share its name, or that of an alias, with something else.
    fn check_stream(&self, after: &mut After<'_>, put: &DataStream) -> Result<(), Error> {
        let name = put.name.clone();
        if !self.streams.contains_key(name.as_str()) {
            if self.indices.contains_key(name.as_str()) && !after.deletes(&name) {
                return Err(DataStreamError::Conflict { name, what: "index" }.into());
            }
            if after.alias(&name).is_some() {
                return Err(DataStreamError::Conflict { name, what: "alias" }.into());
            }
        }
        for (alias, said) in &put.aliases {
            self.check_alias(after, alias)?;
            let leads = |other: &DataStream| {
                other.name != put.name && other.aliases.get(alias).is_some_and(Alias::leads_writes)
            };
            if said.leads_writes() && after.streams().any(leads) {
                let text = format!("alias [{alias}] has more than one write data stream");
                return Err(DataStreamError::Refused(text).into());
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

    /// Refuses an alias that is called like something else, or that would lead to indices and to data
    /// streams both.
    fn check_alias(&self, after: &mut After<'_>, alias: &str) -> Result<(), Error> {
        let is_index = self.indices.contains_key(alias) && !after.deletes(alias);
        if is_index || after.creates(alias) || after.has_stream(alias) {
            return Err(Error::AliasIsIndex { alias: alias.to_owned() });
        }
        if after.alias(alias) == Some(AliasOf::Both) {
            let text = format!("alias [{alias}] cannot lead to data streams and indices both");
            return Err(DataStreamError::Refused(text).into());
        }
        Ok(())
    }

    fn check_write_index(&self, after: &After<'_>, alias: &str, leader: &str) -> Result<(), Error> {
        let leads = |index: &IndexMetadata| {
            index.name != leader && index.aliases.get(alias).is_some_and(Alias::leads_writes)
        };
        let kept = self.aliased(alias).map(|(index, _)| index.metadata());
        let kept = kept.filter(|index| after.keeps(&index.name));
        let mut leaders: Vec<&str> =
            kept.chain(after.changed()).filter(|i| leads(i)).map(|i| i.name.as_str()).collect();
        if leaders.is_empty() {
            return Ok(());
        }
        leaders.push(leader);
        leaders.sort_unstable();
        let indices = leaders.into_iter().map(str::to_owned).collect();
        Err(Error::SeveralWriteIndices { alias: alias.to_owned(), indices })
    }
}
