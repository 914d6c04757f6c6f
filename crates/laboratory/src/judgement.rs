//! The checker's judgement, and the file of a history that it found wanting.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use checker::{History, Violation};
use serde_json::{Value, json};

/// So many violations are told; one bug makes many.
const TOLD_MAX: usize = 3;

/// Judges a history; returns how long that took.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn judge(history: &History) -> anyhow::Result<Duration> {
    let began = Instant::now();
    match checker::check(history) {
        Ok(_) => Ok(began.elapsed()),
        Err(violations) => bail!("{}", told(&violations)),
    }
}

fn told(violations: &[Violation]) -> String {
    let mut told = format!("{} violations\n", violations.len());
    for violation in violations.iter().take(TOLD_MAX) {
        told.push_str(&format!("{violation}\n"));
    }
    told
}

/// Judges a history that was kept.
///
/// # Errors
/// As [`judge`], and when the file is none.
pub(crate) fn judge_file(path: &Path) -> anyhow::Result<()> {
    let history = read(path).with_context(|| format!("cannot read [{}]", path.display()))?;
    let operations = history.operations.len();
    let took = judge(&history)?;
    println!("{operations} operations, 0 violations, judged in {took:.1?}");
    Ok(())
}

/// Keeps a history as lines of JSON, in any order.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn keep(history: &History, path: &Path) -> anyhow::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let lives = history.lives.iter().map(|life| json!({ "life": life }));
    let clock = history.clock.iter().map(|moment| json!({ "clock": moment }));
    let indices = history.index_operations.iter().map(|one| json!({ "index_operation": one }));
    let operations = history.operations.iter().map(|one| json!({ "operation": one }));
    for line in lives.chain(clock).chain(indices).chain(operations) {
        writeln!(file, "{line}")?;
    }
    Ok(file.flush()?)
}

/// Reads what [`keep`] wrote.
fn read(path: &Path) -> anyhow::Result<History> {
    let mut history = History::default();
    for line in BufReader::new(File::open(path)?).lines() {
        let line: Value = serde_json::from_str(&line?)?;
        let Value::Object(members) = line else { return Err(anyhow!("a line is no object")) };
        for (kind, value) in members {
            match kind.as_str() {
                "life" => history.lives.push(serde_json::from_value(value)?),
                "clock" => history.clock.push(serde_json::from_value(value)?),
                "index_operation" => history.index_operations.push(serde_json::from_value(value)?),
                "operation" => history.operations.push(serde_json::from_value(value)?),
                other => bail!("there is no kind [{other}]"),
            }
        }
    }
    Ok(history)
}

#[cfg(test)]
mod tests {
    use checker::{Ending, History, Life, Moment};

    use super::{keep, read};

    #[test]
    fn a_history_is_kept_as_it_is() {
        let moment = |order| Moment { order, wall_millis: 1_000 };
        let stopped = Some((moment(3), Ending::PowerCut));
        let lives = vec![Life { number: 7, started: moment(1), stopped }];
        let history = History { lives, clock: vec![moment(2)], ..History::default() };
        let file = tempfile::NamedTempFile::new().unwrap();
        keep(&history, file.path()).unwrap();
        assert_eq!(read(file.path()).unwrap(), history);
    }
}
