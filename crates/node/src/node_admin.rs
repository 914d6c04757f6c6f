//! What is done to indices, aliases, templates and settings as a whole.

mod alias_plan;
mod data_streams;
mod lifecycles;
mod resize;
mod template_rules;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{
    Alias, AutoCreate, ClusterSettings, DataStreamError, Error, Expansion, Index, NewIndex, Node,
    Template, TemplateKey, TemplateKind, Templates,
    catalog::{Changes, View},
    date_math, index_name,
    mappings::Edition,
    matches_glob,
    templates::stack,
    write::through_alias,
};
use alias_plan::AliasPlan;
pub use data_streams::{StreamAction, StreamSettingsChange};
pub use lifecycles::LifecycleRun;
pub use resize::{Resize, ResizeKind};
use template_rules::{check_mappings, check_template, check_unused, with_templates};

/// One of the actions on aliases that happen together.
#[derive(Clone, Debug)]
pub enum AliasAction {
    /// Gives indices aliases.
    Add {
        /// The indices, as an expression.
        indices: String,
        /// The names.
        aliases: Vec<String>,
        /// What is said of them.
        alias: Alias,
    },
    /// Takes aliases, also by wildcards, from indices.
    Remove {
        /// The indices, as an expression.
        indices: String,
        /// The names.
        aliases: Vec<String>,
        /// Whether it is wrong that there are none.
        must_exist: Option<bool>,
    },
    /// Deletes indices.
    RemoveIndex {
        /// The indices, as an expression.
        indices: String,
    },
}

/// A change of settings of some indices.
#[derive(Clone, Debug)]
pub struct SettingsChange {
    /// The settings as given; `null` resets one.
    pub given: Value,
    /// Whether settings that are set already stay as they are.
    pub preserves: bool,
}

impl SettingsChange {
    /// Whether it is about blocks and nothing else: then no block stands in its way, since nothing else
    /// could lift one.
    fn is_about_blocks(&self) -> bool {
        let flat = crate::settings::flatten_names(&self.given).unwrap_or_default();
        flat.iter()
            .all(|(name, _)| name.strip_prefix("index.").unwrap_or(name).starts_with("blocks."))
    }
}

/// A rollover of an alias to a new index.
#[derive(Clone, Debug)]
pub struct Rollover {
    /// The alias.
    pub alias: String,
    /// The index it goes away from.
    pub old: String,
    /// The index it goes to.
    pub new: NewIndex,
}

impl Node {
    /// An index by its name, or by an alias of it alone.
    ///
    /// # Errors
    /// [`Error::IndexNotFound`], [`Error::SeveralIndices`], [`Error::DateMath`].
    pub fn index(&self, name: &str) -> Result<Arc<Index>, Error> {
        self.catalog.view().one(name, self.now()).map(|(index, _)| index)
    }

    /// The index that a write to this name would go to, if there is one.
    #[must_use]
    pub fn index_for_writes(&self, name: &str) -> Option<Arc<Index>> {
        let name = date_math::resolve(name, self.now()).ok()?;
        let target = self.catalog.view().write_target(&name).ok()?;
        target.map(|target| target.index)
    }

    /// The index that a read of one document goes to, and the routing it takes there.
    ///
    /// # Errors
    /// As [`Node::index`], and [`Error::AliasRouting`].
    pub fn read_target(
        &self,
        name: &str,
        routing: Option<String>,
    ) -> Result<(Arc<Index>, Option<String>), Error> {
        let (index, alias) = self.catalog.view().one(name, self.now())?;
        let own = alias.and_then(|alias| alias.index_routing);
        Ok((index, through_alias(name, own, routing)?))
    }

    /// The indices that an expression names.
    ///
    /// # Errors
    /// [`Error::IndexNotFound`], [`Error::IndexClosed`], [`Error::AliasRefused`],
    /// [`Error::InvalidIndexName`], [`Error::DateMath`].
    pub fn resolve(&self, names: &str, expansion: Expansion) -> Result<Vec<Arc<Index>>, Error> {
        self.catalog.view().resolve(names, expansion, self.now())
    }

