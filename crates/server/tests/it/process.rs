//! The binary itself: its first line, its exit codes, its end.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::client::Client;

fn occam(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_occam"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn signal(child: &Child, name: &str) {
    let line = format!("kill -{name} {}", child.id());
    assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success());
}

#[test]
fn it_says_where_it_listens_and_stops_when_told() {
    for name in ["TERM", "INT"] {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().to_str().unwrap();
        let mut child = occam(&["serve", "--http", "127.0.0.1:0", "--data", data])
            .args(["--http", "0=2"])
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let address = first.strip_prefix("listening on http://").unwrap();
        let second = lines.next().unwrap().unwrap();
        assert!(second.starts_with("listening on http://127.0.0.1:") && second.ends_with("=2"));

        let mut client = Client::to(address.parse().unwrap());
        assert_eq!(client.send("GET / HTTP/1.1\r\n\r\n").reply().status, 200);
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(0));
        assert!(client.is_closed());
    }
}

#[test]
fn exit_codes_tell_misuse_from_failure() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (arguments, code, complaint) in [
        (vec!["--bogus"], 2, "--bogus"),
        (vec!["--http", "0.0.0.0:0"], 2, "occam: refusing to listen on [0.0.0.0:0]"),
        (vec!["--http", "9200=6"], 2, "occam: --http: [9200=6] has an unknown dialect [6]"),
        (vec!["--config", "/nowhere.yml"], 2, "occam: cannot read the configuration file"),
        (vec!["--http", taken.as_str()], 1, "occam: cannot listen on"),
    ] {
        let output = occam(&arguments).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(complaint), "{stderr}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn variables_stand_in_for_options() {
    let output =
        occam(&[]).env("OCCAM_HTTP", "0,0.0.0.0:0=5").env("OCCAM_INSECURE", "0").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("refusing to listen on [0.0.0.0:0=5]"), "{stderr}");
}
