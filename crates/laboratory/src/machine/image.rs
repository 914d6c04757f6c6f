//! A file system in a file, mounted through a loop device. A power cut is the file system's own
//! shutdown request, made for such tests: what it did not write to the device by then it never will.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// The size of the file system; the file takes what is used of it.
const SIZE_BYTES: u64 = 2 << 30;
/// A file system that was just used may not let itself be unmounted at once.
const UNMOUNT_ATTEMPTS: u32 = 100;
/// Between two of these attempts.
const UNMOUNT_PAUSE: Duration = Duration::from_millis(20);
/// The program that makes the request, which needs a call that safe Rust has not.
const CUT_POWER: &str = include_str!("cut_power.py");

/// A mounted file system.
#[derive(Debug)]
pub(crate) struct Image {
    file: PathBuf,
    mount_point: PathBuf,
    /// Makes the request; started before it is needed, so that a cut comes at once.
    cutter: Cutter,
}

/// The program that waits to cut the power.
#[derive(Debug)]
struct Cutter {
    _child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

/// Why there can be no such file system here, if there cannot.
pub(crate) fn missing() -> Option<&'static str> {
    if !rustix::process::geteuid().is_root() {
        return Some("only root may mount a file system");
    }
    if !Path::new("/dev/loop-control").exists() {
        return Some("there is no loop device");
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_missing = |program: &&str| {
        let directories = std::env::split_paths(&path);
        !directories.map(|directory| directory.join(program)).any(|program| program.exists())
    };
    if ["mkfs.ext4", "mount", "umount", "python3"].iter().any(is_missing) {
        return Some("mkfs.ext4, mount, umount or python3 is missing");
    }
    None
}

impl Image {
    /// Makes and mounts one.
    ///
    /// # Errors
    /// When any step of that fails.
    pub(crate) async fn mount(file: PathBuf, mount_point: PathBuf) -> anyhow::Result<Self> {
        File::create_new(&file)?.set_len(SIZE_BYTES)?;
        std::fs::create_dir(&mount_point)?;
        run(Command::new("mkfs.ext4").arg("-q").arg(&file)).await?;
        run(Command::new("mount").args(["-o", "loop"]).arg(&file).arg(&mount_point)).await?;
        let cutter = Cutter::start(&mount_point)?;
        Ok(Self { file, mount_point, cutter })
    }

    /// Cuts the power.
    ///
    /// # Errors
    /// When the request does.
    pub(crate) async fn cut_power(&mut self) -> anyhow::Result<()> {
        self.cutter.orders.write_all(b"cut\n").await?;
        self.cutter.orders.flush().await?;
        let answer = self.cutter.answers.next_line().await?;
        ensure!(answer.as_deref() == Some("cut"), "the power cannot be cut");
        Ok(())
    }

    /// Mounts what reached the device.
    ///
    /// # Errors
    /// When that cannot be mounted.
    pub(crate) async fn restore_power(&mut self) -> anyhow::Result<()> {
        let mut failed = Ok(());
        for _ in 0..UNMOUNT_ATTEMPTS {
            failed = run(Command::new("umount").arg(&self.mount_point)).await;
            if failed.is_ok() {
                break;
            }
            tokio::time::sleep(UNMOUNT_PAUSE).await;
        }
        failed?;
        let mut mount = Command::new("mount");
        run(mount.args(["-o", "loop"]).arg(&self.file).arg(&self.mount_point)).await
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // Lazily: what still uses it ends with this program.
        let mut unmount = std::process::Command::new("umount");
        let _ = unmount.arg("-l").arg(&self.mount_point).status();
    }
}

impl Cutter {
    fn start(mount_point: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new("python3");
        command.args(["-c", CUT_POWER]).arg(mount_point);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("cannot start python3")?;
        let orders = child.stdin.take().context("no stdin")?;
        let answers = BufReader::new(child.stdout.take().context("no stdout")?).lines();
        Ok(Self { _child: child, orders, answers })
    }
}

async fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.stdin(Stdio::null()).output().await?;
    if !output.status.success() {
        bail!("{:?}: {}", command.as_std(), String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
