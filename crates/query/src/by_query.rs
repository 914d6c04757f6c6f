//! The bodies of writes by query.

use std::fmt;

use mapping::Dialect;

use crate::{
    error::{Checked, QueryError},
    json::{Body, Kind, Member, Node},
    number,
    search::{self, Search},
};

/// What a conflict does to the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conflicts {
    /// It ends it.
    #[default]
    Abort,
    /// It is counted.
    Proceed,
}

impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Abort => "abort",
            Self::Proceed => "proceed",
        })
    }
}

impl Conflicts {
    /// Reads it.
    ///
    /// # Errors
    /// It is neither.
    pub fn read(text: &str) -> Result<Self, QueryError> {
        match text {
            "abort" => Ok(Self::Abort),
            "proceed" => Ok(Self::Proceed),
            _ => Err(QueryError::argument(format!(
                "conflicts may only be \"proceed\" or \"abort\" but was [{text}]"
            ))),
        }
    }
}

/// The body of an update or a delete by query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteByQuery {
    /// Which documents. Its size is that of a batch.
    pub search: Search,
    /// What a conflict does.
    pub conflicts: Option<Conflicts>,
    /// How many documents at most.
    pub max_docs: Option<u64>,
}

impl WriteByQuery {
    /// Reads the body.
    ///
    /// # Errors
    /// What is wrong with it, or not supported.
    pub fn read(text: &str, dialect: Dialect) -> Result<Self, QueryError> {
        let (body, node) = Body::read(text)?;
        let members = body.members(&node)?;
        let mut request = Self::default();
        for member in members {
            match member.name.as_str() {
                "conflicts" => request.conflicts = Some(conflicts(&member.value)?),
                "max_docs" => request.max_docs = Some(max_docs("max_docs", &member.value)?),
                "script" => return Err(scripts()),
                _ => request.search.take(&body, member, dialect)?,
            }
        }
        Ok(request)
    }
}

/// The routing values of the copies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RoutingRule {
    /// Those of the originals.
    #[default]
    Keep,
    /// None.
    Discard,
    /// This one.
    Set(String),
    /// None of these: not allowed.
    Unknown,
}

/// What the versions of the copies are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VersionRule {
    /// The next ones.
    #[default]
    Internal,
    /// Those of the originals, which must be greater than those that are there.
    External,
    /// Those of the originals, which must not be less than those that are there.
    ExternalGte,
    /// Those of the originals, whatever is there: not allowed any more.
    Force,
}

/// Where copies come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    /// The indices.
    pub indices: Vec<String>,
    /// The types of their documents, if it says.
    pub types: Vec<String>,
    /// Which documents. Its size is that of a batch.
    pub search: Search,
}

/// Where copies go to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destination {
    /// The index.
    pub index: Option<String>,
    /// What the versions are.
    pub version: VersionRule,
    /// Whether only new documents are written.
    pub create: bool,
    /// The routing values.
    pub routing: RoutingRule,
    /// The pipeline that the copies go through.
    pub pipeline: Option<String>,
    /// Whether a type is named for them.
    pub names_type: bool,
}

/// The body of a reindex.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reindex {
    /// Where copies come from.
    pub source: Source,
    /// Where copies go to.
    pub destination: Destination,
    /// What a conflict does.
    pub conflicts: Option<Conflicts>,
    /// How many documents at most.
    pub max_docs: Option<u64>,
}

impl Reindex {
    /// Reads the body.
    ///
    /// # Errors
    /// What is wrong with it, or not supported.
    pub fn read(text: &str, dialect: Dialect) -> Result<Self, QueryError> {
        let (body, node) = Body::read(text)?;
        let Some(members) = node.members() else {
            let reason = format!("[reindex] Expected START_OBJECT but was: {}", node.token());
            return Err(body.declared(&node, &reason));
        };
        let mut request = Self::default();
        for member in members {
            let node = &member.value;
            let failed = |cause: QueryError| {
                let refused = cause.reason();
                if refused.ends_with("not supported yet") || refused.ends_with("remote.whitelist") {
                    return cause;
                }
                body.failed_within(node, "reindex", &member.name, cause)
            };
            if matches!(member.name.as_str(), "source" | "dest") && node.members().is_none() {
                let name = &member.name;
                let reason =
                    format!("[reindex] {name} doesn't support values of type: {}", node.token());
                return Err(body.declared(node, &reason));
            }
            match member.name.as_str() {
                "source" => {
                    request.source = source(&body, node, dialect).map_err(failed)?;
                }
                "dest" => request.destination = destination(&body, node).map_err(failed)?,
                "conflicts" => request.conflicts = Some(conflicts(node).map_err(failed)?),
                "size" | "max_docs" => {
                    let read =
                        if member.name == "size" { size(node) } else { max_docs("max_docs", node) };
                    let limit = read.map_err(failed)?;
                    if let Some(other) = request.max_docs.filter(|other| *other != limit) {
                        let reason = format!(
                            "[max_docs] set to two different values [{other}] and [{limit}]"
                        );
                        return Err(QueryError::argument(reason));
                    }
                    request.max_docs = Some(limit);
                }
                "script" => return Err(scripts()),
                _ => return Err(body.unknown_field(member, "reindex")),
            }
        }
        Ok(request)
    }
}

