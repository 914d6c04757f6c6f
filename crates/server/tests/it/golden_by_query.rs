//! The recorded answers of Elasticsearch 7.2.1 to writes by query, replayed where `OCCAM_SHARED` names
//! the directory that has them.
//!
//! A recording is cut into segments, each of which begins with empty indices. Segments about what this
//! server decides otherwise, or has not, are passed over; the others are replayed, masked and compared.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;
use server::rest::dialect::Dialect;

use crate::api;
use crate::client::{Client, request};

/// The share of the steps that has to agree, in percent.
const AGREEING_MIN: usize = 95;

/// The recordings.
const FILES: [&str; 5] = [
    "golden/byquery",
    "golden-search/byquery_conflicts",
    "golden-search/byquery_params",
    "golden-search/byquery_reindex",
    "golden-search/byquery_tasks",
];

#[test]
fn recorded_answers_to_writes_by_query_are_given() {
    let Some(shared) = std::env::var_os("OCCAM_SHARED") else {
        println!("skipped: OCCAM_SHARED does not name the directory with the recorded answers");
        return;
    };
    let (mut agreeing, mut all) = (0, 0);
    let mut passed_over: HashMap<&str, usize> = HashMap::new();
    for file in FILES {
        let path = Path::new(&shared).join(format!("{file}.jsonl"));
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let steps: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut replay = Replay::new();
        // Each segment makes its indices anew, the first one first.
        let first = steps[0]["path"].clone();
        let goes_on = |_: &Value, step: &Value| step["method"] != "DELETE" || step["path"] != first;
        for segment in steps.chunk_by(goes_on) {
            let mut state = State::default();
            for (number, step) in segment.iter().enumerate() {
                if let Some(reason) = state.reason_to_stop(step) {
                    *passed_over.entry(reason).or_default() += segment.len() - number;
                    break;
                }
                replay.step(step);
            }
        }
        println!("{file}: {} of {}", replay.agreeing, replay.all);
        agreeing += replay.agreeing;
        all += replay.all;
    }
    println!("{agreeing} of {all} steps agree; passed over: {passed_over:?}");
    assert!(all > 200, "the recordings are there");
    assert!(100 * agreeing >= AGREEING_MIN * all, "{agreeing} of {all} agree");
}

/// What is known of a segment so far.
#[derive(Default)]
struct State {
    /// Whether something was written that no refresh has shown.
    is_stale: bool,
}

impl State {
    /// Why the segment is passed over from this step on, if it is.
    fn reason_to_stop(&mut self, step: &Value) -> Option<&'static str> {
        let text = |key: &str| step[key].as_str().unwrap_or_default();
        let (path, body) = (text("path"), text("body"));
        let is_by_query = path.contains("_by_query") || path.contains("_reindex");
        if is_by_query && body.contains("\"script\"") {
            return Some("scripts");
        }
        if path.contains("pipeline") || body.contains("pipeline") {
            return Some("pipelines");
        }
        if path.contains("max_docs") || body.contains("max_docs") {
            return Some("max_docs, which later versions have");
        }
        if path.contains("terminate_after") {
            return Some("terminate_after, which is kept to here");
        }
        if body.contains("external") && body.contains("\"create\"") {
            return Some("create with an external version, which is refused here");
        }
        if body.contains("\"slice\"") || (path.contains("slices=") && path.contains("size=")) {
            return Some("which documents a slice has");
        }
        if self.is_stale && is_by_query {
            return Some("documents that no refresh has shown, which are seen here");
        }
        let is_write =
            path.contains("/_doc/") || path.contains("_bulk") || path.contains("/_update/");
        self.is_stale |= is_by_query || (is_write && text("method") != "GET");
        self.is_stale &= !path.contains("refresh=true") && !path.contains("_refresh");
        None
    }
}

/// One recording on one server.
struct Replay {
    client: Client,
    _server: crate::server::Server,
    /// The ids that this server has made where the recording has others.
    known: Vec<(String, String)>,
    agreeing: usize,
    all: usize,
}

impl Replay {
    fn new() -> Self {
        let server = api::start(Some(Dialect::V7));
        let client = Client::to(server.address);
        Self { client, _server: server, known: Vec::new(), agreeing: 0, all: 0 }
    }

