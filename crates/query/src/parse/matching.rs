//! Reading queries for the terms of a text.

use crate::{
    edits::{Edits, Fuzziness},
    error::{Checked, QueryError},
    json::{Kind, Member, Node},
    number,
    query::{Clause, Literal, Match, MatchKind, Matching, MultiMatch, Query},
};

use super::{Common, Parser};

impl Parser<'_> {
    /// `match` and its kin on one field.
    pub(super) fn matching(
        &self,
        kind: MatchKind,
        node: &Node,
        parameters: &[Member],
    ) -> Checked<Query> {
        let query = kind.name();
        let nothing = |node| self.body.parsing(node, "No text specified for text query");
        if parameters.is_empty() {
            return Err(nothing(node));
        }
        let field = self.one_field(query, parameters)?;
        let mut common = Common::default();
        let mut how = Matching { kind, ..Matching::default() };
        let text = match &field.value.kind {
            Kind::Object(members) => {
                let mut text = None;
                for member in members {
                    match member.name.as_str() {
                        "query" => {
                            text = self.literal(query, member)?;
                            if text.is_none() {
                                return Err(self.unexpected(query, member));
                            }
                        }
                        _ if self.how(&mut how, query, member)? => {}
                        _ if self.common(&mut common, query, member)? => {}
                        _ => return Err(self.unknown(query, member)),
                    }
                }
                text
            }
            Kind::Array(_) => return Err(self.unexpected(query, field)),
            Kind::Text(_) | Kind::Number(_) | Kind::Boolean(_) | Kind::Null => {
                self.literal(query, field)?
            }
        };
        let text = text.ok_or_else(|| nothing(&field.value))?;
        let asked = Match { field: field.name.clone(), text, how };
        Ok(common.of(Clause::Match(Box::new(asked))))
    }

    /// Takes a parameter that says how terms are looked for, and says whether it was one.
    fn how(&self, how: &mut Matching, query: &str, member: &Member) -> Checked<bool> {
        let scalar = || member.value.scalar().ok_or_else(|| self.unexpected(query, member));
        let is_phrase = matches!(how.kind, MatchKind::Phrase | MatchKind::PhrasePrefix);
        let several = query == "multi_match";
        match member.name.as_str() {
            "operator" if !is_phrase || several => how.every = is_and(scalar()?)?,
            "minimum_should_match" if !is_phrase || several => {
                how.least = Some(scalar()?.to_owned());
            }
            "slop" if is_phrase || several => {
                let slop = number::truncated(scalar()?)?;
                let negative = || QueryError::argument("No negative slop allowed.");
                how.slop = usize::try_from(slop).map_err(|_| negative())?;
            }
            "analyzer" => how.analyzer = Some(scalar()?.to_owned()),
            "lenient" if !is_phrase || several => how.lenient = self.boolean(&member.value)?,
            "zero_terms_query" => how.none_is_all = none_is_all(self, member, scalar()?)?,
            "max_expansions" => {
                if number::truncated(scalar()?)? < 0 {
                    return Err(QueryError::argument("No negative maxExpansions allowed."));
                }
            }
            "fuzziness" if !is_phrase => {
                how.near.get_or_insert_default().edits = Edits::read(scalar()?)?;
            }
            "prefix_length" if !is_phrase => {
                let length = number::truncated(scalar()?)?;
                let near = how
                    .near
                    .get_or_insert(Fuzziness { edits: Edits::Exactly(0), ..Fuzziness::default() });
                near.prefix = usize::try_from(length)
                    .map_err(|_| QueryError::argument("No negative prefix length allowed."))?;
            }
            "fuzzy_transpositions" if !is_phrase => {
                let near = how
                    .near
                    .get_or_insert(Fuzziness { edits: Edits::Exactly(0), ..Fuzziness::default() });
                near.transpositions = self.boolean(&member.value)?;
            }
            "cutoff_frequency" => {
                let what = format!("[{}] of [{query}] is", member.name);
                return Err(QueryError::unsupported(what));
            }
            // They only matter to how much is done, and where terms have synonyms.
            "fuzzy_rewrite" | "auto_generate_synonyms_phrase_query" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// `multi_match`
    pub(super) fn multi_match(&self, node: &Node, parameters: &[Member]) -> Checked<Query> {
        const QUERY: &str = "multi_match";
        let mut common = Common::default();
        let (mut how, mut text) = (Matching::default(), None);
        let mut tie_breaker = None;
        let mut fields = Vec::new();
        let mut kind = "best_fields";
        for member in parameters {
            let value = &member.value;
            match member.name.as_str() {
                "query" => text = self.literal(QUERY, member)?,
                "type" => kind = value.scalar().unwrap_or_default(),
                "fields" => {
                    let names = value.elements().unwrap_or(std::slice::from_ref(value));
                    for name in names {
                        fields.push(boosted(name.scalar().unwrap_or_default())?);
                    }
                }
                "tie_breaker" => {
                    let share = value.scalar().unwrap_or_default();
                    let share: f32 = share.parse().map_err(|_| QueryError::no_number(share))?;
                    tie_breaker = Some(share);
                }
                _ if self.how(&mut how, QUERY, member)? => {}
                _ if self.common(&mut common, QUERY, member)? => {}
                _ => return Err(self.unknown(QUERY, member)),
            }
        }
        let usual = many_kind(&mut how, kind)?;
        let nothing = "No text specified for multi_match query";
        let text: Literal = text.ok_or_else(|| self.body.parsing(node, nothing))?;
        let tie_breaker = tie_breaker.or(usual).filter(|share| *share != 1.0);
        if tie_breaker.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            let reason = "tieBreakerMultiplier must be in [0, 1]";
            return Err(QueryError::creating(QueryError::argument(reason)));
        }
        let asked = MultiMatch { fields, text, how, tie_breaker };
        Ok(common.of(Clause::MultiMatch(Box::new(asked))))
    }

    /// `dis_max`
    pub(super) fn best(&self, node: &Node, parameters: &[Member]) -> Checked<Query> {
        let mut common = Common::default();
        let mut share = 0.0;
        let mut queries = Vec::new();
        for member in parameters {
            match (member.name.as_str(), &member.value.kind) {
                ("queries", Kind::Object(_)) => {
                    queries.push(self.query(&member.value)?);
                }
                ("queries", Kind::Array(elements)) => {
                    for element in elements {
                        queries.push(self.query(element)?);
                    }
                }
                ("tie_breaker", Kind::Number(text) | Kind::Text(text)) => {
                    share = text.parse().map_err(|_| QueryError::no_number(text))?;
                }
                _ if self.common(&mut common, "dis_max", member)? => {}
                _ => return Err(self.unknown("dis_max", member)),
            }
        }
        if queries.is_empty() {
            let reason = "[dis_max] requires 'queries' field with at least one clause";
            return Err(self.body.parsing(node, reason));
        }
        Ok(common.of(Clause::Best(queries, share)))
    }
}

