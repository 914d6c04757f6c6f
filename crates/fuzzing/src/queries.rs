//! The body of a search.
//!
//! An input is a body. It is also read as the bodies of the other requests that have queries, and as a query
//! that is written as a text.

use mapping::{Dialect, Mapping, Settings};
use query::{Context, Document, Fields, Plan, Query, Reindex, Search, UrlQuery, WriteByQuery};

use serde_json::json;

use crate::json::{Json, parse};

/// How deep a query may be nested that the plain reading understands.
const DEPTH_MAX: usize = 50;

/// What fields of the documents are.
const MAPPING: &str = r#"{"properties":{"k":{"type":"keyword"},"n":{"type":"long"},"on":{"type":"boolean"},
"t":{"type":"text"}}}"#;

/// The documents, of which the first has the id 1.
const DOCUMENTS: [&str; 7] = [
    r#"{"k":["a","b"],"n":1,"on":true,"t":"The Fox and the dog"}"#,
    r#"{"k":"b","n":[2,-3],"on":false,"t":["a fox","two dogs"]}"#,
    r#"{"k":"ab","n":9223372036854775807,"t":"FOX fox"}"#,
    r#"{"k":["","a*b"],"n":-9223372036854775808,"on":[true,false]}"#,
    r#"{"k":null,"n":[],"t":""}"#,
    r#"{"k":[["c",null],"é"],"n":[[4]],"t":"dog"}"#,
    "{}",
];

/// That any bytes give an error or a query, and that a query that a plain second reading understands
/// finds exactly the documents that this reading finds.
pub(crate) fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for dialect in [Dialect::Seven, Dialect::Eight] {
        let _ = Search::read_count(text, dialect);
        let _ = WriteByQuery::read(text, dialect);
        let _ = Reindex::read(text, dialect);
    }
    let _ = Query::of_url(text, &UrlQuery::default());
    for language in ["query_string", "simple_query_string"] {
        let written = find(&json!({ "query": { language: { "query": text } } }).to_string());
        if let Err(why) = written {
            let may_fail = language == "query_string" || why.contains("maxClauseCount");
            assert!(may_fail, "{why}: {text}");
        }
    }
    let found = find(text);
    let Some(json) = parse(input) else {
        assert!(found.is_err(), "understood although it is no JSON: {text}");
        return;
    };
    let Some(expected) = expected(&json) else { return };
    let found = found.unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(found, expected, "{text}");
}

/// The ids that a search finds.
fn find(text: &str) -> Result<Vec<usize>, String> {
    let search = Search::read(text, Dialect::Seven).map_err(|error| error.to_string())?;
    let definition = serde_json::from_str(MAPPING).unwrap();
    let mapping = Mapping::create("_doc", &definition, Settings::default()).unwrap();
    let context = Context {
        mapping: &mapping,
        index: "i",
        aliases: &[],
        default_field: None,
        filter: None,
        now: 0,
    };
    let plan = Plan::new(&search, &context).map_err(|error| error.to_string())?;
    let mut fields = Fields::default();
    let mut found = Vec::new();
    for (number, source) in (1..).zip(DOCUMENTS) {
        let id = number.to_string();
        let seq_no = u64::try_from(number).unwrap();
        let document = Document { id: &id, routing: None, seq_no, place: seq_no };
        plan.read(source.as_bytes(), &mut fields);
        let matches = plan.matches(&document, &fields);
        assert_eq!(matches, plan.score(&document, &fields).is_some());
        let keys = plan.keys(&document, &fields, 1.0);
        let _ = plan.is_after(&keys);
        if matches {
            found.push(number);
        }
    }
    Ok(found)
}

/// The ids that a body finds, if the plain reading understands it.
fn expected(body: &Json) -> Option<Vec<usize>> {
    let [(name, query)] = body.members() else { return None };
    if name != b"query" || body.repeats_names() || body.depth() > DEPTH_MAX {
        return None;
    }
    let mut found = Vec::new();
    for (number, source) in (1..).zip(DOCUMENTS) {
        let document = parse(source.as_bytes()).unwrap();
        if matches(query, &document, number)? {
            found.push(number);
        }
    }
    Some(found)
}

/// Whether a document matches a query, if the plain reading understands that.
fn matches(query: &Json, document: &Json, id: usize) -> Option<bool> {
    let Json::Object(members) = query else { return None };
    let [(name, parameters @ Json::Object(inner))] = members.as_slice() else { return None };
    let name = std::str::from_utf8(name).ok()?;
    match (name, inner.as_slice()) {
        ("match_all", []) => Some(true),
        ("match_none", []) => Some(false),
        ("ids", [(values, Json::Array(ids))]) if values == b"values" => {
            let ids = ids.iter().map(Json::text).collect::<Option<Vec<_>>>()?;
            Some(ids.contains(&id.to_string().as_str()))
        }
        ("constant_score", [(filter, inner)]) if filter == b"filter" => {
            matches(inner, document, id)
        }
        ("exists", [(field, name)]) if field == b"field" => {
            Some(!values(document, name.text()?)?.is_empty())
        }
        ("bool", _) => matches_all_parts(parameters, document, id),
        (_, [(field, wanted)]) => {
            let field = std::str::from_utf8(field).ok()?;
            let values = values(document, field)?;
            let test = test(name, field, wanted)?;
            Some(values.iter().any(test))
        }
        _ => None,
    }
}

