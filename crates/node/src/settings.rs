//! Index settings: read from JSON, checked, kept as given; some of them have an effect.

mod known;

use std::time::Duration;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use document::GcDeletes;
use shard::log::Durability;

use crate::{DataStreamError, Error, matches_glob, parse_time_value, routing};
use known::{DEFAULTS, FINAL, KNOWN, KNOWN_FAMILIES, PRIVATE, STATIC};

/// Settings of one index by their full, flat names (`index.number_of_shards`). Scalars are texts, as
/// Elasticsearch shows them; lists stay lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(IndexMap<String, Value>);

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingError {
    /// No setting has this name.
    #[error("unknown setting [{0}]")]
    Unknown(String),
    /// Its value cannot be read, or is out of bounds.
    #[error("Failed to parse value [{value}] for setting [{name}]{bound}")]
    Invalid {
        /// The setting's full name.
        name: String,
        /// The value that was given.
        value: String,
        /// The bound it is beyond, if that is why: ` must be >= 1`.
        bound: String,
    },
    /// It is no number.
    #[error("Failed to parse value [{value}] for setting [{name}]")]
    NotANumber {
        /// The setting's full name.
        name: String,
        /// The value that was given.
        value: String,
    },
    /// It is none of the values that it may have.
    #[error("unknown value for [{name}] must be one of [{known}] but was: {value}")]
    NotOneOf {
        /// The setting's full name.
        name: String,
        /// The value that was given.
        value: String,
        /// What it may be.
        known: String,
    },
    /// It is no range of numbers of replicas.
    #[error("failed to parse [index.auto_expand_replicas] from value: [{0}] at index -1")]
    NotARange(String),
    /// It is no time with its unit.
    #[error(
        "failed to parse setting [{name}] with value [{value}] as a time value: unit is missing or \
         unrecognized"
    )]
    NotATime {
        /// The setting's full name.
        name: String,
        /// The value that was given.
        value: String,
    },
    /// It is a shorter time than can be.
    #[error("failed to parse value [{value}] for setting [{name}], must be >= [{min}]")]
    TooShort {
        /// The setting's full name.
        name: String,
        /// The value that was given.
        value: String,
        /// The shortest.
        min: &'static str,
    },
    /// It is no durability.
    #[error("No enum constant org.elasticsearch.index.translog.Translog.Durability.{0}")]
    NotADurability(String),
    /// It is neither true nor false.
    #[error("Failed to parse value [{0}] as only [true] or [false] are allowed.")]
    NotABoolean(String),
    /// It is no codec.
    #[error(
        "unknown value for [index.codec] must be one of [default, best_compression] but was: {0}"
    )]
    NotACodec(String),
    /// Only the server sets it.
    #[error("private index setting [{0}] can not be set explicitly")]
    Private(String),
    /// It is fixed when the index is created.
    #[error("final setting [{0}], not updateable")]
    Fixed(String),
    /// What was given for the settings is no object.
    #[error("settings must be an object")]
    NotAnObject,
}

/// The longest name of a setting: names are shown as trees, a level for each dot.
const NAME_BYTES_MAX: usize = 255;

/// The settings that say how many shards an index has.
const SHARD_COUNTS: [&str; 2] = ["index.number_of_shards", "index.number_of_routing_shards"];

/// When writes are answered: `request` or `async`.
const DURABILITY: &str = "index.translog.durability";
/// After how long writes that were answered before are durable.
const SYNC_INTERVAL: &str = "index.translog.sync_interval";
/// As in Elasticsearch.
const SYNC_INTERVAL_DEFAULT: Duration = Duration::from_secs(5);

/// Numbers that bound mappings, with the least that each may be.
const MAPPING_LIMITS: [(&str, i64); 5] = [
    ("index.mapping.depth.limit", 1),
    ("index.mapping.field_name_length.limit", 1),
    ("index.mapping.nested_fields.limit", 0),
    ("index.mapping.nested_objects.limit", 0),
    ("index.mapping.total_fields.limit", 0),
];

