//! Elasticsearch's REST API: the route table, and the way from a request to its answer.
//!
//! This module and its children are the only place that knows Elasticsearch's JSON, parameters,
//! status codes and exception names. They know no socket; `http` hands in whole requests.

pub mod api;
pub mod budget;
mod bulk;
mod bulk_body;
mod by_query;
mod cluster;
mod conditions;
pub mod dialect;
mod document;
mod document_view;
pub mod error;
mod fields;
pub mod filter_path;
mod index;
pub mod json;
pub mod media_type;
mod multi_get;
mod node_error;
pub mod parameters;
pub mod pretty;
pub mod rendering;
pub mod request;
pub mod response;
pub mod route;
mod search;
mod source_filter;
mod text_table;
mod update_body;
pub mod uri;
mod write_parameters;
pub mod yaml;

pub use api::Api;
pub use request::Request;
pub use response::Response;

use route::Segment::{AnyType, Id, Index, Literal as L, Type, TypeOrDoc};
use route::{Methods, Route, Segment};

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
    /// Create an index.
    CreateIndex,
    /// Show indices, or whether they exist.
    GetIndex,
    /// Delete indices.
    DeleteIndex,
    /// Make writes visible to searches.
    Refresh,
    /// Count documents.
    Count,
    /// Show the settings of indices.
    GetSettings,
    /// Change the settings of indices.
    PutSettings,
    /// Show the mappings of indices.
    GetMapping,
    /// Show the statistics of indices.
    Stats,
    /// Show the health of the cluster.
    ClusterHealth,
    /// List what `_cat` offers.
    Cat,
    /// Show the health of the cluster as text.
    CatHealth,
    /// List indices as text.
    CatIndices,
    /// List shards as text.
    CatShards,
}

const GET: Methods = Methods::GET;
const PUT: Methods = Methods::PUT;
const POST: Methods = Methods::POST;
const DELETE: Methods = Methods::DELETE;
const READ: Methods = Methods::GET.or(Methods::HEAD);
const WRITE: Methods = Methods::PUT.or(Methods::POST);
const ASK: Methods = Methods::GET.or(Methods::POST);

const fn on(methods: Methods, pattern: &'static [Segment], endpoint: Endpoint) -> Route {
    Route { methods, pattern, endpoint }
}

