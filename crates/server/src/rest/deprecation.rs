//! Deprecations, which answers name in a `Warning` header (RFC 7234 §5.5): a request whose meaning goes away
//! with the next major version says so to its client. As recorded from Elasticsearch 7.2.1; only dialect 7
//! has any.

use hyper::Method;
use hyper::header::HeaderValue;
use node::TemplateKind;

use super::Endpoint;
use super::cluster::HASH;
use super::dialect::{Dialect, PathKind};
use super::document_view::TYPELESS;
use super::index::Indices;
use super::parameters::Parameters;
use super::request::Request;
use super::route::Match;
use super::templates::Templates;

/// Types in the items of a bulk.
pub(super) const BULK_TYPES: &str =
    "[types removal] Specifying types in bulk requests is deprecated.";
/// Types in the items of a multi-get.
pub(super) const MULTI_GET_TYPES: &str =
    "[types removal] Specifying types in multi get requests is deprecated.";
/// Types in the headers of a multi-search.
pub(super) const MULTI_SEARCH_TYPES: &str =
    "[types removal] Specifying types in multi search requests is deprecated.";
/// Types in a reindex.
pub(super) const REINDEX_TYPES: &str =
    "[types removal] Specifying types in reindex requests is deprecated.";
/// The old name of a template's patterns.
pub(super) const TEMPLATE_PATTERN: &str =
    "Deprecated field [template] used, replaced by [index_patterns]";

/// What is deprecated of a path and its parameters.
pub(super) fn of_path(
    found: &Match<'_>,
    request: &Request,
    parameters: &Parameters,
    dialect: Dialect,
) -> Vec<&'static str> {
    if dialect != Dialect::V7 {
        return Vec::new();
    }
    let is_by_query = matches!(found.endpoint, Endpoint::UpdateByQuery | Endpoint::DeleteByQuery);
    let names_type = found.path != PathKind::Typeless
        || is_by_query && request.segments.get(1).is_some_and(|segment| *segment == *TYPELESS);
    let names_type = names_type.then(|| types(found.endpoint, &request.method));
    // Another value is refused before it means anything.
    let asks_types = matches!(parameters.value("include_type_name"), Some("" | "true" | "false"));
    let asks_types = asks_types.then(|| include_type_name(found.endpoint));
    names_type.into_iter().chain(asks_types).flatten().collect()
}

/// The header that names a deprecation.
pub(super) fn header(deprecation: &str, dialect: Dialect) -> Option<HeaderValue> {
    let version = dialect.version_number();
    HeaderValue::from_str(&format!("299 Elasticsearch-{version}-{HASH} \"{deprecation}\"")).ok()
}

/// A type in the path.
fn types(endpoint: Endpoint, method: &Method) -> Option<&'static str> {
    Some(match endpoint {
        Endpoint::Index | Endpoint::IndexAutoId | Endpoint::Create => {
            "[types removal] Specifying types in document index requests is deprecated, use the \
             typeless endpoints instead (/{index}/_doc/{id}, /{index}/_doc, or \
             /{index}/_create/{id})."
        }
        // Elasticsearch's own words.
        Endpoint::Delete => {
            "[types removal] Specifying types in document index requests is deprecated, use the \
             /{index}/_doc/{id} endpoint instead."
        }
        Endpoint::Get => {
            "[types removal] Specifying types in document get requests is deprecated, use the \
             /{index}/_doc/{id} endpoint instead."
        }
        Endpoint::Source => {
            "[types removal] Specifying types in get_source and exist_sourcerequests is deprecated."
        }
        Endpoint::Update => {
            "[types removal] Specifying types in document update requests is deprecated, use the \
             endpoint /{index}/_update/{id} instead."
        }
        Endpoint::MultiGet => MULTI_GET_TYPES,
        Endpoint::Bulk => BULK_TYPES,
        Endpoint::Search | Endpoint::UpdateByQuery | Endpoint::DeleteByQuery => {
            "[types removal] Specifying types in search requests is deprecated."
        }
        Endpoint::Count => "[types removal] Specifying types in count requests is deprecated.",
        Endpoint::MultiSearch => MULTI_SEARCH_TYPES,
        Endpoint::ValidateQuery => {
            "[types removal] Specifying types in validate query requests is deprecated."
        }
        Endpoint::Indices(Indices::GetMapping) if method == Method::HEAD => {
            "Type exists requests are deprecated, as types have been deprecated."
        }
        _ => return None,
    })
}

/// `include_type_name`, whatever it says.
fn include_type_name(endpoint: Endpoint) -> Option<&'static str> {
    Some(match endpoint {
        Endpoint::Indices(Indices::Create) => {
            "[types removal] Using include_type_name in create index requests is deprecated. The \
             parameter will be removed in the next major version."
        }
        Endpoint::Indices(Indices::Get) => {
            "[types removal] Using `include_type_name` in get indices requests is deprecated. The \
             parameter will be removed in the next major version."
        }
        Endpoint::Indices(Indices::PutMapping) => {
            "[types removal] Using include_type_name in put mapping requests is deprecated. The \
             parameter will be removed in the next major version."
        }
        Endpoint::Indices(Indices::GetMapping) => {
            "[types removal] Using include_type_name in get mapping requests is deprecated. The \
             parameter will be removed in the next major version."
        }
        Endpoint::Indices(Indices::GetFieldMapping) => {
            "[types removal] Using include_type_name in get field mapping requests is deprecated. \
             The parameter will be removed in the next major version."
        }
        Endpoint::Indices(Indices::Rollover) => {
            "[types removal] Using include_type_name in rollover index requests is deprecated. The \
             parameter will be removed in the next major version."
        }
        Endpoint::Templates(TemplateKind::Legacy, Templates::Put) => {
            "[types removal] Specifying include_type_name in put index template requests is \
             deprecated. The parameter will be removed in the next major version."
        }
        Endpoint::Templates(TemplateKind::Legacy, Templates::Get) => {
            "[types removal] Specifying include_type_name in get index template requests is \
             deprecated."
        }
        _ => return None,
    })
}
