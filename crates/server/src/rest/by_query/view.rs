//! How the answer to a write by query looks.

use crate::rest::json::Object;
use crate::rest::search::failure_body;
use crate::rest::tasks::view::{Shape, write_progress};

use super::work::{Done, Job, Scene};

/// Writes the members, in their order.
pub(super) fn write(o: &mut Object<'_>, scene: &Scene, shape: Shape, job: &Job, done: &Done) {
    o.number("took", done.took);
    o.boolean("timed_out", done.timed_out);
    if let Some(slice) = &job.search.slice {
        o.number("slice_id", slice.id);
    }
    write_progress(o, shape, &scene.task);
    o.array("failures", |failures| {
        for failure in &done.failures {
            failures.object(|o| {
                o.string("index", &failure.index);
                if scene.dialect.shows_type() {
                    o.string("type", &failure.type_name);
                }
                o.string("id", &failure.id);
                o.object("cause", |o| failure.cause.write_item(o));
                o.number("status", failure.cause.status.as_u16());
            });
        }
        for failure in &done.unsearched {
            failures.object(|o| {
                o.string("index", &failure.index.name);
                o.number("shard", failure.shard);
                o.string("node", scene.node.id());
                o.object("reason", |o| failure_body(failure).write_members(o, false));
            });
        }
    });
}
