//! The machine that runs the server: starts it, loses it, starts it again.

use std::{sync::Arc, time::Duration};

use checker::{Ending, Life, Moment};
use node::{AutoCreate, Node, NodeOptions, StartError};
use parking_lot::Mutex;
use server::rest::{Api, dialect::DialectDefaults};
use shard::Machine;
use storage::disk::{DiskLog, Options};
use tokio::sync::watch;
use workload::{Moments, Recording};

use crate::{
    clock::WallClock,
    coverage::Coverage,
    disk::{Death, SimulatedDisk},
    randomness::Randomness,
    scenario::Scenario,
    threads::SimulatedThreads,
    transport::Connection,
};

/// A process that ends by itself is there for so many microseconds more, at most.
const LINGERING_MICROS_MAX: u64 = 3_000;
/// How much memory the server may take for the identities of documents.
const TABLE_BYTES_MAX: u64 = 64 << 20;

/// The machine, its disk and what runs on it.
pub struct Host {
    /// Its disk.
    pub disk: SimulatedDisk,
    /// Its clock.
    pub clock: Arc<WallClock>,
    /// What clients and the machine note.
    pub recording: Arc<Recording>,
    /// What happened how often.
    pub coverage: Coverage,
    chance: Randomness,
    options: Options,
    /// The present life, if there is one that serves.
    serving: watch::Sender<Option<Arc<Connection>>>,
    /// The life that runs, whether or not it serves yet.
    lives: Mutex<u32>,
    /// How often the power had been cut when the last life had ended that served.
    power_cuts: Mutex<u64>,
}

/// What became of a start.
pub enum Started {
    /// It serves.
    Serving(Arc<Node>),
    /// The process did not live to serve.
    Died,
    /// It refused to start.
    Refused(String),
}

impl Host {
    /// A machine with an empty disk. Needs the simulation's runtime.
    #[must_use]
    pub fn new(scenario: &Scenario, coverage: Coverage) -> Self {
        let Scenario { seed, options, .. } = *scenario;
        Self {
            disk: SimulatedDisk::new(Randomness::new(seed, 1), coverage.clone()),
            clock: WallClock::new(!scenario.is_clock_still),
            recording: Arc::default(),
            coverage,
            chance: Randomness::new(seed, 2),
            options,
            serving: watch::channel(None).0,
            lives: Mutex::new(0),
            power_cuts: Mutex::new(0),
        }
    }

    /// A moment of the history.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moments::now(self.clock.as_ref())
    }

    /// The server that serves now, or as soon as one does.
    pub async fn connection(&self) -> Arc<Connection> {
        let mut serving = self.serving.subscribe();
        let found = serving.wait_for(Option::is_some).await;
        // The sender lives as long as this.
        match found.ok().and_then(|connection| connection.clone()) {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    /// Starts the server on what the disk holds.
    pub async fn start(&self) -> Started {
        let number = {
            let mut lives = self.lives.lock();
            *lives += 1;
            *lives
        };
        let threads = Arc::new(SimulatedThreads::new(self.chance.clone()));
        let log = DiskLog::with_file_system(self.disk.begin_life(), self.options)
            .with_threads(Arc::clone(&threads) as Arc<_>);
        let machine = Machine { clock: Arc::clone(&self.clock) as Arc<_>, threads };
        let options = NodeOptions {
            cluster_name: "simulated".to_owned(),
            node_name: "simulated".to_owned(),
            auto_create: AutoCreate::All,
            table_bytes_max: TABLE_BYTES_MAX,
        };
        let random = Arc::new(self.chance.clone());
        let started = Node::start(Box::new(log), machine, random, options).await;
        match started {
            Ok(ready) => self.serve(number, ready.node),
            Err(_) if self.disk.death().is_some() => {
                self.coverage.count("start: died");
                Started::Died
            }
            Err(error) => {
                self.disk.die(Death::Kill);
                self.coverage.count(match &error {
                    StartError::Log(_) => "start: the log was not opened",
                    StartError::Catalog(_) => "start: the catalogue was not opened",
                });
                Started::Refused(error.to_string())
            }
        }
    }

    fn serve(&self, number: u32, node: Arc<Node>) -> Started {
        if self.disk.death().is_some() {
            discard(node);
            self.coverage.count("start: died");
            return Started::Died;
        }
        self.coverage.count("start: served");
        if self.disk.power_cuts() > *self.power_cuts.lock() {
            self.recording.power_was_cut();
        }
        let life = Life { number, started: self.moment(), stopped: None };
        self.recording.life(life.clone());
        let api = Api::new(Arc::clone(&node), DialectDefaults::default());
        let connection = Connection::new(
            life,
            api,
            self.disk.clone(),
            self.chance.clone(),
            self.coverage.clone(),
        );
        self.serving.send_replace(Some(Arc::new(connection)));
        Started::Serving(node)
    }

    /// Waits for as long as a process takes that ends by itself.
    pub async fn linger(&self) {
        let micros = self.chance.below(LINGERING_MICROS_MAX);
        tokio::time::sleep(Duration::from_micros(micros)).await;
    }

    /// The server takes no further requests.
    pub fn accept_no_more(&self) {
        if let Some(connection) = self.serving.borrow().as_ref() {
            connection.accept_no_more();
        }
    }

    /// Nobody is served any more.
    pub fn hang_up(&self, ending: Ending) {
        if let Some(connection) = self.serving.send_replace(None) {
            connection.close();
            *self.power_cuts.lock() = self.disk.power_cuts();
            let stopped = Some((self.moment(), ending));
            self.recording.life(Life { stopped, ..connection.life().clone() });
        }
    }
}

/// Lets a server go whose process has ended: its tasks are still there, and can do nothing.
pub fn discard(node: Arc<Node>) {
    tokio::spawn(async move {
        // The disk is gone; that it cannot be closed is no news.
        let _ = node.close().await;
    });
}
