//! JSON laid out anew: `pretty` and YAML.

use serde_yaml_ng::Value;
use server::rest::{pretty::pretty, yaml};

use crate::json::{Json, parse};

/// More bytes than any layout of an input may take.
const BYTES_MAX: usize = 16 << 20;
/// The parser of YAML takes no deeper text.
const YAML_DEPTH_MAX: usize = 60;

/// That a layout ends whatever the text is, and that of JSON says the same as the text.
pub(crate) fn check(input: &[u8]) {
    let laid_out = pretty(input, BYTES_MAX);
    let as_yaml = yaml::from_json(input);
    let Some(read) = parse(input) else { return };
    if let Some(laid_out) = laid_out {
        assert_eq!(parse(&laid_out).as_ref(), Some(&read));
        assert_eq!(pretty(&laid_out, BYTES_MAX), Some(laid_out), "laid out once and for all");
    }
    if says_no_text(&read) {
        // Half a surrogate pair has no place in YAML.
        assert_eq!(as_yaml, None);
        return;
    }
    let as_yaml = String::from_utf8(as_yaml.unwrap()).unwrap();
    if read.depth() > YAML_DEPTH_MAX || read.repeats_names() || has_long_number(&read) {
        return;
    }
    let understood: Value = match serde_yaml_ng::from_str(&as_yaml) {
        Ok(understood) => understood,
        Err(error) => panic!("{error} in {as_yaml}"),
    };
    check_same(&understood, &read);
}

/// Whether a number in a value has more digits than the parser of YAML takes.
fn has_long_number(value: &Json) -> bool {
    match value {
        Json::Word(word) => word.len() > 18,
        Json::Text(_) => false,
        Json::Array(elements) => elements.iter().any(has_long_number),
        Json::Object(members) => members.iter().any(|(_, value)| has_long_number(value)),
    }
}

/// Whether a name or a string in a value is no text.
fn says_no_text(value: &Json) -> bool {
    let is_none = |text: &[u8]| std::str::from_utf8(text).is_err();
    match value {
        Json::Word(_) => false,
        Json::Text(text) => is_none(text),
        Json::Array(elements) => elements.iter().any(says_no_text),
        Json::Object(members) => {
            members.iter().any(|(name, value)| is_none(name) || says_no_text(value))
        }
    }
}

/// That a YAML value says what a JSON value does.
fn check_same(yaml: &Value, json: &Json) {
    match (yaml, json) {
        (Value::Null, Json::Word(word)) => assert_eq!(word, "null"),
        (Value::Bool(flag), Json::Word(word)) => assert_eq!(*word, flag.to_string()),
        (Value::Number(_), Json::Word(word)) => {
            assert!(word.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']));
        }
        // What has an exponent and no fraction is a number to some parsers and a text to others.
        (Value::String(text), Json::Word(word)) => assert_eq!(text, word),
        (Value::String(text), Json::Text(said)) => assert_eq!(text.as_bytes(), said),
        (Value::Sequence(values), Json::Array(elements)) => {
            assert_eq!(values.len(), elements.len());
            values.iter().zip(elements).for_each(|(value, element)| check_same(value, element));
        }
        (Value::Mapping(mapping), Json::Object(members)) => {
            assert_eq!(mapping.len(), members.len());
            for ((name, value), (said, member)) in mapping.iter().zip(members) {
                assert_eq!(name.as_str().map(str::as_bytes), Some(&said[..]));
                check_same(value, member);
            }
        }
        _ => panic!("{yaml:?} is not {json:?}"),
    }
}
