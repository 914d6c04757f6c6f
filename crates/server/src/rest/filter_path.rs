//! `?filter_path`: only the members of an answer that were asked for, or all but those.
//!
//! A filter is a dotted path; `*` stands for any part of a name, `**` for any number of names, and a
//! leading `-` excludes. Arrays do not count as a level. Objects and arrays that lose everything go.

use serde_json::{Map, Value};

/// The filters of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterPath {
    include: Vec<Vec<String>>,
    exclude: Vec<Vec<String>>,
}

impl FilterPath {
    /// Reads a list of filters.
    pub fn new(filters: &[String]) -> Self {
        let mut paths = Self::default();
        for filter in filters {
            match filter.strip_prefix('-') {
                Some(excluded) => paths.exclude.push(names(excluded)),
                None => paths.include.push(names(filter)),
            }
        }
        paths
    }

    /// Whether nothing is filtered.
    pub fn is_empty(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// The part of a JSON answer that was asked for, `{}` if nothing is left.
    ///
    /// `None` if the bytes are no JSON.
    pub fn apply(&self, json: &[u8]) -> Option<Vec<u8>> {
        let mut filtered = Some(parse(json)?);
        for (paths, mode) in [(&self.include, Mode::Include), (&self.exclude, Mode::Exclude)] {
            if !paths.is_empty() {
                let paths: Vec<&[String]> = paths.iter().map(Vec::as_slice).collect();
                filtered = filtered.and_then(|value| mode.filter(value, &paths));
            }
        }
        serde_json::to_vec(&filtered.unwrap_or_else(|| Value::Object(Map::new()))).ok()
    }
}

/// Reads JSON however deep it is: documents were bounded when they came in.
fn parse(json: &[u8]) -> Option<Value> {
    use serde::Deserialize;
    let mut reader = serde_json::Deserializer::from_slice(json);
    reader.disable_recursion_limit();
    Value::deserialize(&mut reader).ok()
}

/// The names of a dotted path; `\.` is a dot in a name.
fn names(path: &str) -> Vec<String> {
    path.replace("\\.", "\u{0}").split('.').map(|name| name.replace('\u{0}', ".")).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Include,
    Exclude,
}

/// What the filters say about one member.
enum Verdict<'p> {
    /// A filter ends here.
    Matched,
    /// Filters go on below.
    Below(Vec<&'p [String]>),
}

impl Mode {
    /// What remains of a value, if anything.
    fn filter(self, value: Value, paths: &[&[String]]) -> Option<Value> {
        match value {
            Value::Object(members) => {
                let kept: Map<String, Value> = members
                    .into_iter()
                    .filter_map(|(name, member)| {
                        let member = self.member(&name, member, paths)?;
                        Some((name, member))
                    })
                    .collect();
                (!kept.is_empty()).then_some(Value::Object(kept))
            }
            Value::Array(elements) => {
                let kept: Vec<Value> =
                    elements.into_iter().filter_map(|e| self.filter(e, paths)).collect();
                (!kept.is_empty()).then_some(Value::Array(kept))
            }
            scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                (self == Self::Exclude).then_some(scalar)
            }
        }
    }

    fn member(self, name: &str, member: Value, paths: &[&[String]]) -> Option<Value> {
        match (judge(name, paths), self) {
            (Verdict::Matched, Self::Include) => Some(member),
            (Verdict::Matched, Self::Exclude) => None,
            (Verdict::Below(below), Self::Include) if below.is_empty() => None,
            (Verdict::Below(below), Self::Exclude) if below.is_empty() => Some(member),
            (Verdict::Below(below), _) => self.filter(member, &below),
        }
    }
}

fn judge<'p>(name: &str, paths: &[&'p [String]]) -> Verdict<'p> {
    let mut below = Vec::new();
    for path in paths {
        if step(name, path, &mut below) {
            return Verdict::Matched;
        }
    }
    Verdict::Below(below)
}

/// Takes one name off a path; true if the path ends with it, else what is left goes to `below`.
fn step<'p>(name: &str, path: &'p [String], below: &mut Vec<&'p [String]>) -> bool {
    let Some((first, rest)) = path.split_first() else { return false };
    if first == "**" {
        if rest.is_empty() || step(name, rest, below) {
            return true;
        }
        below.push(path);
        return false;
    }
    if !is_like(name.as_bytes(), first.as_bytes()) {
        return false;
    }
    if rest.is_empty() || rest.iter().all(|name| name == "**") {
        return true;
    }
    below.push(rest);
    false
}

/// Whether a name fits a pattern in which `*` stands for anything. Linear: only the last star is
/// ever tried again.
pub(crate) fn is_like(name: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut in_pattern) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(at) {
        match pattern.get(in_pattern) {
            Some(b'*') => {
                in_pattern += 1;
                retry = Some((at, in_pattern));
            }
            Some(expected) if expected == byte => {
                at += 1;
                in_pattern += 1;
            }
            _ => match retry {
                Some((start, after_star)) => {
                    retry = Some((start + 1, after_star));
                    (at, in_pattern) = (start + 1, after_star);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(in_pattern).all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const BULK: &str = r#"{"took":1,"errors":false,"items":[{"index":{"_id":"1","status":201}},{"delete":{"_id":"2","error":{"type":"t"}}}]}"#;

    fn check(json: &str, filters: &str, expected: &str) {
        let filters: Vec<String> = filters.split(',').map(str::to_owned).collect();
        let filtered = FilterPath::new(&filters).apply(json.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(filtered).unwrap(), expected, "{filters:?}");
    }

    #[test]
    fn members_are_chosen() {
        check(BULK, "errors", r#"{"errors":false}"#);
        check(BULK, "items.*.error", r#"{"items":[{"delete":{"error":{"type":"t"}}}]}"#);
        check(
            BULK,
            "errors,items.*._id",
            r#"{"errors":false,"items":[{"index":{"_id":"1"}},{"delete":{"_id":"2"}}]}"#,
        );
        check(BULK, "**.type", r#"{"items":[{"delete":{"error":{"type":"t"}}}]}"#);
        check(BULK, "t*k,err*", r#"{"took":1,"errors":false}"#);
        check(BULK, "nope", "{}");
        check(BULK, "took.x", "{}");
        check(r#"{"a.b":1,"a":{"b":2}}"#, r"a\.b", r#"{"a.b":1}"#);
    }

    #[test]
    fn members_are_left_out() {
        check(r#"{"_id":"1","_source":{"a":1,"b":[]}}"#, "-_source", r#"{"_id":"1"}"#);
        check(r#"{"_id":"1","_source":{"a":1}}"#, "-_source.a", r#"{"_id":"1"}"#);
        check(r#"{"_source":{"a":1,"b":[]}}"#, "-_source.a", r#"{"_source":{"b":[]}}"#);
        check(r#"{"_id":"1","_source":{"a":1,"b":2}}"#, "_source,-**.a", r#"{"_source":{"b":2}}"#);
    }

    #[test]
    fn numbers_and_order_stay() {
        check(
            r#"{"z":1.10,"a":12345678901234567890123}"#,
            "*",
            r#"{"z":1.10,"a":12345678901234567890123}"#,
        );
    }

    #[test]
    fn stars_fit_anything() {
        for (name, pattern, fits) in [
            ("abc", "a*c", true),
            ("abc", "*", true),
            ("abcb", "*b", true),
            ("abc", "a*b", false),
            ("", "*", true),
        ] {
            assert_eq!(is_like(name.as_bytes(), pattern.as_bytes()), fits, "{name} {pattern}");
        }
    }
}
