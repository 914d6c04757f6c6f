//! Index expressions: lists of names, aliases, wildcards, exclusions and date math.

use std::{collections::BTreeSet, sync::Arc};

use document::Timestamp;
use indexmap::IndexMap;

use crate::{Alias, DataStream, Error, Index, catalog::View, date_math, matches_glob};

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
    /// Whether data streams are no names here.
    pub refuses_streams: bool,
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
        refuses_streams: false,
        refuses_closed: true,
    };
    /// Indices in any state.
    pub const ALL: Self = Self { closed: true, refuses_closed: false, ..Self::OPEN };

    /// Whether a wildcard stands for an index by a name that it covers.
    fn shows(self, index: &Index, glob: &str, name: &str, is_hidden: bool) -> bool {
        let state = if index.metadata().closed { self.closed } else { self.open };
        state && self.shows_name(glob, name, is_hidden)
    }

    /// Whether a wildcard stands for a name that it covers.
    pub(crate) fn shows_name(self, glob: &str, name: &str, is_hidden: bool) -> bool {
        !is_hidden || self.hidden || (glob.starts_with('.') && name.starts_with('.'))
    }
}

/// Whether a part of an expression stands for many names.
#[must_use]
pub fn is_wild(part: &str) -> bool {
    part.contains('*') || part == "_all"
}

/// An index, and what is said of the alias it is named by.
type Named = (Arc<Index>, Option<Alias>);

/// An index that an expression reaches, and how.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    pub(crate) index: Arc<Index>,
    /// The aliases by which it is reached; nothing where it is reached by a name that shows all of it, its
    /// own or that of its data stream.
    pub(crate) aliases: Option<Vec<Alias>>,
}

impl Reached {
    fn whole(index: &Arc<Index>) -> Self {
        Self { index: Arc::clone(index), aliases: None }
    }

    fn by(index: &Arc<Index>, alias: &Alias) -> Self {
        Self { index: Arc::clone(index), aliases: Some(vec![alias.clone()]) }
    }
}

type Found = IndexMap<Arc<str>, Reached>;

impl View {
    /// The indices that an expression names, in the order in which it does; nothing stands for all.
    pub(crate) fn resolve(
        &self,
        expression: &str,
        expansion: Expansion,
        now: Timestamp,
    ) -> Result<Vec<Arc<Index>>, Error> {
        let reached = self.reach(expression, expansion, now)?;
        Ok(reached.into_iter().map(|reached| reached.index).collect())
    }

