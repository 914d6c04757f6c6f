//! Which part of a source a reader wants: `_source`, `_source_includes`, `_source_excludes` (spec
//! document-api §4).

use std::sync::Arc;

use bytes::Bytes;
use node::Index;
use serde_json::{Value, value::RawValue};

use super::dialect::Dialect;
use super::error::Error;
use super::filter_path::{Patterns, Selection, Separator, Token};
use super::parameters::Parameters;

/// How many paths the wish of a body may have.
const PATHS_MAX: usize = 1_024;
/// How long all of them may be together.
const PATH_BYTES_MAX: usize = 8 << 10;
/// What is shown of a source that is no JSON, which is never written: never all of it.
const EMPTY: &str = "{}";

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
    /// The fields whose paths are included and not excluded. Shared: items without a wish of their
    /// own have that of the request.
    Fields(Arc<Paths>),
}

/// Paths of fields; `*` stands for anything, dots too, and a path for all that is below it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Paths {
    /// What to keep; none given keeps all.
    includes: Vec<String>,
    /// What to leave out, whatever is included.
    excludes: Vec<String>,
}

/// Whether sources are shown without their vectors (since 9.1).
const EXCLUDE_VECTORS: &str = "_source_exclude_vectors";

/// Refuses to leave out vectors: a source is shown as it was sent.
fn check_vectors(value: &Value) -> Result<(), Error> {
    if value.is_null() || *value == false {
        return Ok(());
    }
    Err(Error::illegal_argument("[exclude_vectors] of [_source] is not supported yet"))
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
        // There are no vectors apart from their sources that could be left out.
        if dialect == Dialect::V8 && parameters.value(EXCLUDE_VECTORS) == Some("false") {
            parameters.take(EXCLUDE_VECTORS);
        }
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
        let (mut asked, mut includes, mut excludes) = (None, Vec::new(), Vec::new());
        match json {
            Value::Bool(boolean) => asked = Some(boolean),
            Value::String(text) if text == "true" || text == "false" => {
                asked = Some(text == "true")
            }
            Value::String(list) => includes.extend(split(&list)),
            Value::Array(_) => includes = paths(&json).ok_or_else(invalid)?,
            Value::Object(members) => {
                asked = Some(true);
                for (name, value) in &members {
                    if name == "exclude_vectors" {
                        check_vectors(value)?;
                        continue;
                    }
                    let paths = paths(value).ok_or_else(invalid)?;
                    match name.as_str() {
                        "includes" | "include" => includes.extend(paths),
                        "excludes" | "exclude" => excludes.extend(paths),
                        _ => return Err(invalid()),
                    }
                }
            }
            Value::Null | Value::Number(_) => return Err(invalid()),
        }
        Self::new(asked, includes, excludes).check()
    }

    fn new(asked: Option<bool>, includes: Vec<String>, excludes: Vec<String>) -> Self {
        match asked {
            Some(false) => Self::Nothing,
            Some(true) if includes.is_empty() && excludes.is_empty() => Self::All,
            None if includes.is_empty() && excludes.is_empty() => Self::Unasked,
            Some(true) | None => Self::Fields(Arc::new(Paths { includes, excludes })),
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
            Self::Fields(paths) => {
                Some(paths.selection().copy(source).map_or_else(|| EMPTY.into(), Bytes::from))
            }
        }
    }

    /// As [`apply`](Self::apply), of what the mapping of the index lets be seen of a source.
    pub(crate) fn show(&self, index: &Index, source: &Bytes, unasked: bool) -> Option<Bytes> {
        let mapping = index.mapping();
        let rule = mapping.source_rule();
        if !rule.enabled {
            return None;
        }
        if rule.includes.is_empty() && rule.excludes.is_empty() {
            return self.apply(source, unasked);
        }
        let (includes, excludes) = (rule.includes.clone(), rule.excludes.clone());
        let kept = Self::Fields(Arc::new(Paths { includes, excludes })).apply(source, true)?;
        self.apply(&kept, unasked)
    }

    /// Refuses a wish in a body that has too many paths. One in a request line is bounded by that.
    fn check(self) -> Result<Self, Error> {
        let Self::Fields(paths) = &self else { return Ok(self) };
        let (mut count, mut bytes) = (0, 0);
        for path in paths.includes.iter().chain(&paths.excludes) {
            count += 1;
            bytes += path.len();
        }
        if count > PATHS_MAX || bytes > PATH_BYTES_MAX {
            return Err(Error::illegal_argument(format!(
                "_source has [{count}] paths of [{bytes}] bytes, more than the limit of \
                 [{PATHS_MAX}] paths and [{PATH_BYTES_MAX}] bytes"
            )));
        }
        Ok(self)
    }
}

