//! What is done to data streams as a whole.

use std::{collections::BTreeMap, sync::Arc};

use mapping::Dialect;
use serde_json::{Map, Value, json};

use super::template_rules::{check_alias_names, with_body};
use crate::{
    Aliases, DataStream, DataStreamError, DataStreamRule, Error, Expansion, Index, IndexMetadata,
    NewIndex, Node, Settings, TemplateBody, Templates,
    catalog::{Changes, View},
    data_stream::{Membership, check_alias, check_name, with_timestamp},
    is_wild,
};

/// How many indices of a data stream are deleted together: one entry of the log holds their records.
pub(super) const DELETED_TOGETHER: usize = 500;

/// An action on the indices of data streams.
#[derive(Clone, Debug)]
pub enum StreamAction {
    /// Takes an index in, as one that takes nothing that is added.
    Add {
        /// The stream.
        stream: String,
        /// The index.
        index: String,
    },
    /// Takes an index out, which stays.
    Remove {
        /// The stream.
        stream: String,
        /// The index.
        index: String,
    },
}

/// What a change of the settings of a data stream came to.
#[derive(Clone, Debug)]
pub struct StreamSettingsChange {
    /// The stream as it is then.
    pub stream: Arc<DataStream>,
    /// The settings that its present indices got too.
    pub everywhere: Vec<String>,
    /// The settings that only later indices get.
    pub later: Vec<String>,
}

impl Node {
    /// A data stream by its name.
    #[must_use]
    pub fn data_stream(&self, name: &str) -> Option<Arc<DataStream>> {
        self.catalog.view().stream(name).cloned()
    }

    /// All data streams, by name.
    #[must_use]
    pub fn data_streams(&self) -> Vec<Arc<DataStream>> {
        self.catalog.view().streams().cloned().collect()
    }

    /// The data streams that an expression names, by name; nothing stands for all.
    ///
    /// # Errors
    /// [`Error::IndexNotFound`] for a name without data stream.
    pub fn resolve_data_streams(
        &self,
        expression: &str,
        expansion: Expansion,
    ) -> Result<Vec<Arc<DataStream>>, Error> {
        let view = self.catalog.view();
        let mut found = BTreeMap::new();
        let parts = expression.split(',').map(str::trim).filter(|part| !part.is_empty());
        let parts: Vec<&str> = parts.collect();
        for part in if parts.is_empty() { vec!["*"] } else { parts } {
            if let Some(excluded) = part.strip_prefix('-') {
                let hidden = Expansion { hidden: true, ..expansion };
                for stream in view.matching_streams(excluded, hidden) {
                    found.remove(&stream.name);
                }
            } else if is_wild(part) {
                let matching = view.matching_streams(part, expansion);
                found.extend(matching.map(|stream| (stream.name.clone(), Arc::clone(stream))));
            } else if let Some(stream) = view.stream(part) {
                found.insert(stream.name.clone(), Arc::clone(stream));
            } else if !expansion.ignores_unavailable {
                return Err(Error::IndexNotFound { index: part.into() });
            }
        }
        Ok(found.into_values().collect())
    }

    /// Creates a data stream with its first index, as a template says.
    ///
    /// # Errors
    /// [`Error::DataStream`] where no template does, for a name that cannot be and for one that is taken;
    /// whatever creating an index refuses.
    pub async fn create_data_stream(
        &self,
        name: &str,
        dialect: Dialect,
    ) -> Result<Arc<DataStream>, Error> {
        check_name(name)?;
        let (own, now) = (name.to_owned(), self.now());
        let plan = move |view: &View| {
            if view.stream(&own).is_some() {
                return Err(DataStreamError::Exists(own).into());
            }
            let (mut stream, body) = made_for(&own, view, dialect)?;
            let created = next_index(view, &mut stream, body, now, dialect)?;
            let streams = BTreeMap::from([(own, Some(stream))]);
            Ok(Changes { created: Some(created), streams, ..Changes::default() })
        };
        self.created(plan).await?;
        self.stream_or_gone(name)
    }

