//! Reading queries that are written as a text.

use mapping::DateZone;

use crate::{
    edits::{Edits, Fuzziness},
    error::{Checked, QueryError},
    json::{Member, Node},
    number,
    query::{Clause, Matching, Query},
    query_string::{Language, Operators, QueryString},
};

use super::{
    Common, Parser,
    matching::{boosted, is_and, many_kind},
    range::zone,
};

impl Parser<'_> {
    /// `query_string`
    pub(super) fn query_string(&self, node: &Node, parameters: &[Member]) -> Checked<Query> {
        const QUERY: &str = "query_string";
        let mut common = Common::default();
        let mut asked = empty(Language::Lines { leading_wildcard: true });
        let (mut text, mut default_field) = (None, None);
        let (mut kind, mut tie_breaker) = ("best_fields", None);
        let mut escapes = false;
        for member in parameters {
            let value = &member.value;
            let scalar = || value.scalar().ok_or_else(|| self.unexpected(QUERY, member));
            match member.name.as_str() {
                "query" => text = Some(scalar()?.to_owned()),
                "default_field" if value.is_null() => {}
                "default_field" => default_field = Some(scalar()?.to_owned()),
                "allow_leading_wildcard" => {
                    let leading_wildcard = self.boolean(value)?;
                    asked.language = Language::Lines { leading_wildcard };
                }
                "escape" => escapes = self.boolean(value)?,
                "type" => kind = scalar()?,
                "phrase_slop" => {
                    let negative = || QueryError::argument("No negative slop allowed.");
                    let slop = number::truncated(scalar()?)?;
                    asked.slop = usize::try_from(slop).map_err(|_| negative())?;
                }
                "time_zone" => asked.zone = zone(scalar()?)?,
                "tie_breaker" => {
                    let share = scalar()?;
                    let share: f32 = share.parse().map_err(|_| QueryError::no_number(share))?;
                    tie_breaker = Some(share);
                }
                "quote_analyzer" | "quote_field_suffix" => {
                    let what = format!("[{}] of [{QUERY}] is", member.name);
                    return Err(QueryError::unsupported(what));
                }
                "fuzziness" => asked.fuzziness.edits = Edits::read(scalar()?)?,
                // They only matter where terms have synonyms, or to how much is done.
                "enable_position_increments"
                | "fuzzy_rewrite"
                | "rewrite"
                | "max_determinized_states"
                | "auto_generate_synonyms_phrase_query"
                | "analyze_wildcard" => drop(scalar()?),
                _ if self.about_words(&mut asked, QUERY, member)? => {}
                _ if self.common(&mut common, QUERY, member)? => {}
                _ => return Err(self.unknown(QUERY, member)),
            }
        }
        let nothing = || self.body.parsing(node, "[query_string] must be provided with a [query]");
        asked.text = text.ok_or_else(nothing)?;
        if escapes {
            asked.text = escaped(&asked.text);
        }
        if let Some(name) = default_field {
            if !asked.fields.is_empty() {
                let reason = "cannot use [fields] parameter in conjunction with [default_field]";
                let cause = QueryError::argument(reason);
                return Err(QueryError::creating(cause));
            }
            asked.fields = vec![(name, 1.0)];
        }
        let usual = many_kind(&mut asked.how, kind)?;
        asked.tie_breaker = tie_breaker.or(usual).filter(|share| *share != 1.0);
        Ok(common.of(Clause::Written(Box::new(asked))))
    }

    /// `simple_query_string`
    pub(super) fn simple_query_string(&self, node: &Node, parameters: &[Member]) -> Checked<Query> {
        const QUERY: &str = "simple_query_string";
        let mut common = Common::default();
        let mut asked = empty(Language::Simple(Operators::ALL));
        let mut text = None;
        for member in parameters {
            let value = &member.value;
            let scalar = || value.scalar().ok_or_else(|| self.unexpected(QUERY, member));
            match member.name.as_str() {
                "query" => text = Some(scalar()?.to_owned()),
                "flags" => {
                    let list = scalar()?;
                    let numbered = list.parse().ok().map(Operators::numbered);
                    let named = numbered.or_else(|| Operators::named(list));
                    let unknown = || {
                        let reason = format!("Unknown {QUERY} flag [{list}]");
                        QueryError::argument(reason)
                    };
                    asked.language = Language::Simple(named.ok_or_else(unknown)?);
                }
                "quote_field_suffix" => {
                    return Err(QueryError::unsupported(format!(
                        "[{}] of [{QUERY}] is",
                        member.name
                    )));
                }
                // What 5.x had, and later ones pass over, is among them.
                "auto_generate_synonyms_phrase_query"
                | "analyze_wildcard"
                | "lowercase_expanded_terms"
                | "locale" => drop(scalar()?),
                _ if self.about_words(&mut asked, QUERY, member)? => {}
                _ if self.common(&mut common, QUERY, member)? => {}
                name => {
                    let reason = format!("[{QUERY}] unsupported field [{name}]");
                    return Err(self.body.parsing(value, reason));
                }
            }
        }
        let nothing = || self.body.parsing(node, format!("[{QUERY}] query text missing"));
        asked.text = text.ok_or_else(nothing)?;
        Ok(common.of(Clause::Written(Box::new(asked))))
    }

    /// Takes a parameter that both have, and says whether it was one.
    fn about_words(&self, asked: &mut QueryString, query: &str, member: &Member) -> Checked<bool> {
        let value = &member.value;
        let scalar = || value.scalar().ok_or_else(|| self.unexpected(query, member));
        match member.name.as_str() {
            "fields" => {
                let names = value.elements().ok_or_else(|| self.unknown(query, member))?;
                for name in names {
                    asked.fields.push(boosted(name.scalar().unwrap_or_default())?);
                }
            }
            "default_operator" => asked.how.every = is_and(scalar()?)?,
            "analyzer" => asked.how.analyzer = Some(scalar()?.to_owned()),
            "fuzzy_prefix_length" => {
                let length = number::truncated(scalar()?)?;
                asked.fuzziness.prefix = usize::try_from(length).unwrap_or(0);
            }
            "fuzzy_transpositions" => asked.fuzziness.transpositions = self.boolean(value)?,
            "fuzzy_max_expansions" => drop(scalar()?),
            "lenient" => asked.lenient = Some(self.boolean(value)?),
            "minimum_should_match" => asked.how.least = Some(scalar()?.to_owned()),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// A query of no text.
fn empty(language: Language) -> QueryString {
    QueryString {
        text: String::new(),
        language,
        fields: Vec::new(),
        how: Matching::default(),
        slop: 0,
        fuzziness: Fuzziness::default(),
        lenient: None,
        tie_breaker: None,
        zone: DateZone::default(),
    }
}

/// A text in which nothing has a meaning of its own (Lucene's `QueryParserBase.escape`).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\+-!():^[]\"{}~*?|&/".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
