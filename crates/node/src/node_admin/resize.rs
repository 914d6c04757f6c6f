//! Copies of an index with other shards: shrunk, split, cloned.
//!
//! The copy is created closed, filled document by document, and opened when it has them all. Until then
//! it is neither read nor written; a start that finds one that was not finished deletes it.

use std::sync::Arc;

use document::{DocumentId, LastWrite, Precondition, SeqNo};
use shard::{Change, Shard, Write, store::Location};

use crate::{
    DataStreamError, DocumentError, Error, Index, NewIndex, Node, Settings,
    catalog::{Changes, View},
    routing,
};

/// How many documents are copied together at most.
const COPIED_TOGETHER: usize = 64;
/// How many bytes of sources are, unless a single one has more.
const COPIED_BYTES_TOGETHER: u64 = 4 << 20;

/// What the copy is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResizeKind {
    /// It has fewer shards.
    Shrink,
    /// It has more shards.
    Split,
    /// It has as many shards.
    Clone,
}

/// A copy of an index that is asked for.
#[derive(Clone, Debug)]
pub struct Resize {
    /// What it is to be.
    pub kind: ResizeKind,
    /// Its name, its aliases, and the settings that it does not take over.
    pub new: NewIndex,
    /// The settings that it does not take over, as given: `null` resets one.
    pub given: serde_json::Value,
}

/// A document as the version table of its shard tells of it.
type Row = (Box<str>, LastWrite, Location);

/// The number of the last write of each shard.
fn last_writes(index: &Index) -> Vec<Option<SeqNo>> {
    index.shards().iter().map(|shard| shard.max_seq_no()).collect()
}

impl Node {
    /// Creates an index with other shards and the documents of another, which must not take writes.
    ///
    /// # Errors
    /// [`Error::Resize`], [`Error::ResizeState`] for what cannot be, [`Error::IndexExists`],
    /// [`Error::InvalidIndexName`], [`Error::Document`] for what cannot be copied, [`Error::Catalog`].
    pub async fn resize(&self, source: &Arc<Index>, resize: Resize) -> Result<Arc<Index>, Error> {
        self.check_not_written_to(source)?;
        let new = planned(source, resize)?;
        check_source(source)?;
        let before = last_writes(source);
        let plan = move |view: &View| {
            if let Some(index) = view.get(&new.name) {
                return Err(Error::IndexExists { index: index.identity().clone() });
            }
            Ok(Changes { created: Some(new), is_filling: true, ..Changes::default() })
        };
        let target = self.created(plan).await?;
        let filled = match fill(source, &target).await {
            Ok(()) => self.check_unchanged(source, &before),
            Err(error) => Err(error),
        };
        if let Err(error) = filled {
            // What is left of it is deleted by the next start, if not now.
            let name = Arc::clone(&target.identity().name);
            let present = self.catalog.get(&name);
            if present.is_some_and(|present| present.identity() == target.identity()) {
                let _ = self.catalog.delete(vec![name]).await;
            }
            return Err(error);
        }
        let open = |metadata: &mut crate::IndexMetadata| {
            (metadata.is_filling, metadata.closed) = (false, false);
            Ok(())
        };
        self.catalog.change(target.identity(), open).await
    }

    /// Deletes the copies that an earlier life of the process did not finish.
    pub(crate) async fn delete_unfinished(&self) -> Result<(), Error> {
        let all = self.indices();
        let unfinished = all.iter().filter(|index| index.metadata().is_filling);
        let names: Vec<_> = unfinished.map(|index| Arc::clone(&index.identity().name)).collect();
        for name in &names {
            tracing::warn!(index = %name, "a copy of an index was not finished: it is deleted");
        }
        if names.is_empty() { Ok(()) } else { self.catalog.delete(names).await }
    }

    /// Refuses where the source was written, or could have been, while it was copied.
    /// Refuses an index that takes what is added to a data stream.
    fn check_not_written_to(&self, source: &Index) -> Result<(), Error> {
        let (view, name) = (self.catalog.view(), source.name());
        match view.stream_of(name).filter(|stream| stream.is_written_to(name)) {
            None => Ok(()),
            Some(stream) => Err(DataStreamError::Refused(format!(
                "cannot resize the write index [{name}] for data stream [{}]",
                stream.name
            ))
            .into()),
        }
    }

    fn check_unchanged(&self, source: &Index, before: &[Option<SeqNo>]) -> Result<(), Error> {
        let name = source.name();
        let changed = || {
            Error::ResizeState(format!("index {name} was changed while it was copied; try again"))
        };
        let present = self.catalog.get(name).ok_or_else(changed)?;
        if present.identity() != source.identity() || last_writes(&present) != before {
            return Err(changed());
        }
        check_source(&present)
    }
}

/// Refuses a source that takes writes, or cannot be read.
fn check_source(source: &Index) -> Result<(), Error> {
    source.check_open()?;
    if source.check_writable().is_ok() {
        return Err(Error::ResizeState(format!(
            "index {} must be read-only to resize index. use \"index.blocks.write=true\"",
            source.name()
        )));
    }
    Ok(())
}

