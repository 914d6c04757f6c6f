//! Data streams: names that stand for several indices, of which the last takes what is added.
//!
//! What is written through a stream's name is created, never changed; a rollover begins the next index.
//! The indices behind a stream are hidden ordinary indices: whoever names one directly may change its
//! documents under the conditions of sequence numbers.

use std::sync::Arc;

use document::Timestamp;
use mapping::TIMESTAMP;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::{Alias, Aliases, Lifecycle, Settings, index_name, iso_8601};

/// What the names of the indices of all streams begin with.
pub(crate) const BACKING_PREFIX: &str = ".ds-";

/// How many indices a stream may have: its record names them all.
const INDICES_MAX: usize = 10_000;

/// A data stream, as the catalogue keeps it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataStream {
    /// Its name.
    pub name: String,
    /// The names of its indices, the oldest first. The last takes what is added. Each index keeps which
    /// stream it is of, so that it can go without a word about the stream.
    #[serde(skip)]
    pub indices: Vec<Arc<str>>,
    /// Rises when indices come or are taken out, and numbers those that are created.
    pub generation: i64,
    /// Whether wildcards pass it over.
    #[serde(default)]
    pub hidden: bool,
    /// Whether what is added may bring a routing.
    #[serde(default)]
    pub allows_routing: bool,
    /// Settings of its own, which win over those of templates where an index is created.
    #[serde(default, skip_serializing_if = "Settings::is_empty")]
    pub settings: Settings,
    /// Its aliases.
    #[serde(default, skip_serializing_if = "Aliases::is_empty")]
    pub aliases: Aliases,
    /// How long its indices live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<Lifecycle>,
    /// Whether the templates that version 8 brings along count for it: a request of that version made it.
    #[serde(default)]
    pub made_by_8: bool,
    /// Whether the next write begins an index first.
    #[serde(default)]
    pub rolls_over_on_write: bool,
}

/// Which data stream an index is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The name of the stream.
    pub stream: String,
    /// Its place among the stream's indices: no two have the same, the last has the highest.
    pub place: i64,
}

/// What a composable template says of the data streams that it makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataStreamRule {
    /// Whether wildcards pass them over.
    #[serde(default)]
    pub hidden: bool,
    /// Whether what is added to them may bring a routing.
    #[serde(default)]
    pub allows_routing: bool,
}

/// What can be wrong with a request about a data stream, in Elasticsearch's words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DataStreamError {
    /// There is one of that name already.
    #[error("data_stream [{0}] already exists")]
    Exists(String),
    /// The write may go to a data stream only, and that is none.
    #[error("[require_data_stream] request flag is [true] and [{0}] is not a data stream")]
    NotOne(String),
    /// None can be called so.
    #[error("data_stream [{name}] {why}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// Something else is called so.
    #[error("data stream [{name}] conflicts with {what}")]
    Conflict {
        /// The name.
        name: String,
        /// What is called so.
        what: &'static str,
    },
    /// No template makes a data stream of that name.
    #[error("no matching index template found for data stream [{0}]")]
    NoTemplate(String),
    /// An index of that name cannot be: it would have to be a data stream.
    #[error(
        "cannot create index with name [{index}], because it matches with template [{template}] that \
         creates data streams only, use create data stream api instead"
    )]
    StreamsOnly {
        /// The name.
        index: String,
        /// The template.
        template: String,
    },
    /// Something other than a create went to a stream.
    #[error("only write ops with an op_type of create are allowed in data streams")]
    CreateOnly,
    /// A create came with a routing, which the stream's template does not allow.
    #[error(
        "index request targeting data stream [{0}] specifies a custom routing but the \
         [allow_custom_routing] setting was not enabled in the data stream's template."
    )]
    Routing(String),
    /// A document was added to an index of a stream directly.
    #[error(
        "index request with op_type={op}{without} targeting backing indices is disallowed, target \
         corresponding data stream [{stream}] instead"
    )]
    Direct {
        /// `create` or `index`.
        op: &'static str,
        /// What it lacks to be allowed.
        without: &'static str,
        /// The stream.
        stream: String,
    },
    /// As many indices as a stream may have.
    #[error("data stream [{name}] has [{INDICES_MAX}] indices, which is as many as it may")]
    TooManyIndices {
        /// The stream.
        name: String,
    },
    /// Anything else that cannot be.
    #[error("{0}")]
    Refused(String),
}

impl DataStream {
    /// A stream that has no index yet.
    pub(crate) fn new(name: &str, rule: DataStreamRule, aliases: Aliases) -> Self {
        let DataStreamRule { hidden, allows_routing } = rule;
        Self { name: name.to_owned(), hidden, allows_routing, aliases, ..Self::default() }
    }

    /// The index that takes what is added.
    #[must_use]
    pub fn write_index(&self) -> Option<&Arc<str>> {
        self.indices.last()
    }

    /// Whether an index takes what is added.
    #[must_use]
    pub fn is_written_to(&self, index: &str) -> bool {
        self.write_index().is_some_and(|last| **last == *index)
    }

