//! Which part of a source a reader wants: `_source`, `_source_includes`, `_source_excludes` (spec
//! document-api §4).

use bytes::Bytes;
use node::matches_glob;
use serde_json::{Map, Value, value::RawValue};

use super::dialect::Dialect;
use super::error::Error;
use super::parameters::Parameters;

/// A reader's wish about the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum SourceFilter {
    /// Nobody asked.
    #[default]
    Unasked,
    /// All of it, byte for byte.
    All,
    /// Nothing of it.
    Nothing,
    /// The fields whose paths are included and not excluded; `*` stands for anything, dots too.
    Fields {
        /// Paths to keep; none given keeps all.
        includes: Vec<String>,
        /// Paths to leave out, whatever is included.
        excludes: Vec<String>,
    },
}

impl SourceFilter {
    /// Takes the parameters.
    pub(crate) fn take(parameters: &mut Parameters, dialect: Dialect) -> Self {
        let mut includes = Vec::new();
        let mut asked = None;
        match parameters.take("_source").as_deref() {
            None => {}
            Some("false") => asked = Some(false),
            Some("true" | "") => asked = Some(true),
            Some(list) => includes.extend(split(list)),
        }
        let mut excludes = Vec::new();
        includes.extend(parameters.take_list("_source_includes").unwrap_or_default());
        excludes.extend(parameters.take_list("_source_excludes").unwrap_or_default());
        if dialect.allows_old_metadata_names() {
            includes.extend(parameters.take_list("_source_include").unwrap_or_default());
            excludes.extend(parameters.take_list("_source_exclude").unwrap_or_default());
        }
        Self::new(asked, includes, excludes)
    }

    /// Reads the value of `_source` in a body: a boolean, a path, paths, or includes and excludes.
    pub(crate) fn parse(value: &RawValue) -> Result<Self, Error> {
        let invalid = || Error::Parse("_source must be a boolean, paths, or an object".to_owned());
        let json: Value = serde_json::from_str(value.get()).map_err(|_| invalid())?;
        match json {
            Value::Bool(asked) => Ok(Self::new(Some(asked), Vec::new(), Vec::new())),
            Value::String(text) if text == "true" || text == "false" => {
                Ok(Self::new(Some(text == "true"), Vec::new(), Vec::new()))
            }
            Value::String(list) => Ok(Self::new(None, split(&list).collect(), Vec::new())),
            Value::Array(_) => Ok(Self::new(None, paths(&json).ok_or_else(invalid)?, Vec::new())),
            Value::Object(members) => {
                let (mut includes, mut excludes) = (Vec::new(), Vec::new());
                for (name, value) in &members {
                    let paths = paths(value).ok_or_else(invalid)?;
                    match name.as_str() {
                        "includes" | "include" => includes.extend(paths),
                        "excludes" | "exclude" => excludes.extend(paths),
                        _ => return Err(invalid()),
                    }
                }
                Ok(Self::new(Some(true), includes, excludes))
            }
            Value::Null | Value::Number(_) => Err(invalid()),
        }
    }

    fn new(asked: Option<bool>, includes: Vec<String>, excludes: Vec<String>) -> Self {
        match asked {
            Some(false) => Self::Nothing,
            Some(true) if includes.is_empty() && excludes.is_empty() => Self::All,
            None if includes.is_empty() && excludes.is_empty() => Self::Unasked,
            Some(true) | None => Self::Fields { includes, excludes },
        }
    }

    /// This wish, or another one where there is none.
    pub(crate) fn or(&self, other: &Self) -> Self {
        if *self == Self::Unasked { other.clone() } else { self.clone() }
    }

