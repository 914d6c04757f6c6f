//! The body of a bulk.
//!
//! An input may begin with the digit of a dialect; the rest is the body.

use std::collections::HashMap;

use hyper::Method;

use crate::{
    json::{Json, parse},
    world::{Asked, World, take_dialect, without_mark},
};

/// An item as it is read in the plainest way.
#[derive(Debug)]
struct Item<'a> {
    action: String,
    metadata: Json,
    source: &'a [u8],
}

/// That a bulk is taken apart as its lines say: as many items are answered as there are, each as the
/// action it is, and those that succeeded are seen as they were sent.
pub(crate) fn check(input: &[u8]) {
    let (pinned, body) = take_dialect(input);
    let world = World::new();
    let asked = Asked::new(Method::POST, "/i/_bulk", body).pinned(pinned);
    let response = world.ask(asked).unwrap();
    let shown = String::from_utf8_lossy(&response.body);
    let (items, is_plain) = match items(body) {
        Some((items, is_plain)) if !items.is_empty() => (items, is_plain),
        _ => return assert_eq!(response.status.as_u16(), 400, "{shown}"),
    };
    if is_plain {
        assert_eq!(response.status.as_u16(), 200, "{shown}");
    }
    if response.status.as_u16() != 200 {
        return;
    }
    let answer = parse(&response.body).unwrap();
    let answered = answer.get("items").unwrap().elements();
    assert_eq!(answered.len(), items.len(), "{shown}");
    let failed = answered.iter().any(|item| item.members()[0].1.get("error").is_some());
    assert_eq!(answer.get("errors"), Some(&Json::Word(failed.to_string())), "{shown}");
    let mut last = HashMap::new();
    for (item, answered) in items.iter().zip(answered) {
        let [(action, answered)] = answered.members() else { panic!("{shown}") };
        let created = item.action == "index" && action == b"create";
        assert!(created || item.action.as_bytes() == action, "{shown}");
        if let Some(Json::Text(id)) = item.metadata.get("_id") {
            assert_eq!(answered.get("_id"), Some(&Json::Text(id.clone())), "{shown}");
        }
        let name = |name| answered.get(name).and_then(Json::text).map(str::to_owned);
        if let (Some(index), Some(id)) = (name("_index"), name("_id"))
            && answered.get("error").is_none()
        {
            last.insert((index, id), (item, answered));
        }
    }
    for ((index, id), (item, answered)) in last {
        check_written(&world, (&index, &id), item, answered);
    }
}

/// That the last item on a document left it as it says.
fn check_written(world: &World, (index, id): (&str, &str), item: &Item<'_>, answered: &Json) {
    let documents = world.documents(index, id);
    let version = answered.get("_version").and_then(Json::number);
    let mut written =
        documents.iter().filter(|document| Some(document.last.version.get()) == version);
    match item.action.as_str() {
        "delete" => assert!(written.next().is_none(), "{index}/{id}: {item:?}"),
        "update" => assert!(written.next().is_some(), "{index}/{id}: {item:?}"),
        _ => {
            let is_it = written.any(|document| document.source == item.source);
            assert!(is_it, "{index}/{id}: {item:?}");
        }
    }
}

/// The items of a body, and whether nothing about any action could refuse the whole bulk; nothing if a line is
/// none that may stand there.
fn items(body: &[u8]) -> Option<(Vec<Item<'_>>, bool)> {
    let body = body.strip_suffix(b"\n")?;
    let mut lines = body.split(|byte| *byte == b'\n');
    let mut items = Vec::new();
    let mut are_plain = true;
    while let Some(line) = lines.next() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let parsed = parse(line)?;
        let [(action, metadata @ Json::Object(_)), others @ ..] = parsed.members() else {
            return None;
        };
        if parsed.repeats_names() || others.iter().any(|(name, _)| says_something(name)) {
            return None;
        }
        let action = String::from_utf8(action.clone()).ok()?;
        if !["index", "create", "delete", "update"].contains(&action.as_str()) {
            return None;
        }
        are_plain &= is_plain(&action, metadata) && others.is_empty();
        let mut source = &b""[..];
        if action != "delete" {
            // An action at the very end, without its source, is read, and then as good as not there.
            let Some(line) = lines.next() else { break };
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            source = without_mark(line);
        }
        items.push(Item { action, metadata: metadata.clone(), source });
    }
    Some((items, are_plain))
}

/// Whether a key would say something of an action, in whatever version: no line may have it beside one.
fn says_something(name: &[u8]) -> bool {
    let plain = name.strip_prefix(b"_").unwrap_or(name);
    let plain: Vec<u8> = plain.iter().filter(|byte| **byte != b'_').copied().collect();
    let known: [&[u8]; 18] = [
        b"index",
        b"create",
        b"delete",
        b"update",
        b"type",
        b"id",
        b"routing",
        b"parent",
        b"optype",
        b"version",
        b"versiontype",
        b"ifseqno",
        b"ifprimaryterm",
        b"retryonconflict",
        b"pipeline",
        b"source",
        b"requirealias",
        b"requiredatastream",
    ];
    known.contains(&plain.to_ascii_lowercase().as_slice())
}

/// Whether an action's metadata is nothing but an id, which a delete must have, and an index, each given once as
/// a text: there is nothing about it that could refuse the whole bulk.
fn is_plain(action: &str, metadata: &Json) -> bool {
    let members = metadata.members();
    let is_plain = |(name, value): &(Vec<u8>, Json)| {
        let is_short = value.text().is_some_and(|text| (1..=500).contains(&text.len()));
        is_short && (name == b"_id" || name == b"_index")
    };
    let names_enough = action != "delete" || metadata.get("_id").is_some();
    names_enough && !metadata.repeats_names() && members.iter().all(is_plain) && action != "update"
}
