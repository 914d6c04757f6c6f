//! Reading queries on ranges of values.

use mapping::DateZone;

use crate::{
    error::{Checked, QueryError},
    json::Member,
    query::{Clause, Query, Range, Relation},
};

use super::{Common, Parser};

impl Parser<'_> {
    /// `range`
    pub(super) fn range(&self, parameters: &[Member]) -> Checked<Query> {
        let mut found: Option<(&Member, &[Member])> = None;
        for member in parameters {
            let Some(members) = member.value.members() else {
                return Err(self.unknown("range", member));
            };
            if let Some((other, _)) = found {
                let reason = format!(
                    "[range] query doesn't support multiple fields, found [{}] and [{}]",
                    other.name, member.name
                );
                return Err(self.body.parsing(&member.value, reason));
            }
            found = Some((member, members));
        }
        let (field, members) =
            found.ok_or_else(|| QueryError::argument("field name is null or empty"))?;
        let mut common = Common::default();
        let mut range = Range {
            field: field.name.clone(),
            from: None,
            to: None,
            with_from: true,
            with_to: true,
            format: None,
            zone: DateZone::default(),
            relation: None,
        };
        for member in members {
            if !self.bound(&mut range, member)? && !self.common(&mut common, "range", member)? {
                return Err(self.unknown("range", member));
            }
        }
        Ok(common.of(Clause::Range(Box::new(range))))
    }

    /// Takes a parameter of a range, and says whether it was one.
    fn bound(&self, range: &mut Range, member: &Member) -> Checked<bool> {
        let literal = || self.literal("range", member);
        match member.name.as_str() {
            "gte" | "ge" => (range.from, range.with_from) = (literal()?, true),
            "gt" => (range.from, range.with_from) = (literal()?, false),
            "lte" | "le" => (range.to, range.with_to) = (literal()?, true),
            "lt" => (range.to, range.with_to) = (literal()?, false),
            "from" => range.from = literal()?,
            "to" => range.to = literal()?,
            "include_lower" | "includeLower" => range.with_from = self.boolean(&member.value)?,
            "include_upper" | "includeUpper" => range.with_to = self.boolean(&member.value)?,
            "format" => range.format = member.value.scalar().map(str::to_owned),
            "time_zone" => range.zone = zone(member.value.scalar().unwrap_or_default())?,
            "relation" => {
                range.relation = Some(relation(member.value.scalar().unwrap_or_default())?)
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// A zone of time.
pub(super) fn zone(text: &str) -> Checked<DateZone> {
    DateZone::named(text).ok_or_else(|| {
        QueryError::unsupported(format_args!(
            "[time_zone] takes an offset such as [+01:00]; the zone [{text}] is"
        ))
    })
}

/// How ranges are compared.
fn relation(text: &str) -> Checked<Relation> {
    match text.to_ascii_lowercase().as_str() {
        "intersects" => Ok(Relation::Intersects),
        "within" => Ok(Relation::Within),
        "contains" => Ok(Relation::Contains),
        "disjoint" => {
            let reason = format!("[range] query does not support relation [{text}]");
            Err(QueryError::argument(reason))
        }
        _ => Err(QueryError::argument(format!("{text} is not a valid relation"))),
    }
}