    /// A name as it is after date math.
    ///
    /// # Errors
    /// [`Error::DateMath`].
    pub fn resolve_name(&self, name: &str) -> Result<String, Error> {
        date_math::resolve(name, self.now()).map_err(Error::DateMath)
    }

    /// Whether an index could be called so now.
    ///
    /// # Errors
    /// [`Error::InvalidIndexName`], [`Error::IndexExists`].
    pub fn check_new_name(&self, name: &Arc<str>) -> Result<(), Error> {
        if let Some(why) = index_name::objection(name) {
            return Err(Error::InvalidIndexName { index: Arc::clone(name), why });
        }
        match self.catalog.get(name) {
            Some(index) => Err(Error::IndexExists { index: index.identity().clone() }),
            None => Ok(()),
        }
    }

    /// Whether there is an alias of that name.
    #[must_use]
    pub fn is_alias(&self, name: &str) -> bool {
        self.catalog.view().is_alias(name)
    }

    /// The indices of each alias, with what each says of it.
    #[must_use]
    pub fn aliases(&self) -> BTreeMap<Arc<str>, Vec<(Arc<Index>, Alias)>> {
        let view = self.catalog.view();
        let aliased = |name: &Arc<str>| {
            let indices = view.aliased(name);
            indices.map(|(index, alias)| (Arc::clone(index), alias.clone())).collect()
        };
        view.alias_names().map(|name| (Arc::clone(name), aliased(name))).collect()
    }

    /// All templates.
    #[must_use]
    pub fn templates(&self, dialect: mapping::Dialect) -> Arc<Templates> {
        Arc::clone(self.catalog.view().templates(dialect))
    }

    /// The settings of the node as a whole.
    #[must_use]
    pub fn cluster_settings(&self) -> Arc<ClusterSettings> {
        Arc::clone(&self.catalog.view().settings)
    }

    /// Which indices may be created by writing to them: as set while running, or else at the start.
    pub(crate) fn auto_create(&self) -> AutoCreate {
        let set = self.cluster_settings();
        let set = set.get("action.auto_create_index").map(AutoCreate::parse);
        set.unwrap_or_else(|| self.options.auto_create.clone())
    }

    /// Creates an index with what templates add to it. It may take writes when this returns.
    ///
    /// # Errors
    /// [`Error::IndexExists`], [`Error::InvalidIndexName`], [`Error::AliasIsIndex`],
    /// [`Error::Catalog`].
    pub async fn create_index(&self, new: NewIndex) -> Result<Arc<Index>, Error> {
        if let Some(why) = index_name::objection(&new.name) {
            return Err(Error::InvalidIndexName { index: new.name, why });
        }
        let plan = move |view: &View| {
            if let Some(index) = view.get(&new.name) {
                return Err(Error::IndexExists { index: index.identity().clone() });
            }
            let created = with_templates(new, view)?;
            Ok(Changes { created: Some(created), ..Changes::default() })
        };
        self.created(plan).await
    }

    /// Creates an index for a write; defaults and type count where no template says otherwise.
    pub(crate) async fn create_along_the_way(
        &self,
        new: NewIndex,
        defaults: &'static [(&'static str, &'static str)],
        type_name: String,
    ) -> Result<Arc<Index>, Error> {
        if let Some(why) = index_name::objection(&new.name) {
            return Err(Error::InvalidIndexName { index: new.name, why });
        }
        let plan = move |view: &View| {
            if let Some(index) = view.get(&new.name) {
                return Err(Error::IndexExists { index: index.identity().clone() });
            }
            let mut created = with_templates(new, view)?;
            if created.settings.get("index.number_of_shards").is_none()
                && created.settings.get("index.number_of_routing_shards").is_none()
            {
                created.settings = created.settings.or(defaults);
            }
            let is_mapped = created.mappings.as_object().is_some_and(|fields| !fields.is_empty());
            let own = if is_mapped { "_doc".to_owned() } else { type_name };
            created.type_name.get_or_insert(own);
            Ok(Changes { created: Some(created), ..Changes::default() })
        };
        self.created(plan).await
    }