/// The index that is to be created.
fn planned(source: &Index, resize: Resize) -> Result<NewIndex, Error> {
    let Resize { kind, new, given } = resize;
    let asked = new.settings.get("index.number_of_shards").is_some();
    let present = source.metadata().settings.number_of_shards();
    let shards = match kind {
        ResizeKind::Clone if !asked => present,
        ResizeKind::Split if !asked => {
            let text = "index.number_of_shards is required for split operations";
            return Err(Error::Resize(text.to_owned()));
        }
        ResizeKind::Shrink | ResizeKind::Split | ResizeKind::Clone => {
            new.settings.number_of_shards()
        }
    };
    check_shards(kind, present, shards, source.metadata().routing_shards)?;
    if new.settings.get("index.number_of_routing_shards").is_some() {
        let text = "cannot provide index.number_of_routing_shards on resize";
        return Err(Error::Resize(text.to_owned()));
    }
    let settings = settings_of(source, &given, shards)?;
    let metadata = source.metadata();
    let dialect = source.mapping().settings().dialect;
    Ok(NewIndex {
        settings,
        mappings: metadata.mappings.clone(),
        type_name: metadata.type_name.clone(),
        dialect,
        ..new
    })
}

/// The settings of the source, but for its number of shards, and over them those given.
fn settings_of(source: &Index, given: &serde_json::Value, shards: u32) -> Result<Settings, Error> {
    let metadata = source.metadata();
    let shown = shards.to_string();
    let settings = metadata.settings.taken_over(given)?;
    let settings = settings.or(&[("index.number_of_shards", shown.as_str())]);
    // A source of one shard may become any number, others keep what ids are routed by.
    let slots = metadata.routing_shards;
    if metadata.settings.number_of_shards() > 1
        && slots.is_multiple_of(shards)
        && slots != routing::default_routing_shards(shards)
    {
        let shown = slots.to_string();
        return Ok(settings.or(&[("index.number_of_routing_shards", shown.as_str())]));
    }
    Ok(settings)
}

/// Refuses a number of shards that the kind does not allow.
fn check_shards(kind: ResizeKind, source: u32, target: u32, slots: u32) -> Result<(), Error> {
    let refuse = |text: String| Err(Error::Resize(text));
    match kind {
        ResizeKind::Shrink if source < target => refuse(format!(
            "the number of target shards [{target}] must be less that the number of source shards \
             [{source}]"
        )),
        ResizeKind::Split if source > target => refuse(format!(
            "the number of source shards [{source}] must be less that the number of target shards \
             [{target}]"
        )),
        ResizeKind::Split if !target.is_multiple_of(source) => {
            refuse(format!("the number of source shards [{source}] must be a factor of [{target}]"))
        }
        ResizeKind::Shrink if !source.is_multiple_of(target) => refuse(format!(
            "the number of source shards [{source}] must be a multiple of [{target}]"
        )),
        ResizeKind::Clone if source != target => {
            refuse(format!("the number of source shards [{source}] must be equal to [{target}]"))
        }
        ResizeKind::Split if source > 1 && !slots.is_multiple_of(target) => {
            Err(Error::ResizeState(format!(
                "the number of routing shards [{slots}] must be a multiple of the target shards \
                 [{target}]"
            )))
        }
        ResizeKind::Shrink | ResizeKind::Split | ResizeKind::Clone => Ok(()),
    }
}

/// Copies all documents.
async fn fill(source: &Index, target: &Index) -> Result<(), Error> {
    for (number, shard) in (0..).zip(source.shards().iter()) {
        let (mut rows, mut part, mut more) = (Vec::new(), 0, true);
        while more {
            rows.clear();
            more = shard.table().for_each_live_in_part(part, &mut |id, last, location| {
                rows.push((Box::from(id), last, location));
            });
            part += 1;
            let mut rest = rows.as_slice();
            while !rest.is_empty() {
                let (together, after) =
                    rest.split_at_checked(copied_together(rest)).unwrap_or((rest, &[]));
                rest = after;
                copy(source, (number, shard), together, target).await?;
            }
        }
    }
    Ok(())
}

/// How many of some documents are copied together: at least one.
fn copied_together(rows: &[Row]) -> usize {
    let mut bytes = 0;
    let fits = |(.., location): &&Row| {
        bytes += u64::from(location.length);
        bytes <= COPIED_BYTES_TOGETHER
    };
    rows.iter().take(COPIED_TOGETHER).take_while(fits).count().max(1)
}

/// Copies some documents of one shard, each with its version.
async fn copy(
    source: &Index,
    (number, shard): (u32, &Shard),
    rows: &[Row],
    target: &Index,
) -> Result<(), Error> {
    let mut by_shard: std::collections::BTreeMap<u32, Vec<Write>> = Default::default();
    for (id, last, location) in rows {
        let unreadable =
            |why: String| source.document_error(number, id, DocumentError::Unreadable(why.into()));
        let read = shard.read_at(id, *last, *location).await;
        let document = read.map_err(|error| unreadable(error.to_string()))?;
        let document = document.ok_or_else(|| {
            Error::ResizeState(format!("index {} was changed while it was copied", source.name()))
        })?;
        let routing = document.routing.as_ref().map(document::Routing::as_str);
        let to = target.shard_number(id, routing);
        let mut write = Write {
            id: DocumentId::from(&**id),
            routing: document.routing,
            precondition: Precondition::ExternalGreaterOrEqual(last.version),
            change: Change::Index(document.source),
            fits: None,
        };
        target.mappings().check_write(&mut write)?;
        by_shard.entry(to).or_default().push(write);
    }
    for (to, writes) in by_shard {
        let ids: Vec<_> = writes.iter().map(|write| write.id.as_str().to_owned()).collect();
        let answers = target.shard(to)?.write(writes).await;
        for (id, answer) in ids.iter().zip(answers) {
            answer.map_err(|error| target.document_error(to, id, DocumentError::Write(error)))?;
        }
    }
    Ok(())
}
