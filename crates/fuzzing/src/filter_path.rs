//! `filter_path`, compared with the plainest way to filter.
//!
//! The first line of an input has the filters, with commas between them; the rest is the answer.

use server::rest::filter_path::FilterPath;

use crate::{
    json::{Json, parse},
    names::describes,
};

/// A value that is no object and no array, and the names that lead to it.
type Leaf<'j> = (Vec<&'j [u8]>, &'j Json);

/// That of an answer those scalars are left that a filter includes and none excludes, in their order.
pub(crate) fn check(input: &[u8]) {
    let (line, json) = match input.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => (input, &b"{\"a\":{\"b\":[1,{\"c\":2}]},\"d\":\"e\"}"[..]),
    };
    let Ok(line) = std::str::from_utf8(line) else { return };
    let filters: Vec<String> = line.split(',').map(str::to_owned).collect();
    let Ok(filter) = FilterPath::parse(&filters) else { return };
    let left = filter.apply(json);
    let Some(read) = parse(json) else { return };
    let left = left.unwrap_or_else(|| panic!("an answer cannot be filtered by {line:?}"));
    let left = parse(&left).unwrap_or_else(|| panic!("no JSON is left by {line:?}"));
    // Names that are no text, patterns with escapes and the empty pattern are looked at no further.
    if line.contains(['\\', '\0']) || filters.iter().any(|filter| filter.len() < 2) {
        return;
    }
    let Json::Object(_) = read else { return };
    let (mut expected, mut found) = (Vec::new(), Vec::new());
    leaves(&read, &mut Vec::new(), &mut expected);
    leaves(&left, &mut Vec::new(), &mut found);
    expected.retain(|(path, _)| is_left(&filters, path));
    assert_eq!(found, expected, "{line:?}");
}

/// All scalars of a value.
fn leaves<'j>(value: &'j Json, path: &mut Vec<&'j [u8]>, found: &mut Vec<Leaf<'j>>) {
    match value {
        Json::Word(_) | Json::Text(_) => found.push((path.clone(), value)),
        Json::Array(elements) => elements.iter().for_each(|element| leaves(element, path, found)),
        Json::Object(members) => {
            for (name, value) in members {
                path.push(name);
                leaves(value, path, found);
                path.pop();
            }
        }
    }
}

/// Whether a scalar is left: a filter names it or something around it, and none excludes it.
fn is_left(filters: &[String], path: &[&[u8]]) -> bool {
    let names = |filter: &str| (1..=path.len()).any(|length| matches(filter, &path[..length]));
    let (excludes, includes): (Vec<_>, Vec<_>) =
        filters.iter().partition(|filter| filter.starts_with('-'));
    let is_included = includes.is_empty() || includes.iter().any(|filter| names(filter));
    is_included && !excludes.iter().any(|filter| names(&filter[1..]))
}

/// Whether a filter is a path's.
fn matches(filter: &str, path: &[&[u8]]) -> bool {
    let mut names: Vec<_> = filter.split('.').collect();
    names.dedup_by(|one, other| *one == "**" && *other == "**");
    if names.len() > 1 && names.last() == Some(&"**") {
        names.pop();
    }
    passes(&names, path)
}

/// Whether names with `*` and `**` describe a whole path.
fn passes(names: &[&str], path: &[&[u8]]) -> bool {
    let mut ends = vec![false; path.len() + 1];
    ends[0] = true;
    for (place, name) in names.iter().enumerate() {
        if *name == "**" && place + 1 < names.len() {
            for at in 1..ends.len() {
                ends[at] |= ends[at - 1];
            }
            continue;
        }
        for at in (1..ends.len()).rev() {
            ends[at] = ends[at - 1] && describes(name.as_bytes(), path[at - 1]);
        }
        ends[0] = false;
    }
    ends[path.len()]
}
