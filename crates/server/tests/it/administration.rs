//! What administers a server and what watches it: tables as text, numbers for Prometheus, and what a
//! restart keeps.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::{Client, bare, bulk, json as json_request};
use crate::occam::Occam;

fn ask(client: &mut Client, method: &str, path: &str, body: &Value) -> u16 {
    client.ask(json_request(method, path, body)).status
}

fn text(client: &mut Client, path: &str) -> String {
    let reply = client.ask(bare("GET", path));
    assert_eq!(reply.status, 200, "{path}");
    String::from_utf8(reply.body).unwrap()
}

#[test]
fn numbers_for_prometheus_tell_what_happened() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    assert_eq!(ask(&mut client, "PUT", "/i/_doc/1", &json!({})), 201);
    let stale = "/i/_doc/1?if_seq_no=7&if_primary_term=1";
    assert_eq!(ask(&mut client, "PUT", stale, &json!({})), 409);
    assert_eq!(ask(&mut client, "PUT", "/i/_create/1", &json!({})), 409);
    let told = text(&mut client, "/_prometheus/metrics");
    for line in [
        r#"occam_requests_total{endpoint="Index",method="PUT",status="201"} 1"#,
        r#"occam_requests_total{endpoint="Index",method="PUT",status="409"} 1"#,
        r#"occam_request_seconds_count{endpoint="Index"} 2"#,
        r#"occam_shard_max_seq_no{index="i",shard="0"} 0"#,
        r#"occam_shard_documents{index="i",shard="0"} 1"#,
        r#"occam_conflicts_total{index="i",kind="seq_no"} 1"#,
        r#"occam_conflicts_total{index="i",kind="exists"} 1"#,
        r#"occam_conflicts_total{index="i",kind="version"} 0"#,
        "# TYPE occam_conflicts_total counter",
        r#"occam_shard_waiting_requests{index="i",shard="0"} 0"#,
        "occam_requests_in_flight 1",
        "occam_log_waiting_appends 0",
        "occam_log_full 0",
    ] {
        assert!(told.lines().any(|told| told == line), "{line}\n{told}");
    }
    let before = written(&told);
    assert!(before.groups > 0 && before.groups == before.syncs, "{before:?}");
    assert_eq!(ask(&mut client, "PUT", "/i/_doc/2", &json!({})), 201);
    let items = "{\"index\":{}}\n{}\n".repeat(20);
    assert_eq!(client.ask(bulk("/i/_bulk", &items)).status, 200);
    let after = written(&text(&mut client, "/_prometheus/metrics"));
    assert_eq!((after.syncs, after.groups), (before.syncs + 2, before.groups + 2));
    assert_eq!(after.small_groups, before.small_groups + 1, "one of 1, one of 20");
    assert_eq!(after.operations, before.operations + 21);
}

#[test]
fn each_number_is_explained_to_operators_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    assert_eq!(ask(&mut client, "PUT", "/i/_doc/1", &json!({})), 201);
    let told = text(&mut client, "/_prometheus/metrics");
    let told: BTreeSet<_> =
        told.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let rows = include_str!("../../../../docs/operations.md").lines();
    let explained: BTreeSet<_> =
        rows.filter_map(|row| row.strip_prefix("| `")?.split('`').next()).collect();
    let explained: BTreeSet<_> =
        explained.into_iter().filter(|name| name.starts_with("occam_")).collect();
    assert_eq!(told, explained);
}

/// What the log wrote so far, as Prometheus is told.
#[derive(Debug)]
struct Written {
    groups: u64,
    /// Groups of up to 16 operations.
    small_groups: u64,
    operations: u64,
    syncs: u64,
}

fn written(told: &str) -> Written {
    let value = |name: &str| {
        let mut values = told.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        values.next().unwrap().parse().unwrap()
    };
    Written {
        groups: value("occam_log_group_operations_count"),
        small_groups: value("occam_log_group_operations_bucket{le=\"16\"}"),
        operations: value("occam_log_group_operations_sum"),
        syncs: value("occam_log_syncs_total"),
    }
}

