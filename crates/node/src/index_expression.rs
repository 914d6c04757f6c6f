//! Index expressions: lists of names, aliases, wildcards, exclusions and date math.

use std::{collections::BTreeSet, sync::Arc};

use document::Timestamp;
use indexmap::IndexMap;

use crate::{Alias, Error, Index, catalog::View, date_math, matches_glob};

/// How an expression is read.
#[derive(Clone, Copy, Debug)]
pub struct Expansion {
    /// Whether names that lead nowhere, or to a closed index, are passed over.
    pub ignores_unavailable: bool,
    /// Whether finding nothing is fine.
    pub allows_none: bool,
    /// Whether wildcards stand for open indices.
    pub open: bool,
    /// Whether wildcards stand for closed indices.
    pub closed: bool,
    /// Whether wildcards stand for hidden indices too.
    pub hidden: bool,
    /// Whether aliases are no names here.
    pub refuses_aliases: bool,
    /// Whether a closed index cannot be meant.
    pub refuses_closed: bool,
}

impl Expansion {
    /// Open indices, and nothing is no error.
    pub const OPEN: Self = Self {
        ignores_unavailable: false,
        allows_none: true,
        open: true,
        closed: false,
        hidden: false,
        refuses_aliases: false,
        refuses_closed: true,
    };
    /// Indices in any state.
    pub const ALL: Self = Self { closed: true, refuses_closed: false, ..Self::OPEN };

    fn shows(self, index: &Index, glob: &str, is_hidden: bool) -> bool {
        let dotted = glob.starts_with('.') && index.name().starts_with('.');
        let state = if index.metadata().closed { self.closed } else { self.open };
        state && (!is_hidden || self.hidden || dotted)
    }
}

/// Whether a part of an expression stands for many names.
#[must_use]
pub fn is_wild(part: &str) -> bool {
    part.contains('*') || part == "_all"
}

type Found = IndexMap<Arc<str>, Arc<Index>>;

/// An index, and what is said of the alias it is named by.
type Named = (Arc<Index>, Option<Alias>);

impl View {
    /// The indices that an expression names, in the order in which it does; nothing stands for all.
    pub(crate) fn resolve(
        &self,
        expression: &str,
        expansion: Expansion,
        now: Timestamp,
    ) -> Result<Vec<Arc<Index>>, Error> {
        let mut found = Found::new();
        let mut is_excluding = false;
        let mut parts = expression.split(',').map(str::trim).filter(|part| !part.is_empty());
        let mut part = Some(parts.next().unwrap_or("_all"));
        while let Some(text) = part {
            let excluded = text.strip_prefix('-').filter(|_| is_excluding);
            let text = excluded.unwrap_or(text);
            if is_wild(text) {
                is_excluding |= excluded.is_none();
                let matching = self.matching(text, expansion);
                if matching.is_empty() && !expansion.allows_none {
                    return Err(Error::IndexNotFound { index: text.into() });
                }
                merge(&mut found, matching, excluded.is_some());
            } else {
                let named = self.named(text, expansion, now)?;
                merge(&mut found, named, excluded.is_some());
            }
            part = parts.next();
        }
        if found.is_empty() && !expansion.allows_none {
            let all = if expression.is_empty() { "_all" } else { expression };
            return Err(Error::IndexNotFound { index: all.into() });
        }
        Ok(found.into_values().collect())
    }

    fn matching(&self, glob: &str, expansion: Expansion) -> Vec<Arc<Index>> {
        let glob = if glob == "_all" { "*" } else { glob };
        let own = self.indices().filter(|index| {
            let is_hidden = index.metadata().settings.get("index.hidden") == Some("true");
            matches_glob(glob, index.name()) && expansion.shows(index, glob, is_hidden)
        });
        let mut matching: Vec<_> = own.cloned().collect();
        if expansion.refuses_aliases || glob == "*" {
            return matching;
        }
        for alias in self.alias_names().filter(|alias| matches_glob(glob, alias)) {
            let aliased = self.aliased(alias).filter(|(index, metadata)| {
                expansion.shows(index, glob, metadata.is_hidden == Some(true))
            });
            matching.extend(aliased.map(|(index, _)| Arc::clone(index)));
        }
        matching
    }

    fn named(
        &self,
        name: &str,
        expansion: Expansion,
        now: Timestamp,
    ) -> Result<Vec<Arc<Index>>, Error> {
        if name.starts_with('_') {
            let why = "must not start with '_'.".to_owned();
            return Err(Error::InvalidIndexName { index: name.into(), why });
        }
        let name = date_math::resolve(name, now).map_err(Error::DateMath)?;
        let named: Vec<_> = match self.get(&name) {
            Some(index) => vec![Arc::clone(index)],
            None if expansion.refuses_aliases && self.is_alias(&name) => {
                if expansion.ignores_unavailable {
                    return Ok(Vec::new());
                }
                return Err(Error::AliasRefused { alias: name });
            }
            None => self.aliased(&name).map(|(index, _)| Arc::clone(index)).collect(),
        };
        if named.is_empty() && !expansion.ignores_unavailable {
            return Err(Error::IndexNotFound { index: name.into() });
        }
        let mut usable = Vec::new();
        for index in named {
            if !index.metadata().closed || !expansion.refuses_closed {
                usable.push(index);
            } else if !expansion.ignores_unavailable {
                return Err(Error::IndexClosed { index: index.identity().clone() });
            }
        }
        Ok(usable)
    }

    /// The one index that a read of one document goes to, and the alias it is named by.
    pub(crate) fn one(&self, name: &str, now: Timestamp) -> Result<Named, Error> {
        if let Some(index) = self.get(name) {
            return Ok((Arc::clone(index), None));
        }
        let name = date_math::resolve(name, now).map_err(Error::DateMath)?;
        if let Some(index) = self.get(&name) {
            return Ok((Arc::clone(index), None));
        }
        let mut aliased = self.aliased(&name);
        match (aliased.next(), aliased.next()) {
            (None, _) => Err(Error::IndexNotFound { index: name.as_str().into() }),
            (Some((index, alias)), None) => Ok((Arc::clone(index), Some(alias.clone()))),
            (Some(_), Some(_)) => {
                let indices = self.aliased(&name).map(|(index, _)| index.name().to_owned());
                let indices: BTreeSet<_> = indices.collect();
                Err(Error::SeveralIndices {
                    alias: name.clone(),
                    indices: indices.into_iter().collect(),
                })
            }
        }
    }

    /// The one index that a write goes to, and the alias it is named by; nothing where there is
    /// neither. `name` is without date math.
    pub(crate) fn write_target(&self, name: &str) -> Result<Option<Named>, Error> {
        if let Some(index) = self.get(name) {
            return Ok(Some((Arc::clone(index), None)));
        }
        let aliased: Vec<_> = self.aliased(name).collect();
        let leader = aliased.iter().find(|(_, alias)| alias.leads_writes());
        let only = match aliased.as_slice() {
            [] => return Ok(None),
            [only] if only.1.is_write_index != Some(false) => Some(only),
            [_, ..] => None,
        };
        match leader.or(only) {
            Some((index, alias)) => Ok(Some((Arc::clone(index), Some((*alias).clone())))),
            None => Err(Error::NoWriteIndex { alias: name.to_owned() }),
        }
    }
}

fn merge(found: &mut Found, indices: Vec<Arc<Index>>, excluded: bool) {
    for index in indices {
        let name = Arc::clone(&index.identity().name);
        if excluded {
            found.shift_remove(&name);
        } else {
            found.insert(name, index);
        }
    }
}
