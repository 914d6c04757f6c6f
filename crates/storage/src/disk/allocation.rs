//! The room of the segment that is written to.
//!
//! A segment's file is made longer than what is in it, a step at a time, and ends with a trailer. So a
//! start after a kill knows how long the file was, and what was acknowledged finds room that was the
//! file's already. When nothing more is written to the segment, what is left over is given back.
//!
//! On a full disk a step is no longer than what has to be written, so that deletes get through.

use super::{
    directory::{DiskError, NamedFile},
    format::{SECTOR_BYTES, TRAILER_BYTES, in_memory},
    segments::Segment,
};

/// A step is this part of a segment's greatest length at least.
const STEP_MIN_DIVISOR: u64 = 64;
/// And this part of it at most.
const STEP_MAX_DIVISOR: u64 = 4;

/// How far a segment is to reach that must have room for groups up to `needed` and should not grow
/// beyond `segment_bytes_max`. Each step is as long as what was there before, within bounds: a small
/// log takes little room, and a large one makes few steps.
pub(super) fn target(needed: u64, segment_bytes_max: u64) -> u64 {
    let least = segment_bytes_max / STEP_MIN_DIVISOR;
    let step = needed.clamp(least, (segment_bytes_max / STEP_MAX_DIVISOR).max(least));
    needed.saturating_add(step).min(segment_bytes_max).max(needed)
}

/// The same of a segment that follows a full one: more will come, and each step costs a sync.
pub(super) fn first_target(needed: u64, segment_bytes_max: u64) -> u64 {
    needed.saturating_add(segment_bytes_max / STEP_MAX_DIVISOR).min(segment_bytes_max).max(needed)
}

/// Allocates room up to `wanted`, or if there is none up to `needed`, and writes a trailer behind it;
/// returns where that is. Nothing of this is durable before the file is synced, and the trailer that
/// was there before must be cleared after that, and before anything else is written.
///
/// # Errors
/// When there is no room even for what is needed; then the file is as it was.
pub(super) fn extend(segment: &Segment, needed: u64, wanted: u64) -> Result<u64, DiskError> {
    let sector_from = |offset: u64| offset.next_multiple_of(SECTOR_BYTES);
    let (needed, wanted) = (sector_from(needed), sector_from(wanted.max(needed)));
    let trailer = match allocate(segment, wanted) {
        Err(error) if error.is_out_of_room() && needed < wanted => {
            allocate(segment, needed)?;
            needed
        }
        ended => ended.map(|()| wanted)?,
    };
    segment.file.write(&segment.identity.trailer(trailer), trailer)?;
    Ok(trailer)
}

/// Makes a file so long that a trailer fits behind `end`, or leaves it as it was.
fn allocate(segment: &Segment, end: u64) -> Result<(), DiskError> {
    let before = segment.file.length()?;
    segment.file.allocate(end.saturating_add(TRAILER_BYTES)).inspect_err(|_| {
        // A part of it may have been taken. It reads as zeros, which do no harm if they stay.
        if let Err(error) = segment.file.truncate(before) {
            tracing::debug!(%error, "what was allocated in part stays allocated");
        }
    })
}

/// Clears a trailer that another one has durably taken the place of.
pub(super) fn clear(segment: &Segment, trailer: u64) -> Result<(), DiskError> {
    segment.file.write(&vec![0; in_memory(TRAILER_BYTES)], trailer)
}

/// Gives back what a segment has behind its end, once it is listed as closed there, durably. If that
/// fails, or a power cut undoes it, the next start does it again.
pub(super) fn give_back(segment: &Segment) {
    give_back_behind(&segment.file, segment.end());
}

/// Gives back what a segment's file has behind `end`, where nothing is that counts.
pub(super) fn give_back_behind(file: &NamedFile, end: u64) {
    let given =
        file.length().and_then(|length| if length > end { file.truncate(end) } else { Ok(()) });
    if let Err(error) = given {
        tracing::warn!(%error, "a segment keeps more room than it needs");
    }
}
