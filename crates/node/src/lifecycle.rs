//! Lifecycles of data streams: when the next index is begun, and when the oldest are deleted.
//!
//! What is due is told by what an index is and by the clock alone, so that nothing is kept of what was
//! done, and a run that ends halfway is taken up by the next.

use serde::{Deserialize, Serialize};

use crate::{TimeValueError, parse_time_value};

const HOUR_MILLIS: i64 = 60 * 60 * 1_000;
const DAY_MILLIS: i64 = 24 * HOUR_MILLIS;

/// How many bytes a shard has when the next index is begun.
const SHARD_BYTES: u64 = 50 << 30;
/// How many documents.
const SHARD_DOCUMENTS: u64 = 200_000_000;

/// What a data stream says of the life of its indices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    /// Whether it is carried out.
    pub enabled: bool,
    /// How long an index is kept after the next one was begun, as a time value; forever if it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_retention: Option<String>,
}

/// What lifecycles look at of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// When it was created, in milliseconds since 1970.
    pub created_millis: i64,
    /// The documents of its largest shard.
    pub documents: u64,
    /// The bytes of its largest shard.
    pub bytes: u64,
}

/// What is due to a data stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Whether the next index is to be begun.
    pub rollover: bool,
    /// Which indices are to be deleted, by their places in the list.
    pub expired: Vec<usize>,
}

impl Lifecycle {
    /// How long an index is kept, in milliseconds; forever if it does not say.
    ///
    /// # Errors
    /// What is wrong with the time value.
    pub fn retention_millis(&self) -> Result<Option<i64>, TimeValueError> {
        self.data_retention.as_deref().map(parse_time_value).transpose()
    }

    /// How old an index is when the next one is begun, in milliseconds: less where less is kept.
    #[must_use]
    pub fn rollover_millis(&self) -> i64 {
        match self.retention_millis().ok().flatten() {
            Some(kept) if kept <= DAY_MILLIS => HOUR_MILLIS,
            Some(kept) if kept <= 14 * DAY_MILLIS => DAY_MILLIS,
            Some(kept) if kept <= 90 * DAY_MILLIS => 7 * DAY_MILLIS,
            Some(_) | None => 30 * DAY_MILLIS,
        }
    }

    /// What is due at a moment to a stream of these indices, the last of which takes what is added.
    #[must_use]
    pub fn due(&self, indices: &[Age], now_millis: i64) -> Due {
        let Some((last, _)) = indices.split_last().filter(|_| self.enabled) else {
            return Due::default();
        };
        let is_old = now_millis.saturating_sub(last.created_millis) >= self.rollover_millis();
        let is_large = last.documents >= SHARD_DOCUMENTS || last.bytes >= SHARD_BYTES;
        let rollover = last.documents > 0 && (is_old || is_large);
        // A retention that cannot be read deletes nothing.
        let Ok(Some(kept)) = self.retention_millis() else {
            return Due { rollover, expired: Vec::new() };
        };
        let is_expired = |since: i64| kept >= 0 && now_millis.saturating_sub(since) >= kept;
        let expired = (0..indices.len() - 1)
            .filter(|place| ended_millis(indices, *place).is_some_and(is_expired));
        Due { rollover, expired: expired.collect() }
    }
}

/// When an index took its last document that was added: when the next one was begun, or, if it was taken
/// in later, when it was created. Nothing for the one that still takes them.
#[must_use]
pub fn ended_millis(indices: &[Age], place: usize) -> Option<i64> {
    let next = indices.get(place.checked_add(1)?)?;
    Some(next.created_millis.max(indices.get(place)?.created_millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifecycle(retention: Option<&str>) -> Lifecycle {
        Lifecycle { enabled: true, data_retention: retention.map(str::to_owned) }
    }

    fn created(millis: i64) -> Age {
        Age { created_millis: millis, documents: 1, bytes: 1 }
    }

    #[test]
    fn an_index_expires_so_long_after_the_next_was_begun() {
        let indices = [created(0), created(100), created(150)];
        let due = |now| lifecycle(Some("1s")).due(&indices, now).expired;
        assert!(due(1_099).is_empty());
        assert_eq!(due(1_100), [0]);
        assert_eq!(due(1_150), [0, 1]);
        assert_eq!(due(i64::MAX), [0, 1], "the last one stays");
        // One that was taken in is older than its place.
        let indices = [created(5_000), created(100), created(150)];
        assert_eq!(lifecycle(Some("1s")).due(&indices, 5_999).expired, [1]);
        assert_eq!(lifecycle(Some("1s")).due(&indices, 6_000).expired, [0, 1]);
    }

    #[test]
    fn nothing_expires_without_a_retention_that_can_be_read() {
        let indices = [created(0), created(1)];
        for retention in [None, Some("soon"), Some("-1")] {
            assert!(
                lifecycle(retention).due(&indices, i64::MAX).expired.is_empty(),
                "{retention:?}"
            );
        }
        let off = Lifecycle { enabled: false, ..lifecycle(Some("1ms")) };
        assert_eq!(off.due(&indices, i64::MAX), Due::default());
        assert_eq!(lifecycle(Some("1ms")).due(&[], 0), Due::default());
    }

    #[test]
    fn the_next_index_is_begun_by_age_and_size() {
        for (retention, days) in
            [(Some("1d"), 0), (Some("25h"), 1), (Some("15d"), 7), (Some("91d"), 30), (None, 30)]
        {
            let after = if days == 0 { HOUR_MILLIS } else { days * DAY_MILLIS };
            let rolls = |now| lifecycle(retention).due(&[created(0)], now).rollover;
            assert_eq!((rolls(after - 1), rolls(after)), (false, true), "{retention:?}");
        }
        let with = |documents, bytes| Age { created_millis: 0, documents, bytes };
        for (age, now, rolls) in [
            (with(0, 0), i64::MAX, false),
            (with(SHARD_DOCUMENTS - 1, SHARD_BYTES - 1), 0, false),
            (with(SHARD_DOCUMENTS, 0), 0, true),
            (with(1, SHARD_BYTES), 0, true),
        ] {
            assert_eq!(lifecycle(None).due(&[age], now).rollover, rolls, "{age:?}");
        }
    }
}
