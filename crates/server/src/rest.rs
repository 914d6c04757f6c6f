//! Elasticsearch's REST API: its endpoints, and the way from a request to its answer.
//!
//! This module and its children are the only place that knows Elasticsearch's JSON, parameters,
//! status codes and exception names. They know no socket; `http` hands in whole requests.

mod analyze;
pub mod api;
pub mod budget;
mod bulk;
mod bulk_body;
mod by_query;
mod cat;
mod cluster;
mod conditions;
mod data_streams;
mod deprecation;
pub mod dialect;
pub mod disk;
mod document;
mod document_view;
pub mod error;
mod features;
mod field_capabilities;
mod fields;
pub mod filter_path;
mod index;
pub mod json;
mod mapping;
pub mod media_type;
mod metrics;
mod multi_get;
mod node_error;
pub mod parameters;
pub mod pretty;
pub mod rendering;
pub mod request;
pub mod response;
pub mod route;
mod routes;
mod search;
mod source_filter;
mod stored_fields;
mod tasks;
mod templates;
mod text_table;
mod update_body;
pub mod uri;
mod validate_query;
mod write_parameters;
pub mod yaml;

pub use api::Api;
pub use disk::Disk;
pub use request::Request;
pub use response::Response;

use node::TemplateKind;

use cat::Table;
use cluster::Cluster;
use data_streams::DataStreams;
use features::Feature;
use index::Indices;
use templates::Templates;

/// What the API can do: one variant per endpoint, whatever paths and methods lead to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Name and version of the server.
    Root,
    /// Index a document under an id.
    Index,
    /// Index a document under an id the server makes.
    IndexAutoId,
    /// Create a document that must not exist.
    Create,
    /// Get a document.
    Get,
    /// Get only a document's source.
    Source,
    /// Delete a document.
    Delete,
    /// Update a document.
    Update,
    /// Get many documents.
    MultiGet,
    /// Many writes in one request.
    Bulk,
    /// Update what a query finds.
    UpdateByQuery,
    /// Delete what a query finds.
    DeleteByQuery,
    /// Copy what a query finds.
    Reindex,
    /// Find documents.
    Search,
    /// Many searches in one request.
    MultiSearch,
    /// The next page of a search that is kept.
    Scroll,
    /// Give up searches that are kept.
    ClearScroll,
    /// Remember what is there.
    OpenPointInTime,
    /// Give up what is remembered.
    ClosePointInTime,
    /// Count documents.
    Count,
    /// Say what searches can do with fields.
    FieldCapabilities,
    /// Say which shards a search would ask.
    SearchShards,
    /// Show the terms of texts.
    Analyze,
    /// Say whether a query can be carried out.
    ValidateQuery,
    /// Indices and their aliases.
    Indices(Indices),
    /// Data streams.
    DataStreams(DataStreams),
    /// Templates of a kind.
    Templates(TemplateKind, Templates),
    /// The node as a cluster, its nodes and tasks.
    Cluster(Cluster),
    /// A table of `_cat`.
    Cat(Table),
    /// Parts of Elasticsearch that clients ask for and that are not here.
    Feature(Feature),
}

impl Endpoint {
    /// Whether the body may be a stream of lines: `application/x-ndjson`.
    pub fn takes_lines(self) -> bool {
        matches!(self, Self::Bulk | Self::MultiSearch)
    }
}