    /// Deletes a data stream with all its indices. One of very many indices goes in parts, the oldest
    /// first.
    ///
    /// # Errors
    /// [`Error::IndexNotFound`], [`Error::Catalog`].
    pub async fn delete_data_stream(&self, name: &str) -> Result<(), Error> {
        let mut is_gone = false;
        while !is_gone {
            let own = name.to_owned();
            let (tell, told) = std::sync::mpsc::channel();
            let plan = move |view: &View| {
                let missing = || Error::IndexNotFound { index: own.as_str().into() };
                let stream = view.stream(&own).ok_or_else(missing)?;
                let all: Vec<Arc<Index>> = view.indices_of(stream).cloned().collect();
                let is_last = all.len() <= DELETED_TOGETHER;
                let deleted = all.into_iter().take(DELETED_TOGETHER).collect();
                let removed = is_last.then_some((own, None));
                // Whoever asked may be gone.
                let _ = tell.send(is_last);
                let streams = removed.into_iter().collect();
                Ok(Changes { deleted, streams, ..Changes::default() })
            };
            self.catalog.apply(plan).await?;
            is_gone = told.try_recv().unwrap_or(true);
        }
        Ok(())
    }

    /// Begins the next index of a data stream, which took what was added into `old` until now.
    ///
    /// # Errors
    /// [`Error::Rollover`] where another index takes it already, [`Error::DataStream`], whatever creating
    /// an index refuses.
    pub async fn roll_over_data_stream(
        &self,
        name: &str,
        old: &str,
        dialect: Dialect,
    ) -> Result<Arc<Index>, Error> {
        let (name, old, now) = (name.to_owned(), old.to_owned(), self.now());
        let plan = move |view: &View| {
            let mut stream = present(view, &name)?;
            if !stream.is_written_to(&old) {
                let text = format!("[{old}] is not the write index of [{name}] any more");
                return Err(Error::Rollover(text));
            }
            let (_, body) = template_of(&name, view.templates_of(&stream))?;
            let created = next_index(view, &mut stream, body, now, dialect)?;
            let streams = BTreeMap::from([(name, Some(stream))]);
            Ok(Changes { created: Some(created), streams, ..Changes::default() })
        };
        self.created(plan).await
    }

    /// What the next index of a data stream will be called.
    ///
    /// # Errors
    /// [`Error::DataStream`] where it has as many as it may.
    pub fn next_index_of(&self, stream: &DataStream) -> Result<String, Error> {
        let view = self.catalog.view();
        let is_taken = |name: &str| view.get(name).is_some() || view.is_alias(name);
        Ok(stream.clone().begin_index(self.now(), is_taken)?.0)
    }

    /// Takes indices into data streams or out of them, all of it or nothing.
    ///
    /// # Errors
    /// [`Error::DataStream`], [`Error::IndexNotFound`], [`Error::Mapping`], [`Error::Catalog`].
    pub async fn modify_data_streams(&self, actions: Vec<StreamAction>) -> Result<(), Error> {
        let plan = move |view: &View| {
            let mut plan =
                MembershipPlan { view, changed: BTreeMap::new(), streams: BTreeMap::new() };
            for action in &actions {
                match action {
                    StreamAction::Add { stream, index } => plan.add(stream, index)?,
                    StreamAction::Remove { stream, index } => plan.remove(stream, index)?,
                }
            }
            Ok(plan.finish())
        };
        self.catalog.apply(plan).await.map(drop)
    }

