//! Reading queries on ids, terms and the existence of fields.

use crate::{
    edits::{Edits, Fuzziness},
    error::{Checked, QueryError},
    json::{Kind, Member, Node},
    number,
    query::{Clause, Literal, Query, Words},
};

use super::{Common, Parser};

/// How many terms one query may name: `index.max_terms_count` of an index that does not say.
const TERMS_MAX: usize = 65_536;

impl Parser<'_> {
    /// `ids`
    pub(super) fn ids(&self, parameters: &[Member]) -> Checked<Query> {
        let mut common = Common::default();
        let mut ids = Vec::new();
        let mut is_other_type = false;
        for member in parameters {
            match member.name.as_str() {
                "values" => match &member.value.kind {
                    Kind::Text(id) => ids.push(id.clone()),
                    Kind::Array(elements) => {
                        for element in elements {
                            ids.push(self.id(member, element)?);
                        }
                    }
                    Kind::Object(_) | Kind::Number(_) | Kind::Boolean(_) | Kind::Null => {
                        let token = member.value.token();
                        let reason =
                            format!("[ids] values doesn't support values of type: {token}");
                        let cause = self.body.declared(&member.value, &reason);
                        return Err(self
                            .body
                            .parsing(&member.value, cause.reason())
                            .because(cause));
                    }
                },
                "type" | "types" => {
                    is_other_type = member.value.text().is_some_and(|name| name != "_doc");
                }
                _ if self.common(&mut common, "ids", member)? => {}
                _ => {
                    let cause = self.body.unknown_field(member, "ids");
                    let place = self.body.place_of_name(member);
                    let error = QueryError::new("parsing_exception", cause.reason());
                    return Err(error.because(cause).at(place));
                }
            }
        }
        Ok(common.of(if is_other_type { Clause::None } else { Clause::Ids(ids) }))
    }

    /// An id among several.
    fn id(&self, member: &Member, element: &Node) -> Checked<String> {
        if let Some(text) = element.scalar() {
            return Ok(text.to_owned());
        }
        let place = self.body.place(element);
        let token = element.token();
        let reason = format!("Can't get text on a {token} at {}:{}", place.line, place.column);
        let cause = QueryError::new("illegal_state_exception", reason);
        let cause = self.body.failed_field(element, "ids", &member.name, cause);
        Err(self.body.parsing(element, cause.reason()).because(cause))
    }

    /// `type`
    pub(super) fn type_name(&self, node: &Node, parameters: &[Member]) -> Checked<Query> {
        let mut common = Common::default();
        let mut name = None;
        for member in parameters {
            match member.name.as_str() {
                "value" => name = member.value.scalar().map(str::to_owned),
                _ if self.common(&mut common, "type", member)? => {}
                _ => return Err(self.unknown("type", member)),
            }
        }
        let name = name.ok_or_else(|| {
            self.body.parsing(node, "[type] query needs to be provided with a value for the type")
        })?;
        Ok(common.of(Clause::Type(name)))
    }

    /// `term`
    pub(super) fn term(&self, parameters: &[Member]) -> Checked<Query> {
        let field = self.one_field("term", parameters)?;
        let mut common = Common::default();
        let mut value = None;
        match &field.value.kind {
            Kind::Array(_) => {
                let reason = "[term] query does not support array of values";
                return Err(self.body.parsing(&field.value, reason));
            }
            Kind::Object(members) => {
                for member in members {
                    match member.name.as_str() {
                        "value" | "term" => value = self.literal("term", member)?,
                        "case_insensitive" if !self.boolean(&member.value)? => {}
                        "case_insensitive" => {
                            return Err(QueryError::unsupported("[case_insensitive] of [term] is"));
                        }
                        _ if self.common(&mut common, "term", member)? => {}
                        _ => return Err(self.unknown("term", member)),
                    }
                }
            }
            Kind::Null => return Err(QueryError::argument("field name is null or empty")),
            Kind::Text(_) | Kind::Number(_) | Kind::Boolean(_) => {
                value = self.literal("term", field)?;
            }
        }
        let value = value.ok_or_else(|| QueryError::argument("value cannot be null"))?;
        Ok(common.of(Clause::Term(field.name.clone(), value)))
    }

    /// A value, unless it is null.
    pub(super) fn literal(&self, query: &str, member: &Member) -> Checked<Option<Literal>> {
        match &member.value.kind {
            Kind::Text(text) => Ok(Some(Literal::Text(text.clone()))),
            Kind::Number(text) => Ok(Some(Literal::Number(text.clone()))),
            Kind::Boolean(value) => Ok(Some(Literal::Boolean(*value))),
            Kind::Null => Ok(None),
            Kind::Object(_) | Kind::Array(_) => Err(self.unexpected(query, member)),
        }
    }

    /// `fuzzy`
    pub(super) fn near(&self, parameters: &[Member]) -> Checked<Query> {
        const QUERY: &str = "fuzzy";
        let field = self.one_field(QUERY, parameters)?;
        let mut common = Common::default();
        let mut fuzziness = Fuzziness::default();
        let value = match &field.value.kind {
            Kind::Object(members) => {
                let mut value = None;
                for member in members {
                    let scalar =
                        || member.value.scalar().ok_or_else(|| self.unexpected(QUERY, member));
                    match member.name.as_str() {
                        "value" | "term" => value = self.literal(QUERY, member)?,
                        "fuzziness" => fuzziness.edits = Edits::read(scalar()?)?,
                        "prefix_length" => {
                            let length = number::truncated(scalar()?)?;
                            let negative =
                                || QueryError::argument("prefixLength cannot be less than 0");
                            fuzziness.prefix = usize::try_from(length).map_err(|_| negative())?;
                        }
                        "transpositions" => {
                            fuzziness.transpositions = self.boolean(&member.value)?
                        }
                        // How much is done.
                        "max_expansions" | "rewrite" => drop(scalar()?),
                        _ if self.common(&mut common, QUERY, member)? => {}
                        _ => return Err(self.unknown(QUERY, member)),
                    }
                }
                value
            }
            Kind::Array(_) => {
                let reason =
                    format!("[{QUERY}] unexpected token [START_ARRAY] after [{}]", field.name);
                return Err(self.body.parsing(&field.value, reason));
            }
            Kind::Text(_) | Kind::Number(_) | Kind::Boolean(_) | Kind::Null => {
                self.literal(QUERY, field)?
            }
        };
        let value = value.ok_or_else(|| QueryError::argument("query value cannot be null"))?;
        Ok(common.of(Clause::Near(field.name.clone(), value, fuzziness)))
    }

    /// `terms`
    pub(super) fn terms(&self, node: &Node, parameters: &[Member]) -> Checked<Query> {
        let mut common = Common::default();
        let mut found: Option<(String, Vec<Literal>)> = None;
        for member in parameters {
            match &member.value.kind {
                Kind::Array(elements) => {
                    if found.is_some() {
                        let reason = "[terms] query does not support multiple fields";
                        return Err(self.body.parsing(&member.value, reason));
                    }
                    found = Some((member.name.clone(), self.values(elements)?));
                }
                Kind::Object(_) => {
                    return Err(QueryError::unsupported("looking up the values of [terms] is"));
                }
                Kind::Text(_) | Kind::Number(_) | Kind::Boolean(_) | Kind::Null => {
                    if !self.common(&mut common, "terms", member)? {
                        return Err(self.unknown("terms", member));
                    }
                }
            }
        }
        let Some((field, values)) = found else {
            let reason = "[terms] query requires a field name, followed by array of terms or a \
                          document lookup specification";
            return Err(self.body.parsing(node, reason));
        };
        Ok(common.of(Clause::Terms(field, values)))
    }

    /// The values of a terms query.
    fn values(&self, elements: &[Node]) -> Checked<Vec<Literal>> {
        if elements.len() > TERMS_MAX {
            let reason = format!(
                "The number of terms [{}] used in the Terms Query request has exceeded the allowed \
                 maximum of [{TERMS_MAX}]. This maximum can be set by changing the \
                 [index.max_terms_count] index level setting.",
                elements.len()
            );
            return Err(QueryError::creating(QueryError::argument(reason)));
        }
        let literal = |node: &Node| match &node.kind {
            Kind::Text(text) => Ok(Literal::Text(text.clone())),
            Kind::Number(text) => Ok(Literal::Number(text.clone())),
            Kind::Boolean(value) => Ok(Literal::Boolean(*value)),
            Kind::Null | Kind::Object(_) | Kind::Array(_) => {
                Err(self.body.parsing(node, "No value specified for terms query"))
            }
        };
        elements.iter().map(literal).collect()
    }

    /// `exists`
    pub(super) fn exists(&self, node: &Node, parameters: &[Member]) -> Checked<Query> {
        let mut common = Common::default();
        let mut field = None;
        for member in parameters {
            if member.value.scalar().is_none() {
                return Err(self.unexpected("exists", member));
            }
            match member.name.as_str() {
                "field" => field = member.value.scalar().map(str::to_owned),
                _ if self.common(&mut common, "exists", member)? => {}
                _ => return Err(self.unknown("exists", member)),
            }
        }
        let field = field
            .ok_or_else(|| self.body.parsing(node, "[exists] must be provided with a [field]"))?;
        if field.is_empty() {
            return Err(QueryError::argument("field name is null or empty"));
        }
        Ok(common.of(Clause::Exists(field)))
    }

    /// `prefix` and `wildcard`
    pub(super) fn words(&self, query: &str, parameters: &[Member]) -> Checked<Query> {
        let field = self.one_field(query, parameters)?;
        let mut common = Common::default();
        let mut text = None;
        let mut any_case = false;
        match &field.value.kind {
            Kind::Object(members) => {
                for member in members {
                    match member.name.as_str() {
                        "value" => text = member.value.scalar(),
                        "wildcard" if query == "wildcard" => text = member.value.scalar(),
                        // Only how the matching documents are collected.
                        "rewrite" => {}
                        "case_insensitive" => any_case = self.boolean(&member.value)?,
                        _ if self.common(&mut common, query, member)? => {}
                        _ => return Err(self.unknown(query, member)),
                    }
                }
            }
            Kind::Array(_) => return Err(self.unexpected(query, field)),
            Kind::Text(_) | Kind::Number(_) | Kind::Boolean(_) | Kind::Null => {
                text = field.value.scalar();
            }
        }
        let text = text.ok_or_else(|| QueryError::argument("value cannot be null"))?.to_owned();
        let (field, words) = (field.name.clone(), Words { text, any_case });
        Ok(common.of(if query == "prefix" {
            Clause::Prefix(field, words)
        } else {
            Clause::Wildcard(field, words)
        }))
    }
}
