//! `occam`: reads the configuration, opens the node, serves until told to stop; or checks a data
//! directory (`check`).
//!
//! Exit codes: 0 after a clean stop, 1 after a failure with one line on stderr, 2 for a command line
//! or configuration that means nothing.

// As for any other module with children; only that of a binary is looked for elsewhere.
#[path = "main/check.rs"]
mod check;

use std::io::{IsTerminal, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use document::PrimaryTerm;
use node::{AutoCreate, Node, NodeOptions, Random, StartError};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use server::config::Config;
use server::config::arguments::{Arguments, Command, LogFormat};
use server::http::{self, Listener, Settings};
use server::rest::{Api, Disk};
use shard::Machine;
use shard::log::LogError;
use storage::disk::{DiskLog, Options};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

/// The stack of each worker: documents may be 1,000 levels deep.
const STACK_BYTES: usize = 8 << 20;
/// How long what runs by itself may take to end.
const TASKS_TIMEOUT: Duration = Duration::from_secs(5);
/// How long work that nobody waits for may hold up the end of the process.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let mut arguments = Arguments::of_process();
    if let Some(Command::Check(wanted)) = arguments.command.take() {
        return check::run(&wanted);
    }
    let config = match Config::new(arguments) {
        Ok(config) => config,
        Err(error) => return fail(2, &error.to_string()),
    };
    start_tracing(config.log_format);
    match run(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, &told(&error)),
    }
}

/// An error with its causes, each once: some tell their cause themselves.
fn told(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |told, cause| {
        match (told.is_empty(), told.ends_with(&cause)) {
            (true, _) => cause,
            (false, true) => told,
            (false, false) => format!("{told}: {cause}"),
        }
    })
}

fn fail(code: u8, complaint: &str) -> ExitCode {
    // With stderr gone there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "occam: {complaint}");
    ExitCode::from(code)
}

/// Diagnostics go to stderr, warnings and worse unless `RUST_LOG` asks for more.
fn start_tracing(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Human => subscriber.init(),
        LogFormat::Json => subscriber.json().init(),
    }
}

fn run(config: &Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .context("cannot start the worker threads")?;
    let served = runtime.block_on(serve(config));
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    served
}

/// How often it is seen whether the lifecycles of data streams are due.
const LIFECYCLE_LOOK: Duration = Duration::from_secs(1);
/// How often it is seen whether scrolls and points in time have expired.
const EXPIRY_LOOK: Duration = Duration::from_secs(1);

/// Carries out the lifecycles of data streams from time to time, as often as a setting says.
async fn run_lifecycles(node: Arc<Node>) {
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(LIFECYCLE_LOOK).await;
        let every = node.cluster_settings().lifecycle_interval_millis();
        let every = Duration::from_millis(u64::try_from(every).unwrap_or(u64::MAX));
        if last.elapsed() >= every {
            last = Instant::now();
            node.run_lifecycles().await;
        }
    }
}

/// Gives up scrolls and points in time once they have expired: they keep room on the disk.
async fn expire_contexts(api: Api) {
    loop {
        tokio::time::sleep(EXPIRY_LOOK).await;
        api.expire_contexts();
    }
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    raise_open_files();
    let listeners = listen(config).await?;
    let node = open(config).await?;
    announce(&listeners).context("cannot write to stdout")?;
    notify_ready();

    let lifecycles = tokio::spawn(run_lifecycles(Arc::clone(&node)));
    let disk = Disk::under(config.data.clone());
    let api = Api::new(Arc::clone(&node), config.dialects)
        .with_disk(disk)
        .with_attributes(config.attributes.clone());
    let expiry = tokio::spawn(expire_contexts(api.clone()));
    let ending = api.clone();
    let handler = http::handler(move |request| {
        let api = api.clone();
        async move { api.handle(request).await }
    });
    let settings = Settings {
        limits: config.limits(),
        guard: config.guard(),
        default_dialect: config.dialects.default,
    };
    // Told apart from a stop: after it the log accepts nothing, so there is no end mark to write.
    let (failure, failed) = watch::channel(None);
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            reason = node.failed() => {
                failure.send_replace(Some(reason));
            }
        }
    };
    let busy = http::serve(listeners, handler, settings, stop).await;
    // What it has begun in the catalogue runs to its end.
    lifecycles.abort();
    expiry.abort();
    if busy > 0 {
        tracing::warn!(busy, "stopped with requests unanswered");
    }
    if tokio::time::timeout(TASKS_TIMEOUT, ending.end()).await.is_err() {
        tracing::warn!("stopped with writes by query unfinished");
    }
    if let Some(reason) = failed.borrow().as_ref() {
        bail!("{reason}");
    }
    node.close().await.context("cannot close the log")
}

async fn listen(config: &Config) -> anyhow::Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    for address in &config.http {
        let listener = Listener::bind(address.socket, address.pinned)
            .await
            .with_context(|| format!("cannot listen on [{address}]"))?;
        listeners.push(listener);
    }
    Ok(listeners)
}

async fn open(config: &Config) -> anyhow::Result<Arc<Node>> {
    let data = &config.data;
    std::fs::create_dir_all(data)
        .with_context(|| format!("cannot create the data directory [{}]", data.display()))?;
    let options = NodeOptions {
        cluster_name: config.cluster_name.clone(),
        node_name: config.node_name.clone(),
        auto_create: AutoCreate::parse(&config.auto_create_index),
        table_bytes_max: config.table_bytes_max(),
    };
    let collected_bytes_per_second = config.collected_bytes_per_second;
    // Terms count starts. Seconds since 1970 are more than that, and more at every later restoration.
    let term_min = if config.restored {
        let seconds = Machine::default().clock.now().as_millis().div_euclid(1_000);
        PrimaryTerm::new(u64::try_from(seconds).unwrap_or(0))
    } else {
        PrimaryTerm::FIRST
    };
    let log_options = Options { collected_bytes_per_second, term_min, ..Options::default() };
    let log = Box::new(DiskLog::new(data, log_options));
    let ready = Node::start(log, Machine::default(), Arc::new(SystemRandom), options)
        .await
        .map_err(|error| match error {
            StartError::Log(LogError::Damaged(what)) => anyhow!(
                "{what}; `occam check` tells what is whole, and with `--salvage` saves it elsewhere"
            ),
            StartError::Log(_) | StartError::Catalog(_) => error.into(),
        })
        .with_context(|| format!("cannot open the data directory [{}]", data.display()))?;
    tracing::info!(documents = ready.documents, "ready");
    Ok(ready.node)
}

/// One line per address on stdout, in the order given: what tests and tools wait for.
fn announce(listeners: &[Listener]) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    for listener in listeners {
        write!(stdout, "listening on http://{}", listener.address())?;
        if let Some(dialect) = listener.pinned() {
            write!(stdout, "={dialect}")?;
        }
        writeln!(stdout)?;
    }
    stdout.flush()
}

/// Tells the service manager that requests are served now, if one wants to know (`sd_notify(3)`).
fn notify_ready() {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let told = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&name),
    };
    let told = told.and_then(|to| UnixDatagram::unbound()?.send_to_addr(b"READY=1", &to));
    if let Err(error) = told {
        tracing::warn!(%error, "cannot tell the service manager that the server is ready");
    }
}

/// Lets the process have as many open files as it may: connections, segments, and those kept for readers.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::info!(%error, "the limit of open files stays as it is");
    }
}

/// The machine's randomness.
struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_err() {
            // Without randomness there are no ids: nothing can be served.
            tracing::error!("the machine gives no random numbers");
            std::process::abort();
        }
    }
}