    /// Makes an alias a data stream of its indices; what the alias leads writes to takes what is added.
    ///
    /// # Errors
    /// As [`Node::modify_data_streams`].
    pub async fn migrate_to_data_stream(&self, alias: &str, dialect: Dialect) -> Result<(), Error> {
        check_name(alias)?;
        let alias = alias.to_owned();
        let plan = move |view: &View| {
            let aliased: Vec<_> = view.aliased(&alias).collect();
            let refuse = |text: String| Err(DataStreamError::Refused(text).into());
            if aliased.is_empty() {
                return refuse(format!("alias [{alias}] does not exist"));
            }
            let leading = aliased.iter().position(|(_, said)| said.leads_writes());
            let leading = leading.or_else(|| (aliased.len() == 1).then_some(0));
            let Some(leading) = leading else {
                return refuse(format!("alias [{alias}] must specify a write index"));
            };
            if aliased.iter().any(|(_, said)| {
                said.filter.is_some()
                    || said.index_routing.is_some()
                    || said.search_routing.is_some()
            }) {
                return refuse(format!("alias [{alias}] may not have custom filtering or routing"));
            }
            let (mut stream, _) = made_for(&alias, view, dialect)?;
            let mut ordered: Vec<&Arc<Index>> = aliased.iter().map(|(index, _)| *index).collect();
            let last = ordered.remove(leading);
            ordered.push(last);
            let mut plan =
                MembershipPlan { view, changed: BTreeMap::new(), streams: BTreeMap::new() };
            for index in ordered {
                stream.note_change()?;
                let membership = Membership { stream: alias.clone(), place: stream.generation };
                plan.take_in(index, Some(&alias), membership)?;
            }
            plan.streams.insert(alias, stream);
            Ok(plan.finish())
        };
        self.catalog.apply(plan).await.map(drop)
    }

    /// Changes settings of a data stream: those that may change go to its indices as well, the number of
    /// shards to later ones only. Nothing happens where `is_trial`.
    ///
    /// # Errors
    /// [`Error::DataStream`] naming settings that cannot be changed, [`Error::Setting`],
    /// [`Error::IndexNotFound`], [`Error::Catalog`].
    pub async fn change_data_stream_settings(
        &self,
        name: &str,
        given: &Value,
        is_trial: bool,
    ) -> Result<StreamSettingsChange, Error> {
        let (shared, later) = Settings::of_streams(given)?;
        let everywhere = shared.as_object().into_iter().flat_map(Map::keys).cloned().collect();
        let (own, given) = (name.to_owned(), given.clone());
        let plan = move |view: &View| {
            let mut stream = present(view, &own)?;
            stream.settings = stream.settings.with_changes(&given)?;
            let mut changed = Vec::new();
            for index in view.indices_of(&stream) {
                let mut metadata = index.metadata().clone();
                metadata.settings = metadata.settings.changed(&shared, false)?;
                changed.push(metadata);
            }
            let streams = BTreeMap::from([(own, Some(stream))]);
            Ok(Changes { changed, streams, ..Changes::default() })
        };
        if is_trial {
            let view = self.catalog.view();
            let Changes { mut streams, .. } = plan(&view)?;
            let stream = streams.remove(name).flatten().unwrap_or_default();
            return Ok(StreamSettingsChange { stream: Arc::new(stream), everywhere, later });
        }
        self.catalog.apply(plan).await?;
        Ok(StreamSettingsChange { stream: self.stream_or_gone(name)?, everywhere, later })
    }

    /// The templates that the indices of a data stream are made by.
    #[must_use]
    pub fn templates_of_stream(&self, stream: &DataStream) -> Arc<Templates> {
        Arc::clone(self.catalog.view().templates_of(stream))
    }

    /// Has the next write to a data stream begin an index first.
    ///
    /// # Errors
    /// [`Error::IndexNotFound`], [`Error::Catalog`].
    pub async fn roll_over_on_write(&self, name: &str) -> Result<(), Error> {
        let name = name.to_owned();
        let plan = move |view: &View| {
            let mut stream = present(view, &name)?;
            stream.rolls_over_on_write = true;
            let streams = BTreeMap::from([(name, Some(stream))]);
            Ok(Changes { streams, ..Changes::default() })
        };
        self.catalog.apply(plan).await.map(drop)
    }