/// Scripts are not there yet.
fn scripts() -> QueryError {
    QueryError::unsupported("[script] is")
}

/// What a conflict does.
fn conflicts(node: &Node) -> Checked<Conflicts> {
    Conflicts::read(node.scalar().unwrap_or_default())
}

/// How many documents at most, by its older name, which has no word for no limit.
fn size(node: &Node) -> Checked<u64> {
    let value = number::truncated(node.scalar().unwrap_or_default())?;
    u64::try_from(value).map_err(|_| {
        QueryError::argument(format!("[size] parameter cannot be negative, found [{value}]"))
    })
}

/// How many documents at most.
fn max_docs(name: &str, node: &Node) -> Checked<u64> {
    let value = number::truncated(node.scalar().unwrap_or_default())?;
    WriteByQuery::max_docs(name, value)
}

impl WriteByQuery {
    /// How many documents at most; -1 is no limit.
    ///
    /// # Errors
    /// It is less.
    pub fn max_docs(name: &str, value: i64) -> Result<u64, QueryError> {
        if value == -1 {
            return Ok(u64::MAX);
        }
        u64::try_from(value).map_err(|_| {
            QueryError::argument(format!("[{name}] parameter cannot be negative, found [{value}]"))
        })
    }
}

/// Where copies come from.
fn source(body: &Body<'_>, node: &Node, dialect: Dialect) -> Checked<Source> {
    let mut source = Source::default();
    for member in body.members(node)? {
        match member.name.as_str() {
            "index" => source.indices = names(&member.value),
            "remote" => {
                let host = member.value.members().and_then(|members| {
                    members.iter().find(|member| member.name == "host")?.value.text()
                });
                let Some(host) = host else {
                    let reason = "[host] must be specified to reindex from a remote cluster";
                    return Err(QueryError::new("null_pointer_exception", reason));
                };
                let host = host.split_once("://").map_or(host, |(_, host)| host);
                let reason = format!("[{host}] not whitelisted in reindex.remote.whitelist");
                return Err(QueryError::argument(reason));
            }
            "type" => source.types = names(&member.value),
            "slice" => source.search.slice = Some(search::slice(body, &member.value)?),
            _ => source.search.take(body, member, dialect)?,
        }
    }
    Ok(source)
}

/// The names of indices.
fn names(node: &Node) -> Vec<String> {
    match &node.kind {
        Kind::Text(text) => text.split(',').map(str::to_owned).collect(),
        Kind::Array(elements) => {
            elements.iter().filter_map(|node| node.scalar().map(str::to_owned)).collect()
        }
        Kind::Object(_) | Kind::Number(_) | Kind::Boolean(_) | Kind::Null => Vec::new(),
    }
}

/// Where copies go to.
fn destination(body: &Body<'_>, node: &Node) -> Checked<Destination> {
    let mut destination = Destination::default();
    for member in body.members(node)? {
        let text = member.value.scalar().unwrap_or_default();
        match member.name.as_str() {
            "index" => destination.index = Some(text.to_owned()),
            "type" => destination.names_type = true,
            "version_type" => {
                let failed = |cause| body.failed_field(&member.value, "dest", &member.name, cause);
                destination.version = version_rule(text).map_err(failed)?;
            }
            "op_type" => destination.create = op_type(body, member, text)?,
            "routing" => destination.routing = routing(text),
            "pipeline" => destination.pipeline = Some(text.to_owned()),
            _ => return Err(body.unknown_field(member, "dest")),
        }
    }
    Ok(destination)
}

/// What the versions are.
fn version_rule(text: &str) -> Checked<VersionRule> {
    match text {
        "internal" => Ok(VersionRule::Internal),
        "external" | "external_gt" => Ok(VersionRule::External),
        "external_gte" => Ok(VersionRule::ExternalGte),
        "force" => Ok(VersionRule::Force),
        _ => Err(QueryError::argument(format!("No version type match [{text}]"))),
    }
}

/// Whether only new documents are written.
fn op_type(body: &Body<'_>, member: &Member, text: &str) -> Checked<bool> {
    match text {
        "create" => Ok(true),
        "index" => Ok(false),
        _ => {
            let cause = QueryError::argument(format!(
                "opType must be 'create' or 'index', found: [{text}]"
            ));
            Err(body.failed_field(&member.value, "dest", "op_type", cause))
        }
    }
}

/// The routing values.
fn routing(text: &str) -> RoutingRule {
    match (text, text.strip_prefix('=')) {
        ("keep", _) => RoutingRule::Keep,
        ("discard", _) => RoutingRule::Discard,
        (_, Some(value)) => RoutingRule::Set(value.to_owned()),
        (_, None) => RoutingRule::Unknown,
    }
}
