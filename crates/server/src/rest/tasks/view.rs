//! How tasks and their progress are shown.

use std::time::Duration;

use node::Node;

use crate::rest::json::Object;

use super::Task;
use super::progress::{Counters, Pace};

/// Which counters are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Whether it can replace documents.
    pub(crate) updates: bool,
    /// Whether it can make new ones.
    pub(crate) creates: bool,
    /// Whether times are shown in words too.
    pub(crate) human: bool,
}

impl Shape {
    /// Everything, as in a status.
    pub(crate) const STATUS: Self = Self { updates: true, creates: true, human: false };
    /// Everything, as in a result that is kept.
    pub(crate) const KEPT: Self = Self { human: true, ..Self::STATUS };
}

/// Writes how far a task or a part of one has come.
pub(crate) fn write_counters(
    o: &mut Object<'_>,
    shape: Shape,
    counters: &Counters,
    pace: Pace,
    waits: Duration,
) {
    o.number("total", counters.total);
    if shape.updates {
        o.number("updated", counters.updated);
    }
    if shape.creates {
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
    if shape.human {
        o.string("throttled", &in_words(Duration::from_millis(counters.throttled_millis)));
    }
    o.number("throttled_millis", counters.throttled_millis);
    match pace.per_second {
        Some(per_second) => o.value("requests_per_second", &per_second),
        None => o.float("requests_per_second", -1.0),
    }
    if let Some(reason) = pace.canceled {
        o.string("canceled", reason);
    }
    if shape.human {
        o.string("throttled_until", &in_words(waits));
    }
    o.number("throttled_until_millis", u64::try_from(waits.as_millis()).unwrap_or(u64::MAX));
}

/// Writes how far a task has come, and its parts if there are several. They share its pace.
pub(crate) fn write_progress(o: &mut Object<'_>, shape: Shape, task: &Task) {
    let pace = task.pace();
    let mut all = Counters::default();
    task.parts.iter().for_each(|part| all.add(&part.counters()));
    let waits = task.parts.iter().map(super::progress::Part::waits).min().unwrap_or_default();
    write_counters(o, shape, &all, pace, waits);
    if task.parts.len() == 1 {
        return;
    }
    let count = u16::try_from(task.parts.len()).map_or(f32::INFINITY, f32::from);
    let share = Pace { per_second: pace.per_second.map(|all| all / count), ..pace };
    o.array("slices", |slices| {
        for (id, part) in (0_u32..).zip(&task.parts) {
            slices.object(|o| {
                o.number("slice_id", id);
                write_counters(o, shape, &part.counters(), share, part.waits());
            });
        }
    });
}

/// Writes a task; with details its progress and what it does.
pub(crate) fn write_task(o: &mut Object<'_>, node: &Node, task: &Task, detailed: bool) {
    let millis = node.now().as_millis().saturating_sub(task.started.as_millis()).max(0);
    o.string("node", node.id());
    o.number("id", task.number);
    o.string("type", "transport");
    o.string("action", task.action);
    if detailed {
        o.object("status", |o| write_progress(o, Shape::STATUS, task));
        o.string("description", &task.description);
    }
    o.number("start_time_in_millis", task.started.as_millis());
    o.number("running_time_in_nanos", millis.saturating_mul(1_000_000));
    o.boolean("cancellable", true);
    o.object("headers", |o| {
        if let Some(id) = &task.opaque_id {
            o.string("X-Opaque-Id", id);
        }
    });
}

/// A time as Elasticsearch says it: `1.2s`, `30m`.
fn in_words(time: Duration) -> String {
    let millis = time.as_millis();
    let units = [("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    let Some((unit, size)) = units.into_iter().find(|(_, size)| millis >= *size) else {
        return if millis == 0 { "0s".to_owned() } else { format!("{millis}ms") };
    };
    let tenths = millis * 10 / size;
    match tenths % 10 {
        0 => format!("{}{unit}", tenths / 10),
        rest => format!("{}.{rest}{unit}", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::in_words;

    #[test]
    fn times_are_said_in_words() {
        for (millis, words) in [
            (0, "0s"),
            (399, "399ms"),
            (1_000, "1s"),
            (1_250, "1.2s"),
            (90_000, "1.5m"),
            (7_200_000, "2h"),
        ] {
            assert_eq!(in_words(Duration::from_millis(millis)), words);
        }
    }
}
