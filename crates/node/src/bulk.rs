//! Many writes at once: in order on each shard, all shards at the same time.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use shard::{Write, WriteError};

use crate::{
    DocumentWrite, Error, Index, NamedBy, Node, WrittenDocument,
    mappings::Standing,
    write::{Routed, Target},
};

/// The writes of a bulk that go to one shard.
struct Group {
    index: Arc<Index>,
    shard: u32,
    /// Each write's place in the bulk, and its id.
    items: Vec<(usize, String)>,
    writes: Vec<Write>,
}

impl Node {
    /// Writes documents, each on its own: one answer per write, in their order. Writes of one shard
    /// happen in their order too, each seeing the earlier ones.
    pub async fn bulk(&self, writes: Vec<DocumentWrite>) -> Vec<Result<WrittenDocument, Error>> {
        let mut answers: Vec<Option<Result<WrittenDocument, Error>>> = Vec::new();
        answers.resize_with(writes.len(), || None);
        let mut groups = Groups::default();
        for ((place, write), answer) in (0..).zip(writes).zip(&mut answers) {
            let routed = self.route_item(write.without_mark(), &mut groups.targets).await;
            match routed.and_then(|routed| groups.check(routed)) {
                Ok(routed) => groups.push(place, routed),
                Err(error) => *answer = Some(Err(error)),
            }
        }
        let written = groups.groups.into_iter().map(|group| self.write_group(group));
        for (place, answer) in futures_util::future::join_all(written).await.into_iter().flatten() {
            if let Some(waiting) = answers.get_mut(place) {
                *waiting = Some(answer);
            }
        }
        let lost = || Err(Error::Catalog(WriteError::Closed));
        answers.into_iter().map(|answer| answer.unwrap_or_else(lost)).collect()
    }

    /// Finds the index and shard of a write. An index is looked up once per bulk and type.
    async fn route_item(
        &self,
        write: DocumentWrite,
        targets: &mut HashMap<ResolvedBy, Result<Target, Error>>,
    ) -> Result<Routed, Error> {
        let found = write.found.as_ref().map(|place| Arc::clone(&place.index.identity().uuid));
        let by: ResolvedBy = (
            Arc::clone(&write.index),
            write.type_name.clone(),
            write.named_by,
            write.adds(),
            found,
        );
        let target = match targets.get(&by) {
            Some(Ok(target)) => target.clone(),
            Some(Err(error)) if is_lasting(error) => return Err(error.clone()),
            // A plain delete finds no index where a later write creates it.
            Some(Err(_)) | None => {
                let resolved = self.target_for(&write).await;
                targets.insert(by, resolved.clone());
                resolved?
            }
        };
        self.route(target, write)
    }

    async fn write_group(&self, group: Group) -> Vec<(usize, Result<WrittenDocument, Error>)> {
        let Group { index, shard, items, writes } = group;
        let answers = match index.shard(shard) {
            Ok(target) => target.write(writes).await,
            Err(_) => writes.iter().map(|_| Err(WriteError::Closed)).collect(),
        };
        let answered = items.into_iter().zip(answers).map(|((place, id), answer)| {
            (place, self.written(Arc::clone(&index), shard, id, answer))
        });
        answered.collect()
    }
}

/// Whether the next write of its kind would be refused as well, which need not be tried again for each.
fn is_lasting(error: &Error) -> bool {
    matches!(
        error,
        Error::DataStream(_)
            | Error::AliasIsIndex { .. }
            | Error::AutoCreateForbidden { .. }
            | Error::Mapping(_)
            | Error::Setting(_)
    )
}

type ResolvedBy = (Arc<str>, Option<Arc<str>>, NamedBy, bool, Option<Arc<str>>);

#[derive(Default)]
struct Groups {
    groups: Vec<Group>,
    /// The group of each shard, by the index's uuid and the shard's number.
    by_shard: HashMap<(Arc<str>, u32), usize>,
    targets: HashMap<ResolvedBy, Result<Target, Error>>,
    /// The indices, by their uuids, to whose mappings a document adds. What does not fit now may fit
    /// behind it.
    growing: HashSet<Arc<str>>,
}

impl Groups {
    /// Checks a document, unless only its turn can tell whether it fits.
    fn check(&mut self, mut routed: Routed) -> Result<Routed, Error> {
        let Routed { index, write, .. } = &mut routed;
        match index.mappings().check_write(write) {
            Ok(Standing::Fits) => {}
            Ok(Standing::Adds) => {
                self.growing.insert(Arc::clone(&index.identity().uuid));
            }
            Err(_) if self.growing.contains(&index.identity().uuid) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(routed)
    }

    fn push(&mut self, place: usize, routed: Routed) {
        let Routed { index, shard, id, write } = routed;
        let key = (Arc::clone(&index.identity().uuid), shard);
        let number = *self.by_shard.entry(key).or_insert_with(|| {
            self.groups.push(Group { index, shard, items: Vec::new(), writes: Vec::new() });
            self.groups.len() - 1
        });
        if let Some(group) = self.groups.get_mut(number) {
            group.items.push((place, id));
            group.writes.push(write);
        }
    }
}