    async fn created(
        &self,
        plan: impl FnOnce(&View) -> Result<Changes, Error> + Send + 'static,
    ) -> Result<Arc<Index>, Error> {
        let lost = || Error::Catalog(shard::WriteError::Closed);
        self.catalog.apply(plan).await?.ok_or_else(lost)
    }

    /// Deletes indices, all of them or, where one is missing, none.
    ///
    /// # Errors
    /// [`Error::IndexNotFound`], [`Error::Blocked`], [`Error::Catalog`].
    pub async fn delete_indices(&self, names: Vec<Arc<str>>) -> Result<(), Error> {
        let present = names.iter().filter_map(|name| self.catalog.get(name));
        present.into_iter().try_for_each(|index| index.check_deletable())?;
        self.catalog.delete(names).await
    }

    /// Changes settings of indices, of all of them or, where one refuses, of none.
    ///
    /// # Errors
    /// [`Error::FixedWhileOpen`], [`Error::Setting`], [`Error::Blocked`] unless it is about blocks alone,
    /// [`Error::Catalog`].
    pub async fn change_settings(
        &self,
        indices: Vec<Arc<Index>>,
        change: SettingsChange,
    ) -> Result<(), Error> {
        let plan = move |view: &View| {
            let mut changed = Vec::new();
            for index in present(view, &indices) {
                if !change.is_about_blocks() {
                    index.check_changeable()?;
                }
                let mut metadata = index.metadata().clone();
                let settings = &metadata.settings;
                let fixed = settings.fixed(&change.given, change.preserves)?;
                if !metadata.closed && !fixed.is_empty() {
                    let index = index.identity().clone();
                    return Err(Error::FixedWhileOpen { index, names: fixed });
                }
                metadata.settings = settings.changed(&change.given, change.preserves)?;
                changed.push(metadata);
            }
            Ok(Changes { changed, ..Changes::default() })
        };
        self.catalog.apply(plan).await.map(drop)
    }

    /// Changes the mappings of indices as a definition says, all of them or none. `type_name` is the
    /// type that the request names, if it names one.
    ///
    /// # Errors
    /// [`Error::Mapping`] for what cannot be, [`Error::Blocked`], [`Error::IndexNotFound`],
    /// [`Error::Catalog`].
    pub async fn change_mappings(
        &self,
        indices: &[Arc<Index>],
        type_name: Option<String>,
        definition: Value,
    ) -> Result<(), Error> {
        indices.iter().try_for_each(|index| index.check_changeable())?;
        let indices = indices.iter().map(|index| index.identity().clone()).collect();
        let change = move |present: &Edition| {
            present.mapping.update(type_name.as_deref(), &definition).map(Some)
        };
        self.catalog.change_mappings(indices, change).await
    }

    /// Opens or closes indices, all of them or none.
    ///
    /// # Errors
    /// [`Error::Blocked`], [`Error::Catalog`].
    pub async fn set_closed(&self, indices: Vec<Arc<Index>>, closed: bool) -> Result<(), Error> {
        let plan = move |view: &View| {
            let mut changed = Vec::new();
            for index in present(view, &indices) {
                index.check_changeable()?;
                if closed
                    && view.stream_of(index.name()).is_some_and(|s| s.is_written_to(index.name()))
                {
                    let index = index.name();
                    let text =
                        format!("cannot close the following data stream write indices [{index}]");
                    return Err(DataStreamError::Refused(text).into());
                }
                let mut metadata = index.metadata().clone();
                if metadata.is_filling {
                    let text = format!("index {} is not complete yet", index.name());
                    return Err(Error::ResizeState(text));
                }
                metadata.closed = closed;
                changed.push(metadata);
            }
            Ok(Changes { changed, ..Changes::default() })
        };
        self.catalog.apply(plan).await.map(drop)
    }