/// What a type of `multi_match` makes of its parts, and the share of the fields beside the best.
pub(super) fn many_kind(how: &mut Matching, kind: &str) -> Checked<Option<f32>> {
    let (kind, share) = match kind {
        "best_fields" => (MatchKind::Words, Some(0.0)),
        "most_fields" => (MatchKind::Words, None),
        "phrase" => (MatchKind::Phrase, Some(0.0)),
        "phrase_prefix" => (MatchKind::PhrasePrefix, Some(0.0)),
        "bool_prefix" => (MatchKind::WordsPrefix, None),
        // Its terms may be spread over the fields.
        "cross_fields" if !how.every && how.least.is_none() => (MatchKind::Words, Some(0.0)),
        "cross_fields" => {
            return Err(QueryError::unsupported(
                "[cross_fields] of [multi_match] that asks for more than one term is",
            ));
        }
        _ => {
            let reason =
                format!("failed to parse [multi_match] query type [{kind}]. unknown type.");
            return Err(QueryError::new("parse_exception", reason));
        }
    };
    how.kind = kind;
    Ok(share)
}

/// Whether all terms are asked for.
pub(super) fn is_and(text: &str) -> Checked<bool> {
    match text.to_ascii_uppercase().as_str() {
        "AND" => Ok(true),
        "OR" => Ok(false),
        upper => {
            let reason = format!("No enum constant org.elasticsearch.index.query.Operator.{upper}");
            Err(QueryError::argument(reason))
        }
    }
}

/// Whether a text without terms finds everything.
fn none_is_all(parser: &Parser<'_>, member: &Member, text: &str) -> Checked<bool> {
    match text.to_ascii_lowercase().as_str() {
        "all" => Ok(true),
        "none" => Ok(false),
        _ => {
            let reason = format!("Unsupported zero_terms_query value [{text}]");
            Err(parser.body.parsing(&member.value, reason))
        }
    }
}

/// A field and what its score is multiplied with, as `name^2`.
pub(super) fn boosted(text: &str) -> Checked<(String, f32)> {
    let Some((name, boost)) = text.split_once('^') else { return Ok((text.to_owned(), 1.0)) };
    let boost: f32 = boost.parse().map_err(|_| QueryError::no_number(boost))?;
    if boost < 0.0 {
        let reason = "negative [boost] are not allowed in [multi_match], use a value between 0 and 1 to deboost";
        return Err(QueryError::argument(reason));
    }
    Ok((name.to_owned(), boost))
}