#[test]
fn health_is_reported_by_indicators() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    let mut report = |path: &str| client.ask(bare("GET", path)).json();
    let fresh = report("/_health_report");
    let indicators = &fresh["indicators"];
    for name in ["master_is_stable", "shards_availability", "memory", "shards_capacity"] {
        assert_eq!(indicators[name]["status"], "green", "{name} in {fresh}");
        assert_eq!(indicators[name]["diagnosis"], Value::Null);
    }
    // How much of this machine's disk is free is not known.
    assert_eq!(fresh["status"], indicators["disk"]["status"]);
    assert!(indicators["disk"]["details"]["free_bytes"].as_u64().is_some(), "{fresh}");
    assert_eq!(report("/_health_report/none")["status"], 404);
    assert_eq!(client.ask(json_request("PUT", "/i", &json!({}))).status, 200);

    let mut report = |path: &str| client.ask(bare("GET", path)).json();
    let one = report("/_health_report/shards_availability");
    assert_eq!(one["status"], Value::Null, "that of one indicator is not that of all");
    let shards = &one["indicators"]["shards_availability"];
    assert_eq!(shards["status"], "yellow", "a replica is wished for");
    let action = shards["diagnosis"][0]["action"].as_str().unwrap();
    assert!(action.contains("index.number_of_replicas"), "{action}");
    let short = report("/_health_report/shards_availability?verbose=false");
    let shards = &short["indicators"]["shards_availability"];
    assert_eq!((&shards["details"], &shards["diagnosis"]), (&Value::Null, &Value::Null));
    assert_eq!(shards["impacts"].as_array().map(Vec::len), Some(1));
    assert_eq!(text(&mut client, "/_live"), "alive\n");
    assert_eq!(client.ask(bare("HEAD", "/_live")).status, 200);
}

#[test]
fn tables_are_padded_but_for_the_last_column() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    for name in ["a", "longer"] {
        let body = json!({"settings": {"number_of_replicas": 0}, "aliases": {"x": {}}});
        assert_eq!(ask(&mut client, "PUT", &format!("/{name}"), &body), 200);
    }
    let table = text(&mut client, "/_cat/aliases?v&h=index,alias&s=index:desc");
    assert_eq!(table, "index  alias\nlonger x\na      x\n");
    let table = text(&mut client, "/_cat/indices?h=index,pri,store.size&bytes=kb");
    assert_eq!(table, "a      1 0\nlonger 1 0\n");
    let help = text(&mut client, "/_cat/master?help");
    assert_eq!(help.lines().count(), 4);
}

#[test]
fn a_restart_keeps_aliases_templates_settings_and_closed_indices() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    let alias = json!({"aliases": {"x": {"routing": "r", "filter": {"term": {"a": 1}}}}});
    assert_eq!(ask(&mut client, "PUT", "/i", &alias), 200);
    let template = json!({"index_patterns": ["t*"], "settings": {"number_of_shards": 2}});
    assert_eq!(ask(&mut client, "PUT", "/_template/t", &template), 200);
    let settings = json!({"persistent": {"search.max_buckets": 3}, "transient": {"slm.x": 1}});
    assert_eq!(ask(&mut client, "PUT", "/_cluster/settings", &settings), 200);
    assert_eq!(client.ask(bare("POST", "/i/_close")).status, 200);
    let paths = ["/_alias", "/_template", "/_cat/indices?h=status,index"];
    let before = paths.map(|path| text(&mut client, path));
    occam.stop();

    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    assert_eq!(paths.map(|path| text(&mut client, path)), before);
    let settings: Value = client.ask(bare("GET", "/_cluster/settings")).json();
    let kept = json!({"persistent": {"search": {"max_buckets": "3"}}, "transient": {}});
    assert_eq!(settings, kept);
}

#[test]
fn what_tools_ask_for_that_is_not_here_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    let mut ask = |path: &str| client.ask(bare("GET", path)).json();
    for path in ["/_data_stream/_stats", "/_data_stream/*/_stats"] {
        assert_eq!(ask(path)["data_stream_count"], 0, "{path}");
    }
    assert_eq!(ask("/_data_stream/x/_stats")["status"], 404);
    assert_eq!(ask("/_slm/stats")["total_snapshots_taken"], 0);
    assert_eq!(ask("/_slm/status")["operation_mode"], "STOPPED");
    assert_eq!(ask("/_slm/policy"), json!({}));
}