    /// Changes aliases, all of it or, where one action is refused, nothing.
    ///
    /// # Errors
    /// [`Error::AliasesMissing`], [`Error::InvalidAliasName`], [`Error::AliasIsIndex`],
    /// [`Error::IndexNotFound`], [`Error::Blocked`], [`Error::Catalog`].
    pub async fn change_aliases(&self, actions: Vec<AliasAction>) -> Result<(), Error> {
        let now = self.now();
        let plan = move |view: &View| {
            let mut plan = AliasPlan::default();
            for action in &actions {
                plan.add(action, view, now)?;
            }
            plan.finish()
        };
        self.catalog.apply(plan).await.map(drop)
    }

    /// Creates an index and leads an alias to it, away from another index or only for writes.
    ///
    /// # Errors
    /// [`Error::IndexExists`], [`Error::InvalidIndexName`], [`Error::Rollover`], [`Error::Catalog`].
    pub async fn roll_over(&self, rollover: Rollover) -> Result<Arc<Index>, Error> {
        let plan = move |view: &View| {
            let Rollover { alias, old, new } = rollover;
            let passed = || Error::Rollover(format!("[{alias}] does not lead to [{old}] any more"));
            let mut from = view.get(&old).ok_or_else(passed)?.metadata().clone();
            // Whether it still leads comes first: who was quicker has taken the name, too.
            let leads = view.write_target(&alias).ok().flatten();
            let has_leader = view.aliased(&alias).any(|(_, said)| said.leads_writes());
            if has_leader && leads.is_some_and(|target| target.index.name() != old) {
                return Err(passed());
            }
            if !from.aliases.contains_key(&alias) {
                return Err(passed());
            }
            if let Some(index) = view.get(&new.name) {
                return Err(Error::IndexExists { index: index.identity().clone() });
            }
            let mut created = with_templates(new, view)?;
            let Some(present) = from.aliases.get_mut(&alias) else {
                return Err(Error::Rollover(format!("[{alias}] is no alias of [{old}] any more")));
            };
            let mut moved = present.clone();
            if present.leads_writes() {
                present.is_write_index = Some(false);
                moved.is_write_index = Some(true);
            } else {
                from.aliases.remove(&alias);
            }
            created.aliases.insert(alias, moved);
            let changed = vec![from];
            Ok(Changes { changed, created: Some(created), ..Changes::default() })
        };
        self.created(plan).await
    }

    /// Puts a template. Its mappings are checked by the rules of the request's dialect.
    ///
    /// # Errors
    /// [`Error::TemplateExists`] where it must be new, [`Error::InvalidTemplate`],
    /// [`Error::Mapping`], [`Error::Setting`], [`Error::Catalog`].
    pub async fn put_template(
        &self,
        key: TemplateKey,
        template: Template,
        must_be_new: bool,
        dialect: mapping::Dialect,
    ) -> Result<(), Error> {
        let plan = move |view: &View| {
            let templates = view.templates(dialect);
            if must_be_new && templates.of(key.kind).contains_key(&key.name) {
                return Err(Error::TemplateExists { key });
            }
            let own = view.templates(mapping::Dialect::Seven);
            check_template(&key, &template, own)?;
            check_mappings(key.kind, &template, templates, dialect)?;
            let templates = vec![(key, Some(template))];
            check_streams(view, &templates)?;
            Ok(Changes { templates, ..Changes::default() })
        };
        self.catalog.apply(plan).await.map(drop)
    }

