//! Templates: what an index that is created gets without saying so.
//!
//! The composable template of the highest priority counts alone; only where there is none do all
//! legacy templates that match, in ascending order. What the creation itself says wins over both.

pub(crate) mod stack;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Aliases, DataStreamRule, Lifecycle, SettingError, Settings, matches_glob};

/// What a template gives to an index.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TemplateBody {
    /// Settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
    /// Mappings, without a type's name around them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mappings: Option<Value>,
    /// The type the mappings were nested under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// Aliases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aliases: Option<Aliases>,
    /// How long the indices of data streams live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<Lifecycle>,
}

impl TemplateBody {
    /// Adds what `over` says, which wins.
    pub fn overlay(&mut self, over: &Self) {
        if let Some(settings) = &over.settings {
            let base = self.settings.take().unwrap_or_default();
            self.settings = Some(base.overlaid(settings));
        }
        if let Some(mappings) = &over.mappings {
            let base = self.mappings.get_or_insert_with(|| Value::Object(Map::new()));
            merge_mappings(base, mappings);
        }
        if let Some(over) = &over.lifecycle {
            let base = self.lifecycle.take();
            let retention = base.and_then(|base| base.data_retention);
            let data_retention = over.data_retention.clone().or(retention);
            self.lifecycle = Some(Lifecycle { enabled: over.enabled, data_retention });
        }
        if over.type_name.is_some() {
            self.type_name.clone_from(&over.type_name);
        }
        if let Some(aliases) = &over.aliases {
            let base = self.aliases.get_or_insert_default();
            base.extend(aliases.iter().map(|(name, alias)| (name.clone(), alias.clone())));
        }
    }
}

/// Which kind of template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TemplateKind {
    /// Of all that match each gives its part.
    Legacy,
    /// Of all that match one counts.
    Index,
    /// A part that composable templates share.
    Component,
}

impl TemplateKind {
    pub(crate) const ALL: [Self; 3] = [Self::Legacy, Self::Index, Self::Component];

    /// The beginning of the ids of its records. No index's uuid has a slash.
    fn prefix(self) -> &'static str {
        match self {
            Self::Legacy => "template/legacy/",
            Self::Index => "template/index/",
            Self::Component => "template/component/",
        }
    }
}

/// The kind and name of a template.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TemplateKey {
    /// Its kind.
    pub kind: TemplateKind,
    /// Its name.
    pub name: String,
}

impl TemplateKey {
    pub(crate) fn record_id(&self) -> String {
        format!("{}{}", self.kind.prefix(), self.name)
    }

    pub(crate) fn from_record_id(id: &str) -> Option<Self> {
        let mut kinds = TemplateKind::ALL.into_iter();
        kinds.find_map(|kind| {
            let name = id.strip_prefix(kind.prefix())?.to_owned();
            Some(Self { kind, name })
        })
    }
}

/// A template of any kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// Which indices it is for; none for a component.
    #[serde(default)]
    pub index_patterns: Vec<String>,
    /// The order among legacy templates, or the priority among composable ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<i64>,
    /// What its author says of its age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// What its author says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<Value>,
    /// The components it begins with, in ascending order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub composed_of: Option<Vec<String>>,
    /// What it gives; a composable template may give nothing of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<TemplateBody>,
    /// That it makes data streams, not indices, and of what kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_stream: Option<DataStreamRule>,
    /// Further members that are shown as they were given.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub others: Map<String, Value>,
}

impl Template {
    fn rank(&self) -> i64 {
        self.order.unwrap_or(0)
    }

    fn is_for(&self, index: &str) -> bool {
        self.index_patterns.iter().any(|pattern| matches_glob(pattern, index))
    }
}

/// All templates.
#[derive(Clone, Debug, Default)]
pub struct Templates(BTreeMap<TemplateKind, BTreeMap<String, Template>>);

/// The templates of a kind that there are not.
static NONE: BTreeMap<String, Template> = BTreeMap::new();

impl Templates {
    /// The templates of a kind, by name.
    #[must_use]
    pub fn of(&self, kind: TemplateKind) -> &BTreeMap<String, Template> {
        self.0.get(&kind).unwrap_or(&NONE)
    }

    /// Puts a template in its place.
    pub fn put(&mut self, key: &TemplateKey, template: Template) {
        self.0.entry(key.kind).or_default().insert(key.name.clone(), template);
    }

