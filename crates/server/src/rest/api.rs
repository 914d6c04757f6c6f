//! From a request to its answer: path, media types, dialect, endpoint, rendering, in this order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use ::document::Action;
use hyper::Method;
use node::Node;
use serde_json::Value;

use super::deprecation::of_path;
use super::dialect::{Dialect, DialectDefaults, PathKind, Signs, select};
use super::disk::Disk;
use super::document_view::TYPELESS;
use super::error::Error;
use super::media_type::{Negotiated, check_content_type, negotiate};
use super::metrics::Metrics;
use super::parameters::Parameters;
use super::rendering::Rendering;
use super::request::Request;
use super::response::{Answer, Response};
use super::route::{Found, Match, find};
use super::search::Contexts;
use super::tasks::Tasks;
use super::{
    Endpoint, analyze, bulk, by_query, cat, cluster, data_streams, document, features,
    field_capabilities, index, multi_get, search, templates, validate_query,
};

/// The API of one node.
#[derive(Clone)]
pub struct Api {
    node: Arc<Node>,
    dialects: DialectDefaults,
    disk: Disk,
    attributes: Arc<BTreeMap<String, String>>,
    metrics: Metrics,
    contexts: Arc<Contexts>,
    tasks: Arc<Tasks>,
}

/// A request that found its endpoint and its dialect.
#[derive(Debug)]
pub struct Call<'r> {
    /// The request.
    pub request: &'r Request,
    /// The endpoint and what the path says.
    pub found: Match<'r>,
    /// The dialect of the answer.
    pub dialect: Dialect,
    /// The parameters, those about rendering taken already.
    pub parameters: Parameters,
    /// How the answer is shown.
    pub rendering: Rendering,
    /// The disk that the data are on.
    pub(crate) disk: &'r Disk,
    /// What is said of the node.
    pub(crate) attributes: &'r BTreeMap<String, String>,
    signs: Signs,
    dialects: DialectDefaults,
}

impl<'r> Call<'r> {
    /// The index expression in the path.
    pub(crate) fn index(&self) -> &'r str {
        self.found.index.unwrap_or_default()
    }

    /// The document id in the path.
    pub(crate) fn id(&self) -> &'r str {
        self.found.id.unwrap_or_default()
    }

    /// The header that older clients send for `version`.
    pub(crate) fn if_match(&self) -> Result<Option<&'r str>, Error> {
        match self.request.headers.if_match.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some(only)),
            [_, _, ..] => {
                Err(Error::illegal_argument("only one If-Match header can be a condition"))
            }
        }
    }

    /// Refuses a condition that could be meant for no single document.
    pub(crate) fn refuse_if_match(&self) -> Result<(), Error> {
        match self.if_match()? {
            None => Ok(()),
            Some(_) => Err(Error::illegal_argument(
                "an If-Match header cannot be a condition for many documents",
            )),
        }
    }

    /// Refuses parameters that nobody took.
    pub(crate) fn finish_parameters(&self) -> Result<(), Error> {
        self.parameters.reject_unknown(self.request.raw_path())
    }

    /// Refuses a body where none belongs.
    pub(crate) fn refuse_body(&self) -> Result<(), Error> {
        if self.request.body.is_empty() || !self.dialect.refuses_needless_bodies() {
            return Ok(());
        }
        Err(Error::illegal_argument(format!(
            "request [{} {}] does not support having a body",
            self.request.method,
            self.request.uri()
        )))
    }

    /// The body as JSON; an empty one is an empty object.
    pub(crate) fn json_body(&self) -> Result<Value, Error> {
        if self.request.body.is_empty() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        serde_json::from_slice(&self.request.body).map_err(|error| Error::malformed(&error))
    }

    /// The address that the client reaches this server by.
    pub(crate) fn http_address(&self) -> String {
        let host = self.request.headers.host.as_deref().unwrap_or("127.0.0.1:9200");
        match host.rsplit_once(':') {
            Some(("localhost", port)) => format!("127.0.0.1:{port}"),
            Some(_) => host.to_owned(),
            None => format!("{host}:80"),
        }
    }

    /// An error of the node that is about no document.
    pub(crate) fn node_error(&self, error: node::Error) -> Error {
        self.error(error, TYPELESS)
    }

    /// An error of the node in this call's dialect.
    pub(crate) fn error(&self, error: node::Error, type_name: &str) -> Error {
        Error::node(error, self.dialect, type_name)
    }

    /// Names a deprecation in the answer, if this dialect has any.
    pub(crate) fn warn(&mut self, deprecation: &str) {
        if self.dialect == Dialect::V7 {
            self.rendering.warn(deprecation, self.dialect);
        }
    }

    /// Chooses the dialect again, once the types that the items of a body name are known.
    pub(crate) fn hear_types<'t>(
        &mut self,
        types: impl Iterator<Item = &'t str>,
        carries_seq_no_condition: bool,
        deprecation: &str,
    ) {
        let mut types = types.peekable();
        let names_any = types.peek().is_some();
        if self.signs.path == PathKind::Typeless && types.any(|name| name != TYPELESS) {
            self.signs.path = PathKind::Typed;
        }
        self.signs.carries_seq_no_condition |= carries_seq_no_condition;
        self.dialect = select(self.signs, self.dialects);
        self.parameters.speak(self.dialect);
        if names_any {
            self.warn(deprecation);
        }
    }
}