    /// Removes the templates of a kind that a name or wildcard means.
    ///
    /// # Errors
    /// [`Error::TemplateMissing`] for a name without template, [`Error::ComponentInUse`],
    /// [`Error::Catalog`].
    pub async fn delete_templates(
        &self,
        key: TemplateKey,
        dialect: mapping::Dialect,
    ) -> Result<(), Error> {
        let plan = move |view: &View| {
            let mut doomed = Vec::new();
            for part in key.name.split(',') {
                let names = view.templates(mapping::Dialect::Seven).of(key.kind).keys();
                let before = doomed.len();
                doomed.extend(names.filter(|name| matches_glob(part, name)).cloned());
                let key = TemplateKey { kind: key.kind, name: part.to_owned() };
                let is_there = view.templates(dialect).of(key.kind).contains_key(part);
                if doomed.len() == before && !part.contains('*') && !is_there {
                    return Err(Error::TemplateMissing { key });
                }
            }
            if key.kind == TemplateKind::Component {
                // Where version 8 brings one along, that takes its place.
                let last = |name: &&String| {
                    let key = TemplateKey { kind: key.kind, name: (*name).clone() };
                    !stack::is_of_stack(&key)
                };
                let templates = view.templates(mapping::Dialect::Eight);
                doomed.iter().filter(last).try_for_each(|name| check_unused(name, templates))?;
            }
            let kind = key.kind;
            let gone: Vec<_> =
                doomed.into_iter().map(|name| (TemplateKey { kind, name }, None)).collect();
            check_streams(view, &gone)?;
            Ok(Changes { templates: gone, ..Changes::default() })
        };
        self.catalog.apply(plan).await.map(drop)
    }

    /// Changes settings of the node as a whole; tells what was accepted.
    ///
    /// # Errors
    /// [`Error::ClusterSetting`], [`Error::Catalog`].
    pub async fn change_cluster_settings(
        &self,
        persistent: Value,
        transient: Value,
    ) -> Result<ClusterSettings, Error> {
        let (_, accepted) = self.cluster_settings().changed(&persistent, &transient)?;
        let plan = move |view: &View| {
            let (settings, _) = view.settings.changed(&persistent, &transient)?;
            let bereft = view.bereft_under(&settings);
            if !bereft.is_empty() {
                let (switch, streams) = (stack::SWITCH, bereft.join(", "));
                let text =
                    format!("[{switch}] cannot be off while data streams need it: [{streams}]");
                return Err(DataStreamError::Refused(text).into());
            }
            Ok(Changes { settings: Some(settings), ..Changes::default() })
        };
        self.catalog.apply(plan).await?;
        Ok(accepted)
    }
}

/// Refuses changes of templates after which a data stream would have none that makes its indices.
fn check_streams(view: &View, changes: &[(TemplateKey, Option<Template>)]) -> Result<(), Error> {
    let changes_index_templates = changes.iter().any(|(key, _)| key.kind == TemplateKind::Index);
    if !changes_index_templates || view.streams().next().is_none() {
        return Ok(());
    }
    let bereft = view.bereft_by(changes);
    if bereft.is_empty() {
        return Ok(());
    }
    let streams = bereft.join(", ");
    let text = match changes {
        [(key, Some(template))] => format!(
            "composable template [{}] with index patterns [{}], priority [{}] and no data stream \
             configuration would cause data streams [{streams}] to no longer match a data stream \
             template",
            key.name,
            template.index_patterns.join(", "),
            template.order.unwrap_or(0)
        ),
        several => {
            let names: Vec<&str> = several.iter().map(|(key, _)| key.name.as_str()).collect();
            format!(
                "unable to remove composable templates [{}] as they are in use by a data streams \
                 [{streams}]",
                names.join(", ")
            )
        }
    };
    Err(DataStreamError::Refused(text).into())
}

/// Those of some indices that are still there, as they are now.
fn present<'v>(view: &'v View, indices: &'v [Arc<Index>]) -> impl Iterator<Item = &'v Arc<Index>> {
    indices.iter().filter_map(|index| {
        view.get(index.name()).filter(|present| present.identity() == index.identity())
    })
}
