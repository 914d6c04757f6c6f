//! From what a text says to tests.

use crate::{
    edits::{Edits, Fuzziness, Near},
    error::{Checked, QueryError},
    field::{Domain, Found},
    query::{Literal, MatchKind, MultiMatch, Range, Words},
    query_string::{Bounds, Expression, Occur, QueryString},
};

use super::{
    compile::{Asked, Compiler, least},
    test::{Group, Scored, Test},
};

/// The name of a field and what its score is multiplied with.
type Weighed = (String, f32);

/// In which way terms are like a text.
#[derive(Clone, Copy)]
enum Kind<'f> {
    Prefix,
    Wildcard,
    Near(&'f Fuzziness),
}

impl Compiler<'_, '_> {
    /// A query that is written as a text.
    pub(super) fn written(&mut self, asked: &QueryString) -> Checked<Test> {
        let says = asked.expression()?;
        let mut test = self.says(asked, &says)?;
        if let (Test::Group(group), Some(text)) = (&mut test, &asked.how.least) {
            let asked = least(text, group.should.len()).map_err(QueryError::creating)?;
            group.least = group.least.max(asked);
        }
        Ok(test)
    }

    fn says(&mut self, asked: &QueryString, says: &Expression) -> Checked<Test> {
        match says {
            Expression::Nothing => Ok(Test::None),
            Expression::All => Ok(Test::All),
            Expression::Words { field, text } => {
                self.terms(asked, field.as_deref(), text, asked.how.kind, asked.how.slop)
            }
            Expression::Phrase { field, text, slop } => {
                let slop = slop.unwrap_or(asked.slop);
                self.terms(asked, field.as_deref(), text, MatchKind::Phrase, slop)
            }
            Expression::Near { field, text, edits } => {
                let mut fuzziness = asked.fuzziness.clone();
                if let Some(edits) = edits.and_then(|edits| Edits::of(edits.into())) {
                    fuzziness.edits = edits;
                }
                self.pattern(asked, field.as_deref(), text, Kind::Near(&fuzziness))
            }
            Expression::Prefix { field, text } => {
                self.pattern(asked, field.as_deref(), text, Kind::Prefix)
            }
            Expression::Wildcard { field, text } if text == "*" => match field.as_deref() {
                Some("*") => Ok(Test::All),
                None if self.means_all(asked) => Ok(Test::All),
                Some(name) => self.exists(name),
                None => self.on_each(asked, None, |this, name| this.exists(name)),
            },
            Expression::Wildcard { field, text } => {
                self.pattern(asked, field.as_deref(), text, Kind::Wildcard)
            }
            Expression::Range { field, bounds } => self.bounds(asked, field.as_deref(), bounds),
            Expression::Exists(name) => self.exists(name),
            Expression::Boosted(inner, boost) => {
                let test = self.says(asked, inner)?;
                Ok(Test::Best(vec![Scored { test, boost: *boost }], 0.0))
            }
            Expression::Clauses(clauses) => self.clauses(asked, clauses),
        }
    }

    fn clauses(&mut self, asked: &QueryString, clauses: &[(Occur, Expression)]) -> Checked<Test> {
        let mut group = Group::default();
        for (occur, clause) in clauses {
            let scored = Scored { test: self.says(asked, clause)?, boost: 1.0 };
            match occur {
                Occur::Must => group.must.push(scored),
                Occur::Should => group.should.push(scored),
                Occur::MustNot => group.must_not.push(scored),
            }
        }
        // All but those: they are all alike (`fixNegativeQueryIfNeeded`).
        if group.must.is_empty() && group.should.is_empty() {
            group.filter.push(Scored { test: Test::All, boost: 1.0 });
        }
        group.least = usize::from(group.must.is_empty() && !group.should.is_empty());
        Ok(Test::Group(group))
    }

    /// Whether what names no field means all of them.
    fn means_all(&self, asked: &QueryString) -> bool {
        match asked.fields.as_slice() {
            [] => self.context.default_field.is_none_or(|names| names == "*"),
            [(name, _)] => name == "*",
            _ => false,
        }
    }

    fn is_lenient(&self, asked: &QueryString) -> bool {
        asked.lenient.unwrap_or_else(|| self.means_all(asked))
    }

