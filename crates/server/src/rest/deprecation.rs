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

/// What a resize says of its settings.
pub(super) const COPY_SETTINGS: &str =
    "parameter [copy_settings] is deprecated and will be removed in 8.0.0";
/// Types in the items of a bulk.
pub(super) const BULK_TYPES: &str =
    "[types removal] Specifying types in bulk requests is deprecated.";
/// Keys beside the action in a line of a bulk; of version 8.
pub(super) const BULK_KEYS: &str = "A bulk action object contained multiple keys. Additional keys are currently ignored but will be \
     rejected in a future version.";
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
    let asks_existence =
        found.endpoint == Endpoint::Indices(Indices::GetMapping) && request.method == Method::HEAD;
    let types = if asks_existence { Some(TYPE_EXISTS) } else { among(&TYPES, found.endpoint) };
    // Another value is refused before it means anything.
    let asks_types = matches!(parameters.value("include_type_name"), Some("" | "true" | "false"));
    let include = among(&INCLUDE_TYPE_NAME, found.endpoint).filter(|_| asks_types);
    types.filter(|_| names_type).into_iter().chain(include).collect()
}

/// The header that names a deprecation.
pub(super) fn header(deprecation: &str, dialect: Dialect) -> Option<HeaderValue> {
    let version = dialect.version_number();
    HeaderValue::from_str(&format!("299 Elasticsearch-{version}-{HASH} \"{deprecation}\"")).ok()
}

/// What a table says of an endpoint.
fn among(table: &[(Endpoint, &'static str)], endpoint: Endpoint) -> Option<&'static str> {
    table.iter().find(|(of, _)| *of == endpoint).map(|(_, deprecation)| *deprecation)
}

/// A type in the path.
const TYPES: [(Endpoint, &str); 15] = [
    (Endpoint::Index, DOCUMENT_TYPES),
    (Endpoint::IndexAutoId, DOCUMENT_TYPES),
    (Endpoint::Create, DOCUMENT_TYPES),
    // Elasticsearch's own words.
    (
        Endpoint::Delete,
        "[types removal] Specifying types in document index requests is deprecated, use the \
         /{index}/_doc/{id} endpoint instead.",
    ),
    (
        Endpoint::Get,
        "[types removal] Specifying types in document get requests is deprecated, use the \
         /{index}/_doc/{id} endpoint instead.",
    ),
    (
        Endpoint::Source,
        "[types removal] Specifying types in get_source and exist_sourcerequests is deprecated.",
    ),
    (
        Endpoint::Update,
        "[types removal] Specifying types in document update requests is deprecated, use the \
         endpoint /{index}/_update/{id} instead.",
    ),
    (Endpoint::MultiGet, MULTI_GET_TYPES),
    (Endpoint::Bulk, BULK_TYPES),
    (Endpoint::Search, SEARCH_TYPES),
    (Endpoint::UpdateByQuery, SEARCH_TYPES),
    (Endpoint::DeleteByQuery, SEARCH_TYPES),
    (Endpoint::Count, "[types removal] Specifying types in count requests is deprecated."),
    (Endpoint::MultiSearch, MULTI_SEARCH_TYPES),
    (
        Endpoint::ValidateQuery,
        "[types removal] Specifying types in validate query requests is deprecated.",
    ),
];
const DOCUMENT_TYPES: &str = "[types removal] Specifying types in document index requests is \
    deprecated, use the typeless endpoints instead (/{index}/_doc/{id}, /{index}/_doc, or \
    /{index}/_create/{id}).";
const SEARCH_TYPES: &str = "[types removal] Specifying types in search requests is deprecated.";

/// A type in the path of a question about mappings.
const TYPE_EXISTS: &str = "Type exists requests are deprecated, as types have been deprecated.";

/// `include_type_name`, whatever it says.
const INCLUDE_TYPE_NAME: [(Endpoint, &str); 8] = [
    (
        Endpoint::Indices(Indices::Create),
        "[types removal] Using include_type_name in create index requests is deprecated. The \
         parameter will be removed in the next major version.",
    ),
    (
        Endpoint::Indices(Indices::Get),
        "[types removal] Using `include_type_name` in get indices requests is deprecated. The \
         parameter will be removed in the next major version.",
    ),
    (
        Endpoint::Indices(Indices::PutMapping),
        "[types removal] Using include_type_name in put mapping requests is deprecated. The \
         parameter will be removed in the next major version.",
    ),
    (
        Endpoint::Indices(Indices::GetMapping),
        "[types removal] Using include_type_name in get mapping requests is deprecated. The \
         parameter will be removed in the next major version.",
    ),
    (
        Endpoint::Indices(Indices::GetFieldMapping),
        "[types removal] Using include_type_name in get field mapping requests is deprecated. The \
         parameter will be removed in the next major version.",
    ),
    (
        Endpoint::Indices(Indices::Rollover),
        "[types removal] Using include_type_name in rollover index requests is deprecated. The \
         parameter will be removed in the next major version.",
    ),
    (
        Endpoint::Templates(TemplateKind::Legacy, Templates::Put),
        "[types removal] Specifying include_type_name in put index template requests is \
         deprecated. The parameter will be removed in the next major version.",
    ),
    (
        Endpoint::Templates(TemplateKind::Legacy, Templates::Get),
        "[types removal] Specifying include_type_name in get index template requests is deprecated.",
    ),
];
