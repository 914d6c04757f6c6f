//! How a path finds its endpoint: patterns, captures, and the methods a path allows.
//!
//! The tables themselves are in `routes.rs`. A literal segment beats a placeholder, from left to right; the
//! methods of a path are those of the routes with its best pattern.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use hyper::Method;

use super::Endpoint;
use super::dialect::PathKind;
use super::routes::TABLES;

/// A set of HTTP methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Methods(u8);

impl Methods {
    /// Only `GET`.
    pub const GET: Self = Self(1);
    /// Only `HEAD`.
    pub const HEAD: Self = Self(2);
    /// Only `PUT`.
    pub const PUT: Self = Self(4);
    /// Only `POST`.
    pub const POST: Self = Self(8);
    /// Only `DELETE`.
    pub const DELETE: Self = Self(16);

    /// Every method with its name, in the order Elasticsearch lists them.
    const NAMES: [(Self, &'static str); 5] = [
        (Self::PUT, "PUT"),
        (Self::GET, "GET"),
        (Self::POST, "POST"),
        (Self::HEAD, "HEAD"),
        (Self::DELETE, "DELETE"),
    ];

    /// The methods of both sets.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a request with this method may use a route: `HEAD` may wherever `GET` may.
    pub fn serves(self, method: &Method) -> bool {
        let asked = match method.as_str() {
            "GET" => Self::GET,
            "HEAD" => Self::HEAD.or(Self::GET),
            "PUT" => Self::PUT,
            "POST" => Self::POST,
            "DELETE" => Self::DELETE,
            _ => Self::default(),
        };
        self.0 & asked.0 != 0
    }

    /// The names of the methods, separated by a text.
    pub fn join(self, separator: &str) -> String {
        let names: Vec<&str> = Self::NAMES
            .iter()
            .filter(|(method, _)| self.0 & method.0 != 0)
            .map(|(_, name)| *name)
            .collect();
        names.join(separator)
    }
}

/// First segments of Elasticsearch's own paths that are not served: no index is called so, and to
/// take one for an index would give a misleading answer.
const UNSERVED: [&str; 65] = [
    "_alias",
    "_aliases",
    "_analyze",
    "_application",
    "_async_search",
    "_autoscaling",
    "_cache",
    "_ccr",
    "_cluster",
    "_component_template",
    "_connector",
    "_data_stream",
    "_enrich",
    "_eql",
    "_features",
    "_field_caps",
    "_fleet",
    "_flush",
    "_forcemerge",
    "_graph",
    "_health_report",
    "_ilm",
    "_index_template",
    "_inference",
    "_ingest",
    "_internal",
    "_knn_search",
    "_license",
    "_logstash",
    "_mapping",
    "_mappings",
    "_migration",
    "_ml",
    "_monitoring",
    "_mtermvectors",
    "_nodes",
    "_plugins",
    "_profiling",
    "_query",
    "_query_rules",
    "_rank_eval",
    "_recovery",
    "_remote",
    "_render",
    "_resolve",
    "_rollup",
    "_scripts",
    "_searchable_snapshots",
    "_security",
    "_segments",
    "_settings",
    "_shard_stores",
    "_slm",
    "_snapshot",
    "_sql",
    "_ssl",
    "_synonyms",
    "_tasks",
    "_template",
    "_terms_enum",
    "_text_structure",
    "_transform",
    "_validate",
    "_watcher",
    "_xpack",
];

/// One line of the route table.
#[derive(Clone, Copy)]
pub struct Route {
    /// The methods served.
    pub methods: Methods,
    /// The segments of the path.
    pub pattern: &'static [Segment],
    /// What answers.
    pub endpoint: Endpoint,
}

/// One segment of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Exactly this text.
    Literal(&'static str),
    /// An index expression.
    Index,
    /// A document type of 2.x to 7.x: anything that does not start with `_`.
    Type,
    /// As [`Segment::Type`], or `_doc`: in four-segment paths.
    TypeOrDoc,
    /// `_all` in the place of a type: any type.
    AnyType,
    /// `_doc` in the place of a type.
    DocAsType,
    /// The type of a mapping, or several: anything.
    MappingType,
    /// A document id, or the first of two names.
    Id,
    /// A name or list of names: of an alias, a template, of metrics.
    Name,
    /// One name more.
    Any,
    /// Names of fields.
    Fields,
}

impl Segment {
    fn matches(self, text: &str) -> bool {
        match self {
            Self::Literal(_) | Self::AnyType | Self::DocAsType => self.exactly() == Some(text),
            Self::Type => !text.is_empty() && !text.starts_with('_'),
            Self::TypeOrDoc => text == "_doc" || Self::Type.matches(text),
            Self::Index => !(text.is_empty() || text.starts_with('_') && UNSERVED.contains(&text)),
            Self::Id | Self::Name | Self::Any | Self::MappingType | Self::Fields => {
                !text.is_empty()
            }
        }
    }

