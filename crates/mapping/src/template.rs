//! Dynamic templates: which mapping a field gets that a document adds.

use regex_lite::Regex;
use serde_json::{Map, Value};

use crate::{
    error::{ErrorType, MappingError},
    field::form::Checked,
    java::map_text,
};

/// What a value of a document looks like before it has a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An object.
    Object,
    /// A string.
    String,
    /// A whole number.
    Long,
    /// A number with a fraction.
    Double,
    /// True or false.
    Boolean,
    /// A string that is a date.
    Date,
}

/// The names that `match_mapping_type` may have.
const KINDS: [&str; 7] = ["object", "string", "long", "double", "boolean", "date", "binary"];

impl Kind {
    /// The name in a template.
    fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::String => "string",
            Self::Long => "long",
            Self::Double => "double",
            Self::Boolean => "boolean",
            Self::Date => "date",
        }
    }

    /// The type such a value gets.
    pub(crate) fn field_type(self) -> &'static str {
        match self {
            Self::String => "text",
            Self::Double => "float",
            Self::Object | Self::Long | Self::Boolean | Self::Date => self.name(),
        }
    }
}

/// One template.
#[derive(Clone, Debug)]
pub(crate) struct DynamicTemplate {
    name: String,
    /// What its definition says, as it is rendered.
    rendered: Map<String, Value>,
    conditions: Vec<Condition>,
    kinds: Option<Vec<String>>,
    mapping: Value,
    runtime: bool,
}

/// What a name or a path must or must not be.
#[derive(Clone, Debug)]
struct Condition {
    patterns: Vec<Pattern>,
    on_path: bool,
    wanted: bool,
}

/// A pattern of names.
#[derive(Clone, Debug)]
enum Pattern {
    /// Text with stars.
    Simple(String),
    /// A regular expression for the whole name.
    Regex(Regex),
}

impl Pattern {
    /// Whether a name is of the pattern.
    fn is_match(&self, name: &str) -> bool {
        match self {
            Self::Simple(pattern) => simple_match(pattern, name),
            Self::Regex(regex) => regex.is_match(name),
        }
    }
}

/// Whether a name is of a pattern in which a star stands for any text.
pub(crate) fn simple_match(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(first) = parts.next() else { return name.is_empty() };
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest
            .split_once(part)
            .filter(|_| !part.is_empty())
            .or(part.is_empty().then_some(("", rest)))
        else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

/// Texts of a value that is one or a list of them.
fn texts(value: &Value) -> Vec<String> {
    value
        .as_array()
        .map_or_else(|| vec![map_text(value)], |list| list.iter().map(map_text).collect())
}

impl DynamicTemplate {
    /// Reads `{name: {...}}`.
    pub(crate) fn parse(value: &Value) -> Checked<Self> {
        let unnamed = || MappingError::parsing("A dynamic template must be defined with a name");
        let entry =
            value.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next());
        let (name, definition) = entry.ok_or_else(unnamed)?;
        let definition = definition.as_object().ok_or_else(unnamed)?;
        const KEYS: [&str; 10] = [
            "match",
            "path_match",
            "unmatch",
            "path_unmatch",
            "match_mapping_type",
            "match_pattern",
            "mapping",
            "runtime",
            "unmatch_mapping_type",
            "match_field_type",
        ];
        if let Some(key) = definition.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let reason = format!("Illegal dynamic template parameter: [{key}]");
            return Err(MappingError::argument(reason));
        }
        let (mapping, runtime) = target(name, definition)?;
        let kinds = definition.get("match_mapping_type").map(texts);
        for kind in kinds.iter().flatten() {
            if kind != "*" && !KINDS.contains(&kind.as_str()) {
                let known = KINDS.join(", ");
                let reason =
                    format!("No field type matched on [{kind}], possible values are [{known}]");
                return Err(MappingError::argument(reason));
            }
        }
        let conditions = conditions(name, definition)?;
        let rendered = rendered(definition, &mapping, runtime);
        let name = name.clone();
        Ok(Self { name, rendered, conditions, kinds, mapping, runtime })
    }

    /// The template as JSON.
    pub(crate) fn render(&self) -> Value {
        let mut map = Map::new();
        map.insert(self.name.clone(), Value::Object(self.rendered.clone()));
        Value::Object(map)
    }

    /// Whether it is for a field.
    pub(crate) fn is_for(&self, name: &str, path: &str, kind: Kind) -> bool {
        let of_kind = self
            .kinds
            .as_ref()
            .is_none_or(|kinds| kinds.iter().any(|own| own == "*" || own == kind.name()));
        of_kind
            && self.conditions.iter().all(|condition| {
                let name = if condition.on_path { path } else { name };
                condition.wanted == condition.patterns.iter().any(|pattern| pattern.is_match(name))
            })
    }

    /// Whether the field becomes a runtime field.
    pub(crate) fn is_runtime(&self) -> bool {
        self.runtime
    }

    /// The definition for a field of a name and a type.
    pub(crate) fn definition(&self, name: &str, field_type: &str) -> Value {
        let mut definition = filled(&self.mapping, name, field_type);
        if let Some(map) = definition.as_object_mut()
            && !map.contains_key("type")
        {
            map.insert("type".to_owned(), field_type.into());
        }
        definition
    }
}