impl Api {
    /// The API of a node.
    pub fn new(node: Arc<Node>, dialects: DialectDefaults) -> Self {
        let contexts = Arc::new(Contexts::new(node.now()));
        let tasks = Arc::new(Tasks::new(node.now()));
        Self {
            node,
            dialects,
            disk: Disk::default(),
            attributes: Arc::default(),
            metrics: Metrics::new(),
            contexts,
            tasks,
        }
    }

    /// Gives up the scrolls and points in time that have expired.
    pub fn expire_contexts(&self) {
        self.contexts.expire(self.node.now());
    }

    /// This API, which knows the disk that the data are on.
    pub fn with_disk(self, disk: Disk) -> Self {
        Self { disk, ..self }
    }

    /// This API, of a node that more is said of.
    pub fn with_attributes(self, attributes: BTreeMap<String, String>) -> Self {
        Self { attributes: Arc::new(attributes), ..self }
    }

    /// Ends what runs by itself, and waits until it has. No request may come any more.
    pub async fn end(&self) {
        self.tasks.end().await;
    }

    /// Answers a request. `HEAD` is answered as `GET`: the connection leaves the body out.
    pub async fn handle(&self, request: Request) -> Response {
        let assumed = request.pinned.unwrap_or(self.dialects.default);
        let mut rendering = Rendering::plain(assumed);
        let (started, mut endpoint) = (Instant::now(), None);
        let _in_flight = self.metrics.begin();
        let response = match self.try_handle(&request, &mut rendering, &mut endpoint).await {
            Ok(response) => response,
            Err(error) => rendering.error(&error),
        };
        let (method, status) = (request.method.as_str(), response.status.as_u16());
        self.metrics.note(endpoint, method, status, started.elapsed());
        response
    }

    /// `rendering` is replaced as soon as the request's own is known, so that errors follow it.
    async fn try_handle(
        &self,
        request: &Request,
        rendering: &mut Rendering,
        endpoint: &mut Option<Endpoint>,
    ) -> Result<Response, Error> {
        let assumed = request.pinned.unwrap_or(self.dialects.default);
        let mut parameters = Parameters::parse(request.query())?;
        let negotiated = negotiate(&request.headers, !request.body.is_empty(), assumed)?;
        let typed = request.pinned != Some(Dialect::V8) && negotiated.dialect != Some(Dialect::V8);
        let lookup = find(&request.method, &request.segments, typed);
        let signs = self.signs(request, &negotiated, &lookup, &parameters);
        let dialect = select(signs, self.dialects);
        parameters.speak(dialect);
        *rendering = Rendering::take(&mut parameters, &negotiated, dialect)?;

        match lookup {
            Found::Endpoint(found) => {
                *endpoint = Some(found.endpoint);
                for deprecation in of_path(&found, request, &parameters, dialect) {
                    rendering.warn(deprecation, dialect);
                }
                check_body(request, &negotiated, &found, dialect)?;
                let dialects = self.dialects;
                let (disk, attributes) = (&self.disk, &*self.attributes);
                let mut call = Call {
                    request,
                    found,
                    dialect,
                    parameters,
                    rendering: rendering.clone(),
                    disk,
                    attributes,
                    signs,
                    dialects,
                };
                let answer = self.dispatch(&mut call).await;
                let answered = answer.map(|answer| call.rendering.answer(answer));
                if answered.is_err() {
                    // What the body was warned of, a refusal is too.
                    *rendering = call.rendering;
                }
                answered
            }
            Found::OtherMethods(methods) if request.method == Method::OPTIONS => {
                Ok(rendering.options(&methods.join(",")))
            }
            Found::OtherMethods(allowed) => {
                let (uri, method) = (request.uri().to_owned(), request.method.to_string());
                Err(Error::MethodNotAllowed { uri, method, allowed })
            }
            Found::Nothing => {
                let (uri, method) = (request.uri().to_owned(), request.method.to_string());
                Err(Error::NoHandler { uri, method })
            }
        }
    }

