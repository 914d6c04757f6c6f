//! The real binary on a real directory.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};

use crate::client::Client;
use crate::server::PATIENCE;

/// A running `occam`; killed when dropped.
pub struct Occam {
    child: Child,
    addresses: Vec<SocketAddr>,
    stdout: Receiver<String>,
    stderr: File,
}

/// How an `occam` ended.
#[derive(Debug)]
pub struct End {
    pub status: ExitStatus,
    pub stderr: String,
}

impl Occam {
    /// An `occam` on one free port that is not pinned to a dialect, ready to serve.
    pub fn start(data: &Path) -> Self {
        Self::listening(data, &["127.0.0.1:0"], &[])
    }

    /// An `occam` that listens here, with further arguments, ready to serve.
    pub fn listening(data: &Path, addresses: &[&str], arguments: &[&str]) -> Self {
        let mut occam = Self::spawn(data, addresses, arguments);
        for _ in addresses {
            let line = occam.stdout.recv_timeout(PATIENCE);
            let Ok(line) = line else { panic!("it did not start: {:?}", occam.wait()) };
            let address = line.strip_prefix("listening on http://").unwrap();
            occam.addresses.push(address.split('=').next().unwrap().parse().unwrap());
        }
        occam
    }

    /// An `occam` that has just begun to start.
    pub fn spawn(data: &Path, addresses: &[&str], arguments: &[&str]) -> Self {
        let stderr = tempfile::tempfile().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_occam"))
            .arg("--data")
            .arg(data)
            .args(addresses.iter().flat_map(|address| ["--http", address]))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr.try_clone().unwrap())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, stdout) = channel();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { child, addresses: Vec::new(), stdout, stderr }
    }

    /// Where it listens; in the order asked for.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where it listens first.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// A connection to where it listens first.
    pub fn client(&self) -> Client {
        Client::to(self.address())
    }

    /// How much memory it takes just now.
    pub fn resident_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
    }

    /// Ends it as a power cut would, as far as a process can feel one.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, without waiting.
    pub fn ask_to_stop(&self) {
        let line = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &line]).status().unwrap().success());
    }

    /// Asks it to stop and waits until it has, without a complaint.
    pub fn stop(mut self) {
        self.ask_to_stop();
        let end = self.wait();
        assert_eq!((end.status.code(), end.stderr.as_str()), (Some(0), ""));
    }

    /// Asks it to stop and waits, with an exit code of 0. Returns what it said: warnings at most.
    pub fn stop_with_warnings(mut self) -> String {
        self.ask_to_stop();
        let End { status, stderr } = self.wait();
        assert_eq!(status.code(), Some(0), "{stderr}");
        assert!(stderr.lines().all(|line| line.contains(" WARN ")), "{stderr}");
        stderr
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) -> End {
        let ended = loop {
            match self.stdout.recv_timeout(PATIENCE) {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        if ended == std::sync::mpsc::RecvTimeoutError::Timeout {
            self.kill();
            panic!("it did not end by itself: {}", self.stderr());
        }
        End { status: self.child.wait().unwrap(), stderr: self.stderr() }
    }

    fn stderr(&mut self) -> String {
        let mut text = String::new();
        self.stderr.rewind().unwrap();
        self.stderr.read_to_string(&mut text).unwrap();
        text
    }
}

impl Drop for Occam {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
