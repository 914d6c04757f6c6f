//! From a query to tests, by what an index has.

use std::collections::BTreeSet;

use mapping::{Dialect, FieldRef};
use serde_json::Value as Json;

use crate::{
    edits::Near,
    error::{Checked, QueryError},
    field::{Domain, Found, Wanted},
    number::WholeType,
    pattern::Pattern,
    query::{Bool, Clause, Literal, Query, Range, Words},
    value::ValueTest,
};

use super::{
    Context,
    literal::{Literals, Tested},
    test::{Group, Scored, Test},
};

/// How many clauses or terms one query may have (`indices.query.bool.max_clause_count`).
pub(super) const CLAUSES_MAX: usize = 1_024;

/// Compiles queries.
pub(super) struct Compiler<'c, 'm> {
    /// The fields that are wanted so far.
    pub(super) wanted: &'c mut Wanted<'m>,
    /// The index.
    pub(super) context: &'c Context<'m>,
    /// The queries that have a name.
    pub(super) names: Vec<(String, Scored)>,
    /// Whether routing values are looked at.
    pub(super) sees_routing: bool,
}

/// What may be asked of a field beside its existence.
#[derive(Clone, Copy)]
pub(super) enum Asked<'q> {
    /// One of some values.
    Values(&'q [Literal]),
    /// Values within bounds.
    Range(&'q Range),
    /// Terms that begin with a text.
    Prefix(&'q Words),
    /// Terms of a pattern.
    Wildcard(&'q Words),
    /// Terms that are near to another.
    Near(&'q Near),
}

impl Asked<'_> {
    /// The name of the query.
    fn name(self) -> &'static str {
        match self {
            Self::Values(_) => "term",
            Self::Range(_) => "range",
            Self::Prefix(_) => "prefix",
            Self::Wildcard(_) => "wildcard",
            Self::Near(_) => "fuzzy",
        }
    }
}

impl<'m> Compiler<'_, 'm> {
    /// Compiles a query.
    pub(super) fn query(&mut self, query: &Query) -> Checked<Scored> {
        let test = match &query.clause {
            Clause::All => Test::All,
            Clause::None => Test::None,
            Clause::Ids(ids) => Test::Ids(ids.iter().cloned().collect()),
            Clause::Type(name) => {
                if name == self.context.mapping.type_name() || name == "_doc" {
                    Test::All
                } else {
                    Test::None
                }
            }
            Clause::Term(field, value) => {
                self.field(field, Asked::Values(std::slice::from_ref(value)))?
            }
            Clause::Terms(field, values) => self.field(field, Asked::Values(values))?,
            Clause::Range(range) => self.field(&range.field, Asked::Range(range))?,
            Clause::Prefix(field, words) => self.field(field, Asked::Prefix(words))?,
            Clause::Wildcard(field, words) => self.field(field, Asked::Wildcard(words))?,
            Clause::Exists(field) => self.exists(field)?,
            Clause::Near(field, text, fuzziness) => {
                self.field(field, Asked::Near(&Near::new(text.text(), fuzziness)))?
            }
            Clause::Match(asked) => self.matching(&asked.field, &asked.text, &asked.how)?,
            Clause::MultiMatch(asked) => self.multi_match(asked)?,
            Clause::Written(asked) => self.written(asked)?,
            Clause::Bool(parts) => self.group(parts)?,
            Clause::Best(queries, tie_breaker) => {
                let queries = queries.iter().map(|query| self.query(query));
                Test::Best(queries.collect::<Checked<_>>()?, *tie_breaker)
            }
            Clause::Constant(inner) => Test::Constant(Box::new(self.query(inner)?)),
        };
        let scored = Scored { test, boost: query.boost };
        if let Some(name) = &query.name {
            self.names.push((name.clone(), scored.clone()));
        }
        Ok(scored)
    }

    /// Several queries together.
    fn group(&mut self, parts: &Bool) -> Checked<Test> {
        let clauses = [&parts.must, &parts.filter, &parts.should, &parts.must_not];
        if clauses.iter().map(|clauses| clauses.len()).sum::<usize>() > CLAUSES_MAX {
            let reason = format!("maxClauseCount is set to {CLAUSES_MAX}");
            return Err(QueryError::creating(QueryError::new("too_many_clauses", reason)));
        }
        let mut all = |queries: &[Query]| -> Checked<Vec<Scored>> {
            queries.iter().map(|query| self.query(query)).collect()
        };
        let (must, filter) = (all(&parts.must)?, all(&parts.filter)?);
        let (should, must_not) = (all(&parts.should)?, all(&parts.must_not)?);
        let is_optional = must.is_empty() && filter.is_empty();
        if is_optional && should.is_empty() {
            if parts.least.is_some() && must_not.is_empty() {
                return Ok(Test::All);
            }
            if must_not.is_empty() {
                return Ok(Test::All);
            }
            if parts.adjusts == Some(false) {
                return Ok(Test::None);
            }
        }
        let asked = match &parts.least {
            Some(text) => least(text, should.len()).map_err(QueryError::creating)?,
            None => 0,
        };
        // Without anything that must match, one of those that may has to.
        let least = if is_optional && !should.is_empty() { asked.max(1) } else { asked };
        Ok(Test::Group(Group { must, filter, should, must_not, least }))
    }

    /// A query on a field.
    pub(super) fn field(&mut self, name: &str, asked: Asked<'_>) -> Checked<Test> {
        if let Some(test) = self.metadata(name, asked)? {
            return Ok(test);
        }
        let field = match self.wanted.find(name)? {
            Found::Field(field) => field,
            Found::Nested(_) | Found::Nothing => return Ok(Test::None),
        };
        let domain = Domain::of(field).ok_or_else(|| no_normalizer(name))?;
        if matches!(asked, Asked::Prefix(_) | Asked::Wildcard(_) | Asked::Near(_)) {
            self.check_words(name, &domain, field, asked)?;
        }
        if !self.is_searchable(field) {
            let reason = format!("Cannot search on field [{name}] since it is not indexed.");
            return Err(QueryError::creating(QueryError::argument(reason)));
        }
        if domain == Domain::Text {
            self.analyzer(field, &["analyzer"])?;
        }
        // The terms of a text are terms.
        let domain =
            if domain == Domain::Text { Domain::Term { lowercase: false } } else { domain };
        let literals = Literals { name, field, context: self.context };
        let tested = match asked {
            Asked::Values(values) => literals.values(&domain, values)?,
            Asked::Range(range) => literals.range(&domain, range)?,
            Asked::Prefix(words) => literals.words(&domain, prefix(words)),
            Asked::Wildcard(words) => literals.words(&domain, wildcard(words)),
            Asked::Near(near) => literals.words(&domain, ValueTest::Near(near.clone())),
        };
        Ok(match tested {
            Tested::Always => Test::All,
            Tested::Never => Test::None,
            Tested::Value(test) => Test::Field(self.wanted.slot(field), test),
        })
    }

    /// Fails unless a field has terms.
    fn check_words(
        &self,
        name: &str,
        domain: &Domain,
        field: FieldRef<'m>,
        asked: Asked<'_>,
    ) -> Checked<()> {
        if matches!(domain, Domain::Term { .. } | Domain::Text | Domain::Constant(_)) {
            return Ok(());
        }
        Err(no_words(asked.name(), name, field.field_type().name()))
    }

    /// Whether a field can be searched at all.
    pub(super) fn is_searchable(&self, field: FieldRef<'m>) -> bool {
        let is = |name: &str| field.parameter(name).as_ref().and_then(Json::as_bool);
        let is_indexed = is("index") != Some(false);
        let by_columns = self.context.mapping.settings().dialect == Dialect::Eight
            && is("doc_values") == Some(true);
        is_indexed || by_columns
    }

    /// A query on a field that every document has.
    pub(super) fn metadata(&mut self, name: &str, asked: Asked<'_>) -> Checked<Option<Test>> {
        if !name.starts_with('_') || self.context.mapping.field(name).is_some() {
            return Ok(None);
        }
        self.sees_routing |= name == "_routing";
        if name == "_ignored" {
            self.wanted.want_ignored();
        }
        let texts = |values: &[Literal]| -> BTreeSet<String> {
            values.iter().map(|value| value.text().to_owned()).collect()
        };
        let test = match (name, asked) {
            ("_id", Asked::Values(values)) => Test::Ids(texts(values)),
            ("_index", Asked::Values(values)) => self.of_index(|name| texts(values).contains(name)),
            ("_index", Asked::Prefix(words)) => self.of_index(|name| name.starts_with(&words.text)),
            ("_index", Asked::Wildcard(words)) => {
                let pattern = Pattern::new(&words.text);
                self.of_index(|name| pattern.matches(name))
            }
            ("_type", Asked::Values(values)) => {
                let own = self.context.mapping.type_name();
                if texts(values).contains(own) { Test::All } else { Test::None }
            }
            ("_seq_no", Asked::Values(_) | Asked::Range(_)) => {
                let domain = Domain::Whole(WholeType::Long);
                let tested = match asked {
                    Asked::Range(range) => Literals::whole_range(WholeType::Long, range)?,
                    Asked::Values(values) => Literals::plain_values(&domain, values)?,
                    Asked::Prefix(_) | Asked::Wildcard(_) | Asked::Near(_) => Tested::Never,
                };
                match tested {
                    Tested::Always => Test::All,
                    Tested::Never => Test::None,
                    Tested::Value(test) => Test::SeqNo(test),
                }
            }
            ("_routing" | "_ignored", Asked::Values(values)) => {
                let tested = Literals::plain_values(&Domain::Term { lowercase: false }, values)?;
                match tested {
                    Tested::Value(test) if name == "_ignored" => Test::Ignored(test),
                    Tested::Value(test) => Test::Routing(test),
                    Tested::Always | Tested::Never => Test::None,
                }
            }
            ("_version" | "_source", _) => {
                let reason = format!("The {name} field is not searchable");
                return Err(QueryError::query_shard(reason));
            }
            ("_id" | "_index" | "_type" | "_routing" | "_ignored", Asked::Range(_)) => {
                let reason =
                    format!("Field [{name}] of type [{name}] does not support range queries");
                return Err(QueryError::creating(QueryError::argument(reason)));
            }
            ("_routing", Asked::Prefix(words)) => Test::Routing(prefix(words)),
            ("_routing", Asked::Wildcard(words)) => Test::Routing(wildcard(words)),
            ("_ignored", Asked::Prefix(words)) => Test::Ignored(prefix(words)),
            ("_ignored", Asked::Wildcard(words)) => Test::Ignored(wildcard(words)),
            (
                "_id" | "_seq_no" | "_type" | "_routing" | "_ignored" | "_index",
                Asked::Prefix(_) | Asked::Wildcard(_) | Asked::Near(_),
            ) => {
                return Err(no_words(asked.name(), name, name));
            }
            _ => Test::None,
        };
        Ok(Some(test))
    }

    /// All documents of the index or none, as one of its names passes.
    fn of_index(&self, passes: impl Fn(&str) -> bool) -> Test {
        let is_it =
            passes(self.context.index) || self.context.aliases.iter().any(|name| passes(name));
        if is_it { Test::All } else { Test::None }
    }

    /// A query for any value of a field, of the fields of an object, or of those of a pattern.
    pub(super) fn exists(&mut self, name: &str) -> Checked<Test> {
        match name {
            "_id" | "_index" | "_type" | "_seq_no" | "_version" | "_primary_term" => {
                return Ok(Test::All);
            }
            "_routing" => {
                self.sees_routing = true;
                return Ok(Test::Routing(ValueTest::Exists));
            }
            "_ignored" => {
                self.wanted.want_ignored();
                return Ok(Test::Ignored(ValueTest::Exists));
            }
            "_source" => {
                return Err(QueryError::query_shard("The _source field is not searchable"));
            }
            _ => {}
        }
        let fields = match self.wanted.find(name)? {
            Found::Field(field) => vec![field],
            Found::Nested(_) => Vec::new(),
            Found::Nothing => self.wanted.below(name),
        };
        let mut slots = Vec::new();
        for field in fields {
            match Domain::of(field) {
                Some(Domain::Constant(Some(_))) => return Ok(Test::All),
                Some(Domain::Constant(None)) => {}
                Some(_) | None => {
                    if leaves_a_trace(field) {
                        slots.push(self.wanted.slot(field));
                    }
                }
            }
        }
        Ok(if slots.is_empty() { Test::None } else { Test::AnyExists(slots) })
    }
}

/// Whether the index knows which documents have a value of the field.
fn leaves_a_trace(field: FieldRef<'_>) -> bool {
    let is = |name: &str| field.parameter(name).as_ref().and_then(Json::as_bool);
    is("index") != Some(false) || is("doc_values") == Some(true)
}

/// The test of a prefix query.
fn prefix(words: &Words) -> ValueTest {
    if words.any_case {
        ValueTest::PrefixAnyCase(words.text.to_lowercase())
    } else {
        ValueTest::Prefix(words.text.clone())
    }
}

/// The test of a wildcard query.
fn wildcard(words: &Words) -> ValueTest {
    if words.any_case {
        ValueTest::WildcardAnyCase(Pattern::new(&words.text.to_lowercase()))
    } else {
        ValueTest::Wildcard(Pattern::new(&words.text))
    }
}

/// A query on terms of a field that has none.
fn no_words(query: &str, name: &str, kind: &str) -> QueryError {
    QueryError::query_shard(format!(
        "Can only use {query} queries on keyword and text fields - not on [{name}] which is of type \
         [{kind}]"
    ))
}

/// A field whose terms are made by a normalizer of the index.
pub(super) fn no_normalizer(name: &str) -> QueryError {
    QueryError::unsupported(format_args!("the normalizer of the field [{name}] is")).of_shard()
}

/// How many of some queries must match.
pub(super) fn least(text: &str, count: usize) -> Checked<usize> {
    let text = text.trim();
    if !text.contains('<') {
        return share(text, count);
    }
    let mut found = count;
    for part in text.split_whitespace() {
        let (bound, rest) = part.split_once('<').ok_or_else(|| QueryError::no_number(part))?;
        let bound: usize = bound.trim().parse().map_err(|_| QueryError::no_number(bound))?;
        if count <= bound {
            return Ok(found);
        }
        found = share(rest, count)?;
    }
    Ok(found)
}

/// A number or a percentage of some queries; a negative one is how many may fail.
fn share(text: &str, count: usize) -> Checked<usize> {
    let all = i64::try_from(count).unwrap_or(i64::MAX);
    let number = |text: &str| -> Checked<i64> {
        text.trim().parse::<i32>().map(i64::from).map_err(|_| QueryError::no_number(text))
    };
    let part = match text.strip_suffix('%') {
        Some(percent) => all.saturating_mul(number(percent)?) / 100,
        None => number(text)?,
    };
    let least = if part < 0 { all + part } else { part };
    Ok(usize::try_from(least).unwrap_or(0))
}