    fn signs(
        &self,
        request: &Request,
        negotiated: &Negotiated,
        lookup: &Found<'_>,
        parameters: &Parameters,
    ) -> Signs {
        let (path, index) = match lookup {
            Found::Endpoint(found) => (found.path, found.index),
            Found::OtherMethods(_) | Found::Nothing => (PathKind::Typeless, None),
        };
        let index = index.and_then(|name| self.node.index(name).ok());
        let setting = index.as_ref().and_then(|i| i.metadata().settings.get("index.dialect"));
        Signs {
            header: negotiated.dialect,
            pinned: request.pinned,
            index: setting.and_then(|text| text.parse().ok()),
            path,
            carries_seq_no_condition: parameters.carries_seq_no_condition(),
        }
    }

    /// What is long or rare is boxed, so that the future of a get or an index stays small: it is moved
    /// into place for every request.
    async fn dispatch(&self, call: &mut Call<'_>) -> Result<Answer, Error> {
        let node = &*self.node;
        match call.found.endpoint {
            Endpoint::Root => cluster::root(node, call),
            Endpoint::Index | Endpoint::IndexAutoId => document::index(node, call, None).await,
            Endpoint::Create => document::index(node, call, Some(Action::Create)).await,
            Endpoint::Get => document::get(node, call).await,
            Endpoint::Source => Box::pin(document::source(node, call)).await,
            Endpoint::Delete => Box::pin(document::delete(node, call)).await,
            Endpoint::Update => Box::pin(document::update(node, call)).await,
            Endpoint::MultiGet => Box::pin(multi_get::multi_get(node, call)).await,
            Endpoint::Bulk => Box::pin(bulk::bulk(node, call)).await,
            Endpoint::Count => Box::pin(search::count(node, call)).await,
            Endpoint::FieldCapabilities => field_capabilities::field_capabilities(node, call),
            Endpoint::SearchShards => search::search_shards(node, call),
            Endpoint::Analyze => analyze::analyze(node, call),
            Endpoint::ValidateQuery => validate_query::validate_query(node, call),
            Endpoint::Search => Box::pin(search::search(node, call, &self.contexts)).await,
            Endpoint::MultiSearch => {
                Box::pin(search::multi_search(node, call, &self.contexts)).await
            }
            Endpoint::Scroll => Box::pin(search::scroll(node, call, &self.contexts)).await,
            Endpoint::ClearScroll => search::clear_scroll(node, call, &self.contexts),
            Endpoint::OpenPointInTime => {
                Box::pin(search::open_point_in_time(node, call, &self.contexts)).await
            }
            Endpoint::ClosePointInTime => search::close_point_in_time(node, call, &self.contexts),
            Endpoint::UpdateByQuery => {
                Box::pin(by_query::update(&self.node, call, &self.tasks)).await
            }
            Endpoint::DeleteByQuery => {
                Box::pin(by_query::delete(&self.node, call, &self.tasks)).await
            }
            Endpoint::Reindex => Box::pin(by_query::reindex(&self.node, call, &self.tasks)).await,
            Endpoint::Indices(which) => Box::pin(index::answer(which, node, call)).await,
            Endpoint::Templates(kind, which) => {
                Box::pin(templates::answer(kind, which, node, call)).await
            }
            Endpoint::Cluster(which) => {
                Box::pin(cluster::answer(which, node, call, &self.metrics, &self.tasks)).await
            }
            Endpoint::Cat(table) => cat::answer(table, node, call, &self.tasks).await,
            Endpoint::DataStreams(which) => data_streams::answer(which, node, call).await,
            Endpoint::Feature(which) => features::answer(which, node, call),
        }
    }
}

/// Refuses a body of the wrong media type; four-segment typed paths are excused where nothing pins
/// the dialect, because ten years of tutorials send them without a type.
fn check_body(
    request: &Request,
    negotiated: &Negotiated,
    found: &Match<'_>,
    dialect: Dialect,
) -> Result<(), Error> {
    if request.body.is_empty() {
        return Ok(());
    }
    let excused =
        request.pinned.is_none() && found.document_type.is_some() && request.segments.len() == 4;
    check_content_type(negotiated.content.as_ref(), found.endpoint, dialect, excused)
}
