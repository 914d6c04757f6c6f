//! Settings as they are given, kept and refused.

use serde_json::json;

use super::{Durability, Duration, SettingError, Settings};

#[test]
fn all_spellings_mean_the_same() {
    let spellings = [
        json!({"index": {"number_of_shards": 3, "gc_deletes": "10s"}}),
        json!({"number_of_shards": "3", "gc_deletes": "10s"}),
        json!({"index.number_of_shards": 3, "index": {"gc_deletes": "10s"}}),
    ];
    for spelling in spellings {
        let settings = Settings::from_json(&spelling).unwrap();
        assert_eq!(settings.number_of_shards(), 3);
        assert_eq!(settings.number_of_routing_shards(), 768);
        assert_eq!(settings.gc_deletes().as_millis(), 10_000);
        assert_eq!(settings.get("index.number_of_shards"), Some("3"));
    }
}

#[test]
fn the_durability_is_named_in_any_case() {
    let durability =
        |json| Settings::from_json(&json).map(|settings| settings.durability()).unwrap();
    let every = |millis| Durability::Async { sync_interval: Duration::from_millis(millis) };
    assert_eq!(durability(json!({})), Durability::Request);
    assert_eq!(durability(json!({"translog.durability": "REQUEST"})), Durability::Request);
    assert_eq!(durability(json!({"translog.durability": "Async"})), every(5_000));
    let shortest = json!({"translog": {"durability": "async", "sync_interval": "100ms"}});
    assert_eq!(durability(shortest), every(100));
    let unused = json!({"translog.sync_interval": "100ms"});
    assert_eq!(durability(unused), Durability::Request);
}

#[test]
fn what_cannot_be_is_named() {
    let refused = |json| Settings::from_json(&json).unwrap_err().to_string();
    let unknown = Settings::from_json(&json!({"index": {"number_of_shard": 1}}));
    assert_eq!(unknown, Err(SettingError::Unknown("index.number_of_shard".to_owned())));
    assert_eq!(
        refused(json!({"number_of_shards": 0})),
        "Failed to parse value [0] for setting [index.number_of_shards] must be >= 1"
    );
    assert_eq!(
        refused(json!({"number_of_shards": "x"})),
        "Failed to parse value [x] for setting [index.number_of_shards]"
    );
    assert_eq!(
        refused(json!({"index.gc_deletes": "10"})),
        "failed to parse setting [index.gc_deletes] with value [10] as a time value: unit is \
         missing or unrecognized"
    );
    assert_eq!(
        refused(json!({"translog.sync_interval": "99ms"})),
        "failed to parse value [99ms] for setting [index.translog.sync_interval], must be >= \
         [100ms]"
    );
    assert_eq!(
        refused(json!({"translog.durability": "never"})),
        "No enum constant org.elasticsearch.index.translog.Translog.Durability.NEVER"
    );
    assert!(
        refused(json!({"number_of_shards": 3, "number_of_routing_shards": 4})).contains("multiple")
    );
    assert_eq!(refused(json!([1])), "settings must be an object");
    for (json, reason) in [
        (
            json!({"blocks.write": "yes"}),
            "Failed to parse value [yes] as only [true] or [false] are allowed.",
        ),
        (
            json!({"refresh_interval": 5}),
            "failed to parse setting [index.refresh_interval] with value [5] as a time value: \
             unit is missing or unrecognized",
        ),
        (
            json!({"max_result_window": 0}),
            "Failed to parse value [0] for setting [index.max_result_window] must be >= 1",
        ),
        (
            json!({"codec": "nope"}),
            "unknown value for [index.codec] must be one of [default, best_compression] but \
             was: nope",
        ),
    ] {
        assert_eq!(refused(json), reason);
    }
    assert!(refused(json!({"query": {"a.".repeat(200): 1}})).starts_with("unknown setting"));
}

#[test]
fn changes_set_and_reset_but_not_what_is_fixed() {
    let settings = Settings::from_json(&json!({"blocks.write": true, "priority": 3})).unwrap();
    let changed = settings.changed(&json!({"index": {"blocks.write": null, "priority": 4}}), false);
    let changed = changed.unwrap();
    assert_eq!(changed.get("index.blocks.write"), None);
    assert_eq!(changed.get("index.priority"), Some("4"));
    let fixed = settings.changed(&json!({"number_of_shards": null}), false);
    assert_eq!(fixed, Err(SettingError::Fixed("index.number_of_shards".to_owned())));
}

#[test]
fn values_that_mean_nothing_are_refused() {
    let refused = |json| Settings::from_json(&json).unwrap_err().to_string();
    for (given, text) in [
        (
            json!({"mapping.depth.limit": 0}),
            "Failed to parse value [0] for setting [index.mapping.depth.limit] must be >= 1",
        ),
        (
            json!({"mapping.total_fields.limit": "many"}),
            "Failed to parse value [many] for setting [index.mapping.total_fields.limit]",
        ),
        (
            json!({"mapping.coerce": "maybe"}),
            "Failed to parse value [maybe] as only [true] or [false] are allowed.",
        ),
        (
            json!({"priority": -1}),
            "Failed to parse value [-1] for setting [index.priority] must be >= 0",
        ),
        (
            json!({"auto_expand_replicas": "0-some"}),
            "failed to parse [index.auto_expand_replicas] from value: [0-some] at index -1",
        ),
    ] {
        assert_eq!(refused(given), text);
    }
    assert!(refused(json!({"auto_expand_replicas": "3-1"})).contains("[3-1]"));
    for range in ["false", "off", "0-1", "0-all"] {
        Settings::from_json(&json!({"auto_expand_replicas": range})).unwrap();
    }
}

#[test]
fn what_was_taken_once_stands_in_no_changes_way() {
    let kept: Settings = serde_json::from_value(json!({"index.priority": "-1"})).unwrap();
    let changed = kept.changed(&json!({"index.hidden": true}), false).unwrap();
    assert_eq!(changed.get("index.priority"), Some("-1"));
    kept.changed(&json!({"index.priority": -2}), false).unwrap_err();
    kept.changed(&json!({"index.priority": 2}), false).unwrap();
}
