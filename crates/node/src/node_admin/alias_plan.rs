//! Actions on aliases, put together into one change.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Alias, AliasAction, DataStream, DataStreamError, Error, Expansion, Index, IndexMetadata,
    catalog::{Changes, View},
    data_stream::check_alias,
    date_math, index_name, is_wild, matches_glob,
};

/// How actions read names of indices.
const CONCRETE: Expansion =
    Expansion { refuses_aliases: true, refuses_streams: true, ..Expansion::ALL };

/// What actions on aliases come to together.
#[derive(Default)]
pub(super) struct AliasPlan {
    changed: BTreeMap<Arc<str>, IndexMetadata>,
    streams: BTreeMap<String, DataStream>,
    deleted: BTreeMap<Arc<str>, Arc<Index>>,
    missing: Vec<String>,
    removed: bool,
}

impl AliasPlan {
    /// Adds an action.
    pub(super) fn add(
        &mut self,
        action: &AliasAction,
        view: &View,
        now: document::Timestamp,
    ) -> Result<(), Error> {
        match action {
            AliasAction::Add { indices, aliases, alias } => {
                self.add_aliases(indices, (aliases, alias), view, now)?;
            }
            AliasAction::Remove { indices, aliases, must_exist } => {
                let mut found = false;
                let is_meant =
                    |name: &String| aliases.iter().any(|a| a == "_all" || matches_glob(a, name));
                let Meant { streams, indices } = meant(indices, view, now)?;
                for stream in streams {
                    let present = self.streams.get(&stream.name).unwrap_or(stream);
                    if present.aliases.keys().any(is_meant) {
                        found = true;
                        self.stream(stream).aliases.retain(|name, _| !is_meant(name));
                    }
                }
                let indices = indices.map(|rest| view.resolve(&rest, CONCRETE, now)).transpose()?;
                for index in indices.into_iter().flatten() {
                    let matching: Vec<String> = {
                        let present = self.changed.get(index.name()).unwrap_or(index.metadata());
                        present.aliases.keys().filter(|name| is_meant(name)).cloned().collect()
                    };
                    if matching.is_empty() {
                        continue;
                    }
                    found = true;
                    let metadata = self.metadata(&index)?;
                    matching.iter().for_each(|name| drop(metadata.aliases.remove(name)));
                }
                self.removed |= found;
                if !found && *must_exist == Some(true) {
                    return Err(Error::AliasesMissing { aliases: aliases.clone() });
                }
                if !found && *must_exist != Some(false) {
                    self.missing.extend(aliases.iter().cloned());
                }
            }
            AliasAction::RemoveIndex { indices } => {
                for index in view.resolve(indices, CONCRETE, now)? {
                    index.check_changeable()?;
                    self.deleted.insert(Arc::clone(&index.identity().name), index);
                }
            }
        }
        Ok(())
    }

    /// Adds aliases to data streams or indices.
    fn add_aliases(
        &mut self,
        indices: &str,
        (aliases, alias): (&[String], &Alias),
        view: &View,
        now: document::Timestamp,
    ) -> Result<(), Error> {
        for name in aliases {
            if let Some(why) = index_name::alias_objection(name) {
                return Err(Error::InvalidAliasName { alias: name.clone(), why });
            }
        }
        let Meant { streams, indices } = meant(indices, view, now)?;
        let found = match indices {
            Some(rest) if streams.is_empty() => {
                view.resolve(&rest, Expansion { allows_none: false, ..CONCRETE }, now)?
            }
            Some(rest) => view.resolve(&rest, CONCRETE, now)?,
            None => Vec::new(),
        };
        if !streams.is_empty() && !found.is_empty() {
            let text =
                "expressions that match both data streams and regular indices are disallowed";
            return Err(DataStreamError::Refused(text.to_owned()).into());
        }
        for stream in streams {
            check_alias(alias)?;
            for name in aliases {
                if alias.leads_writes() {
                    self.lead_no_more(view, name);
                }
                self.stream(stream).aliases.insert(name.clone(), alias.clone());
            }
        }
        for index in found {
            if let Some(stream) = view.stream_of(index.name()) {
                let (index, stream) = (index.name(), &stream.name);
                let text = format!(
                    "The provided expressions [{index}] match a backing index belonging to data \
                     stream [{stream}]. Data stream backing indices don't support aliases."
                );
                return Err(DataStreamError::Refused(text).into());
            }
            let metadata = self.metadata(&index)?;
            let named = aliases.iter().map(|name| (name.clone(), alias.clone()));
            metadata.aliases.extend(named);
        }
        Ok(())
    }