/// Numbers that an index stores, with the least that each may be.
const AT_LEAST: [(&str, i64); 12] = [
    ("index.analyze.max_token_count", 1),
    ("index.max_docvalue_fields_search", 0),
    ("index.max_inner_result_window", 1),
    ("index.max_ngram_diff", 0),
    ("index.max_regex_length", 1),
    ("index.max_rescore_window", 1),
    ("index.max_result_window", 1),
    ("index.max_script_fields", 0),
    ("index.max_shingle_diff", 0),
    ("index.max_slices_per_scroll", 1),
    ("index.max_terms_count", 1),
    ("index.priority", 0),
];
/// How documents could be compressed; they are not.
const CODECS: [&str; 3] = ["default", "best_compression", "lucene_default"];

/// How many shards an index may have.
const SHARDS_MAX: i64 = 1_024;

impl Settings {
    /// Reads settings in any spelling: nested or flat, with or without `index.`. `null` is not given.
    ///
    /// # Errors
    /// [`SettingError`] for the first setting that cannot be.
    pub fn from_json(json: &Value) -> Result<Self, SettingError> {
        let given = flatten(json)?.into_iter();
        let settings = Self(given.filter(|(_, value)| !value.is_null()).collect());
        settings.check()?;
        Ok(settings)
    }

    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of all settings that are known one by one, for suggestions.
    #[must_use]
    pub fn known() -> &'static [&'static str] {
        &KNOWN
    }

    /// A setting as text; lists have none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// All settings, by full name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// These settings without some.
    #[must_use]
    pub(crate) fn without(&self, names: &[&str]) -> Self {
        let kept = self.0.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        Self(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// What a copy with other shards takes over of these settings, and over it what is given; `null`
    /// resets a setting.
    pub(crate) fn taken_over(&self, given: &Value) -> Result<Self, SettingError> {
        self.without(&SHARD_COUNTS).with_changes(given)
    }

    /// These settings with changes of any kind; `null` resets a setting.
    pub(crate) fn with_changes(mut self, given: &Value) -> Result<Self, SettingError> {
        let mut added = Self::default();
        for (name, value) in flatten(given)? {
            if value.is_null() {
                self.0.shift_remove(&name);
            } else {
                added.0.insert(name, value);
            }
        }
        self.checked_with(added)
    }

    /// These settings and others over them, of which only the others are looked at one by one: what was
    /// taken once may be beyond what is taken now.
    fn checked_with(mut self, added: Self) -> Result<Self, SettingError> {
        added.check_each()?;
        self.0.extend(added.0);
        self.check_routing_shards()?;
        Ok(self)
    }

    /// The settings among those given that running indices can take over, and those for later indices
    /// only, of which a data stream may have the numbers of shards alone.
    pub(crate) fn of_streams(json: &Value) -> Result<(Value, Vec<String>), Error> {
        let (mut everywhere, mut later, mut refused) = (Map::new(), Vec::new(), Vec::new());
        for (name, value) in flatten(json)? {
            let is_known = KNOWN.contains(&name.as_str())
                || KNOWN_FAMILIES.iter().any(|family| name.starts_with(family));
            let is_fixed = in_family(&STATIC, &name) || in_family(&FINAL, &name);
            if SHARD_COUNTS.contains(&name.as_str()) {
                later.push(name);
            } else if !is_known || is_fixed || name == "index.hidden" {
                refused.push(name);
            } else {
                everywhere.insert(name, value);
            }
        }
        if refused.is_empty() {
            return Ok((Value::Object(everywhere), later));
        }
        let text =
            format!("Cannot set the following settings on a data stream: [{}]", refused.join(","));
        Err(DataStreamError::Refused(text).into())
    }

    /// Sets what is not set yet.
    #[must_use]
    pub fn or(mut self, defaults: &[(&str, &str)]) -> Self {
        for (name, value) in defaults {
            self.0.entry((*name).to_owned()).or_insert_with(|| Value::from(*value));
        }
        self
    }

    /// These settings, and over them others, which win.
    #[must_use]
    pub(crate) fn overlaid(mut self, over: &Self) -> Self {
        self.0.extend(over.0.iter().map(|(name, value)| (name.clone(), value.clone())));
        self
    }

    /// What counts of the settings that are not set.
    pub fn defaults(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        DEFAULTS.into_iter().filter(|(name, _)| !self.0.contains_key(*name))
    }

    /// The settings among those given that cannot change while an index is open.
    pub(crate) fn fixed(&self, json: &Value, preserves: bool) -> Result<Vec<String>, SettingError> {
        let given = flatten(json)?.into_iter();
        let given = given.filter(|(name, _)| !(preserves && self.0.contains_key(name)));
        Ok(given
            .map(|(name, _)| name)
            .filter(|name| in_family(&STATIC, name) || in_family(&FINAL, name))
            .collect())
    }

    /// These settings with the changes that `json` makes; `null` resets a setting, or several by a
    /// wildcard, to their defaults. What is set already may be preserved.
    pub(crate) fn changed(&self, json: &Value, preserves: bool) -> Result<Self, SettingError> {
        let (mut changed, mut added) = (self.clone(), Self::default());
        for (name, value) in flatten(json)? {
            if preserves && self.0.contains_key(&name) {
                continue;
            }
            if in_family(&FINAL, &name) {
                return Err(SettingError::Fixed(name));
            }
            if value.is_null() && name.contains('*') {
                changed.0.retain(|set, _| !matches_glob(&name, set) || in_family(&FINAL, set));
            } else if value.is_null() {
                changed.0.shift_remove(&name);
            } else {
                added.0.insert(name, value);
            }
        }
        changed.checked_with(added)
    }

    /// How many primary shards: 1 unless set.
    #[must_use]
    pub fn number_of_shards(&self) -> u32 {
        self.number("index.number_of_shards", 1)
    }

    /// How many copies of each shard beside the primary are wished for: 1 unless set.
    #[must_use]
    pub fn number_of_replicas(&self) -> u32 {
        match self.get("index.auto_expand_replicas").and_then(|range| range.split_once('-')) {
            // As many as fit on the other nodes, of which there are none.
            Some((least, _)) => least.parse().unwrap_or(0),
            None => self.number("index.number_of_replicas", 1),
        }
    }

    /// Into how many slots routing hashes fall.
    #[must_use]
    pub fn number_of_routing_shards(&self) -> u32 {
        let default = routing::default_routing_shards(self.number_of_shards());
        self.number("index.number_of_routing_shards", default)
    }

    /// How long deletes are remembered.
    #[must_use]
    pub fn gc_deletes(&self) -> GcDeletes {
        let set = self.get("index.gc_deletes").and_then(|text| parse_time_value(text).ok());
        set.map_or(GcDeletes::DEFAULT, GcDeletes::from_millis)
    }

    /// When writes are answered.
    #[must_use]
    pub fn durability(&self) -> Durability {
        let is_async = self.get(DURABILITY).is_some_and(|text| text.eq_ignore_ascii_case("async"));
        let set = self.get(SYNC_INTERVAL).and_then(|text| parse_time_value(text).ok());
        let millis = set.and_then(|millis| u64::try_from(millis).ok());
        let sync_interval = millis.map_or(SYNC_INTERVAL_DEFAULT, Duration::from_millis);
        if is_async { Durability::Async { sync_interval } } else { Durability::Request }
    }

    /// Whether searches see writes only after a refresh that somebody asks for.
    #[must_use]
    pub fn waits_for_refresh(&self) -> bool {
        let set = self.get("index.refresh_interval").and_then(|text| parse_time_value(text).ok());
        set.is_some_and(|millis| millis < 0)
    }

    fn number(&self, name: &str, default: u32) -> u32 {
        self.get(name).and_then(|text| text.parse().ok()).unwrap_or(default)
    }

    /// Checks names and values.
    pub(crate) fn check(&self) -> Result<(), SettingError> {
        self.check_each()?;
        self.check_routing_shards()
    }

    /// Checks names and values one by one.
    fn check_each(&self) -> Result<(), SettingError> {
        for name in self.0.keys() {
            if PRIVATE.contains(&name.as_str()) {
                return Err(SettingError::Private(name.clone()));
            }
            let family = KNOWN_FAMILIES.iter().any(|family| name.starts_with(family));
            if !family && !KNOWN.contains(&name.as_str()) {
                return Err(SettingError::Unknown(name.clone()));
            }
        }
        self.check_number("index.number_of_shards", 1, SHARDS_MAX)?;
        self.check_number("index.number_of_replicas", 0, i64::from(i32::MAX))?;
        self.check_number("index.number_of_routing_shards", 1, 1 << 20)?;
        self.check_time("index.gc_deletes", -1, "-1")?;
        self.check_durability()?;
        self.check_time(SYNC_INTERVAL, 100, "100ms")?;
        self.check_time("index.refresh_interval", -1, "-1")?;
        for (name, min) in AT_LEAST {
            self.check_number(name, min, i64::from(i32::MAX))?;
        }
        for (name, min) in MAPPING_LIMITS {
            self.check_number(name, min, i64::MAX)?;
        }
        for name in ["index.mapping.ignore_malformed", "index.mapping.coerce"] {
            let value = self.0.get(name).map(shown);
            if let Some(value) = value.filter(|value| lenient_flag(value).is_none()) {
                return Err(SettingError::NotABoolean(value));
            }
        }
        self.check_one_of("index.shard.check_on_startup", &["false", "true", "checksum", "fix"])?;
        self.check_replica_range()?;
        for block in ["metadata", "read", "read_only", "read_only_allow_delete", "write"] {
            let name = format!("index.blocks.{block}");
            let value = self.0.get(&name).map(shown);
            if let Some(value) = value.filter(|value| value != "true" && value != "false") {
                return Err(SettingError::NotABoolean(value));
            }
        }
        let codec = self.0.get("index.codec").map(shown);
        if let Some(codec) = codec.filter(|codec| !CODECS.contains(&codec.as_str())) {
            return Err(SettingError::NotACodec(codec));
        }
        self.check_text("index.dialect", |text| ["2", "5", "7", "8"].contains(&text))
    }

    fn check_durability(&self) -> Result<(), SettingError> {
        let Some(value) = self.0.get(DURABILITY) else { return Ok(()) };
        match shown(value).to_ascii_uppercase() {
            name if ["REQUEST", "ASYNC"].contains(&name.as_str()) => Ok(()),
            other => Err(SettingError::NotADurability(other)),
        }
    }

    /// A time of at least so many milliseconds; `min` is how the bound is shown.
    fn check_time(
        &self,
        name: &str,
        min_millis: i64,
        min: &'static str,
    ) -> Result<(), SettingError> {
        let Some(value) = self.0.get(name) else { return Ok(()) };
        let (name, text) = (name.to_owned(), shown(value));
        match parse_time_value(&text) {
            Ok(millis) if millis >= min_millis => Ok(()),
            Ok(_) => Err(SettingError::TooShort { name, value: text, min }),
            Err(_) => Err(SettingError::NotATime { name, value: text }),
        }
    }

    /// The slots must divide evenly among the shards, or some would never be reached.
    fn check_routing_shards(&self) -> Result<(), SettingError> {
        let (slots, shards) = (self.number_of_routing_shards(), self.number_of_shards());
        if slots >= shards && slots.is_multiple_of(shards) {
            return Ok(());
        }
        Err(SettingError::Invalid {
            name: "index.number_of_routing_shards".to_owned(),
            value: slots.to_string(),
            bound: format!(" must be a multiple of the number of shards [{shards}]"),
        })
    }

    fn check_number(&self, name: &str, min: i64, max: i64) -> Result<(), SettingError> {
        let Some(value) = self.0.get(name) else { return Ok(()) };
        let text = shown(value);
        let invalid = |bound: String| {
            Err(SettingError::Invalid { name: name.to_owned(), value: text.clone(), bound })
        };
        match text.parse::<i64>() {
            Err(_) => Err(SettingError::NotANumber { name: name.to_owned(), value: text }),
            Ok(number) if number < min => invalid(format!(" must be >= {min}")),
            Ok(number) if number > max => invalid(format!(" must be <= {max}")),
            Ok(_) => Ok(()),
        }
    }

    fn check_one_of(&self, name: &str, known: &[&str]) -> Result<(), SettingError> {
        let value = self.0.get(name).map(shown);
        let Some(value) = value.filter(|value| !known.contains(&value.as_str())) else {
            return Ok(());
        };
        let (name, known) = (name.to_owned(), known.join(", "));
        Err(SettingError::NotOneOf { name, value, known })
    }

    /// `false`, or from how many replicas to how many, or to `all`.
    fn check_replica_range(&self) -> Result<(), SettingError> {
        let Some(value) = self.0.get("index.auto_expand_replicas").map(shown) else {
            return Ok(());
        };
        let number = |text: &str| text.parse::<u32>().ok();
        let is_range = value.split_once('-').is_some_and(|(least, most)| {
            let most = if most == "all" { Some(u32::MAX) } else { number(most) };
            number(least).zip(most).is_some_and(|(least, most)| least <= most)
        });
        if is_range || lenient_flag(&value) == Some(false) {
            Ok(())
        } else {
            Err(SettingError::NotARange(value))
        }
    }

    fn check_text(&self, name: &str, fits: impl Fn(&str) -> bool) -> Result<(), SettingError> {
        match self.0.get(name) {
            Some(value) if !value.as_str().is_some_and(fits) => Err(SettingError::Invalid {
                name: name.to_owned(),
                value: shown(value),
                bound: String::new(),
            }),
            Some(_) | None => Ok(()),
        }
    }
}

/// The leaves of a tree of index settings by their full names; scalars as text.
fn flatten(json: &Value) -> Result<Vec<(String, Value)>, SettingError> {
    let full = |name: String| {
        let is_full = name.starts_with("index.");
        if is_full { name } else { format!("index.{name}") }
    };
    Ok(flatten_names(json)?.into_iter().map(|(name, value)| (full(name), value)).collect())
}

/// Whether a setting is one of those named, or of a family that ends with a dot.
fn in_family(families: &[&str], name: &str) -> bool {
    families
        .iter()
        .any(|family| *family == name || (family.ends_with('.') && name.starts_with(family)))
}

/// The leaves of a tree of settings by their names as given; scalars as text.
pub(crate) fn flatten_names(json: &Value) -> Result<Vec<(String, Value)>, SettingError> {
    fn walk(path: &str, json: &Value, flat: &mut Vec<(String, Value)>) -> Result<(), SettingError> {
        let leaf = match json {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let path =
                        if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    walk(&path, value, flat)?;
                }
                return Ok(());
            }
            Value::Bool(_) | Value::Number(_) => Value::from(json.to_string()),
            Value::Null | Value::String(_) | Value::Array(_) => json.clone(),
        };
        if path.len() > NAME_BYTES_MAX {
            return Err(SettingError::Unknown(path.to_owned()));
        }
        flat.push((path.to_owned(), leaf));
        Ok(())
    }
    let mut flat = Vec::new();
    match json {
        Value::Null => {}
        Value::Object(_) => walk("", json, &mut flat)?,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(SettingError::NotAnObject);
        }
    }
    Ok(flat)
}

/// A switch in any spelling that was one in some version.
pub(crate) fn lenient_flag(text: &str) -> Option<bool> {
    match text {
        "true" | "on" | "yes" | "1" => Some(true),
        "false" | "off" | "no" | "0" => Some(false),
        _ => None,
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests;
