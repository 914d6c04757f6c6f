//! Reading queries that are made of queries.

use crate::{
    error::Checked,
    json::{Kind, Member, Node},
    query::{Bool, Clause, Query},
};

use super::{Common, Parser};

impl Parser<'_> {
    /// `bool`
    pub(super) fn compound(&self, parameters: &[Member]) -> Checked<Query> {
        let mut common = Common::default();
        let mut parts = Bool::default();
        for member in parameters {
            let clauses = match member.name.as_str() {
                "must" => &mut parts.must,
                "filter" => &mut parts.filter,
                "should" => &mut parts.should,
                "must_not" | "mustNot" => &mut parts.must_not,
                "minimum_should_match" => {
                    let text = member.value.scalar();
                    parts.least =
                        Some(text.ok_or_else(|| self.unknown("bool", member))?.to_owned());
                    continue;
                }
                "adjust_pure_negative" => {
                    parts.adjusts = Some(self.boolean(&member.value)?);
                    continue;
                }
                "disable_coord" => continue,
                name if !self.common(&mut common, "bool", member)? => {
                    let reason = format!("[bool] query does not support [{name}]");
                    return Err(self.body.parsing(&member.value, reason));
                }
                _ => continue,
            };
            self.clauses(member, clauses)?;
        }
        Ok(common.of(Clause::Bool(parts)))
    }

    /// One query or several.
    fn clauses(&self, member: &Member, clauses: &mut Vec<Query>) -> Checked<()> {
        match &member.value.kind {
            Kind::Object(_) => clauses.push(self.query(&member.value)?),
            Kind::Array(elements) => {
                for element in elements {
                    clauses.push(self.query(element)?);
                }
            }
            Kind::Null => {}
            Kind::Text(_) | Kind::Number(_) | Kind::Boolean(_) => {
                return Err(self.unknown("bool", member));
            }
        }
        Ok(())
    }

    /// `constant_score`
    pub(super) fn constant(&self, node: &Node, parameters: &[Member]) -> Checked<Query> {
        let mut common = Common::default();
        let mut filter = None;
        for member in parameters {
            match member.name.as_str() {
                "filter" if member.value.members().is_some() => {
                    filter = Some(self.query(&member.value)?);
                }
                _ if member.value.elements().is_some() => {
                    return Err(self.body.parsing(&member.value, "unexpected token [START_ARRAY]"));
                }
                _ if !self.common(&mut common, "constant_score", member)? => {
                    return Err(self.unknown("constant_score", member));
                }
                _ => {}
            }
        }
        let Some(filter) = filter else {
            return Err(self.body.parsing(node, "[constant_score] requires a 'filter' element"));
        };
        Ok(common.of(Clause::Constant(Box::new(filter))))
    }
}