    /// The only text that matches; nothing for a placeholder.
    fn exactly(self) -> Option<&'static str> {
        match self {
            Self::Literal(literal) => Some(literal),
            Self::AnyType => Some("_all"),
            Self::DocAsType => Some("_doc"),
            Self::Index
            | Self::Type
            | Self::TypeOrDoc
            | Self::MappingType
            | Self::Id
            | Self::Name
            | Self::Any
            | Self::Fields => None,
        }
    }

    fn is_type(self) -> bool {
        match self {
            Self::Type | Self::TypeOrDoc | Self::AnyType | Self::DocAsType | Self::MappingType => {
                true
            }
            Self::Literal(_) | Self::Index | Self::Id | Self::Name | Self::Any | Self::Fields => {
                false
            }
        }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {:?}", self.methods.join("|"), self.endpoint)
    }
}

impl Route {
    fn matches(&self, segments: &[String], typed: bool) -> bool {
        self.pattern.len() == segments.len()
            && self
                .pattern
                .iter()
                .zip(segments)
                .all(|(segment, text)| (typed || !segment.is_type()) && segment.matches(text))
    }

    fn specificity(&self) -> impl Iterator<Item = bool> + '_ {
        self.pattern.iter().map(|segment| segment.exactly().is_some())
    }
}

/// An endpoint with what the path says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match<'r> {
    /// What answers.
    pub endpoint: Endpoint,
    /// The index expression in the path.
    pub index: Option<&'r str>,
    /// The type in the path, `_doc` and `_all` included where they stand for one.
    pub document_type: Option<&'r str>,
    /// The document id in the path.
    pub id: Option<&'r str>,
    /// Another name in the path.
    pub name: Option<&'r str>,
    /// A further one.
    pub extra: Option<&'r str>,
    /// The names of fields in the path.
    pub fields: Option<&'r str>,
    /// What the path says about the dialect.
    pub path: PathKind,
}

/// What the route table knows about a method and a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'r> {
    /// An endpoint.
    Endpoint(Match<'r>),
    /// A path that is served, but not with this method.
    OtherMethods(Methods),
    /// Nothing.
    Nothing,
}

/// What routes are filed under: how many segments they have, and which texts the first two must be.
type Shelf<'t> = (usize, [Option<&'t str>; 2]);

/// The routes by their shelves, each in the order of the tables.
static SHELVES: LazyLock<BTreeMap<Shelf<'static>, Vec<&'static Route>>> = LazyLock::new(|| {
    let mut shelves: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for route in TABLES.iter().flat_map(|table| table.iter()) {
        let exactly = |at: usize| route.pattern.get(at).and_then(|segment| segment.exactly());
        shelves.entry((route.pattern.len(), [exactly(0), exactly(1)])).or_default().push(route);
    }
    shelves
});

