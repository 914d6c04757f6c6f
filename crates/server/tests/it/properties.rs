//! Whatever bytes arrive, parsing them ends well.

use proptest::prelude::*;
use serde_json::Value;
use server::rest::filter_path::FilterPath;
use server::rest::media_type::MediaType;
use server::rest::parameters::Parameters;
use server::rest::pretty::pretty;
use server::rest::{uri, yaml};

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((".*", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn laid_out_json_is_the_same_json(value in json()) {
        let laid_out = pretty(value.to_string().as_bytes(), 1 << 20).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Value>(&laid_out).unwrap(), value);
    }

    #[test]
    fn yaml_is_the_same_value(value in json()) {
        let written = yaml::from_json(value.to_string().as_bytes()).unwrap();
        let read: Value = serde_yaml_ng::from_slice(&written).unwrap();
        prop_assert_eq!(read.to_string(), value.to_string());
    }

    #[test]
    fn including_everything_changes_nothing(value in json()) {
        prop_assume!(value.is_object());
        let all = FilterPath::new(&["*".to_owned()]).apply(value.to_string().as_bytes()).unwrap();
        prop_assert_eq!(String::from_utf8(all).unwrap(), value.to_string());
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in ".*") {
        let _ = uri::segments(&text);
        let _ = MediaType::parse(&text);
        let _ = node::parse_time_value(&text);
        if let Ok(mut parameters) = Parameters::parse(&text) {
            parameters.declare(&["index", "id"]);
            let _ = parameters.reject_unknown("/");
        }
    }
}
