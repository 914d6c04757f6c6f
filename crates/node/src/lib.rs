//! A node: indices, routing, documents and bulks. The API without HTTP.
//!
//! [`Node`] opens the log, keeps the catalogue of indices on its stream 0 and leads each document to
//! its shard. It knows no status code, no header, no query string and no exception name: requests
//! come in as typed values, and its [`Error`]s say which index or document they are about.

mod alias;
mod bulk;
mod catalog;
mod cluster_settings;
mod counters;
mod data_stream;
mod date_math;
mod error;
mod field_sizes;
mod index;
mod index_expression;
mod index_name;
mod json_text;
mod lifecycle;
mod mappings;
mod node;
mod node_admin;
mod random;
mod routing;
mod search;
mod settings;
mod source;
mod templates;
mod time_value;
mod update;
mod write;

pub use ::mapping::{self, Mapping, MappingError};
pub use alias::{Alias, Aliases};
pub use catalog::{IndexMetadata, NewIndex, SHARDS_MAX, index_names};
pub use cluster_settings::{ClusterSettingError, ClusterSettings, FlatSettings};
pub use counters::{Counter, Counters};
pub use data_stream::{DataStream, DataStreamError, DataStreamRule};
pub use date_math::iso_8601;
pub use error::{DocumentError, Error, IndexRef};
pub use field_sizes::{FieldSizes, Sizes};
pub use index::{Freshness, Index};
pub use index_expression::{Expansion, is_wild};
pub use json_text::{JsonText, content as json_string_content};
pub use lifecycle::{Age, Due, Lifecycle, ended_millis};
pub use node::{AutoCreate, Node, NodeOptions, Ready, StartError, matches_glob};
pub use node_admin::{
    AliasAction, LifecycleRun, Resize, ResizeKind, Rollover, SettingsChange, StreamAction,
    StreamSettingsChange,
};
pub use random::Random;
pub use search::{
    FailureCause, Filter, Found, Hit, Moment, Room, Scan, Scope, SearchRequest, Searcher,
    ShardFailure, Turns, Within,
};
pub use settings::{SettingError, Settings};
pub use source::{SourceError, check_source};
pub use templates::{Template, TemplateBody, TemplateKey, TemplateKind, Templates};
pub use time_value::{TimeValueError, parse_time_value};
pub use update::{DocumentMerge, MergeError};
pub use write::{DocumentWrite, MissingIndex, NamedBy, Place, WrittenDocument, update};

#[cfg(test)]
mod tests;