    /// As [`View::resolve`], with how each index is reached. What a part excludes is as if it had not been
    /// named before.
    pub(crate) fn reach(
        &self,
        expression: &str,
        expansion: Expansion,
        now: Timestamp,
    ) -> Result<Vec<Reached>, Error> {
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

    fn matching(&self, glob: &str, expansion: Expansion) -> Vec<Reached> {
        let glob = if glob == "_all" { "*" } else { glob };
        let own = self.indices().filter(|index| {
            let is_hidden = index.metadata().settings.get("index.hidden") == Some("true");
            matches_glob(glob, index.name())
                && expansion.shows(index, glob, index.name(), is_hidden)
        });
        let mut matching: Vec<_> = own.map(Reached::whole).collect();
        for stream in self.matching_streams(glob, expansion) {
            let indices = self.indices_of(stream);
            let indices = indices.filter(|index| expansion.shows(index, glob, &stream.name, false));
            matching.extend(indices.map(Reached::whole));
        }
        if expansion.refuses_aliases || glob == "*" {
            return matching;
        }
        for alias in self.alias_names().filter(|alias| matches_glob(glob, alias)) {
            let aliased = self.aliased(alias).filter(|(index, metadata)| {
                expansion.shows(index, glob, alias, metadata.is_hidden == Some(true))
            });
            matching.extend(aliased.map(|(index, said)| Reached::by(index, said)));
        }
        let streams = self
            .stream_alias_names()
            .filter(|alias| !expansion.refuses_streams && matches_glob(glob, alias));
        for (stream, said) in streams.flat_map(|alias| self.aliased_streams(alias)) {
            let indices = self.indices_of(stream);
            let indices = indices.filter(|index| expansion.shows(index, glob, &stream.name, false));
            matching.extend(indices.map(|index| Reached::by(index, said)));
        }
        matching
    }

    /// The data streams that a wildcard stands for by their own names.
    pub(crate) fn matching_streams(
        &self,
        glob: &str,
        expansion: Expansion,
    ) -> impl Iterator<Item = &Arc<DataStream>> {
        let glob = if glob == "_all" { "*" } else { glob };
        self.streams().filter(move |stream| {
            !expansion.refuses_streams
                && (expansion.open || expansion.closed || expansion.hidden)
                && matches_glob(glob, &stream.name)
                && expansion.shows_name(glob, &stream.name, stream.hidden)
        })
    }

    fn named(
        &self,
        name: &str,
        expansion: Expansion,
        now: Timestamp,
    ) -> Result<Vec<Reached>, Error> {
        if name.starts_with('_') {
            let why = "must not start with '_'.".to_owned();
            return Err(Error::InvalidIndexName { index: name.into(), why });
        }
        let name = date_math::resolve(name, now).map_err(Error::DateMath)?;
        let named: Vec<_> = match self.get(&name) {
            Some(index) => vec![Reached::whole(index)],
            None if expansion.refuses_aliases && self.is_alias(&name) => {
                if expansion.ignores_unavailable {
                    return Ok(Vec::new());
                }
                return Err(Error::AliasRefused { alias: name });
            }
            None => self.behind(&name, expansion),
        };
        if named.is_empty() && !expansion.ignores_unavailable {
            return Err(Error::IndexNotFound { index: name.into() });
        }
        let mut usable = Vec::new();
        for reached in named {
            let index = &reached.index;
            if !index.metadata().closed || !expansion.refuses_closed {
                usable.push(reached);
            } else if !expansion.ignores_unavailable {
                return Err(Error::IndexClosed { index: index.identity().clone() });
            }
        }
        Ok(usable)
    }

    /// The indices of an alias or a data stream.
    fn behind(&self, name: &str, expansion: Expansion) -> Vec<Reached> {
        let mut behind: Vec<_> =
            self.aliased(name).map(|(index, said)| Reached::by(index, said)).collect();
        if expansion.refuses_streams {
            return behind;
        }
        let own = self.stream(name).into_iter().flat_map(|stream| self.indices_of(stream));
        behind.extend(own.map(Reached::whole));
        for (stream, said) in self.aliased_streams(name) {
            behind.extend(self.indices_of(stream).map(|index| Reached::by(index, said)));
        }
        behind
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
            (None, _) => Err(Error::OneIndexNotFound { index: name.as_str().into() }),
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

    /// What a write goes to; nothing where there is no such index, alias or data stream. `name` is
    /// without date math.
    pub(crate) fn write_target(&self, name: &str) -> Result<Option<WriteTarget>, Error> {
        if let Some(index) = self.get(name) {
            let (index, stream) = (Arc::clone(index), self.stream_of_index(index).cloned());
            return Ok(Some(WriteTarget { index, alias: None, stream, is_stream: false }));
        }
        if let Some(stream) = self.stream(name) {
            return self.stream_target(stream, None).map(Some);
        }
        let streams: Vec<_> = self.aliased_streams(name).collect();
        if !streams.is_empty() {
            // Also the only one leads where it is said, not by itself.
            let leading = streams.iter().find(|(_, alias)| alias.leads_writes());
            let no_leader = || Error::NoWriteIndex { alias: name.to_owned() };
            let (stream, alias) = leading.copied().ok_or_else(no_leader)?;
            return self.stream_target(stream, Some(alias.clone())).map(Some);
        }
        let aliased: Vec<_> = self.aliased(name).collect();
        if aliased.is_empty() {
            return Ok(None);
        }
        let (index, alias) = leader(&aliased, name)?;
        let (index, alias) = (Arc::clone(index), Some(alias.clone()));
        Ok(Some(WriteTarget { index, alias, stream: None, is_stream: false }))
    }

    /// What is added to a data stream goes to the last of its indices.
    fn stream_target(
        &self,
        stream: &Arc<DataStream>,
        alias: Option<Alias>,
    ) -> Result<WriteTarget, Error> {
        let index = stream.write_index().and_then(|index| self.get(index));
        let gone = || Error::IndexNotFound { index: stream.name.as_str().into() };
        let index = Arc::clone(index.ok_or_else(gone)?);
        Ok(WriteTarget { index, alias, stream: Some(Arc::clone(stream)), is_stream: true })
    }
}

/// Where a write goes, and how it was named.
#[derive(Clone, Debug)]
pub(crate) struct WriteTarget {
    pub(crate) index: Arc<Index>,
    /// The alias it is named by.
    pub(crate) alias: Option<Alias>,
    /// The data stream that the index is of.
    pub(crate) stream: Option<Arc<DataStream>>,
    /// Whether it is that stream, not the index, that is named.
    pub(crate) is_stream: bool,
}

/// What an alias leads writes to, of what has it.
fn leader<'v, T>(aliased: &[(&'v T, &'v Alias)], alias: &str) -> Result<(&'v T, &'v Alias), Error> {
    let leading = aliased.iter().find(|(_, alias)| alias.leads_writes());
    let only = match aliased {
        [only] if only.1.is_write_index != Some(false) => Some(only),
        [] | [_, ..] => None,
    };
    let no_leader = || Error::NoWriteIndex { alias: alias.to_owned() };
    leading.or(only).copied().ok_or_else(no_leader)
}

fn merge(found: &mut Found, indices: Vec<Reached>, excluded: bool) {
    for reached in indices {
        let name = Arc::clone(&reached.index.identity().name);
        if excluded {
            found.shift_remove(&name);
            continue;
        }
        match (found.get_mut(&name), reached.aliases) {
            (None, aliases) => {
                found.insert(name, Reached { index: reached.index, aliases });
            }
            // What shows all of it shows more than any alias.
            (Some(before), None) => before.aliases = None,
            (Some(before), Some(more)) => {
                if let Some(aliases) = &mut before.aliases {
                    aliases.extend(more);
                }
            }
        }
    }
}
