//! The body of a multi-get.
//!
//! An input may begin with the digit of a dialect; the rest is the body.

use hyper::Method;

use crate::{
    json::{Json, parse},
    world::{Asked, World, escaped, take_dialect},
};

/// The documents of the index `i`: some ids, each with a source that says which.
const IDS: [&str; 4] = ["1", "2", "é/ü", "true"];

/// That as many documents are answered as are asked for, each under the id it was asked for, found
/// if it is there, and with the source it has.
pub(crate) fn check(input: &[u8]) {
    let (pinned, body) = take_dialect(input);
    let world = World::new();
    for id in IDS {
        let target = format!("/i/_doc/{}", escaped(id));
        let put = Asked::new(Method::PUT, &target, source(id).as_bytes());
        assert_eq!(world.ask(put).unwrap().status.as_u16(), 201);
    }
    let response = world.ask(Asked::new(Method::POST, "/i/_mget", body).pinned(pinned)).unwrap();
    let shown = String::from_utf8_lossy(&response.body);
    if response.status.as_u16() != 200 {
        return;
    }
    let asked = parse(body).unwrap_or_else(|| panic!("answered although it is no JSON: {shown}"));
    let answer = parse(&response.body).unwrap();
    let answered = answer.get("docs").unwrap().elements();
    let lists = asked.members().iter().flat_map(|(_, list)| list.elements());
    assert_eq!(answered.len(), lists.clone().count(), "{shown}");
    for (asked, answered) in lists.zip(answered) {
        check_document(asked, answered, &shown);
    }
}

fn source(id: &str) -> String {
    format!("{{\"id\":\"{id}\",\"n\":{{\"a\":[1.50,[]],\"b\":{{}}}}}}")
}

/// That a document is answered as it was asked for.
fn check_document(asked: &Json, answered: &Json, shown: &str) {
    let item = if let Json::Object(_) = asked { asked.get("_id").unwrap() } else { asked };
    let id = match item {
        Json::Text(text) => String::from_utf8(text.clone()).unwrap(),
        Json::Word(word) => word.clone(),
        Json::Array(_) | Json::Object(_) => panic!("{shown}"),
    };
    assert_eq!(answered.get("_id").and_then(Json::text), Some(&*id), "{shown}");
    let says_more = asked.members().iter().any(|(name, _)| name != b"_id");
    if says_more || answered.get("error").is_some() {
        return;
    }
    let found = IDS.contains(&&*id);
    assert_eq!(answered.get("found"), Some(&Json::Word(found.to_string())), "{shown}");
    if found {
        assert_eq!(answered.get("_source"), parse(source(&id).as_bytes()).as_ref(), "{shown}");
    }
}
