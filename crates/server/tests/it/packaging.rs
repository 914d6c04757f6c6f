//! What is handed out beside the binary: the sample configuration, the environment and the unit.

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::client::bare;
use crate::occam::Occam;

fn packaged(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging").join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(packaged(name)).unwrap()
}

/// A file's text with the examples in force: a comment that has no space behind its sign is one.
fn with_examples(text: &str) -> String {
    let lines = text.lines().map(|line| match line.strip_prefix('#') {
        Some(example) if example.starts_with(|c: char| c.is_alphanumeric()) => example,
        Some(_) | None => line,
    });
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn the_sample_configuration_is_accepted_also_with_its_examples() {
    let directory = tempfile::tempdir().unwrap();
    let examples = directory.path().join("examples.yml");
    let sample = with_examples(&read("occam.yml"));
    assert!(sample.contains("\nnode.name: node-1\n"), "{sample}");
    fs::write(&examples, sample).unwrap();
    for (number, file) in [packaged("occam.yml"), examples].into_iter().enumerate() {
        let data = directory.path().join(number.to_string());
        let file = file.to_str().unwrap();
        let occam = Occam::listening(&data, &["127.0.0.1:0"], &["--config", file]);
        let root = occam.client().ask(bare("GET", "/")).json();
        assert_eq!(root["cluster_name"], "occam");
        assert_eq!(root["name"] == "node-1", number == 1, "{root}");
        occam.stop();
    }
}

#[test]
fn the_sample_environment_is_accepted_with_its_examples() {
    let sample = with_examples(&read("occam.env"));
    let variables = sample.lines().filter_map(|line| line.split_once('='));
    let variables: Vec<_> = variables.filter(|(name, _)| !name.starts_with('#')).collect();
    assert!(variables.contains(&("OCCAM_MEMORY", "50%")), "{variables:?}");
    let asked = |name: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_occam"));
        // The address is not one of this machine, so that it ends there and not before.
        command.envs(variables.iter().copied()).args(["--http", "192.0.2.1:1", "--data", name]);
        command.output().unwrap()
    };
    let ended = asked("unused");
    let complaint = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("cannot listen on [192.0.2.1:1]"), "{complaint}");
    let help = Command::new(env!("CARGO_BIN_EXE_occam")).arg("--help").output().unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for (name, _) in variables.iter().filter(|(name, _)| *name != "RUST_LOG") {
        assert!(help.contains(&format!("[env: {name}=")), "{name} is no variable of {help}");
    }
}

/// As `Type=notify` of the unit wants it, by a path and by a name in the abstract namespace.
#[test]
fn a_service_manager_is_told_when_requests_are_served() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notify");
    let name = format!("occam-notify-{}", std::process::id());
    let by_path = (SocketAddr::from_pathname(&path).unwrap(), path.to_str().unwrap().to_owned());
    let by_name = (SocketAddr::from_abstract_name(&name).unwrap(), format!("@{name}"));
    for (address, variable) in [by_path, by_name] {
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_occam"));
        command.env("NOTIFY_SOCKET", &variable).args(["--http", "127.0.0.1:0", "--data"]);
        let mut occam =
            command.arg(directory.path().join("data")).stdout(Stdio::piped()).spawn().unwrap();
        let mut told = [0; 32];
        let length = socket.recv(&mut told);
        occam.kill().unwrap();
        occam.wait().unwrap();
        assert_eq!(&told[..length.unwrap()], b"READY=1", "{variable}");
    }
}

/// By systemd's own word, where there is one.
#[test]
fn the_unit_is_one_that_systemd_accepts() {
    let unit = read("occam.service");
    let installed = "ExecStart=/usr/local/bin/occam serve --config /etc/occam/occam.yml";
    assert_eq!(unit.lines().filter(|line| *line == installed).count(), 1);
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path().join("occam.service");
    fs::write(&here, unit.replace("/usr/local/bin/occam", env!("CARGO_BIN_EXE_occam"))).unwrap();
    let Ok(verified) = Command::new("systemd-analyze").arg("verify").arg(&here).output() else {
        return;
    };
    let complaint = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success() && complaint.is_empty(), "{complaint}");
}