/// The mapping of a template, and whether it is for runtime fields.
fn target(name: &str, definition: &Map<String, Value>) -> Checked<(Value, bool)> {
    let conditions = ["match", "path_match", "match_mapping_type"];
    if !conditions.iter().any(|key| definition.contains_key(*key)) {
        let reason = format!(
            "template must have match, path_match or match_mapping_type set {}",
            map_text(&Value::Object(definition.clone()))
        );
        return Err(MappingError::parsing(reason));
    }
    let known = |key: &str| definition.get(key).filter(|value| !value.is_null());
    match (known("mapping"), known("runtime")) {
        (Some(_), Some(_)) => Err(MappingError::parsing(format!(
            "mapping and runtime cannot be both specified in the same dynamic template [{name}]"
        ))),
        (Some(mapping), None) => Ok((mapping.clone(), false)),
        (None, Some(runtime)) => Ok((runtime.clone(), true)),
        (None, None) => Err(MappingError::parsing("template must have mapping set")),
    }
}

/// The conditions on names and paths.
fn conditions(template: &str, definition: &Map<String, Value>) -> Checked<Vec<Condition>> {
    let kind = definition.get("match_pattern").map_or("simple".to_owned(), map_text);
    if kind != "simple" && kind != "regex" {
        return Err(MappingError::argument(format!("No matching pattern matched on [{kind}]")));
    }
    let compile = |text: String| -> Checked<Pattern> {
        if kind == "simple" {
            return Ok(Pattern::Simple(text));
        }
        Regex::new(&format!("^(?:{text})$")).map(Pattern::Regex).map_err(|error| {
            let reason = format!(
                "Pattern [{text}] of type [{kind}] is invalid. Cannot create dynamic template \
                 [{template}]."
            );
            MappingError::argument(reason)
                .because(MappingError::new(ErrorType::PatternSyntax, error.to_string()))
        })
    };
    let mut conditions = Vec::new();
    for (key, on_path, wanted) in [
        ("match", false, true),
        ("path_match", true, true),
        ("unmatch", false, false),
        ("path_unmatch", true, false),
    ] {
        if let Some(value) = definition.get(key) {
            let patterns = texts(value).into_iter().map(compile).collect::<Checked<_>>()?;
            conditions.push(Condition { patterns, on_path, wanted });
        }
    }
    Ok(conditions)
}

/// The definition in the order in which it is rendered.
fn rendered(definition: &Map<String, Value>, mapping: &Value, runtime: bool) -> Map<String, Value> {
    let mut rendered = Map::new();
    let named = definition.contains_key("match") || definition.contains_key("path_match");
    for key in [
        "match",
        "path_match",
        "unmatch",
        "path_unmatch",
        "match_mapping_type",
        "unmatch_mapping_type",
        "match_pattern",
    ] {
        let Some(value) = definition.get(key) else { continue };
        let implied = (key == "match_mapping_type" && value == "*" && named)
            || (key == "match_pattern" && value == "simple");
        if !implied {
            rendered.insert(key.to_owned(), value.clone());
        }
    }
    let mut mapping = mapping.clone();
    mapping.sort_all_objects();
    rendered.insert(if runtime { "runtime" } else { "mapping" }.to_owned(), mapping);
    rendered
}

/// A template's mapping with the placeholders filled in.
fn filled(value: &Value, name: &str, field_type: &str) -> Value {
    let fill = |text: &str| {
        text.replace("{name}", name)
            .replace("{dynamic_type}", field_type)
            .replace("{dynamicType}", field_type)
    };
    if let Some(text) = value.as_str() {
        return fill(text).into();
    }
    if let Some(list) = value.as_array() {
        return list.iter().map(|value| filled(value, name, field_type)).collect();
    }
    match value.as_object() {
        Some(map) => map
            .iter()
            .map(|(key, value)| (fill(key), filled(value, name, field_type)))
            .collect::<Map<_, _>>()
            .into(),
        None => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::simple_match;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("long_*", "long_a", true),
            ("long_*", "long", false),
            ("*.middle", "name.middle", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXc", false),
            ("a**c", "abc", true),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(simple_match(pattern, name), expected, "{pattern} {name}");
        }
    }
}
