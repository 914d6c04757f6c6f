//! The transcripts of ten years, replayed against the binary: what old manuals, old clients and the
//! project's own decision tables show is what a client sees.
//!
//! `transcripts/seed-transcripts.jsonl` follows three tutorials step by step; `cas-vectors.jsonl` is
//! every row of the decision table; `mappings.jsonl` is ours; `administration.jsonl` has a scenario for
//! each family of indices, aliases, templates, cluster and tables; `search.jsonl` is searches and writes
//! by query. One line is one [`Step`]; the steps of a scenario run in order on
//! an empty server.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::client::{Client, JSON, request};
use crate::occam::Occam;
use crate::server::pass;

const SEEDS: &str = include_str!("../transcripts/seed-transcripts.jsonl");
const ADMINISTRATION: &str = include_str!("../transcripts/administration.jsonl");
const VECTORS: &str = include_str!("../transcripts/cas-vectors.jsonl");
const SEARCHES: &str = include_str!("../transcripts/search.jsonl");
const DATA_STREAMS: &str = include_str!("../transcripts/data-streams.jsonl");

const MAPPINGS: &str = include_str!("../transcripts/mappings.jsonl");

/// How many scenarios run at a time.
const WORKERS: usize = 4;

/// One request and what is known of its answer.
#[derive(Deserialize)]
struct Step {
    seed: String,
    scenario: String,
    step: u32,
    dialect: String,
    method: String,
    path: String,
    body: Option<Value>,
    #[serde(default)]
    headers: HashMap<String, String>,
    expect_status: u16,
    expect_body_subset: Value,
    #[serde(default)]
    expect_absent: Vec<String>,
    #[serde(default)]
    save: HashMap<String, String>,
    wait_ms: Option<u64>,
}

fn parse(transcript: &str) -> Vec<Step> {
    transcript.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Which listener a step speaks to.
#[derive(Clone, Copy)]
enum Listener {
    /// The one pinned to the step's dialect.
    Pinned,
    /// The one that any client finds on the default port. Of the request's headers nothing tells the
    /// dialect; the clients of 5.x do not even send a content type.
    Plain,
}

#[test]
fn each_step_of_the_seeds_holds() {
    assert_eq!(replay(parse(SEEDS), Listener::Pinned), 78);
}

#[test]
fn mappings_decide_what_is_accepted_and_refused_writes_leave_no_field() {
    assert_eq!(replay(parse(MAPPINGS), Listener::Pinned), 48);
}

#[test]
fn each_row_of_the_decision_table_holds() {
    assert_eq!(replay(parse(VECTORS), Listener::Pinned), 332);
}

#[test]
fn each_step_of_the_administration_holds() {
    assert_eq!(replay(parse(ADMINISTRATION), Listener::Pinned), 360);
}

#[test]
fn each_step_of_the_data_streams_holds() {
    assert_eq!(replay(parse(DATA_STREAMS), Listener::Pinned), 156);
}

#[test]
fn each_step_of_the_searches_holds() {
    assert_eq!(replay(parse(SEARCHES), Listener::Pinned), 212);
}

#[test]
fn the_seeds_of_7_and_5_hold_on_the_default_port_without_any_sign() {
    let steps = |seed: &str, dialect: &str| {
        let of_seed = |step: &Step| step.seed.starts_with(seed) && step.dialect == dialect;
        parse(SEEDS).into_iter().filter(of_seed).collect()
    };
    assert_eq!(replay(steps("000_", "7"), Listener::Plain), 40);
    assert_eq!(replay(steps("004_", "5"), Listener::Plain), 19);
}

/// Replays every scenario on an empty server of its own; returns the number of steps that held.
fn replay(steps: Vec<Step>, listener: Listener) -> usize {
    let scenarios: Vec<_> = steps.chunk_by(|a, b| a.scenario == b.scenario).collect();
    let next = AtomicUsize::new(0);
    let (report, reported) = channel();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(scenario) = scenarios.get(next.fetch_add(1, Relaxed)) {
                    report.send(run(scenario, listener)).unwrap();
                }
            });
        }
    });
    drop(report);
    let complaints: Vec<String> = reported.into_iter().flatten().collect();
    assert!(complaints.is_empty(), "{} steps failed\n{}", complaints.len(), complaints.join("\n"));
    steps.len()
}

