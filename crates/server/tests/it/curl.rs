//! The commands of a tutorial for 7.x, typed as it prints them, through the real `curl`.

use std::process::Command;

use serde_json::{Value, json};

use crate::occam::Occam;

/// What `curl` says: the status and the body; `None` where there is no `curl`.
fn curl(arguments: &[&str]) -> Option<(u16, Value)> {
    let mut command = Command::new("curl");
    let output = command.args(["-s", "-m", "20", "-w", "\n%{http_code}"]).args(arguments).output();
    let Ok(output) = output else {
        eprintln!("skipped: there is no curl on this machine");
        return None;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    let body = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {text}"));
    Some((status.parse().unwrap(), body))
}

#[test]
fn the_commands_of_the_tutorial_work_as_printed() {
    let directory = tempfile::tempdir().unwrap();
    let occam = Occam::start(directory.path());
    let port = occam.address().port();
    let document = format!("127.0.0.1:{port}/movies/_doc/109487");
    let put = |query: &str, title: &str, year: u32| {
        let body =
            format!("\n{{\n\"genres\":[\"IMAX\"],\n\"title\":\"{title}\",\n\"year\":{year}\n}}");
        let (url, header) = (format!("{document}{query}"), "Content-Type: application/json");
        curl(&["-H", header, "-XPUT", &url, "-d", &body])
    };
    let Some((status, created)) = put("", "Interstellar", 2013) else { return };
    assert_eq!((status, &created["_version"], &created["_seq_no"]), (201, &json!(1), &json!(0)));

    let (_, found) = curl(&["-XGET", &document]).unwrap();
    assert_eq!((&found["_seq_no"], &found["_primary_term"]), (&json!(0), &json!(1)));
    let (status, updated) =
        put("?if_seq_no=0&if_primary_term=1", "Insterstellar foo", 2014).unwrap();
    assert_eq!(status, 200);
    assert_eq!(
        updated,
        json!({"_index": "movies", "_type": "_doc", "_id": "109487", "_version": 2,
            "result": "updated", "_shards": {"total": 2, "successful": 1, "failed": 0},
            "_seq_no": 1, "_primary_term": 1})
    );

    let (status, refused) = put("?if_seq_no=0&if_primary_term=1", "too late", 2014).unwrap();
    assert_eq!((status, &refused["status"]), (409, &json!(409)));
    let cause = &refused["error"]["root_cause"][0];
    assert_eq!(cause["type"], "version_conflict_engine_exception");
    assert_eq!(
        cause["reason"],
        "[109487]: version conflict, required seqNo [0], primary term [1]. current document has \
         seqNo [1] and primary term [1]"
    );
    assert_eq!((&cause["shard"], &cause["index"]), (&json!("0"), &json!("movies")));

    // No content type is given here: curl sends that of a form.
    let update = format!("{document}/_update?retry_on_conflict=5");
    let body = "\n{\n\"doc\": {\n\"title\" : \"Insterll type\"\n}\n}";
    let (status, updated) = curl(&["-XPOST", &update, "-d", body]).unwrap();
    assert_eq!((status, &updated["_version"], &updated["_seq_no"]), (200, &json!(3), &json!(2)));
    let (_, found) = curl(&[&document]).unwrap();
    let expected = json!({"genres": ["IMAX"], "title": "Insterll type", "year": 2014});
    assert_eq!(found["_source"], expected);
    occam.stop();
}
