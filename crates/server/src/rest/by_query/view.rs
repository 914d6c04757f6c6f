//! How the answer to a write by query looks.

use crate::rest::dialect::Dialect;
use crate::rest::json::Object;

use super::work::{Counters, Done, Job, What};

/// Writes the members, in their order.
pub(super) fn write(o: &mut Object<'_>, dialect: Dialect, job: &Job, done: &Done) {
    o.number("took", done.took);
    o.boolean("timed_out", done.timed_out);
    if let Some(slice) = &job.search.slice {
        o.number("slice_id", slice.id);
    }
    write_counters(o, job, &done.counters);
    if job.slices > 1 {
        o.array("slices", |slices| {
            for (id, counters) in (0_u32..).zip(&done.slices) {
                slices.object(|o| {
                    o.number("slice_id", id);
                    write_counters(o, job, counters);
                });
            }
        });
    }
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

/// Writes how far it came.
fn write_counters(o: &mut Object<'_>, job: &Job, counters: &Counters) {
    o.number("total", counters.total);
    if !matches!(job.what, What::Delete) {
        o.number("updated", counters.updated);
    }
    if matches!(job.what, What::Copy(_)) {
        o.number("created", counters.created);
    }
    o.number("deleted", counters.deleted);
    o.number("batches", counters.batches);
    o.number("version_conflicts", counters.version_conflicts);
    o.number("noops", counters.noops);
    o.object("retries", |o| {
        o.number("bulk", counters.retries);
        o.number("search", 0);
    });
    o.number("throttled_millis", counters.throttled_millis);
    match job.parameters.per_second {
        Some(per_second) => o.value("requests_per_second", &per_second),
        None => o.float("requests_per_second", -1.0),
    }
    o.number("throttled_until_millis", 0);
}