/// Runs one scenario; returns a complaint for each step that does not hold.
fn run(steps: &[Step], listener: Listener) -> Vec<String> {
    const DIALECTS: [&str; 4] = ["2", "5", "7", "8"];
    let directory = tempfile::tempdir().unwrap();
    let pinned = DIALECTS.map(|dialect| format!("127.0.0.1:0={dialect}"));
    let mut listeners = vec!["127.0.0.1:0"];
    listeners.extend(pinned.iter().map(String::as_str));
    let occam = Occam::listening(directory.path(), &listeners, &[]);
    let mut saved = HashMap::new();
    let mut complaints = Vec::new();
    for step in steps {
        let number = match listener {
            Listener::Plain => 0,
            Listener::Pinned => 1 + DIALECTS.iter().position(|d| *d == step.dialect).unwrap(),
        };
        let sends_type = matches!(listener, Listener::Pinned) || step.dialect != "5";
        if let Err(complaint) = step.run(occam.addresses()[number], sends_type, &mut saved) {
            complaints.push(format!("{} step {}: {complaint}", step.scenario, step.step));
        }
    }
    occam.stop();
    complaints
}

impl Step {
    fn run(
        &self,
        address: SocketAddr,
        sends_type: bool,
        saved: &mut HashMap<String, Value>,
    ) -> Result<(), String> {
        if let Some(wait) = self.wait_ms {
            // A tombstone grows old.
            pass(Duration::from_millis(wait));
        }
        let reply = Client::to(address).ask(self.request(sends_type, saved));
        let (status, text) = (reply.status, String::from_utf8_lossy(&reply.body));
        let shown = format!("{} {} -> {status} {text}", self.method, self.path);
        if status != self.expect_status {
            return Err(format!("{shown}\n  expected {}", self.expect_status));
        }
        let body = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
        for (name, path) in &self.save {
            let found = at(&body, path).ok_or_else(|| format!("{shown}\n  has no {path}"))?;
            saved.insert(name.clone(), found.clone());
        }
        let expected = filled_in(&self.expect_body_subset, saved);
        if expected != Value::Object(Default::default()) {
            check_subset(&expected, &body, "")
                .map_err(|missing| format!("{shown}\n  {missing}"))?;
        }
        match self.expect_absent.iter().find(|path| at(&body, path).is_some()) {
            Some(present) => Err(format!("{shown}\n  has {present}")),
            None => Ok(()),
        }
    }

    fn request(&self, sends_type: bool, saved: &HashMap<String, Value>) -> Vec<u8> {
        let mut lines: String =
            self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let body = match self.body.as_ref().map(|body| filled_in(body, saved)) {
            None => String::new(),
            Some(Value::String(text)) => text,
            Some(body) => {
                lines.push_str(if sends_type { JSON } else { "" });
                body.to_string()
            }
        };
        request(&self.method, &fill_in(&self.path, saved), &lines, body.as_bytes())
    }
}

/// What a dotted path leads to.
fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, part| match part.parse::<usize>() {
        Ok(number) if value.is_array() => value.get(number),
        Ok(_) | Err(_) => value.get(part),
    })
}

/// A value with every `${name}` in it replaced.
fn filled_in(value: &Value, saved: &HashMap<String, Value>) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix("${").and_then(|t| t.strip_suffix('}')) {
            Some(expression) if !expression.contains('}') => evaluate(expression, saved),
            Some(_) | None => Value::from(fill_in(text, saved)),
        },
        Value::Array(elements) => elements.iter().map(|value| filled_in(value, saved)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), filled_in(value, saved))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// A text with every `${name}` in it replaced.
fn fill_in(text: &str, saved: &HashMap<String, Value>) -> String {
    let mut parts = text.split("${");
    let mut filled = parts.next().unwrap().to_owned();
    for part in parts {
        let (expression, rest) = part.split_once('}').unwrap();
        let value = evaluate(expression, saved);
        filled.push_str(value.as_str().map_or(value.to_string(), str::to_owned).as_str());
        filled.push_str(rest);
    }
    filled
}

/// `name`, or `name+2`.
fn evaluate(expression: &str, saved: &HashMap<String, Value>) -> Value {
    match expression.split_once('+') {
        Some((name, more)) => {
            Value::from(saved[name].as_u64().unwrap() + more.parse::<u64>().unwrap())
        }
        None => saved[expression].clone(),
    }
}

/// Objects may have further members; everything else is equal.
fn check_subset(expected: &Value, found: &Value, path: &str) -> Result<(), String> {
    match (expected, found) {
        (Value::Object(members), Value::Object(_)) => {
            members.iter().try_for_each(|(name, value)| {
                let path = format!("{path}.{name}");
                let member = found.get(name).ok_or_else(|| format!("has no {path}"))?;
                check_subset(value, member, &path)
            })
        }
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            let mut pairs = expected.iter().zip(found).enumerate();
            pairs.try_for_each(|(n, (e, f))| check_subset(e, f, &format!("{path}.{n}")))
        }
        _ if expected == found => Ok(()),
        _ => Err(format!("{path}: expected {expected}, found {found}")),
    }
}
