//! Tables of what this server has none of.

use crate::rest::api::Call;
use crate::rest::error::Error;
use crate::rest::response::Answer;
use crate::rest::text_table::{Column, TextTable};

use super::finish;

fn nothing(columns: &'static [Column], call: &mut Call<'_>) -> Result<Answer, Error> {
    for accepted in ["bytes", "time", "ignore_unavailable", "include_bootstrap"] {
        call.parameters.take(accepted);
    }
    let table = TextTable::take(columns, call)?;
    finish(call)?;
    Ok(table.answer(call))
}

/// What waits to be decided.
pub(super) fn pending_tasks(call: &mut Call<'_>) -> Result<Answer, Error> {
    const COLUMNS: &[Column] = &[
        Column::numbers("insertOrder", &["o"]),
        Column::numbers("timeInQueue", &["t"]),
        Column::words("priority", &["p"]),
        Column::words("source", &["s"]),
    ];
    nothing(COLUMNS, call)
}

/// Plugins.
pub(super) fn plugins(call: &mut Call<'_>) -> Result<Answer, Error> {
    const COLUMNS: &[Column] = &[
        Column::words("id", &[]).on_request(),
        Column::words("name", &["n"]),
        Column::words("component", &["c"]),
        Column::words("version", &["v"]),
        Column::words("description", &["d"]).on_request(),
    ];
    nothing(COLUMNS, call)
}

/// Repositories of snapshots.
pub(super) fn repositories(call: &mut Call<'_>) -> Result<Answer, Error> {
    const COLUMNS: &[Column] =
        &[Column::words("id", &["id", "repoId"]), Column::words("type", &["t", "type"])];
    nothing(COLUMNS, call)
}

/// Snapshots, for which there would have to be a repository.
pub(super) fn snapshots(call: &mut Call<'_>) -> Result<Answer, Error> {
    const COLUMNS: &[Column] = &[
        Column::words("id", &["id", "snapshot"]),
        Column::words("status", &["s"]),
        Column::words("start_epoch", &["ste", "startEpoch"]),
        Column::words("start_time", &["sti", "startTime"]),
        Column::words("end_epoch", &["ete", "endEpoch"]),
        Column::words("end_time", &["eti", "endTime"]),
        Column::words("duration", &["dur"]),
        Column::numbers("indices", &["i"]),
        Column::numbers("successful_shards", &["ss"]),
        Column::numbers("failed_shards", &["fs"]),
        Column::numbers("total_shards", &["ts"]),
        Column::words("reason", &["r"]).on_request(),
    ];
    nothing(COLUMNS, call)
}
