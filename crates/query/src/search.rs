//! The body of a search.

use mapping::Dialect;

use crate::{
    doc_values::ValuesOf,
    error::{Checked, QueryError},
    json::{Body, Kind, Member, Node},
    number,
    parse::Parser,
    query::{Literal, Query},
    sort::Sort,
};

/// How far hits are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TotalHits {
    /// Not at all.
    Off,
    /// Exactly up to a number, beyond it only that there are more.
    UpTo(u64),
    /// Exactly.
    Exact,
}

/// Which stored fields are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredFields {
    /// None, and neither the id nor the source.
    Nothing,
    /// These.
    Named(Vec<String>),
}

/// A part of the documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Which part, from zero.
    pub id: u32,
    /// Of how many.
    pub max: u32,
}

/// A point in time that a search is made at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointInTime {
    /// Its id.
    pub id: String,
    /// How much longer it is kept, as written.
    pub keep_alive: Option<String>,
}

/// What a search asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Search {
    /// Which documents; all if it does not say.
    pub query: Option<Query>,
    /// What hits must match besides.
    pub post_filter: Option<Query>,
    /// How many hits are passed over.
    pub from: Option<u64>,
    /// How many hits are given.
    pub size: Option<u64>,
    /// The order; by score if empty.
    pub sort: Vec<Sort>,
    /// What of the source is given, as JSON.
    pub source: Option<String>,
    /// Which stored fields are given.
    pub stored_fields: Option<StoredFields>,
    /// Which fields' values are given.
    pub docvalue_fields: Vec<ValuesOf>,
    /// Whether hits tell their version.
    pub version: Option<bool>,
    /// Whether hits tell their sequence number.
    pub seq_no_primary_term: Option<bool>,
    /// Whether hits that are sorted tell their score.
    pub track_scores: Option<bool>,
    /// How far hits are counted.
    pub track_total_hits: Option<TotalHits>,
    /// The sort values behind which the page begins.
    pub(crate) search_after: Option<Vec<Option<Literal>>>,
    /// The least score of a hit.
    pub min_score: Option<f32>,
    /// How long it may take, as written.
    pub timeout: Option<String>,
    /// After how many hits a shard stops.
    pub terminate_after: Option<u64>,
    /// The part of the documents it looks at.
    pub slice: Option<Slice>,
    /// The point in time it is made at.
    pub pit: Option<PointInTime>,
    /// The groups that it counts for in statistics.
    pub stats: Vec<String>,
}

/// Keys that only say how, or what nothing here depends on.
const WITHOUT_EFFECT: [&str; 1] = ["request_cache"];

/// Keys of what this server has not yet.
const UNSUPPORTED: [&str; 19] = [
    "aggregations",
    "aggs",
    "collapse",
    "explain",
    "ext",
    "fields",
    "highlight",
    "indices_boost",
    "knn",
    "min_compatible_shard_node",
    "profile",
    "rank",
    "rescore",
    "retriever",
    "runtime_mappings",
    "script_fields",
    "sub_searches",
    "suggest",
    "fielddata_fields",
];

impl Search {
    /// Reads the body of a search.
    ///
    /// # Errors
    /// What is wrong with it, or not supported.
    pub fn read(text: &str, dialect: Dialect) -> Result<Self, QueryError> {
        let (body, node) = Body::read(text)?;
        Self::read_node(&body, &node, dialect)
    }

    /// Reads the body of a search within another body.
    pub(crate) fn read_node(body: &Body<'_>, node: &Node, dialect: Dialect) -> Checked<Self> {
        let members = body.members(node)?;
        let mut search = Self::default();
        for member in members {
            search.take(body, member, dialect)?;
        }
        Ok(search)
    }

