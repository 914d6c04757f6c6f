//! Changes of mappings: durable first, then shown.

use std::sync::Arc;

use mapping::{Dialect, Mapping, MappingError};
use serde_json::{Map, Value, json};

use super::{Catalog, Changes, IndexMetadata, View};
use crate::{
    Error, IndexRef, Settings,
    mappings::{CatalogLink, Edition, Mappings},
    settings::lenient_flag,
};

impl IndexMetadata {
    /// The mapping that this stands for.
    pub(crate) fn compile(&self) -> Result<Mapping, MappingError> {
        let type_name = self.type_name.as_deref().unwrap_or("_doc");
        let kept = json!({ "type": type_name, "mapping": self.mappings });
        Mapping::from_json(&kept, self.mapping_settings())
    }

    /// What the settings say to the mapping.
    pub(crate) fn mapping_settings(&self) -> mapping::Settings {
        mapping_settings(&self.name, &self.settings, self.dialect())
    }

    /// Whose rules the mapping follows.
    pub(crate) fn dialect(&self) -> Dialect {
        rules(&self.settings, if self.rules_of_8 { Dialect::Eight } else { Dialect::Seven })
    }

    /// Whether other metadata of the index say the same to its mapping.
    pub(super) fn maps_like(&self, other: &Self) -> bool {
        let Self { settings, mappings, type_name, rules_of_8, .. } = other;
        self.settings == *settings
            && self.mappings == *mappings
            && self.type_name == *type_name
            && self.rules_of_8 == *rules_of_8
    }

    /// Keeps a mapping.
    pub(crate) fn keep(&mut self, mapping: &Mapping) {
        self.mappings = mapping.render();
        if self.mappings.as_object().is_some_and(|map| !map.is_empty()) || self.type_name.is_some()
        {
            self.type_name = Some(mapping.type_name().to_owned());
        }
    }
}

/// Whose rules an index follows that is created by a request of this dialect.
pub(crate) fn rules(settings: &Settings, creator: Dialect) -> Dialect {
    match settings.get("index.dialect") {
        None => creator,
        Some("8") => Dialect::Eight,
        Some(_) => Dialect::Seven,
    }
}

/// What the settings of an index say to its mapping.
pub(crate) fn mapping_settings(
    index: &str,
    settings: &Settings,
    dialect: Dialect,
) -> mapping::Settings {
    let defaults = mapping::Settings::default();
    let number = |name: &str, default: u64| {
        let set = settings.get(&format!("index.mapping.{name}"));
        set.and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let flag = |name: &str, default: bool| {
        let set = settings.get(&format!("index.mapping.{name}"));
        set.and_then(lenient_flag).unwrap_or(default)
    };
    let named = |family: &str| {
        let names = settings.iter().filter_map(|(name, _)| name.strip_prefix(family));
        names.filter_map(|name| name.split('.').next()).map(str::to_owned).collect()
    };
    mapping::Settings {
        index: index.to_owned(),
        dialect,
        total_fields_limit: number("total_fields.limit", defaults.total_fields_limit),
        depth_limit: number("depth.limit", defaults.depth_limit),
        nested_fields_limit: number("nested_fields.limit", defaults.nested_fields_limit),
        nested_objects_limit: number("nested_objects.limit", defaults.nested_objects_limit),
        field_name_length_limit: number(
            "field_name_length.limit",
            defaults.field_name_length_limit,
        ),
        ignore_malformed: flag("ignore_malformed", defaults.ignore_malformed),
        coerce: flag("coerce", defaults.coerce),
        analyzers: named("index.analysis.analyzer."),
        normalizers: named("index.analysis.normalizer."),
        similarities: named("index.similarity."),
    }
}

/// Refuses a definition that no index with these settings could have.
pub(crate) fn check_definition(
    settings: &Settings,
    typed: (Option<&str>, &Value),
    dialect: Dialect,
) -> Result<(), MappingError> {
    of_new_index("", settings, typed, rules(settings, dialect)).map(drop)
}

/// The mapping of an index to be created: as it is kept, and the name of its type if it has one.
pub(super) fn of_new_index(
    name: &str,
    settings: &Settings,
    (type_name, definition): (Option<&str>, &Value),
    dialect: Dialect,
) -> Result<(Value, Option<String>), MappingError> {
    let settings = mapping_settings(name, settings, dialect);
    let own = type_name.unwrap_or("_doc");
    let mapping = Mapping::create(own, definition, settings)?;
    let kept = mapping.render();
    let is_blank = kept.as_object().is_none_or(Map::is_empty);
    let type_name = type_name.or((!is_blank).then_some(own)).map(str::to_owned);
    Ok((kept, type_name))
}

impl Catalog {
    /// Where the mapping of an index finds this catalogue.
    pub(super) fn mappings_of(&self, metadata: &IndexMetadata) -> Arc<Mappings> {
        let threads = Arc::clone(&self.machine.threads);
        Mappings::of(metadata, CatalogLink::clone(&self.link), threads)
    }

    /// Lets the mappings of its indices find this catalogue.
    pub(crate) fn connect(self: &Arc<Self>) {
        // Done once, when it has started.
        let _ = self.link.set(Arc::downgrade(self));
    }

    /// Changes the mapping of an index, unless `change` says that there is nothing to change.
    pub(crate) async fn change_mapping(
        self: &Arc<Self>,
        index: IndexRef,
        change: impl FnOnce(&Edition) -> Result<Option<Mapping>, MappingError> + Send + 'static,
    ) -> Result<(), Error> {
        let mut change = Some(change);
        let once = move |edition: &Edition| match change.take() {
            Some(change) => change(edition),
            None => Ok(None),
        };
        self.change_mappings(vec![index], once).await
    }

    /// Changes the mappings of indices, all of them or none.
    pub(crate) async fn change_mappings(
        self: &Arc<Self>,
        indices: Vec<IndexRef>,
        mut change: impl FnMut(&Edition) -> Result<Option<Mapping>, MappingError> + Send + 'static,
    ) -> Result<(), Error> {
        let plan = move |view: &View| {
            let mut changes = Changes::default();
            for index in &indices {
                let present = view.get(&index.name).filter(|present| present.identity() == index);
                let missing = || Error::IndexNotFound { index: Arc::clone(&index.name) };
                let present = present.ok_or_else(missing)?;
                let Some(mapping) = change(&present.mappings().current())? else { continue };
                let mut metadata = present.metadata().clone();
                metadata.keep(&mapping);
                changes.mappings.insert(metadata.name.clone(), mapping);
                changes.changed.push(metadata);
            }
            Ok(changes)
        };
        self.apply(plan).await.map(drop)
    }
}
