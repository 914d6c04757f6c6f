//! Carrying out the lifecycles of data streams.

use std::sync::Arc;

use document::Timestamp;

use super::data_streams::{DELETED_TOGETHER, effective_settings};
use crate::{
    Age, DataStream, Error, Index, Lifecycle, Node, Templates,
    catalog::{Changes, View},
};

/// A run of the lifecycles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LifecycleRun {
    /// When it began.
    pub started: Timestamp,
    /// How long after the run before it that was, in milliseconds; 0 for the first.
    pub since_last_millis: i64,
    /// How long it took, in milliseconds.
    pub took_millis: i64,
    /// How many data streams have a lifecycle.
    pub streams: usize,
    /// How many indices were begun.
    pub begun: usize,
    /// How many were deleted.
    pub deleted: usize,
}

impl Node {
    /// Puts the lifecycle of a data stream, or removes it.
    ///
    /// # Errors
    /// [`Error::IndexNotFound`], [`Error::Catalog`].
    pub async fn change_lifecycle(
        &self,
        stream: &str,
        lifecycle: Option<Lifecycle>,
    ) -> Result<(), Error> {
        let name = stream.to_owned();
        let plan = move |view: &View| {
            let missing = || Error::IndexNotFound { index: name.as_str().into() };
            let mut stream = DataStream::clone(view.stream(&name).ok_or_else(missing)?);
            stream.lifecycle = lifecycle;
            let streams = [(name, Some(stream))].into();
            Ok(Changes { streams, ..Changes::default() })
        };
        self.catalog.apply(plan).await.map(drop)
    }

    /// The lifecycle that is carried out on a data stream. As in Elasticsearch the name of a policy goes
    /// before it, although policies are not carried out here.
    #[must_use]
    pub fn lifecycle_of<'s>(&self, stream: &'s DataStream) -> Option<&'s Lifecycle> {
        stream.lifecycle.as_ref()?;
        carried_out(&self.templates_of_stream(stream), stream)
    }

    /// The indices of a data stream, the oldest first, with what its lifecycle looks at.
    #[must_use]
    pub fn ages(&self, stream: &DataStream) -> Vec<(Arc<Index>, Age)> {
        let view = self.catalog.view();
        view.indices_of(stream).map(|index| (Arc::clone(index), age(index))).collect()
    }

    /// Does what is due to all data streams. What cannot be done now is due again the next time.
    pub async fn run_lifecycles(&self) -> LifecycleRun {
        let started = self.now();
        let (since_last_millis, took_millis, streams, begun, deleted) = Default::default();
        let mut run =
            LifecycleRun { started, since_last_millis, took_millis, streams, begun, deleted };
        for stream in self.data_streams() {
            let Some(lifecycle) = self.lifecycle_of(&stream) else { continue };
            run.streams += 1;
            let indices = self.ages(&stream);
            let ages: Vec<Age> = indices.iter().map(|(_, age)| *age).collect();
            let due = lifecycle.due(&ages, self.now().as_millis());
            if let Some((last, _)) = indices.last().filter(|_| due.rollover) {
                let dialect = last.mapping().settings().dialect;
                match self.roll_over_data_stream(&stream.name, last.name(), dialect).await {
                    Ok(index) => {
                        run.begun += 1;
                        tracing::info!(stream = stream.name, index = index.name(), "begun");
                    }
                    Err(error) => {
                        tracing::warn!(stream = stream.name, %error, "no index could be begun");
                    }
                }
            }
            match self.delete_expired(&stream.name).await {
                Ok(deleted) => run.deleted += deleted,
                Err(error) => {
                    tracing::warn!(stream = stream.name, %error, "nothing could be deleted");
                }
            }
        }
        run.took_millis = self.now().as_millis().saturating_sub(started.as_millis());
        let mut last = self.last_lifecycle_run.lock();
        let since = last.map(|last| started.as_millis().saturating_sub(last.started.as_millis()));
        run.since_last_millis = since.unwrap_or(0);
        *last = Some(run);
        run
    }

    /// Deletes the indices of a data stream whose retention is over. Whether it is, is told in the same
    /// change of the catalogue as they go in, by the lifecycle and the indices that there are then.
    async fn delete_expired(&self, stream: &str) -> Result<usize, Error> {
        let mut deleted = 0;
        loop {
            let (name, now) = (stream.to_owned(), self.now().as_millis());
            let (tell, told) = std::sync::mpsc::channel();
            let plan = move |view: &View| {
                let expired = expired(view, &name, now);
                // Whoever asked may be gone.
                let _ = tell.send(expired.clone());
                Ok(Changes { deleted: expired, ..Changes::default() })
            };
            self.catalog.apply(plan).await?;
            let gone = told.try_recv().unwrap_or_default();
            for index in &gone {
                tracing::info!(stream, index = index.name(), "deleted: its retention is over");
            }
            deleted += gone.len();
            if gone.len() < DELETED_TOGETHER {
                return Ok(deleted);
            }
        }
    }

    /// The last run of the lifecycles, if there was one since the start.
    #[must_use]
    pub fn last_lifecycle_run(&self) -> Option<LifecycleRun> {
        *self.last_lifecycle_run.lock()
    }
}

/// The lifecycle that is carried out on a data stream that is made by these templates.
fn carried_out<'s>(templates: &Templates, stream: &'s DataStream) -> Option<&'s Lifecycle> {
    let lifecycle = stream.lifecycle.as_ref().filter(|lifecycle| lifecycle.enabled)?;
    let settings = effective_settings(templates, stream);
    let has_policy = settings.get("index.lifecycle.name").is_some_and(|name| !name.is_empty());
    let prefers_policy = settings.get("index.lifecycle.prefer_ilm") != Some("false");
    (!(has_policy && prefers_policy)).then_some(lifecycle)
}

/// The first indices of a data stream whose retention is over and that nothing keeps from being deleted.
fn expired(view: &View, stream: &str, now_millis: i64) -> Vec<Arc<Index>> {
    let Some(stream) = view.stream(stream) else { return Vec::new() };
    let Some(lifecycle) = carried_out(view.templates_of(stream), stream) else {
        return Vec::new();
    };
    let indices: Vec<&Arc<Index>> = view.indices_of(stream).collect();
    let ages: Vec<Age> = indices.iter().map(|index| age(index)).collect();
    let due = lifecycle.due(&ages, now_millis).expired.into_iter();
    let due = due.filter_map(|place| indices.get(place));
    let due = due.filter(|index| index.check_deletable().is_ok());
    due.take(DELETED_TOGETHER).map(|index| Arc::clone(index)).collect()
}

fn age(index: &Index) -> Age {
    let shards = || index.shards().iter().map(|shard| shard.table());
    Age {
        created_millis: index.metadata().created_millis,
        documents: shards().map(|table| table.live()).max().unwrap_or(0),
        bytes: shards().map(|table| table.live_bytes()).max().unwrap_or(0),
    }
}
