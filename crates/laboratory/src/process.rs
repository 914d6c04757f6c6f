//! The server's process.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use workload::Listener;

/// A start that takes longer never ends.
const START_TIME_MAX: Duration = Duration::from_secs(120);

/// A thread that was told to stop and takes longer is stuck in the kernel.
const STILL_TIME_MAX: Duration = Duration::from_secs(30);

/// Between two looks at the threads.
const STILL_TICK: Duration = Duration::from_micros(200);

/// So many lines of what the server said are told.
const LAST_LINES: usize = 5;

/// The program, and where it says what goes wrong.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// The binary.
    pub(crate) binary: PathBuf,
    /// The file for its stderr.
    pub(crate) log: PathBuf,
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Program {
    /// Starts the server on a directory, without waiting for it.
    ///
    /// # Errors
    /// When there is no such program.
    pub(crate) fn start(&self, data: &Path) -> anyhow::Result<Process> {
        let mut command = Command::new(&self.binary);
        for listener in Listener::ALL {
            let pinned = listener.pinned().map(|dialect| format!("={dialect}"));
            let address = format!("127.0.0.1:0{}", pinned.unwrap_or_default());
            command.arg("--http").arg(address);
        }
        let mut child = command
            .arg("--data")
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(self.log()?)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start [{}]", self.binary.display()))?;
        let stdout = child.stdout.take().context("no stdout")?;
        Ok(Process { child, stdout: BufReader::new(stdout).lines() })
    }

    /// Verifies a directory that no process uses.
    ///
    /// # Errors
    /// When something is wrong with it.
    pub(crate) async fn check(&self, data: &Path) -> anyhow::Result<()> {
        let mut command = Command::new(&self.binary);
        command.arg("check").arg(data).stdin(Stdio::null());
        let output = command.output().await?;
        if !output.status.success() {
            let report = String::from_utf8_lossy(&output.stdout);
            let complaint = String::from_utf8_lossy(&output.stderr);
            bail!("[damage] {} after a clean stop\n{report}{complaint}", data.display());
        }
        Ok(())
    }

    /// The last lines of what the server said of its troubles.
    pub(crate) fn last_words(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().rev().take(LAST_LINES).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn log(&self) -> anyhow::Result<File> {
        let opened = OpenOptions::new().create(true).append(true).open(&self.log);
        opened.with_context(|| format!("cannot write [{}]", self.log.display()))
    }
}

impl Process {
    /// Waits until it serves, and returns where.
    ///
    /// # Errors
    /// When it does not come to serve.
    pub(crate) async fn serves(&mut self) -> anyhow::Result<BTreeMap<Listener, SocketAddr>> {
        let lines = tokio::time::timeout(START_TIME_MAX, self.addresses());
        lines.await.map_err(|_| anyhow!("[liveness] a start does not come to an end"))?
    }

    async fn addresses(&mut self) -> anyhow::Result<BTreeMap<Listener, SocketAddr>> {
        let mut addresses = BTreeMap::new();
        for listener in Listener::ALL {
            let Some(line) = self.stdout.next_line().await? else {
                bail!("[start] the server does not start: {}", self.child.wait().await?);
            };
            let address = line.strip_prefix("listening on http://").context("no address")?;
            let address = address.split('=').next().unwrap_or(address);
            addresses.insert(listener, address.parse()?);
        }
        Ok(addresses)
    }

    /// Sends it a signal, if it is still there.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may just have ended; whoever waits for it will see.
            let _ = kill_process(pid, signal);
        }
    }

    /// Stops it where it is, and waits until no thread of it runs any more. One that is in a call of the
    /// kernel may stay there, but nothing comes of what that returns.
    ///
    /// # Errors
    /// When that does not happen.
    pub(crate) async fn freeze(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP);
        let Some(id) = self.child.id() else { return Ok(()) };
        let tasks = PathBuf::from(format!("/proc/{id}/task"));
        let still = async {
            while !is_still(&tasks) {
                tokio::time::sleep(STILL_TICK).await;
            }
        };
        let stopped = tokio::time::timeout(STILL_TIME_MAX, still).await;
        stopped.map_err(|_| anyhow!("[machine] the server cannot be stopped"))
    }

    /// Kills it, and waits until it is gone. Returns how it ended: perhaps it already had.
    ///
    /// # Errors
    /// When the machine cannot tell.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<ExitStatus> {
        self.signal(Signal::KILL);
        self.ended().await
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// As [`Self::kill`].
    pub(crate) fn has_ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.child.try_wait().context("cannot ask for the server")
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// As [`Self::kill`].
    pub(crate) async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        self.child.wait().await.context("cannot wait for the server")
    }
}

/// Whether every thread below a directory of `/proc` is stopped, in the kernel without a way to be
/// interrupted, or gone (`man 5 proc_pid_stat`).
fn is_still(tasks: &Path) -> bool {
    let tasks = std::fs::read_dir(tasks).into_iter().flatten().flatten();
    tasks.filter_map(|task| std::fs::read_to_string(task.path().join("stat")).ok()).all(|stat| {
        // The name before it is in parentheses and may have any character in it.
        let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
        matches!(state, Some('T' | 'D' | 'Z' | 'X'))
    })
}