    /// Takes one key.
    pub(crate) fn take(
        &mut self,
        body: &Body<'_>,
        member: &Member,
        dialect: Dialect,
    ) -> Checked<()> {
        let parser = Parser { body, dialect };
        let node = &member.value;
        let unknown = || unknown_key(body, member);
        let scalar = || node.scalar().ok_or_else(unknown);
        let is_object = node.members().is_some();
        match member.name.as_str() {
            "query" if is_object => self.query = Some(parser.query(node)?),
            "post_filter" if is_object => self.post_filter = Some(parser.query(node)?),
            "from" => self.from = count("from", scalar()?)?,
            "size" => self.size = count("size", scalar()?)?,
            "sort" if !node.is_null() => self.sort = Sort::read(body, node)?,
            "_source" if !node.is_null() => self.source = Some(body.raw(node).to_owned()),
            "stored_fields" => self.stored_fields = Some(stored_fields(node).ok_or_else(unknown)?),
            "docvalue_fields" if node.elements().is_some() => {
                let asked = node.elements().unwrap_or_default();
                self.docvalue_fields =
                    asked.iter().map(|one| values_of(body, one)).collect::<Checked<_>>()?;
            }
            "version" => self.version = Some(self.flag(parser, member)?),
            "seq_no_primary_term" => self.seq_no_primary_term = Some(self.flag(parser, member)?),
            "track_scores" => self.track_scores = Some(self.flag(parser, member)?),
            "track_total_hits" => {
                self.track_total_hits = Some(TotalHits::read(scalar()?)?);
            }
            "search_after" => {
                let elements = node.elements().ok_or_else(unknown)?;
                self.search_after = Some(search_after(body, elements)?);
            }
            "min_score" => {
                let text = scalar()?;
                let score = text.parse().map_err(|_| QueryError::no_number(text))?;
                self.min_score = Some(score);
            }
            "timeout" => self.timeout = Some(scalar()?.to_owned()),
            "terminate_after" => self.terminate_after = terminate_after(scalar()?)?,
            "slice" if is_object => self.slice = Some(slice(body, node)?),
            "pit" if is_object => self.pit = Some(point_in_time(body, node)?),
            "stats" => {
                let groups = node.elements().into_iter().flatten().filter_map(Node::scalar);
                self.stats = groups.map(str::to_owned).collect();
            }
            name if WITHOUT_EFFECT.contains(&name) => {}
            name if UNSUPPORTED.contains(&name) => {
                if !asks_for_nothing(node) {
                    return Err(QueryError::unsupported(format_args!("[{name}] of a search is")));
                }
            }
            _ => return Err(unknown()),
        }
        Ok(())
    }

    /// A key that is true or false.
    fn flag(&self, parser: Parser<'_>, member: &Member) -> Checked<bool> {
        if member.value.scalar().is_none() {
            return Err(unknown_key(parser.body, member));
        }
        parser.boolean(&member.value)
    }

    /// Reads the body of a count, which is a query and nothing else.
    ///
    /// # Errors
    /// What is wrong with it, or not supported.
    pub fn read_count(text: &str, dialect: Dialect) -> Result<Option<Query>, QueryError> {
        let read = Body::read(text);
        let (body, node) = read.map_err(|cause| {
            let error = QueryError::new("parsing_exception", "Failed to parse");
            error.because(cause)
        })?;
        let members = body.members(&node)?;
        let mut query = None;
        for member in members {
            if member.name != "query" {
                let reason = format!("request does not support [{}]", member.name);
                let place = body.place_of_name(member);
                return Err(QueryError::new("parsing_exception", reason).at(place));
            }
            query = Some(Parser { body: &body, dialect }.query(&member.value)?);
        }
        Ok(query)
    }

    /// Whether a page behind some sort values is asked for.
    #[must_use]
    pub fn is_continued(&self) -> bool {
        self.search_after.is_some()
    }
}

impl TotalHits {
    /// Reads how far hits are counted.
    ///
    /// # Errors
    /// It is neither true nor false nor a number.
    pub fn read(text: &str) -> Result<Self, QueryError> {
        match text {
            "true" => return Ok(Self::Exact),
            "false" | "-1" => return Ok(Self::Off),
            _ => {}
        }
        let number: i64 = text.parse().map_err(|_| QueryError::no_number(text))?;
        match u64::try_from(number) {
            Ok(number) => Ok(Self::UpTo(number)),
            Err(_) => Err(QueryError::argument(format!(
                "[track_total_hits] parameter must be positive or equals to -1, got {number}"
            ))),
        }
    }
}

/// A key that is unknown, or has a value of the wrong kind.
pub(crate) fn unknown_key(body: &Body<'_>, member: &Member) -> QueryError {
    let reason = format!("Unknown key for a {} in [{}].", member.value.token(), member.name);
    body.parsing(&member.value, reason)
}

/// Whether what is asked for with an unsupported key is nothing.
fn asks_for_nothing(node: &Node) -> bool {
    match &node.kind {
        Kind::Object(members) => members.is_empty(),
        Kind::Array(elements) => elements.is_empty(),
        Kind::Boolean(value) => !value,
        Kind::Null => true,
        Kind::Text(text) => text == "false",
        Kind::Number(_) => false,
    }
}

/// `from` or `size`; -1 says nothing.
fn count(name: &str, text: &str) -> Checked<Option<u64>> {
    match number::truncated(text)? {
        -1 => Ok(None),
        value => match u64::try_from(value) {
            Ok(value) => Ok(Some(value)),
            Err(_) if name == "from" => {
                Err(QueryError::argument("[from] parameter cannot be negative"))
            }
            Err(_) => Err(QueryError::argument(format!(
                "[{name}] parameter cannot be negative, found [{value}]"
            ))),
        },
    }
}

