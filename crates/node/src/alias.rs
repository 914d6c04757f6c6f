//! Aliases: other names of indices, each with what it adds to requests through it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The aliases of one index, by name.
pub type Aliases = BTreeMap<String, Alias>;

/// What one index says of one of its aliases.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alias {
    /// Which documents are found through it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Value>,
    /// The routing that writes and gets through it take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_routing: Option<String>,
    /// The routings that searches through it take, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_routing: Option<String>,
    /// Whether writes through it go to this index, where it has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_write_index: Option<bool>,
    /// Whether wildcards pass it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_hidden: Option<bool>,
}

impl Alias {
    /// Whether writes through it are led to this index on purpose.
    #[must_use]
    pub fn leads_writes(&self) -> bool {
        self.is_write_index == Some(true)
    }
}