    /// The settings that the next index of a data stream would get.
    #[must_use]
    pub fn effective_settings(&self, stream: &DataStream) -> Settings {
        effective_settings(&self.templates_of_stream(stream), stream)
    }

    fn stream_or_gone(&self, name: &str) -> Result<Arc<DataStream>, Error> {
        let gone = || Error::IndexNotFound { index: name.into() };
        self.data_stream(name).ok_or_else(gone)
    }
}

/// A data stream as it is now, to be changed.
fn present(view: &View, name: &str) -> Result<DataStream, Error> {
    let missing = || Error::IndexNotFound { index: name.into() };
    Ok((**view.stream(name).ok_or_else(missing)?).clone())
}

/// The settings that the next index of a data stream would get.
pub(super) fn effective_settings(templates: &Templates, stream: &DataStream) -> Settings {
    let winner = templates.winner(&stream.name);
    let settings = winner.map(|(_, template)| templates.composed_settings(template));
    settings.unwrap_or_default().overlaid(&stream.settings)
}

/// A new data stream by the templates of a dialect, or else by those that version 8 brings along.
fn made_for(
    name: &str,
    view: &View,
    dialect: Dialect,
) -> Result<(DataStream, TemplateBody), Error> {
    let own = template_of(name, view.templates(dialect));
    let made_by_8 = dialect == Dialect::Eight || own.is_err();
    let (rule, body) = own.or_else(|_| template_of(name, view.templates(Dialect::Eight)))?;
    let aliases = stream_aliases(name, &body)?;
    let lifecycle = body.lifecycle.clone();
    let stream = DataStream::new(name, rule, aliases);
    Ok((DataStream { lifecycle, made_by_8, ..stream }, body))
}

/// What a data stream is made by.
fn template_of(
    stream: &str,
    templates: &Templates,
) -> Result<(DataStreamRule, TemplateBody), Error> {
    let none = || DataStreamError::NoTemplate(stream.to_owned());
    let (_, template, rule) = templates.stream_winner(stream).ok_or_else(none)?;
    Ok((rule, templates.composed(template)))
}

/// The aliases that a template gives the streams it makes.
fn stream_aliases(stream: &str, body: &TemplateBody) -> Result<Aliases, Error> {
    let named = body.aliases.iter().flatten();
    let aliases: Aliases =
        named.map(|(alias, said)| (alias.replace("{index}", stream), said.clone())).collect();
    check_alias_names(aliases.keys())?;
    aliases.values().try_for_each(check_alias)?;
    Ok(aliases)
}

/// The next index of a stream.
fn next_index(
    view: &View,
    stream: &mut DataStream,
    mut body: TemplateBody,
    now: document::Timestamp,
    dialect: Dialect,
) -> Result<NewIndex, Error> {
    let is_taken = |name: &str| view.get(name).is_some() || view.is_alias(name);
    let (name, membership) = stream.begin_index(now, is_taken)?;
    // The aliases are those of the stream.
    body.aliases = None;
    let mut mappings = body.mappings.take().unwrap_or_else(|| Value::Object(Map::new()));
    with_timestamp(&mut mappings);
    let hidden = Settings::from_json(&json!({ "index.hidden": "true" }))?;
    let new = NewIndex {
        name: name.into(),
        settings: Settings::default().overlaid(&stream.settings).overlaid(&hidden),
        mappings,
        type_name: None,
        aliases: Aliases::new(),
        stream: Some(membership),
        dialect,
    };
    with_body(new, body)
}

/// Changes of which indices are of which data streams, put together.
struct MembershipPlan<'v> {
    view: &'v View,
    changed: BTreeMap<String, (IndexMetadata, mapping::Mapping)>,
    streams: BTreeMap<String, DataStream>,
}