    /// Begins the next index: its name, which is not taken, and its membership.
    pub(crate) fn begin_index(
        &mut self,
        now: Timestamp,
        is_taken: impl Fn(&str) -> bool,
    ) -> Result<(String, Membership), DataStreamError> {
        self.check_room()?;
        self.rolls_over_on_write = false;
        let day = iso_8601(now);
        let day = day.get(..10).unwrap_or_default().replace('-', ".");
        loop {
            let full = || DataStreamError::TooManyIndices { name: self.name.clone() };
            self.generation = self.generation.checked_add(1).ok_or_else(full)?;
            let name = format!("{BACKING_PREFIX}{}-{day}-{:06}", self.name, self.generation);
            // Each name that is taken is an index or an alias: there are only so many.
            if !is_taken(&name) {
                return Ok((
                    name,
                    Membership { stream: self.name.clone(), place: self.generation },
                ));
            }
        }
    }

    /// Notes that an index was taken in or out beside those that are begun.
    pub(crate) fn note_change(&mut self) -> Result<(), DataStreamError> {
        self.check_room()?;
        self.generation = self.generation.saturating_add(1);
        Ok(())
    }

    fn check_room(&self) -> Result<(), DataStreamError> {
        if self.indices.len() < INDICES_MAX {
            return Ok(());
        }
        Err(DataStreamError::TooManyIndices { name: self.name.clone() })
    }
}

/// Refuses a name that no data stream can have.
pub(crate) fn check_name(name: &str) -> Result<(), DataStreamError> {
    let prefix = || {
        let is_taken = name.starts_with(BACKING_PREFIX);
        is_taken.then(|| format!("must not start with '{BACKING_PREFIX}'"))
    };
    match index_name::objection(name).or_else(prefix) {
        Some(why) => Err(DataStreamError::Name { name: name.to_owned(), why }),
        None => Ok(()),
    }
}

/// Gives a mapping what those of data streams have: one timestamp in each document. Whether it can be one
/// is told where the mapping is made.
pub(crate) fn with_timestamp(mappings: &mut Value) {
    if !mappings.is_object() {
        *mappings = Value::Object(Map::new());
    }
    let Some(root) = mappings.as_object_mut() else { return };
    root.insert("_data_stream_timestamp".to_owned(), json!({ "enabled": true }));
    let properties = root.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    // What is no object is refused when it is read as a mapping.
    let Some(properties) = properties.as_object_mut() else { return };
    let field = properties.entry(TIMESTAMP).or_insert_with(|| json!({ "type": "date" }));
    let is_date = field.get("type").and_then(Value::as_str);
    let is_date = is_date.is_some_and(|kind| ["date", "date_nanos"].contains(&kind));
    if let Some(field) = field.as_object_mut().filter(|_| is_date) {
        // Whatever the index does with others: without its time a document has no place in the stream.
        field.entry("ignore_malformed").or_insert(Value::Bool(false));
    }
}

/// Refuses an alias that data streams cannot have.
pub(crate) fn check_alias(alias: &Alias) -> Result<(), DataStreamError> {
    let refuse = |text: &str| Err(DataStreamError::Refused(text.to_owned()));
    if alias.index_routing.is_some() || alias.search_routing.is_some() {
        refuse("aliases that point to data streams don't support routing")
    } else if alias.is_hidden.is_some() {
        refuse("aliases that point to data streams don't support is_hidden")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_named_by_day_and_generation() {
        let mut stream = DataStream::new("logs", DataStreamRule::default(), Aliases::new());
        let day = Timestamp::from_millis(1_763_769_600_000);
        for (place, name) in [(1, ".ds-logs-2025.11.22-000001"), (2, ".ds-logs-2025.11.22-000002")]
        {
            let membership = Membership { stream: "logs".to_owned(), place };
            assert_eq!(stream.begin_index(day, |_| false).unwrap(), (name.to_owned(), membership));
        }
        let is_taken = |name: &str| name.ends_with("3") || name.ends_with("4");
        let (name, membership) = stream.begin_index(day, is_taken).unwrap();
        assert_eq!((name.as_str(), membership.place), (".ds-logs-2025.11.22-000005", 5));
        stream.indices = vec!["i".into(); INDICES_MAX];
        let full = DataStreamError::TooManyIndices { name: "logs".to_owned() };
        assert_eq!(stream.begin_index(day, |_| false).unwrap_err(), full);
        assert_eq!(stream.generation, 5);
    }

    #[test]
    fn names_are_those_of_indices_and_not_of_their_own() {
        check_name("logs-app-default").unwrap();
        check_name(".hidden").unwrap();
        let text = |name| check_name(name).unwrap_err().to_string();
        assert_eq!(text("a#b"), "data_stream [a#b] must not contain '#'");
        assert_eq!(text("A"), "data_stream [A] must be lowercase");
        assert_eq!(text(".ds-x"), "data_stream [.ds-x] must not start with '.ds-'");
    }

    #[test]
    fn mappings_get_a_timestamp_unless_they_have_one() {
        let with = |mut mappings: Value| {
            with_timestamp(&mut mappings);
            mappings
        };
        let enabled = json!({ "enabled": true });
        assert_eq!(
            with(json!(null)),
            json!({"_data_stream_timestamp": enabled, "properties": {
                "@timestamp": {"type": "date", "ignore_malformed": false}
            }})
        );
        for own in [
            json!({"@timestamp": {"type": "date_nanos", "ignore_malformed": false}}),
            json!({"@timestamp": {"type": "date", "ignore_malformed": true}}),
        ] {
            assert_eq!(with(json!({ "properties": own }))["properties"], own);
        }
    }
}
