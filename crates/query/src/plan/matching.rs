//! From a text whose terms are looked for to tests.

use std::collections::BTreeSet;

use mapping::FieldRef;

use crate::{
    analysis::{Analyzer, Token},
    edits::Near,
    error::{Checked, QueryError},
    field::{Domain, Found},
    phrase::Phrase,
    query::{Literal, MatchKind, Matching, MultiMatch},
    value::{Value, ValueTest},
};

use super::{
    compile::{Asked, CLAUSES_MAX, Compiler, least, no_normalizer},
    test::{Group, Scored, Test},
};

impl<'m> Compiler<'_, 'm> {
    /// The terms of a text in a field.
    pub(super) fn matching(&mut self, name: &str, text: &Literal, how: &Matching) -> Checked<Test> {
        let value = Asked::Values(std::slice::from_ref(text));
        if let Some(test) = self.metadata(name, value)? {
            return Ok(test);
        }
        let field = match self.wanted.find(name)? {
            Found::Field(field) => field,
            Found::Nested(_) | Found::Nothing => return Ok(Test::None),
        };
        if Domain::of(field) != Some(Domain::Text) {
            if how.kind == MatchKind::PhrasePrefix && !how.lenient {
                return Err(no_phrase_prefix(name, field));
            }
            let near = how.near.as_ref().map(|fuzziness| Near::new(text.text(), fuzziness));
            let has_terms = matches!(Domain::of(field), Some(Domain::Term { .. }));
            let asked = near.as_ref().filter(|_| has_terms).map_or(value, Asked::Near);
            return match self.field(name, asked) {
                Err(_) if how.lenient => Ok(Test::None),
                test => test,
            };
        }
        if !self.is_searchable(field) {
            let reason = format!("Cannot search on field [{name}] since it is not indexed.");
            return Err(QueryError::creating(QueryError::argument(reason)));
        }
        self.analyzer(field, &["analyzer"])?;
        let tokens = self.search_analyzer(field, how)?.tokens(text.text());
        self.tokens(field, &tokens, how)
    }

    /// Some terms in a text field.
    fn tokens(&mut self, field: FieldRef<'m>, tokens: &[Token], how: &Matching) -> Checked<Test> {
        let Some((last, others)) = tokens.split_last() else {
            return Ok(if how.none_is_all { Test::All } else { Test::None });
        };
        if tokens.len() > CLAUSES_MAX {
            let reason = format!("maxClauseCount is set to {CLAUSES_MAX}");
            return Err(QueryError::creating(QueryError::new("too_many_clauses", reason)));
        }
        let slot = self.wanted.slot(field);
        let ends_open = matches!(how.kind, MatchKind::WordsPrefix | MatchKind::PhrasePrefix);
        let is_phrase = matches!(how.kind, MatchKind::Phrase | MatchKind::PhrasePrefix);
        let one = |test| Scored { test: Test::Field(slot, test), boost: 1.0 };
        let same = |token: &Token| match &how.near {
            Some(fuzziness) if !is_phrase => ValueTest::Near(Near::new(&token.term, fuzziness)),
            Some(_) | None => ValueTest::Among(BTreeSet::from([term(token)]), Vec::new()),
        };
        let end = if ends_open { ValueTest::Prefix(last.term.clone()) } else { same(last) };
        if others.is_empty() {
            return Ok(Test::Field(slot, end));
        }
        if is_phrase {
            let first = tokens.first().map_or(0, |token| token.position);
            let terms = tokens.iter().map(|token| (token.position - first, token.term.clone()));
            let phrase = Phrase::new(terms.collect(), ends_open, how.slop);
            return Ok(Test::Field(slot, ValueTest::Phrase(phrase)));
        }
        let mut tests: Vec<Scored> = others.iter().map(|token| one(same(token))).collect();
        tests.push(one(end));
        let mut group = Group::default();
        if how.every {
            group.must = tests;
        } else {
            let asked = how.least.as_deref().map(|text| least(text, tests.len())).transpose();
            group.least = asked.map_err(QueryError::creating)?.unwrap_or(0).max(1);
            group.should = tests;
        }
        Ok(Test::Group(group))
    }

    /// The analyzer of a text that is looked for.
    fn search_analyzer(&self, field: FieldRef<'_>, how: &Matching) -> Checked<Analyzer> {
        let Some(name) = &how.analyzer else {
            let is_phrase = matches!(how.kind, MatchKind::Phrase | MatchKind::PhrasePrefix);
            let own = if is_phrase { "search_quote_analyzer" } else { "search_analyzer" };
            return self.analyzer(field, &[own, "search_analyzer", "analyzer"]);
        };
        let settings = self.context.mapping.settings();
        match Analyzer::named(name).filter(|_| !settings.analyzers.contains(name)) {
            Some(analyzer) => Ok(analyzer),
            None if settings.has_analyzer(name) => Err(no_analyzer(name)),
            None => {
                let query = how.kind.name();
                let reason = format!("[{query}] analyzer [{name}] not found");
                Err(QueryError::query_shard(reason))
            }
        }
    }

    /// The analyzer that the first of some parameters of a text field names.
    pub(super) fn analyzer(&self, field: FieldRef<'_>, parameters: &[&str]) -> Checked<Analyzer> {
        let own = self.wanted.analyzer(field, parameters).map_err(|name| no_analyzer(&name))?;
        let settings = self.context.mapping.settings();
        let is_default = parameters.iter().all(|name| field.parameter(name).is_none());
        if is_default && parameters.len() > 1 && settings.analyzers.contains("default_search") {
            return Err(no_analyzer("default_search"));
        }
        Ok(own)
    }

    /// The terms of a text in several fields.
    pub(super) fn multi_match(&mut self, asked: &MultiMatch) -> Checked<Test> {
        let usual = self.context.default_field.unwrap_or("*").split(',');
        let usual: Vec<(String, f32)> = usual.map(|name| (name.trim().to_owned(), 1.0)).collect();
        let patterns = if asked.fields.is_empty() { &usual } else { &asked.fields };
        let mut tests = Vec::new();
        for (pattern, boost) in patterns {
            let mut how = asked.how.clone();
            let names = if pattern.contains('*') {
                how.lenient = true;
                self.searchable(pattern)?
            } else {
                vec![pattern.clone()]
            };
            for name in names {
                let test = self.matching(&name, &asked.text, &how)?;
                tests.push(Scored { test, boost: *boost });
            }
        }
        if tests.len() > CLAUSES_MAX {
            let count = tests.len();
            let reason = format!(
                "field expansion matches too many fields, limit: {CLAUSES_MAX}, got: {count}"
            );
            return Err(QueryError::creating(QueryError::argument(reason)));
        }
        if tests.iter().all(|scored| scored.is_all()) && !tests.is_empty() {
            return Ok(Test::All);
        }
        Ok(match asked.tie_breaker {
            Some(share) => Test::Best(tests, share),
            None => Test::Group(Group { should: tests, least: 1, ..Group::default() }),
        })
    }

    /// The fields of a pattern that a text can be looked for in. One whose terms this server cannot
    /// make is an error: to leave it out would be to miss what is there.
    pub(super) fn searchable(&self, pattern: &str) -> Checked<Vec<String>> {
        let mut names = Vec::new();
        for (name, _) in self.context.mapping.definitions(pattern) {
            let Ok(Found::Field(field)) = self.wanted.find(&name) else { continue };
            if !self.is_searchable(field) {
                continue;
            }
            match Domain::of(field) {
                Some(Domain::Other) => continue,
                Some(Domain::Text) => {
                    self.analyzer(field, &["search_analyzer", "analyzer"])?;
                }
                Some(_) => {}
                None => return Err(no_normalizer(&name)),
            }
            names.push(name);
        }
        Ok(names)
    }
}

/// A term as a value.
fn term(token: &Token) -> Value {
    Value::Term(token.term.as_str().into())
}

/// An analyzer that this server has not.
pub(crate) fn no_analyzer(name: &str) -> QueryError {
    QueryError::unsupported(format_args!("the analyzer [{name}] is")).of_shard()
}

/// A phrase with a prefix in a field that has no phrases.
fn no_phrase_prefix(name: &str, field: FieldRef<'_>) -> QueryError {
    let kind = field.field_type().name();
    let reason = format!(
        "Can only use phrase prefix queries on text fields - not on [{name}] which is of type [{kind}]"
    );
    QueryError::creating(QueryError::new("illegal_argument_exception", reason))
}
