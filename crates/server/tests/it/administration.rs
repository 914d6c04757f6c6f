//! What administers a server and what watches it: tables as text, numbers for Prometheus, and what a
//! restart keeps.

use serde_json::{Value, json};

use crate::client::{Client, bare, json as json_request};
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
    ] {
        assert!(told.lines().any(|told| told == line), "{line}\n{told}");
    }
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