    fn step(&mut self, step: &Value) {
        let text = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
        let (method, mut path, body) = (text("method"), text("path"), text("body"));
        for (theirs, ours) in &self.known {
            path = path.replace(theirs, ours);
        }
        let lines = if body.is_empty() {
            ""
        } else if path.contains("_bulk") {
            "Content-Type: application/x-ndjson\r\n"
        } else {
            "Content-Type: application/json\r\n"
        };
        let expected = &step["response"];
        let ended = path.contains("/_tasks/") && expected["completed"] == Value::Bool(true);
        if ended {
            path.push_str("?wait_for_completion=true");
        }
        let reply = self.client.ask(request(&method, &path, lines, body.as_bytes()));
        let answer: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
        if let (Some(theirs), Some(ours)) = (expected["task"].as_str(), answer["task"].as_str()) {
            self.known.push((theirs.to_owned(), ours.to_owned()));
        }
        self.compare(step, reply.status, &answer);
    }

    fn compare(&mut self, step: &Value, status: u16, answer: &Value) {
        let path = step["path"].as_str().unwrap();
        let about = ["_by_query", "_reindex", "_tasks", ".tasks", "_search", "_mget"];
        let wanted = step["status"].as_u64().unwrap();
        // What its own exceptions say is not repeated, nor the order of a set; and that an empty index
        // has no `_seq_no` was a mistake.
        let mistake = "No mapping found for [_seq_no]";
        let is_odd = [405, 500].contains(&wanted) || step["response"].to_string().contains(mistake);
        if !about.iter().any(|part| path.contains(part)) || is_odd {
            return;
        }
        // Which documents a slice has is up to the server.
        let is_sliced = path.contains("slices=");
        let is_loose = step["unstable"] == "body" || is_sliced;
        let (theirs, ours) = (masked("", &step["response"]), masked("", answer));
        let agrees = u64::from(status) == wanted && (is_loose || theirs == ours);
        self.all += 1;
        self.agreeing += usize::from(agrees);
        if !agrees {
            let short = |value: &Value| value.to_string().chars().take(700).collect::<String>();
            eprintln!(
                "{} #{} {} {path} {}\n  wanted {wanted} {}\n  got    {status} {}",
                step["scenario"],
                step["step"],
                step["method"],
                step["body"],
                short(&theirs),
                short(&ours)
            );
        }
    }
}

/// A value without what differs from run to run.
fn masked(key: &str, value: &Value) -> Value {
    const MASKED: [&str; 14] = [
        "index_uuid",
        "uuid",
        "took",
        "node",
        "node_id",
        "task",
        "start_time_in_millis",
        "running_time_in_nanos",
        "creation_date",
        "line",
        "col",
        "throttled",
        "throttled_millis",
        "throttled_until_millis",
    ];
    let is_leaf = !value.is_object() && !value.is_array();
    if (is_leaf && MASKED.contains(&key)) || key == "nodes" {
        return Value::from("*");
    }
    match value {
        Value::String(text) => Value::from(masked_text(text)),
        Value::Array(elements) => elements.iter().map(|value| masked(key, value)).collect(),
        Value::Object(members) => {
            let is_task = members.contains_key("running_time_in_nanos");
            let is_result = members.get("_index").is_some_and(|index| index == ".tasks");
            let masked = members.iter().map(|(name, value)| {
                let is_id = (is_task && name == "id") || (is_result && name == "_seq_no");
                let value = if is_id { Value::from("*") } else { masked(name, value) };
                (name.clone(), value)
            });
            // Objects are equal whatever the order of their members.
            let mut masked: Vec<_> = masked.collect();
            masked.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(masked.into_iter().collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// A text without ids and places. Elasticsearch reads the bodies of these requests from a copy of its
/// own making, so that its places are not those of the request.
fn masked_text(text: &str) -> String {
    if let Some((before, _)) = text.split_once("failed to create query: ") {
        return format!("{before}failed to create query");
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':');
    let mut shown = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let word_end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word_end);
        let (id, number) = word.split_once(':').unwrap_or((word, ""));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if is_number(id) && is_number(number) {
            shown.push_str("PLACE");
        } else if id.len() == 22 && (number.is_empty() || is_number(number)) {
            shown.push_str("ID");
        } else {
            shown.push_str(word);
        }
        let gap_end = after.find(is_part).unwrap_or(after.len());
        let (gap, next) = after.split_at(gap_end);
        shown.push_str(gap);
        rest = next;
    }
    shown
}

#[test]
fn ids_and_places_are_masked() {
    assert_eq!(
        masked_text("task [b890WT1sQsyKX_RGTvCNhQ:33581] at [1:22] of node"),
        "task [ID] at [PLACE] of node"
    );
}
