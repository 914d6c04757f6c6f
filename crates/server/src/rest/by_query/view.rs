//! How the answer to a write by query looks.

use crate::rest::dialect::Dialect;
use crate::rest::json::Object;
use crate::rest::tasks::Task;
use crate::rest::tasks::view::{Shape, write_progress};

use super::work::{Done, Job};

/// Writes the members, in their order.
pub(super) fn write(
    o: &mut Object<'_>,
    dialect: Dialect,
    shape: Shape,
    task: &Task,
    job: &Job,
    done: &Done,
) {
    o.number("took", done.took);
    o.boolean("timed_out", done.timed_out);
    if let Some(slice) = &job.search.slice {
        o.number("slice_id", slice.id);
    }
    write_progress(o, shape, task);
    o.array("failures", |failures| {
        for failure in &done.failures {
            failures.object(|o| {
                o.string("index", &failure.index);
                if dialect.shows_type() {
                    o.string("type", &failure.type_name);
                }
                o.string("id", &failure.id);
                o.object("cause", |o| failure.cause.write_item(o));
                o.number("status", failure.cause.status.as_u16());
            });
        }
    });
}