/// Looks a request up; `typed` says whether typed paths exist (not for a client of 8.x).
pub fn find<'r>(method: &Method, segments: &'r [String], typed: bool) -> Found<'r> {
    let shelves: &BTreeMap<Shelf<'_>, Vec<&Route>> = &SHELVES;
    let (first, second) =
        (segments.first().map(String::as_str), segments.get(1).map(String::as_str));
    // The first shelf where something matches has the best pattern: what it says exactly, later ones do not.
    [[first, second], [first, None], [None, second], [None, None]]
        .into_iter()
        .filter_map(|texts| shelves.get(&(segments.len(), texts)))
        .map(|routes| choose(routes.iter().copied(), method, segments, typed))
        .find(|found| *found != Found::Nothing)
        .unwrap_or(Found::Nothing)
}

/// Chooses among routes of which one may match.
fn choose<'r>(
    routes: impl Iterator<Item = &'static Route>,
    method: &Method,
    segments: &'r [String],
    typed: bool,
) -> Found<'r> {
    let mut allowed = Methods::default();
    let mut best: Option<&Route> = None;
    let mut chosen: Option<&Route> = None;
    for route in routes.filter(|route| route.matches(segments, typed)) {
        let better = best.is_none_or(|best| route.specificity().gt(best.specificity()));
        if better {
            (best, chosen, allowed) = (Some(route), None, Methods::default());
        } else if best.is_some_and(|best| route.specificity().lt(best.specificity())) {
            continue;
        }
        allowed = allowed.or(route.methods);
        if chosen.is_none() && route.methods.serves(method) {
            chosen = Some(route);
        }
    }
    match (chosen, best) {
        (Some(route), _) => Found::Endpoint(capture(route, segments)),
        (None, Some(_)) => Found::OtherMethods(allowed),
        (None, None) => Found::Nothing,
    }
}