    /// The part of a source that is wanted, if any; `unasked` says whether nobody asking means all.
    pub(crate) fn apply(&self, source: &Bytes, unasked: bool) -> Option<Bytes> {
        match self {
            Self::Unasked => unasked.then(|| source.clone()),
            Self::All => Some(source.clone()),
            Self::Nothing => None,
            Self::Fields { includes, excludes } => {
                let mut parser = serde_json::Deserializer::from_slice(source);
                parser.disable_recursion_limit();
                let parsed: Result<Value, _> = serde::Deserialize::deserialize(&mut parser);
                let Ok(Value::Object(members)) = parsed else { return Some(source.clone()) };
                let kept = Value::Object(filter(members, "", includes, excludes));
                Some(serde_json::to_vec(&kept).map_or_else(|_| source.clone(), Bytes::from))
            }
        }
    }
}

fn split(list: &str) -> impl Iterator<Item = String> {
    list.split(',').map(str::trim).filter(|path| !path.is_empty()).map(str::to_owned)
}

fn paths(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(path) => Some(vec![path.clone()]),
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// As deep as the source is, which is bounded.
fn filter(
    members: Map<String, Value>,
    parent: &str,
    includes: &[String],
    excludes: &[String],
) -> Map<String, Value> {
    let mut kept = Map::new();
    for (name, value) in members {
        let path = if parent.is_empty() { name.clone() } else { format!("{parent}.{name}") };
        if let Some(value) = filter_value(value, &path, includes, excludes) {
            kept.insert(name, value);
        }
    }
    kept
}

fn filter_value(
    value: Value,
    path: &str,
    includes: &[String],
    excludes: &[String],
) -> Option<Value> {
    if covers(excludes, path) {
        return None;
    }
    let included = includes.is_empty() || covers(includes, path);
    match value {
        Value::Object(members) => {
            let kept = filter(members, path, includes, excludes);
            (included || !kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(items) => {
            let kept: Vec<Value> = items
                .into_iter()
                .filter_map(|item| filter_value(item, path, includes, excludes))
                .collect();
            (included || !kept.is_empty()).then_some(Value::Array(kept))
        }
        scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            included.then_some(scalar)
        }
    }
}

/// Whether a pattern names this path or one above it.
fn covers(patterns: &[String], path: &str) -> bool {
    let prefixes = path.match_indices('.').map(|(dot, _)| path.get(..dot).unwrap_or(path));
    let mut prefixes = prefixes.chain([path]);
    prefixes.any(|prefix| patterns.iter().any(|pattern| matches_glob(pattern, prefix)))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::value::RawValue;

    use super::SourceFilter;

    fn shown(wish: &str, source: &'static str) -> Option<String> {
        let wish = RawValue::from_string(wish.to_owned()).unwrap();
        let filter = SourceFilter::parse(&wish).unwrap();
        let shown = filter.apply(&Bytes::from_static(source.as_bytes()), false)?;
        Some(String::from_utf8(shown.to_vec()).unwrap())
    }

    #[test]
    fn sources_are_filtered_by_path() {
        const SOURCE: &str = r#"{"a":1,"o":{"x":1.50,"y":{"z":2}},"l":[{"x":1,"y":2},3]}"#;
        for (wish, expected) in [
            ("true", SOURCE),
            (r#""a""#, r#"{"a":1}"#),
            (r#"["o.x","a"]"#, r#"{"a":1,"o":{"x":1.50}}"#),
            (r#"["o"]"#, r#"{"o":{"x":1.50,"y":{"z":2}}}"#),
            (r#"["*.z"]"#, r#"{"o":{"y":{"z":2}}}"#),
            (r#"["l.x"]"#, r#"{"l":[{"x":1}]}"#),
            (r#"{"includes":["o"],"excludes":["o.y"]}"#, r#"{"o":{"x":1.50}}"#),
            (r#"{"excludes":["o.*","l"]}"#, r#"{"a":1,"o":{}}"#),
            (r#"["nope"]"#, "{}"),
        ] {
            assert_eq!(shown(wish, SOURCE).as_deref(), Some(expected), "{wish}");
        }
        assert_eq!(shown("false", SOURCE), None);
    }
}