/// As tools ask that copy indices.
#[test]
fn of_stored_fields_there_are_none_unless_a_mapping_stores_them() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    assert_eq!(ask(&mut client, "PUT", "/i/_doc/1", &json!({"a": 1})), 201);
    for (body, source) in [
        (json!({"stored_fields": ["*"], "_source": true}), json!({"a": 1})),
        (json!({"stored_fields": "*"}), Value::Null),
        (json!({"stored_fields": ["a"]}), Value::Null),
    ] {
        let found = client.ask(json_request("POST", "/i/_search", &body)).json();
        let hit = &found["hits"]["hits"][0];
        assert_eq!((&hit["_id"], &hit["_source"]), (&json!("1"), &source), "{found}");
        assert_eq!(hit["fields"], Value::Null);
    }
}

/// Recorded from Elasticsearch 7.2.1, versions apart. Older clients know no such header, newer ones no
/// types.
#[test]
fn what_is_deprecated_is_named_in_a_warning() {
    const DOCUMENTS: &str = "[types removal] Specifying types in document index requests is deprecated, use the typeless endpoints instead (/{index}/_doc/{id}, /{index}/_doc, or /{index}/_create/{id}).";
    let directory = tempfile::tempdir().unwrap();
    let listeners = ["127.0.0.1:0=7", "127.0.0.1:0=5", "127.0.0.1:0=8"];
    let occam = Occam::listening(directory.path(), &listeners, &[]);
    let mut client = occam.client();
    let typed_bulk = "{\"index\":{\"_type\":\"blog\",\"_id\":\"2\"}}\n{}\n";
    let typed_search = "{\"index\":\"site\",\"type\":\"blog\"}\n{}\n";
    for (request, expected) in [
        (json_request("PUT", "/site/blog/1/_create", &json!({})), DOCUMENTS),
        // A refusal is warned of as well.
        (json_request("PUT", "/site/blog/1/_create", &json!({})), DOCUMENTS),
        (
            bulk("/site/_bulk", typed_bulk),
            "[types removal] Specifying types in bulk requests is deprecated.",
        ),
        (
            json_request("PUT", "/_template/t", &json!({"template": "x*", "bogus": 1})),
            "Deprecated field [template] used, replaced by [index_patterns]",
        ),
        (
            bulk("/_msearch", typed_search),
            "[types removal] Specifying types in multi search requests is deprecated.",
        ),
        (
            json_request(
                "POST",
                "/_mget",
                &json!({"docs": [{"_index": "site", "_type": "blog", "_id": "1"}]}),
            ),
            "[types removal] Specifying types in multi get requests is deprecated.",
        ),
        (
            json_request(
                "POST",
                "/_reindex",
                &json!({"source": {"index": "site"}, "dest": {"index": "other", "type": "blog"}}),
            ),
            "[types removal] Specifying types in reindex requests is deprecated.",
        ),
        (
            bare("GET", "/site?include_type_name=true"),
            "[types removal] Using `include_type_name` in get indices requests is deprecated. The parameter will be removed in the next major version.",
        ),
        (
            json_request("PUT", "/_template/t", &json!({"template": "x*"})),
            "Deprecated field [template] used, replaced by [index_patterns]",
        ),
        (
            bare("HEAD", "/site/_mapping/blog"),
            "Type exists requests are deprecated, as types have been deprecated.",
        ),
    ] {
        let is_head = request.starts_with(b"HEAD");
        let reply = if is_head { client.send(&request).head() } else { client.ask(&request) };
        let warnings: Vec<_> = reply.headers.iter().filter(|(name, _)| name == "warning").collect();
        let [(_, warning)] = warnings[..] else { panic!("{expected}: {warnings:?}") };
        let (agent, text) =
            warning.split_once(' ').and_then(|(_, rest)| rest.split_once(' ')).unwrap();
        assert!(agent.starts_with("Elasticsearch-7."), "{warning}");
        assert_eq!(text, format!("\"{expected}\""));
    }
    for request in [bare("GET", "/site/_search"), bulk("/site/_bulk", "{\"index\":{}}\n{}\n")] {
        assert_eq!(client.ask(request).header("warning"), None);
    }
    for address in &occam.addresses()[1..] {
        let reply = Client::to(*address).ask(bare("GET", "/site/blog/1"));
        assert_eq!(reply.header("warning"), None, "{}", reply.text());
    }
}
