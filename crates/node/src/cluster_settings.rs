//! Settings of the node as a whole, which can change while it runs.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{matches_glob, parse_time_value, settings::flatten_names, templates::stack};

/// Families of settings that are known and can change.
const DYNAMIC: [&str; 32] = [
    "action.auto_create_index",
    "action.destructive_requires_name",
    "action.search.",
    "cluster.auto_shrink_voting_configuration",
    "cluster.indices.",
    "cluster.info.update.",
    "cluster.max_shards_per_node",
    "cluster.max_voting_config_exclusions",
    "cluster.no_master_block",
    "cluster.persistent_tasks.",
    "cluster.remote.",
    "cluster.routing.",
    "cluster.service.",
    "data_streams.lifecycle.poll_interval",
    "indices.breaker.",
    "indices.id_field_data.",
    "indices.lifecycle.",
    "indices.mapping.",
    "indices.recovery.",
    "ingest.geoip.",
    "logger.",
    "network.breaker.",
    "script.context.",
    "script.max_compilations_rate",
    "search.",
    "slm.",
    "snapshot.",
    "http.tracer.",
    "transport.tracer.",
    "xpack.",
    "persistent_tasks.",
    "stack.templates.",
];

/// Families of settings that are known and fixed while the node runs.
const FIXED: [&str; 11] = [
    "bootstrap.",
    "cluster.name",
    "discovery.",
    "gateway.",
    "http.",
    "indices.",
    "network.",
    "node.",
    "path.",
    "thread_pool.",
    "transport.",
];

/// Settings with an effect here that would be lost in silence.
const REFUSED: [&str; 2] = ["cluster.blocks.read_only", "cluster.blocks.read_only_allow_delete"];

/// How often the lifecycles of data streams are carried out.
const LIFECYCLE_INTERVAL: &str = "data_streams.lifecycle.poll_interval";
/// As in Elasticsearch.
const LIFECYCLE_INTERVAL_DEFAULT_MILLIS: i64 = 5 * 60 * 1_000;
/// The shortest that it may be.
const LIFECYCLE_INTERVAL_MIN_MILLIS: i64 = 1_000;

/// Why a setting was not taken; what is said names it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterSettingError {
    /// No setting is called so.
    #[error("{scope} setting [{name}], not recognized")]
    Unknown {
        /// `persistent` or `transient`.
        scope: &'static str,
        /// The setting.
        name: String,
    },
    /// It is fixed while the node runs.
    #[error("{scope} setting [{name}], not dynamically updateable")]
    Fixed {
        /// `persistent` or `transient`.
        scope: &'static str,
        /// The setting.
        name: String,
    },
    /// It is one of Elasticsearch's whose effect is missing here.
    #[error("[{0}] is not supported")]
    Unsupported(String),
    /// Its value cannot be read.
    #[error("Failed to parse value [{value}] for setting [{name}]")]
    Invalid {
        /// The setting.
        name: String,
        /// Its value.
        value: String,
    },
    /// What was given is no object.
    #[error("settings must be an object")]
    NotAnObject,
}

/// Settings by their full names.
pub type FlatSettings = IndexMap<String, Value>;

/// The settings of the node as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterSettings {
    /// Those that survive a restart.
    pub persistent: FlatSettings,
    /// Those that do not.
    #[serde(skip)]
    pub transient: FlatSettings,
}