    fn metadata(&mut self, index: &Arc<Index>) -> Result<&mut IndexMetadata, Error> {
        index.check_changeable()?;
        let name = Arc::clone(&index.identity().name);
        Ok(self.changed.entry(name).or_insert_with(|| index.metadata().clone()))
    }

    fn stream(&mut self, stream: &DataStream) -> &mut DataStream {
        self.streams.entry(stream.name.clone()).or_insert_with(|| stream.clone())
    }

    /// Has no data stream lead the writes of an alias: the one that is told to last does.
    fn lead_no_more(&mut self, view: &View, alias: &str) {
        for (stream, _) in view.aliased_streams(alias) {
            self.stream(stream);
        }
        for said in self.streams.values_mut().filter_map(|stream| stream.aliases.get_mut(alias)) {
            if said.leads_writes() {
                said.is_write_index = None;
            }
        }
    }

    /// The change that the actions come to.
    pub(super) fn finish(mut self) -> Result<Changes, Error> {
        // Actions that find nothing are passed over where others do something.
        if !self.missing.is_empty()
            && !self.removed
            && self.changed.is_empty()
            && self.streams.is_empty()
            && self.deleted.is_empty()
        {
            return Err(Error::AliasesMissing { aliases: self.missing });
        }
        for name in self.deleted.keys() {
            self.changed.remove(name);
        }
        Ok(Changes {
            changed: self.changed.into_values().collect(),
            deleted: self.deleted.into_values().collect(),
            streams: self.streams.into_iter().map(|(name, put)| (name, Some(put))).collect(),
            ..Changes::default()
        })
    }
}

/// What an expression means to an action.
struct Meant<'v> {
    /// The data streams that it names.
    streams: Vec<&'v DataStream>,
    /// The rest of the expression, which names indices.
    indices: Option<String>,
}

/// Tells data streams from indices, by the rules of all expressions. A wildcard may stand for both.
fn meant<'v>(
    expression: &str,
    view: &'v View,
    now: document::Timestamp,
) -> Result<Meant<'v>, Error> {
    let mut streams: BTreeMap<&str, &DataStream> = BTreeMap::new();
    let (mut rest, mut is_excluding) = (Vec::new(), false);
    let parts = expression.split(',').map(str::trim).filter(|part| !part.is_empty());
    for part in parts {
        let excluded = part.strip_prefix('-').filter(|_| is_excluding);
        let text = excluded.unwrap_or(part);
        is_excluding |= is_wild(text) && excluded.is_none();
        let named: Vec<&DataStream> = if is_wild(text) {
            view.matching_streams(text, Expansion::ALL).map(|stream| &**stream).collect()
        } else {
            let name = date_math::resolve(text, now).map_err(Error::DateMath)?;
            view.stream(&name).map(|stream| &**stream).into_iter().collect()
        };
        // The name of a stream names no index, what excludes one neither.
        if is_wild(text) || named.is_empty() {
            rest.push(part);
        }
        for stream in named {
            if excluded.is_some() {
                streams.remove(stream.name.as_str());
            } else {
                streams.insert(&stream.name, stream);
            }
        }
    }
    let indices = (!rest.is_empty() || streams.is_empty()).then(|| rest.join(","));
    Ok(Meant { streams: streams.into_values().collect(), indices })
}
