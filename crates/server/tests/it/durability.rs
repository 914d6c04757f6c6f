//! `index.translog.durability`: asynchronous where it is asked for, and what a kill loses then.

use serde_json::{Value, json};

use crate::client::{Client, bare, json as json_request};
use crate::occam::Occam;

fn ask(client: &mut Client, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let reply = client.ask(json_request(method, path, body));
    (reply.status, reply.json())
}

fn translog(client: &mut Client) -> Value {
    let settings = client.ask(bare("GET", "/a/_settings")).json();
    settings["a"]["settings"]["index"]["translog"].clone()
}

#[test]
fn the_durability_of_an_index_can_be_set_and_changed_both_ways() {
    let directory = tempfile::tempdir().unwrap();
    let mut occam = Occam::start(directory.path());
    let mut client = occam.client();
    let given = json!({"durability": "ASYNC", "sync_interval": "2m"});
    let body = json!({"settings": {"index": {"translog": given}}});
    assert_eq!(ask(&mut client, "PUT", "/a", &body).0, 200);
    assert_eq!(translog(&mut client), given, "shown as given");

    for (round, change) in [
        json!({"index.translog.durability": "request"}),
        json!({"index": {"translog": {"durability": "async", "sync_interval": "100ms"}}}),
        json!({"translog.durability": "Request"}),
        json!({"index.translog.durability": "async", "index.translog.sync_interval": null}),
        json!({"index.translog.durability": null}),
        json!({"index.translog.durability": "async", "index.translog.sync_interval": "1h"}),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/a/_doc/before-{round}");
        assert_eq!(ask(&mut client, "PUT", &path, &json!({"round": round})).0, 201);
        assert_eq!(ask(&mut client, "PUT", "/a/_settings", &change).0, 200, "{change}");
        let path = format!("/a/_doc/after-{round}");
        assert_eq!(ask(&mut client, "PUT", &path, &json!({"round": round})).0, 201);
    }
    let last = json!({"durability": "async", "sync_interval": "1h"});
    assert_eq!(translog(&mut client), last);

    // Only a power cut loses what was not synced.
    occam.kill();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    assert_eq!(translog(&mut client), last);
    for round in 0..6 {
        for when in ["before", "after"] {
            let found = client.ask(bare("GET", &format!("/a/_source/{when}-{round}")));
            assert_eq!(found.json(), json!({"round": round}));
        }
    }
}

#[test]
fn a_durability_that_cannot_be_is_refused_in_elasticsearchs_words() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let mut client = occam.client();
    assert_eq!(ask(&mut client, "PUT", "/a", &json!({})).0, 200);
    for (name, value, reason) in [
        (
            "index.translog.sync_interval",
            "99ms",
            "failed to parse value [99ms] for setting [index.translog.sync_interval], must be >= \
             [100ms]",
        ),
        (
            "index.translog.durability",
            "sometimes",
            "No enum constant org.elasticsearch.index.translog.Translog.Durability.SOMETIMES",
        ),
    ] {
        let change = json!({ name: value });
        for (method, path, body) in
            [("PUT", "/a/_settings", change.clone()), ("PUT", "/b", json!({"settings": change}))]
        {
            let (status, refused) = ask(&mut client, method, path, &body);
            assert_eq!((status, &refused["error"]["reason"]), (400, &json!(reason)), "{refused}");
            assert_eq!(refused["error"]["type"], "illegal_argument_exception");
        }
    }
    assert_eq!(translog(&mut client), Value::Null, "nothing changed");
    assert_eq!(client.ask(bare("HEAD", "/b")).status, 404);
}