impl ClusterSettings {
    /// A setting as text; transient ones come first.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.transient.get(name).or_else(|| self.persistent.get(name))?.as_str()
    }

    /// Whether indices may be deleted by name only, if that is set.
    #[must_use]
    pub fn requires_names(&self) -> Option<bool> {
        self.get("action.destructive_requires_name").map(|text| text == "true")
    }

    /// How often the lifecycles of data streams are carried out, in milliseconds.
    #[must_use]
    pub fn lifecycle_interval_millis(&self) -> i64 {
        let set = self.get(LIFECYCLE_INTERVAL).and_then(|text| parse_time_value(text).ok());
        set.unwrap_or(LIFECYCLE_INTERVAL_DEFAULT_MILLIS)
    }

    /// These settings with changes, `null` resets; and what of them was accepted.
    ///
    /// # Errors
    /// [`ClusterSettingError`] for the first that cannot be.
    pub fn changed(
        &self,
        persistent: &Value,
        transient: &Value,
    ) -> Result<(Self, Self), ClusterSettingError> {
        let (mut settings, mut accepted) = (self.clone(), Self::default());
        let scopes = [
            ("persistent", persistent, &mut settings.persistent, &mut accepted.persistent),
            ("transient", transient, &mut settings.transient, &mut accepted.transient),
        ];
        for (scope, given, present, accepted) in scopes {
            let flat = flatten_names(given).map_err(|_| ClusterSettingError::NotAnObject)?;
            for (name, value) in flat {
                if value.is_null() {
                    present.retain(|set, _| !matches_glob(&name, set));
                    continue;
                }
                check(scope, &name, &value)?;
                accepted.insert(name.clone(), value.clone());
                present.insert(name, value);
            }
        }
        Ok((settings, accepted))
    }
}

fn check(scope: &'static str, name: &str, value: &Value) -> Result<(), ClusterSettingError> {
    let in_family = |families: &[&str]| {
        families
            .iter()
            .any(|family| name == *family || (family.ends_with('.') && name.starts_with(family)))
    };
    let owned = name.to_owned();
    if REFUSED.contains(&name) && value.as_str() != Some("false") {
        return Err(ClusterSettingError::Unsupported(owned));
    }
    if !in_family(&DYNAMIC) && !REFUSED.contains(&name) {
        return Err(if in_family(&FIXED) {
            ClusterSettingError::Fixed { scope, name: owned }
        } else {
            ClusterSettingError::Unknown { scope, name: owned }
        });
    }
    let is_boolean = value.as_str().is_some_and(|text| ["true", "false"].contains(&text));
    let is_interval = || {
        let millis = value.as_str().and_then(|text| parse_time_value(text).ok());
        millis.is_some_and(|millis| millis >= LIFECYCLE_INTERVAL_MIN_MILLIS)
    };
    let is_invalid = match name {
        "action.destructive_requires_name" | stack::SWITCH => !is_boolean,
        LIFECYCLE_INTERVAL => !is_interval(),
        _ => false,
    };
    if is_invalid {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        return Err(ClusterSettingError::Invalid { name: owned, value });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_are_set_and_reset() {
        let none = ClusterSettings::default();
        let given = json!({"cluster": {"routing.allocation.enable": "none"}});
        let (set, accepted) = none.changed(&given, &json!({"search.max_buckets": 5})).unwrap();
        assert_eq!(accepted.persistent.len(), 1);
        assert_eq!(set.get("cluster.routing.allocation.enable"), Some("none"));
        assert_eq!(set.get("search.max_buckets"), Some("5"));
        let (reset, _) = set.changed(&json!({"cluster.*": null}), &json!({})).unwrap();
        assert_eq!(reset.get("cluster.routing.allocation.enable"), None);
    }

    #[test]
    fn what_cannot_be_is_named() {
        let refused = |given: Value| {
            let refused = ClusterSettings::default().changed(&given, &json!({}));
            refused.unwrap_err().to_string()
        };
        assert_eq!(refused(json!({"x.y": 1})), "persistent setting [x.y], not recognized");
        let fixed = "persistent setting [cluster.name], not dynamically updateable";
        assert_eq!(refused(json!({"cluster.name": "x"})), fixed);
        assert!(refused(json!({"cluster.blocks.read_only": true})).contains("not supported"));
        assert!(refused(json!({"action.destructive_requires_name": 3})).starts_with("Failed"));
        for short in ["999ms", "-1", "often"] {
            assert!(refused(json!({LIFECYCLE_INTERVAL: short})).starts_with("Failed"), "{short}");
        }
        let given = json!({LIFECYCLE_INTERVAL: "1s"});
        let (set, _) = ClusterSettings::default().changed(&given, &json!({})).unwrap();
        assert_eq!(set.lifecycle_interval_millis(), 1_000);
    }
}