impl MembershipPlan<'_> {
    fn stream(&mut self, name: &str) -> Result<&mut DataStream, Error> {
        let none = || DataStreamError::Refused(format!("data stream [{name}] not found"));
        let present = self.view.stream(name).ok_or_else(none)?;
        Ok(self.streams.entry(name.to_owned()).or_insert_with(|| (**present).clone()))
    }

    /// Takes an index into a stream, before all others.
    fn add(&mut self, stream: &str, index: &str) -> Result<(), Error> {
        let present = self.stream(stream)?;
        present.note_change()?;
        let generation = present.generation;
        // Below every place that any index has or had.
        let place = self.view.places(stream).1.min(1).saturating_sub(generation);
        let membership = Membership { stream: stream.to_owned(), place };
        let missing = || DataStreamError::Refused(format!("index [{index}] not found"));
        let index = Arc::clone(self.view.get(index).ok_or_else(missing)?);
        self.take_in(&index, None, membership)
    }

    fn take_in(
        &mut self,
        index: &Index,
        alias: Option<&str>,
        membership: Membership,
    ) -> Result<(), Error> {
        index.check_changeable()?;
        let name = index.name();
        let refuse = |why: String| {
            let stream = &membership.stream;
            let text = format!("cannot add index [{name}] to data stream [{stream}] {why}");
            Err(DataStreamError::Refused(text).into())
        };
        if let Some(other) = self.view.stream_of(name) {
            let other = &other.name;
            return refuse(format!(
                "because it is already a backing index on data stream [{other}]"
            ));
        }
        if self.changed.contains_key(name) {
            return refuse("more than once".to_owned());
        }
        let mut metadata = index.metadata().clone();
        metadata.aliases.retain(|own, _| Some(own.as_str()) != alias);
        if !metadata.aliases.is_empty() {
            let aliases: Vec<&str> = metadata.aliases.keys().map(String::as_str).collect();
            let (word, end) = if aliases.len() == 1 { ("alias", "is") } else { ("aliases", "are") };
            return refuse(format!("until its {word} [{}] {end} removed", aliases.join(", ")));
        }
        let mut definition = json!({ "properties": {} });
        if let Some(field) = index.mapping().field(mapping::TIMESTAMP) {
            let properties = definition.get_mut("properties").and_then(Value::as_object_mut);
            if let Some(properties) = properties {
                properties.insert(mapping::TIMESTAMP.to_owned(), field.render());
            }
        }
        with_timestamp(&mut definition);
        let changed = index.mapping().update(None, &definition)?;
        metadata.keep(&changed);
        metadata.settings = metadata.settings.changed(&json!({"index.hidden": "true"}), false)?;
        metadata.stream = Some(membership);
        self.changed.insert(name.to_owned(), (metadata, changed));
        Ok(())
    }

    /// Takes an index out of a stream.
    fn remove(&mut self, stream: &str, index: &str) -> Result<(), Error> {
        let present = self.stream(stream)?;
        if present.is_written_to(index) {
            let text = format!(
                "cannot remove backing index [{index}] of data stream [{stream}] because it is the \
                 write index"
            );
            return Err(DataStreamError::Refused(text).into());
        }
        if !present.indices.iter().any(|own| **own == *index) {
            let text = format!("index [{index}] not found");
            return Err(DataStreamError::Refused(text).into());
        }
        present.note_change()?;
        let Some(index) = self.view.get(index) else { return Ok(()) };
        index.check_changeable()?;
        let mut metadata = index.metadata().clone();
        metadata.settings = metadata.settings.changed(&json!({"index.hidden": "false"}), false)?;
        metadata.stream = None;
        self.changed.insert(index.name().to_owned(), (metadata, index.mapping()));
        Ok(())
    }

    fn finish(self) -> Changes {
        let streams = self.streams.into_iter();
        let mut changes = Changes {
            streams: streams.map(|(name, stream)| (name, Some(stream))).collect(),
            ..Changes::default()
        };
        for (name, (metadata, mapping)) in self.changed {
            changes.changed.push(metadata);
            changes.mappings.insert(name, mapping);
        }
        changes
    }
}