    /// The terms of some words.
    fn terms(
        &mut self,
        asked: &QueryString,
        field: Option<&str>,
        text: &str,
        kind: MatchKind,
        slop: usize,
    ) -> Checked<Test> {
        let mut how = asked.how.clone();
        (how.kind, how.slop, how.least) = (kind, slop, None);
        how.lenient = self.is_lenient(asked);
        let fields = match field {
            Some(name) => vec![(name.to_owned(), 1.0)],
            None => asked.fields.clone(),
        };
        let (text, tie_breaker) = (Literal::Text(text.to_owned()), asked.tie_breaker);
        self.multi_match(&MultiMatch { fields, text, how, tie_breaker })
    }

    /// Terms that are like a text in some way.
    fn pattern(
        &mut self,
        asked: &QueryString,
        field: Option<&str>,
        text: &str,
        kind: Kind<'_>,
    ) -> Checked<Test> {
        self.on_each(asked, field, |this, name| {
            let lowers = match this.wanted.find(name) {
                Ok(Found::Field(field)) => match Domain::of(field) {
                    Some(Domain::Term { lowercase }) => lowercase,
                    Some(Domain::Text) => {
                        this.analyzer(field, &["search_analyzer", "analyzer"])?.lowers()
                    }
                    Some(Domain::Constant(_)) | None => false,
                    // It has no terms of any pattern; the others say that they cannot.
                    Some(_) if matches!(kind, Kind::Wildcard) => return Ok(Test::None),
                    Some(_) => false,
                },
                Ok(_) | Err(_) => false,
            };
            let text = if lowers { text.to_lowercase() } else { text.to_owned() };
            let words = |text| Words { text, any_case: false };
            match kind {
                Kind::Prefix => this.field(name, Asked::Prefix(&words(text))),
                Kind::Wildcard => this.field(name, Asked::Wildcard(&words(text))),
                Kind::Near(fuzziness) => {
                    this.field(name, Asked::Near(&Near::new(&text, fuzziness)))
                }
            }
        })
    }

    /// Values within bounds.
    fn bounds(
        &mut self,
        asked: &QueryString,
        field: Option<&str>,
        bounds: &Bounds,
    ) -> Checked<Test> {
        let literal = |bound: &Option<String>| bound.clone().map(Literal::Text);
        let mut range = Range {
            field: String::new(),
            from: literal(&bounds.from),
            to: literal(&bounds.to),
            with_from: bounds.with_from,
            with_to: bounds.with_to,
            format: None,
            zone: asked.zone,
            relation: None,
        };
        self.on_each(asked, field, |this, name| {
            name.clone_into(&mut range.field);
            this.field(name, Asked::Range(&range))
        })
    }

    /// A query on each of the fields that are meant, of which the best scores.
    fn on_each(
        &mut self,
        asked: &QueryString,
        field: Option<&str>,
        mut query: impl FnMut(&mut Self, &str) -> Checked<Test>,
    ) -> Checked<Test> {
        let is_lenient = self.is_lenient(asked);
        let usual = self.context.default_field.unwrap_or("*").split(',');
        let fields: Vec<Weighed> = match field {
            Some(name) => vec![(name.to_owned(), 1.0)],
            None if asked.fields.is_empty() => {
                usual.map(|name| (name.trim().to_owned(), 1.0)).collect()
            }
            None => asked.fields.clone(),
        };
        let mut tests = Vec::new();
        for (pattern, boost) in fields {
            let is_pattern = pattern.contains('*');
            let names = if is_pattern { self.searchable(&pattern)? } else { vec![pattern] };
            for name in names {
                let test = match query(self, &name) {
                    Err(_) if is_lenient || is_pattern => continue,
                    test => test?,
                };
                tests.push(Scored { test, boost });
            }
        }
        Ok(match (tests.len(), tests.pop()) {
            (_, None) => Test::None,
            (1, Some(Scored { test, boost: 1.0 })) => test,
            (_, Some(last)) => {
                tests.push(last);
                Test::Best(tests, asked.tie_breaker.unwrap_or(1.0))
            }
        })
    }
}