fn capture<'r>(route: &Route, segments: &'r [String]) -> Match<'r> {
    let mut found = Match {
        endpoint: route.endpoint,
        index: None,
        document_type: None,
        id: None,
        name: None,
        extra: None,
        fields: None,
        path: PathKind::Typeless,
    };
    for (segment, text) in route.pattern.iter().zip(segments) {
        match segment {
            Segment::Literal(_) => {}
            Segment::Any => found.extra = Some(text),
            Segment::Name => found.name = Some(text),
            Segment::Index => found.index = Some(text),
            Segment::Id => found.id = Some(text),
            Segment::Fields => found.fields = Some(text),
            Segment::Type
            | Segment::TypeOrDoc
            | Segment::AnyType
            | Segment::DocAsType
            | Segment::MappingType => {
                found.document_type = Some(text);
                found.path = if text == "_doc" { PathKind::TypedDoc } else { PathKind::Typed };
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::uri;

    fn look_up(method: &str, path: &str, typed: bool) -> String {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let segments = uri::segments(path).unwrap();
        match find(&method, &segments, typed) {
            Found::Endpoint(found) => {
                let captures: Vec<&str> = [found.index, found.document_type, found.id, found.name]
                    .into_iter()
                    .flatten()
                    .collect();
                format!("{:?} {:?} [{}]", found.endpoint, found.path, captures.join("|"))
            }
            Found::OtherMethods(methods) => format!("allow {}", methods.join(",")),
            Found::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn the_shelves_hold_all_that_can_match() {
        let all = || TABLES.iter().flat_map(|table| table.iter());
        let texts = ["i", "_all", "_doc", "_search", ""];
        for pattern in all().map(|route| route.pattern) {
            // Each path that is like the pattern in all segments but at most two.
            let plain =
                || pattern.iter().map(|segment| segment.exactly().unwrap_or("x").to_owned());
            for (one, other) in
                (0..=pattern.len()).flat_map(|one| (0..=one).map(move |at| (one, at)))
            {
                for (text, another) in
                    texts.iter().flat_map(|text| texts.map(|other| (*text, other)))
                {
                    let mut segments: Vec<String> = plain().collect();
                    for (at, text) in [(one, text), (other, another)] {
                        if let Some(segment) = segments.get_mut(at) {
                            text.clone_into(segment);
                        }
                    }
                    for (method, typed) in [(Method::GET, true), (Method::PUT, false)] {
                        assert_eq!(
                            find(&method, &segments, typed),
                            choose(all(), &method, &segments, typed),
                            "{method} {segments:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn searches_and_writes_by_query_are_found() {
        for (request, expected) in [
            ("POST /m/_update_by_query", "UpdateByQuery Typeless [m]"),
            ("POST /m/t/_delete_by_query", "DeleteByQuery Typed [m|t]"),
            ("POST /_reindex", "Reindex Typeless []"),
            ("HEAD /m/_count", "Count Typeless [m]"),
            ("POST /_search", "Search Typeless []"),
            ("GET /m/_search", "Search Typeless [m]"),
            ("POST /_search/scroll", "Scroll Typeless []"),
            ("DELETE /_search/scroll/_all", "ClearScroll Typeless [_all]"),
            ("POST /_msearch", "MultiSearch Typeless []"),
            ("POST /m/t/_search", "Search Typed [m|t]"),
            ("POST /m/_pit", "OpenPointInTime Typeless [m]"),
            ("DELETE /_pit", "ClosePointInTime Typeless []"),
            ("DELETE /_search", "allow GET,POST"),
        ] {
            let (method, path) = request.split_once(' ').unwrap();
            assert_eq!(look_up(method, path, true), expected, "{request}");
        }
    }

    #[test]
    fn every_path_finds_its_endpoint() {
        for (request, expected) in [
            ("GET /", "Root Typeless []"),
            ("HEAD /", "Root Typeless []"),
            ("PUT /m/_doc/1", "Index Typeless [m|1]"),
            ("POST /m/_doc/1/", "Index Typeless [m|1]"),
            ("POST /m/_doc", "IndexAutoId Typeless [m]"),
            ("PUT /m/_create/1", "Create Typeless [m|1]"),
            ("GET /m/_doc/a%2Fb", "Get Typeless [m|a/b]"),
            ("HEAD /m/_source/1", "Source Typeless [m|1]"),
            ("DELETE /m/_doc/1", "Delete Typeless [m|1]"),
            ("POST /m/_update/1", "Update Typeless [m|1]"),
            ("POST /m/t", "IndexAutoId Typed [m|t]"),
            ("PUT /m/t/1", "Index Typed [m|t|1]"),
            ("PUT /m/t/_doc", "Index Typed [m|t|_doc]"),
            ("GET /m/_all/1", "Get Typed [m|_all|1]"),
            ("PUT /m/t/1/_create", "Create Typed [m|t|1]"),
            ("POST /m/_doc/1/_update", "Update TypedDoc [m|_doc|1]"),
            ("GET /m/_doc/1/_source", "Source TypedDoc [m|_doc|1]"),
            ("GET /_mget", "MultiGet Typeless []"),
            ("POST /m/t/_mget", "MultiGet Typed [m|t]"),
            ("PUT /_bulk", "Bulk Typeless []"),
            ("POST /m/t/_bulk", "Bulk Typed [m|t]"),
            ("PUT /m", "Indices(Create) Typeless [m]"),
            ("HEAD /m", "Indices(Get) Typeless [m]"),
            ("DELETE /m", "Indices(Delete) Typeless [m]"),
            ("POST /m/_refresh", "Indices(Refresh) Typeless [m]"),
            ("GET /_cluster/health", "Cluster(Health) Typeless []"),
            ("GET /_cluster/health/m,n", "Cluster(Health) Typeless [m,n]"),
            ("GET /_cat", "Cat(List) Typeless []"),
            ("GET /_cat/health", "Cat(Health) Typeless []"),
            ("GET /_cat/indices/m", "Cat(Indices) Typeless [m]"),
            ("GET /_cat/shards/m", "Cat(Shards) Typeless [m]"),
            ("GET /m/_settings", "Indices(GetSettings) Typeless [m]"),
            ("PUT /m/_settings", "Indices(PutSettings) Typeless [m]"),
            ("GET /_stats", "Indices(Stats) Typeless []"),
            ("GET /_nope", "Indices(Get) Typeless [_nope]"),
            ("PATCH /br/_doc/1", "allow PUT,GET,POST,HEAD,DELETE"),
            ("OPTIONS /br/_doc/1", "allow PUT,GET,POST,HEAD,DELETE"),
            ("GET /br/_update/1", "allow POST"),
            ("PUT /_mget", "allow GET,POST"),
            ("GET /br/_bulk", "allow PUT,POST"),
            ("DELETE /_bulk", "allow PUT,POST"),
            ("POST /br", "allow PUT,GET,HEAD,DELETE"),
            ("GET /_cluster/settings", "Cluster(GetSettings) Typeless []"),
            ("GET /_ingest/pipeline/x", "Feature(GetPipeline) Typeless [x]"),
            ("GET /_nodes/stats", "Cluster(NodesStats) Typeless []"),
            ("GET /_nodes/x/stats/fs", "Cluster(NodesStats) Typeless [x|fs]"),
            ("GET /m/_alias/a", "Indices(GetAliases) Typeless [m|a]"),
            ("PUT /_alias", "Indices(PutAlias) Typeless []"),
            ("PATCH /_alias", "allow PUT,GET,HEAD"),
            ("GET /_ml/info", "nothing"),
            ("GET /_nope/x/y/z", "nothing"),
            ("GET /m/_nope/1", "nothing"),
            ("GET //br/_doc/1", "nothing"),
            ("GET /m/_doc//", "nothing"),
        ] {
            let (method, path) = request.split_once(' ').unwrap();
            assert_eq!(look_up(method, path, true), expected, "{request}");
        }
    }

    #[test]
    fn mappings_are_found_with_types_and_without() {
        for (request, expected) in [
            ("GET /m/_mapping", "Indices(GetMapping) Typeless [m]"),
            ("GET /_mapping", "Indices(GetMapping) Typeless []"),
            ("HEAD /m/_mapping/t", "Indices(GetMapping) Typed [m|t]"),
            ("GET /_mapping/field/a,b", "Indices(GetFieldMapping) Typeless []"),
            ("GET /m/_mapping/t/field/a", "Indices(GetFieldMapping) Typed [m|t]"),
            ("PUT /m/_mapping", "Indices(PutMapping) Typeless [m]"),
            ("POST /m/_mappings/_doc", "Indices(PutMapping) TypedDoc [m|_doc]"),
            ("PUT /m/t/_mapping", "Indices(PutMapping) Typed [m|t]"),
            ("PUT /m/_doc/_mapping", "Indices(PutMapping) TypedDoc [m|_doc]"),
            ("POST /m/_doc/_mappings", "Indices(PutMapping) TypedDoc [m|_doc]"),
            ("GET /m/_doc/_mapping", "Indices(GetMapping) TypedDoc [m|_doc]"),
        ] {
            let (method, path) = request.split_once(' ').unwrap();
            assert_eq!(look_up(method, path, true), expected, "{request}");
        }
    }

    #[test]
    fn without_types_typed_paths_do_not_exist() {
        assert_eq!(look_up("PUT", "/m/t/1", false), "nothing");
        assert_eq!(look_up("POST", "/m/_doc/1/_update", false), "nothing");
        assert_eq!(look_up("PUT", "/m/_doc/1", false), "Index Typeless [m|1]");
        assert_eq!(look_up("PUT", "/m/_doc/_mapping", false), "Index Typeless [m|_mapping]");
    }
}