impl Paths {
    fn selection(&self) -> Selection {
        let patterns = |paths: &[String]| {
            let tokens: Vec<Vec<Token>> = paths.iter().map(|path| tokens(path)).collect();
            Patterns::new(Separator::Dot, &tokens)
        };
        Selection {
            includes: patterns(&self.includes),
            excludes: patterns(&self.excludes),
            keeps_empty: true,
        }
    }
}

fn tokens(path: &str) -> Vec<Token> {
    let token = |byte| if byte == b'*' { Token::AnyText } else { Token::Byte(byte) };
    path.bytes().map(token).collect()
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

    #[test]
    fn a_path_covers_what_is_below_it_and_dots_in_names_are_dots() {
        const SOURCE: &str = r#"{"a.b":{"c":1},"a":{"b":{"c":2},"bc":[]},"ab":{},"x":[[{"y":0}]]}"#;
        for (wish, expected) in [
            (r#"["a"]"#, r#"{"a.b":{"c":1},"a":{"b":{"c":2},"bc":[]}}"#),
            (r#"["a.b"]"#, r#"{"a.b":{"c":1},"a":{"b":{"c":2}}}"#),
            (r#"["a.b*"]"#, r#"{"a.b":{"c":1},"a":{"b":{"c":2},"bc":[]}}"#),
            (r#"["*.c"]"#, r#"{"a.b":{"c":1},"a":{"b":{"c":2}}}"#),
            (r#"{"excludes":["a*c"]}"#, r#"{"a.b":{},"a":{"b":{}},"ab":{},"x":[[{"y":0}]]}"#),
            (r#"{"includes":["x","ab"],"excludes":["*y"]}"#, r#"{"ab":{},"x":[[{}]]}"#),
            (r#"["a.b.c.d"]"#, "{}"),
        ] {
            assert_eq!(shown(wish, SOURCE).as_deref(), Some(expected), "{wish}");
        }
    }

    /// Once the source was parsed to a tree, and shown as a whole where that failed.
    #[test]
    fn what_is_excluded_never_shows() {
        let excludes = r#"{"excludes":["secret"]}"#;
        for (source, expected) in [
            (
                r#"{"secret":1,"n":{"$serde_json::private::Number":"x"}}"#,
                r#"{"n":{"$serde_json::private::Number":"x"}}"#,
            ),
            (r#"{"n":{"\ud800":"\udfff"},"\u0073ecret":1}"#, r#"{"n":{"\ud800":"\udfff"}}"#),
            (r#"{"n":1.50e1 , "secret" : 1}"#, r#"{"n":1.50e1}"#),
            (r#"{"secret":1"#, "{}"),
            (r#"{"n":}"#, "{}"),
        ] {
            assert_eq!(shown(excludes, source).as_deref(), Some(expected), "{source}");
        }
    }

    #[test]
    fn too_many_paths_are_refused() {
        let parsed = |paths: &[String]| {
            let wish = serde_json::to_string(paths).unwrap();
            SourceFilter::parse(&RawValue::from_string(wish).unwrap())
        };
        assert!(parsed(&vec!["a".to_owned(); 1_024]).is_ok());
        assert!(parsed(&vec!["a".to_owned(); 1_025]).is_err());
        assert!(parsed(&["a".repeat(8 << 10)]).is_ok());
        assert!(parsed(&["a".repeat((8 << 10) + 1)]).is_err());
    }
}

#[cfg(test)]
mod worst_case_tests;