/// After how many hits a shard stops; zero is never.
fn terminate_after(text: &str) -> Checked<Option<u64>> {
    match u64::try_from(number::truncated(text)?) {
        Ok(0) => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(_) => Err(QueryError::argument("terminateAfter must be > 0")),
    }
}

/// A field whose values are asked for.
fn values_of(body: &Body<'_>, node: &Node) -> Checked<ValuesOf> {
    let Some(members) = node.members() else {
        let field = node.text().ok_or_else(|| {
            let reason =
                format!("[docvalue_fields] doesn't support values of type: {}", node.token());
            body.parsing(node, reason)
        })?;
        return Ok(ValuesOf { field: field.to_owned(), format: None });
    };
    let (mut field, mut format) = (None, None);
    for member in members {
        let text = member.value.text().map(str::to_owned);
        match member.name.as_str() {
            "field" => field = text,
            "format" => format = text,
            _ => return Err(body.unknown_field(member, "docvalues_field")),
        }
    }
    let field = field.ok_or_else(|| QueryError::argument("Required [field]"))?;
    Ok(ValuesOf { field, format })
}

/// The names of stored fields.
fn stored_fields(node: &Node) -> Option<StoredFields> {
    let names: Vec<String> = match &node.kind {
        Kind::Text(text) => vec![text.clone()],
        Kind::Array(elements) => {
            elements.iter().map(|node| node.text().map(str::to_owned)).collect::<Option<_>>()?
        }
        Kind::Object(_) | Kind::Number(_) | Kind::Boolean(_) | Kind::Null => return None,
    };
    StoredFields::of(names)
}

impl StoredFields {
    /// The stored fields of some names.
    #[must_use]
    pub fn of(names: Vec<String>) -> Option<Self> {
        if names.iter().any(|name| name == "_none_") {
            return (names.len() == 1).then_some(Self::Nothing);
        }
        Some(Self::Named(names))
    }
}

/// The sort values behind which a page begins.
fn search_after(body: &Body<'_>, elements: &[Node]) -> Checked<Vec<Option<Literal>>> {
    if elements.is_empty() {
        return Err(QueryError::argument("Values must contains at least one value."));
    }
    let value = |node: &Node| match &node.kind {
        Kind::Text(text) => Ok(Some(Literal::Text(text.clone()))),
        Kind::Number(text) => Ok(Some(Literal::Number(text.clone()))),
        Kind::Boolean(value) => Ok(Some(Literal::Boolean(*value))),
        Kind::Null => Ok(None),
        Kind::Object(_) | Kind::Array(_) => {
            let reason = format!(
                "Expected [VALUE_STRING] or [VALUE_NUMBER] or [VALUE_BOOLEAN] or [VALUE_NULL] but \
                 found [{}] inside search_after.",
                node.token()
            );
            Err(body.parsing(node, reason))
        }
    };
    elements.iter().map(value).collect()
}

/// A part of the documents.
pub(crate) fn slice(body: &Body<'_>, node: &Node) -> Checked<Slice> {
    let (mut id, mut max) = (None, None);
    for member in node.members().unwrap_or_default() {
        let text = member.value.scalar().unwrap_or_default();
        let failed = |cause| body.failed_field(&member.value, "slice", &member.name, cause);
        match member.name.as_str() {
            "field" => {}
            "id" => {
                let value = number::truncated(text).map_err(failed)?;
                let reason = "id must be greater than or equal to 0";
                let value = u32::try_from(value);
                id = Some(value.map_err(|_| failed(QueryError::argument(reason)))?);
            }
            "max" => {
                let value = u32::try_from(number::truncated(text).map_err(failed)?).unwrap_or(0);
                if value <= 1 {
                    return Err(failed(QueryError::argument("max must be greater than 1")));
                }
                if id.is_some_and(|id| id >= value) {
                    return Err(failed(QueryError::argument("max must be greater than id")));
                }
                max = Some(value);
            }
            _ => return Err(body.unknown_field(member, "slice")),
        }
    }
    match (id, max) {
        (Some(id), Some(max)) if id < max => Ok(Slice { id, max }),
        (Some(_), Some(_)) => Err(QueryError::argument("max must be greater than id")),
        _ => Err(QueryError::argument("Required [id, max]")),
    }
}

/// A point in time.
fn point_in_time(body: &Body<'_>, node: &Node) -> Checked<PointInTime> {
    let (mut id, mut keep_alive) = (None, None);
    for member in node.members().unwrap_or_default() {
        match member.name.as_str() {
            "id" => id = member.value.text().map(str::to_owned),
            "keep_alive" => keep_alive = member.value.text().map(str::to_owned),
            _ => return Err(body.unknown_field(member, "pit")),
        }
    }
    let id = id.ok_or_else(|| QueryError::argument("Required [id]"))?;
    Ok(PointInTime { id, keep_alive })
}