/// The route table.
pub(crate) static ROUTES: &[Route] = &[
    on(READ, &[], Endpoint::Root),
    on(WRITE, &[Index, L("_doc"), Id], Endpoint::Index),
    on(WRITE, &[Index, Type, Id], Endpoint::Index),
    on(POST, &[Index, L("_doc")], Endpoint::IndexAutoId),
    on(POST, &[Index, Type], Endpoint::IndexAutoId),
    on(WRITE, &[Index, L("_create"), Id], Endpoint::Create),
    on(WRITE, &[Index, TypeOrDoc, Id, L("_create")], Endpoint::Create),
    on(READ, &[Index, L("_doc"), Id], Endpoint::Get),
    on(READ, &[Index, Type, Id], Endpoint::Get),
    on(READ, &[Index, AnyType, Id], Endpoint::Get),
    on(READ, &[Index, L("_source"), Id], Endpoint::Source),
    on(READ, &[Index, TypeOrDoc, Id, L("_source")], Endpoint::Source),
    on(DELETE, &[Index, L("_doc"), Id], Endpoint::Delete),
    on(DELETE, &[Index, Type, Id], Endpoint::Delete),
    on(POST, &[Index, L("_update"), Id], Endpoint::Update),
    on(POST, &[Index, TypeOrDoc, Id, L("_update")], Endpoint::Update),
    on(ASK, &[L("_mget")], Endpoint::MultiGet),
    on(ASK, &[Index, L("_mget")], Endpoint::MultiGet),
    on(ASK, &[Index, TypeOrDoc, L("_mget")], Endpoint::MultiGet),
    on(WRITE, &[L("_bulk")], Endpoint::Bulk),
    on(WRITE, &[Index, L("_bulk")], Endpoint::Bulk),
    on(WRITE, &[Index, TypeOrDoc, L("_bulk")], Endpoint::Bulk),
    on(POST, &[Index, L("_update_by_query")], Endpoint::UpdateByQuery),
    on(POST, &[Index, Type, L("_update_by_query")], Endpoint::UpdateByQuery),
    on(POST, &[Index, L("_delete_by_query")], Endpoint::DeleteByQuery),
    on(POST, &[Index, Type, L("_delete_by_query")], Endpoint::DeleteByQuery),
    on(POST, &[L("_reindex")], Endpoint::Reindex),
    on(ASK, &[L("_search")], Endpoint::Search),
    on(ASK, &[Index, L("_search")], Endpoint::Search),
    on(ASK, &[Index, L("_doc"), L("_search")], Endpoint::Search),
    on(ASK, &[Index, Type, L("_search")], Endpoint::Search),
    on(ASK, &[L("_msearch")], Endpoint::MultiSearch),
    on(ASK, &[Index, L("_msearch")], Endpoint::MultiSearch),
    on(ASK, &[Index, L("_doc"), L("_msearch")], Endpoint::MultiSearch),
    on(ASK, &[Index, Type, L("_msearch")], Endpoint::MultiSearch),
    on(ASK, &[L("_search"), L("scroll")], Endpoint::Scroll),
    on(ASK, &[L("_search"), L("scroll"), Id], Endpoint::Scroll),
    on(DELETE, &[L("_search"), L("scroll")], Endpoint::ClearScroll),
    on(DELETE, &[L("_search"), L("scroll"), Id], Endpoint::ClearScroll),
    on(POST, &[Index, L("_pit")], Endpoint::OpenPointInTime),
    on(DELETE, &[L("_pit")], Endpoint::ClosePointInTime),
    on(PUT, &[Index], Endpoint::CreateIndex),
    on(READ, &[Index], Endpoint::GetIndex),
    on(DELETE, &[Index], Endpoint::DeleteIndex),
    on(ASK, &[L("_refresh")], Endpoint::Refresh),
    on(ASK, &[Index, L("_refresh")], Endpoint::Refresh),
    on(ASK, &[L("_count")], Endpoint::Count),
    on(ASK, &[Index, L("_count")], Endpoint::Count),
    on(ASK, &[Index, L("_doc"), L("_count")], Endpoint::Count),
    on(ASK, &[Index, Type, L("_count")], Endpoint::Count),
    on(GET, &[Index, L("_settings")], Endpoint::GetSettings),
    on(PUT, &[Index, L("_settings")], Endpoint::PutSettings),
    on(GET, &[Index, L("_mapping")], Endpoint::GetMapping),
    on(GET, &[L("_stats")], Endpoint::Stats),
    on(GET, &[Index, L("_stats")], Endpoint::Stats),
    on(GET, &[L("_cluster"), L("health")], Endpoint::ClusterHealth),
    on(GET, &[L("_cluster"), L("health"), Index], Endpoint::ClusterHealth),
    on(GET, &[L("_cat")], Endpoint::Cat),
    on(GET, &[L("_cat"), L("health")], Endpoint::CatHealth),
    on(GET, &[L("_cat"), L("indices")], Endpoint::CatIndices),
    on(GET, &[L("_cat"), L("indices"), Index], Endpoint::CatIndices),
    on(GET, &[L("_cat"), L("shards")], Endpoint::CatShards),
    on(GET, &[L("_cat"), L("shards"), Index], Endpoint::CatShards),
];

impl Endpoint {
    /// Whether the body may be a stream of lines: `application/x-ndjson`.
    pub fn takes_lines(self) -> bool {
        matches!(self, Self::Bulk | Self::MultiSearch)
    }
}