    /// Takes a template away.
    pub(crate) fn remove(&mut self, key: &TemplateKey) {
        if let Some(templates) = self.0.get_mut(&key.kind) {
            templates.remove(&key.name);
        }
    }

    /// Puts templates, or takes them away where none is given.
    pub(crate) fn change(&mut self, changes: &[(TemplateKey, Option<Template>)]) {
        for (key, template) in changes {
            match template {
                Some(template) => self.put(key, template.clone()),
                None => self.remove(key),
            }
        }
    }

    /// The name of the composable template that counts for an index.
    #[must_use]
    pub fn winner(&self, index: &str) -> Option<(&String, &Template)> {
        let matching = self.of(TemplateKind::Index).iter().filter(|(_, t)| t.is_for(index));
        // One that was put goes before one that was brought along.
        matching.max_by_key(|(name, template)| (template.rank(), !stack::is_index_template(name)))
    }

    /// The template that a data stream of that name is made by, and what it says of it.
    #[must_use]
    pub fn stream_winner(&self, stream: &str) -> Option<(&String, &Template, DataStreamRule)> {
        let (name, template) = self.winner(stream)?;
        Some((name, template, template.data_stream?))
    }

    /// The legacy templates for an index in the order in which they count.
    #[must_use]
    pub fn legacy(&self, index: &str) -> Vec<(&String, &Template)> {
        let templates = self.of(TemplateKind::Legacy).iter();
        let mut matching: Vec<_> = templates.filter(|(_, t)| t.is_for(index)).collect();
        matching.sort_by_key(|(_, template)| template.rank());
        matching
    }

    /// A composable template with its components; missing ones count nothing.
    #[must_use]
    pub fn composed(&self, template: &Template) -> TemplateBody {
        let mut body = TemplateBody::default();
        for name in template.composed_of.iter().flatten() {
            if let Some(part) = self.component(name).and_then(|part| part.body.as_ref()) {
                body.overlay(part);
            }
        }
        if let Some(own) = &template.body {
            body.overlay(own);
        }
        body
    }

    /// A component of a template, which may be one that version 8 brings along.
    pub(crate) fn component(&self, name: &str) -> Option<&Template> {
        let own = self.of(TemplateKind::Component).get(name);
        own.or_else(|| stack::brought_component(name))
    }

    /// The settings of a composable template with its components.
    pub(crate) fn composed_settings(&self, template: &Template) -> Settings {
        let components = template.composed_of.iter().flatten();
        let components = components.filter_map(|name| self.component(name));
        let bodies = components.chain([template]).filter_map(|part| part.body.as_ref());
        let settings = bodies.filter_map(|body| body.settings.as_ref());
        settings.fold(Settings::default(), |base, over| base.overlaid(over))
    }

    /// What an index of this name gets.
    #[must_use]
    pub fn resolve(&self, index: &str) -> TemplateBody {
        if let Some((_, template)) = self.winner(index) {
            return self.composed(template);
        }
        let mut body = TemplateBody::default();
        for (_, template) in self.legacy(index) {
            if let Some(part) = &template.body {
                body.overlay(part);
            }
        }
        body
    }

    /// Checks what a composable template makes of its components.
    ///
    /// # Errors
    /// [`SettingError`] where their settings do not go together.
    pub fn check(&self, template: &Template) -> Result<(), SettingError> {
        self.composed(template).settings.unwrap_or_default().check()
    }
}

/// Puts one mapping over another: objects are merged, dynamic templates by their names, everything
/// else is replaced.
pub(crate) fn merge_mappings(base: &mut Value, over: &Value) {
    let (Value::Object(base), Value::Object(over)) = (&mut *base, over) else {
        over.clone_into(base);
        return;
    };
    for (name, value) in over {
        match (base.get_mut(name), value) {
            (Some(present @ Value::Object(_)), Value::Object(_)) => merge_mappings(present, value),
            (Some(Value::Array(present)), Value::Array(more)) if name == "dynamic_templates" => {
                let names =
                    |rule: &Value| rule.as_object().and_then(|rule| rule.keys().next().cloned());
                present.retain(|rule| !more.iter().any(|new| names(new) == names(rule)));
                present.extend(more.iter().cloned());
            }
            (_, value) => {
                base.insert(name.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests;