/// Whether a document matches the parts of a `bool`.
fn matches_all_parts(parts: &Json, document: &Json, id: usize) -> Option<bool> {
    let mut sides: [Vec<bool>; 4] = Default::default();
    for (name, value) in parts.members() {
        let names: [&[u8]; 4] = [b"must", b"filter", b"should", b"must_not"];
        let side = names.iter().position(|known| *known == name.as_slice())?;
        let queries = match value {
            Json::Object(_) => std::slice::from_ref(value),
            Json::Array(queries) => queries,
            Json::Word(_) | Json::Text(_) => return None,
        };
        for query in queries {
            sides[side].push(matches(query, document, id)?);
        }
    }
    let [must, filter, should, must_not] = sides;
    let is_optional = must.is_empty() && filter.is_empty() && !should.is_empty();
    let enough = !is_optional || should.contains(&true);
    Some(enough && !must.iter().chain(&filter).any(|one| !one) && !must_not.contains(&true))
}

/// The values of a field that is mapped: arrays are flat, and null is none.
fn values(document: &Json, field: &str) -> Option<Vec<Json>> {
    fn flatten(value: &Json, flat: &mut Vec<Json>) {
        match value {
            Json::Array(elements) => elements.iter().for_each(|element| flatten(element, flat)),
            Json::Word(word) if word == "null" => {}
            Json::Word(_) | Json::Text(_) | Json::Object(_) => flat.push(value.clone()),
        }
    }
    if !["k", "n", "on", "t"].contains(&field) {
        return None;
    }
    let mut flat = Vec::new();
    document.get(field).into_iter().for_each(|value| flatten(value, &mut flat));
    Some(flat)
}

/// A test of one value.
type Test = Box<dyn Fn(&Json) -> bool>;

/// What a query on a field tests, if the plain reading understands it.
fn test(query: &str, field: &str, wanted: &Json) -> Option<Test> {
    match (query, field) {
        ("term", _) => is(field, wanted.clone()),
        ("terms", _) => {
            let Json::Array(wanted) = wanted else { return None };
            let tests = wanted.iter().map(|wanted| is(field, wanted.clone()));
            let tests = tests.collect::<Option<Vec<Test>>>()?;
            Some(Box::new(move |value| tests.iter().any(|test| test(value))))
        }
        ("prefix", "k") => {
            let prefix = wanted.text()?.to_owned();
            Some(Box::new(move |value| value.text().is_some_and(|text| text.starts_with(&prefix))))
        }
        ("wildcard", "k") => {
            let pattern: Vec<char> = wanted.text()?.chars().collect();
            if pattern.contains(&'\\') || pattern.len() > 12 {
                return None;
            }
            Some(Box::new(move |value| {
                let text: Vec<char> = value.text().unwrap().chars().collect();
                is_of(&pattern, &text)
            }))
        }
        ("range", "n") => between(wanted),
        ("match", "t") => {
            let text = wanted.text()?;
            let is_simple = text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b' ');
            let wanted = words(text);
            (is_simple && text.len() < 100).then(|| {
                let test = move |value: &Json| {
                    words(value.text().unwrap()).iter().any(|word| wanted.contains(word))
                };
                Box::new(test) as Test
            })
        }
        _ => None,
    }
}

/// The words of a simple text.
fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_ascii_lowercase).collect()
}

/// The test for one value, of a kind that the field has.
fn is(field: &str, wanted: Json) -> Option<Test> {
    match field {
        "k" => {
            let wanted = wanted.text()?.to_owned();
            Some(Box::new(move |value| value.text() == Some(&wanted)))
        }
        "n" => {
            let wanted = whole(&wanted)?;
            Some(Box::new(move |value| whole(value) == Some(wanted)))
        }
        "on" => {
            let Json::Word(word) = &wanted else { return None };
            let is_boolean = word == "true" || word == "false";
            is_boolean.then(|| Box::new(move |value: &Json| *value == wanted) as Test)
        }
        "t" => {
            let wanted = wanted.text()?.to_owned();
            Some(Box::new(move |value| words(value.text().unwrap()).contains(&wanted)))
        }
        _ => None,
    }
}

/// A whole number as it is written plainly.
fn whole(json: &Json) -> Option<i64> {
    let Json::Word(word) = json else { return None };
    word.parse().ok()
}

/// The test for whole numbers within bounds.
fn between(bounds: &Json) -> Option<Test> {
    let names: [&[u8]; 4] = [b"gt", b"gte", b"lt", b"lte"];
    let mut given: [Option<i64>; 4] = [None; 4];
    if bounds.members().is_empty() {
        return None;
    }
    for (name, value) in bounds.members() {
        let side = names.iter().position(|known| *known == name.as_slice())?;
        given[side] = Some(whole(value)?);
    }
    let [gt, gte, lt, lte] = given;
    if (gt.is_some() && gte.is_some()) || (lt.is_some() && lte.is_some()) {
        return None;
    }
    Some(Box::new(move |value| {
        let value = whole(value).unwrap();
        gt.is_none_or(|bound| value > bound)
            && gte.is_none_or(|bound| value >= bound)
            && lt.is_none_or(|bound| value < bound)
            && lte.is_none_or(|bound| value <= bound)
    }))
}

/// Whether a text is of a pattern.
fn is_of(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|skipped| is_of(rest, &text[skipped..])),
        Some((one, rest)) => text
            .split_first()
            .is_some_and(|(c, text)| (*one == '?' || one == c) && is_of(rest, text)),
    }
}
