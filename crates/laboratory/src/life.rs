//! One life of the server, and what clients do in it.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail, ensure};
use checker::{Action, Document, Ending, IndexAction, Life, ReadBy};
use futures_util::future::{join_all, join3};
use rustix::process::Signal;
use workload::{
    Call, Client, Dialect, Finish, Listener, Manner as Words, Moments, Plan, Planned, Random,
    Recording, World,
};

use crate::ballast::Ballast;
use crate::fate::{EarlyFate, Fate, Manner};
use crate::machine::Machine;
use crate::process::{Process, Program};
use crate::transport::{Clock, Connections, Served, Sleep};

/// A life that takes longer does not come to its end.
const LIFE_TIME_MAX: Duration = Duration::from_secs(600);
/// A server that is asked to stop has done so by then.
const STOP_TIME_MAX: Duration = Duration::from_secs(60);
/// How often somebody looks whether a life has had its operations.
const TICK: Duration = Duration::from_millis(1);
/// So many documents are read by one request.
const AUDITED_TOGETHER: usize = 50;

/// What clients do, to be judged as one history.
pub(crate) struct Scene {
    /// The clients.
    pub(crate) clients: Vec<Client>,
    /// Who reads everything now and then.
    pub(crate) auditor: Client,
    /// What the clients are like.
    pub(crate) plan: Plan,
    /// Where they note what they do.
    pub(crate) recording: Recording,
    /// The moments of the history.
    pub(crate) clock: Clock,
}

/// A server that serves.
pub(crate) struct Running {
    process: Process,
    served: Arc<Served>,
    life: Life,
    /// How long the start took.
    pub(crate) start: Duration,
}

impl Running {
    /// Where it serves.
    pub(crate) fn served(&self) -> Arc<Served> {
        Arc::clone(&self.served)
    }
}

impl Scene {
    /// A world to work in.
    fn world<'w>(&'w self, connections: &'w Connections) -> World<'w> {
        World {
            transport: connections,
            moments: &self.clock,
            sleeper: &Sleep,
            recording: &self.recording,
            plan: &self.plan,
        }
    }

    /// Starts the server.
    ///
    /// # Errors
    /// When it does not come to serve.
    pub(crate) async fn start(
        &self,
        program: &Program,
        machine: &Machine,
        number: u32,
    ) -> anyhow::Result<Running> {
        let life = Life { number, started: self.clock.now(), stopped: None };
        let began = Instant::now();
        let mut process = program.start(&machine.data)?;
        let served = Served::new(number, process.serves().await?);
        self.recording.life(life.clone());
        Ok(Running { process, served, life, start: began.elapsed() })
    }

    /// Starts the server and ends it before it may have come to serve.
    ///
    /// # Errors
    /// When it ends by itself.
    pub(crate) async fn start_and_kill(
        &self,
        program: &Program,
        machine: &mut Machine,
        fate: EarlyFate,
    ) -> anyhow::Result<()> {
        let mut process = program.start(&machine.data)?;
        tokio::time::sleep(fate.after).await;
        if fate.power_cut {
            machine.cut_power().await?;
        }
        let status = process.kill().await?;
        ensure!(fate.power_cut || is_killed(status), "[start] a start ended by itself: {status}");
        if fate.power_cut {
            self.recording.power_was_cut();
            machine.restore_power().await?;
        }
        Ok(())
    }

    /// Lets the clients work until the life meets its fate. Returns how it ended.
    ///
    /// # Errors
    /// When the server does what none should.
    pub(crate) async fn live(
        &mut self,
        running: &mut Running,
        machine: &mut Machine,
        ballast: &mut Ballast,
        fate: Fate,
        random: &mut Random,
    ) -> anyhow::Result<Ending> {
        let mut clients = std::mem::take(&mut self.clients);
        let connections: Vec<_> =
            clients.iter().map(|_| Connections::new(Arc::clone(&running.served))).collect();
        let work = clients.iter_mut().zip(&connections);
        let work = work.map(|(client, connections)| client.run(self.world(connections), u64::MAX));
        let served = Arc::clone(&running.served);
        let way = Connections::new(Arc::clone(&served));
        let death = die(&mut running.process, &served, &self.recording, machine, fate, random);
        let all = join3(join_all(work), ballast.load(&way), death);
        let ended = tokio::time::timeout(LIFE_TIME_MAX, all).await;
        let (finished, loaded, ending) =
            ended.map_err(|_| anyhow!("[liveness] a life does not come to its end: {fate}"))?;
        self.clients = clients;
        ensure!(!served.is_stuck(), "[liveness] a request was not answered");
        for finish in finished {
            finish.map_err(|why| anyhow!("[wire] {why}"))?;
        }
        loaded?;
        let ending = ending?;
        self.note_end(running, ending);
        Ok(ending)
    }

    /// Lets the clients work until there are so many operations.
    ///
    /// # Errors
    /// When the server does what none should.
    pub(crate) async fn work(
        &mut self,
        running: &Running,
        operations: usize,
    ) -> anyhow::Result<()> {
        let mut clients = std::mem::take(&mut self.clients);
        let connections: Vec<_> =
            clients.iter().map(|_| Connections::new(Arc::clone(&running.served))).collect();
        let work = clients.iter_mut().zip(&connections).map(async |(client, connections)| {
            while self.recording.operations() < operations {
                let finish = client.run(self.world(connections), 1).await;
                let finish = finish.map_err(|why| anyhow!("[wire] {why}"))?;
                ensure!(finish == Finish::Done, "[server] it cannot be reached");
            }
            Ok(())
        });
        let finished = join_all(work).await;
        self.clients = clients;
        ensure!(!running.served.is_stuck(), "[liveness] a request was not answered");
        finished.into_iter().collect()
    }

    /// Reads every document that the history is about.
    ///
    /// # Errors
    /// When the server does what none should.
    pub(crate) async fn audit(&mut self, running: &Running) -> anyhow::Result<()> {
        let read = |document: &Document| Planned {
            document: document.clone(),
            action: Action::Read { version: None, by: ReadBy::MultiGet },
        };
        for part in self.recording.documents().chunks(AUDITED_TOGETHER) {
            self.ask(running, Call::MultiGet(part.iter().map(read).collect())).await?;
        }
        Ok(())
    }

    /// Deletes all indices, so that another history can begin on the same directory.
    ///
    /// # Errors
    /// When the server does what none should.
    pub(crate) async fn delete_indices(&mut self, running: &Running) -> anyhow::Result<()> {
        for number in 0..self.plan.indices {
            let call = Call::Index { index: format!("i{number}"), action: IndexAction::Delete };
            self.ask(running, call).await?;
        }
        Ok(())
    }

    /// One request of the auditor.
    async fn ask(&mut self, running: &Running, call: Call) -> anyhow::Result<()> {
        let words = Words {
            listener: Listener::Plain,
            dialect: Dialect::V7,
            type_name: None,
            vendor: false,
        };
        let plan = Plan { hang_up_percent: 0, ..self.plan.clone() };
        let connections = Connections::new(Arc::clone(&running.served));
        let world = World {
            transport: &connections,
            moments: &self.clock,
            sleeper: &Sleep,
            recording: &self.recording,
            plan: &plan,
        };
        let finish = self.auditor.call(world, &words, call).await;
        let finish = finish.map_err(|why| anyhow!("[wire] {why}"))?;
        ensure!(finish == Finish::Done, "[server] it cannot be reached");
        Ok(())
    }

    /// Asks the server to stop, and waits until it has.
    ///
    /// # Errors
    /// When it does not, or not cleanly.
    pub(crate) async fn stop(&self, mut running: Running) -> anyhow::Result<()> {
        running.served.leave();
        running.process.signal(Signal::TERM);
        has_stopped(&mut running.process).await?;
        self.note_end(&running, Ending::Clean);
        Ok(())
    }

    fn note_end(&self, running: &Running, ending: Ending) {
        let stopped = Some((self.clock.now(), ending));
        self.recording.life(Life { stopped, ..running.life.clone() });
    }
}

/// Ends the server as it is told.
async fn die(
    process: &mut Process,
    served: &Served,
    recording: &Recording,
    machine: &mut Machine,
    fate: Fate,
    random: &mut Random,
) -> anyhow::Result<Ending> {
    let target = recording.operations() + usize::try_from(fate.operations)?;
    while recording.operations() < target {
        if let Some(status) = process.has_ended()? {
            served.leave();
            bail!("[server] it ended by itself: {status}");
        }
        tokio::time::sleep(TICK).await;
    }
    tokio::time::sleep(fate.delay).await;
    if let Some(pause) = fate.pause {
        process.signal(Signal::STOP);
        tokio::time::sleep(pause).await;
        process.signal(Signal::CONT);
        tokio::time::sleep(fate.delay).await;
    }
    match fate.manner {
        Manner::Sudden => {}
        Manner::Frozen(time) => {
            process.signal(Signal::STOP);
            tokio::time::sleep(time).await;
        }
        Manner::Asked => {
            served.leave();
            process.signal(Signal::TERM);
            has_stopped(process).await?;
        }
        Manner::Impatient(time) => {
            served.leave();
            process.signal(Signal::TERM);
            tokio::time::sleep(time).await;
        }
    }
    let ended = end(process, served, machine, fate, random).await;
    // Whatever went wrong, the clients must not wait for it.
    served.leave();
    ended
}

/// The end itself.
async fn end(
    process: &mut Process,
    served: &Served,
    machine: &mut Machine,
    fate: Fate,
    random: &mut Random,
) -> anyhow::Result<Ending> {
    if !fate.power_cut {
        served.leave();
        let status = process.kill().await?;
        let may_stop = matches!(fate.manner, Manner::Asked | Manner::Impatient(_));
        let is_clean = may_stop && status.success();
        ensure!(is_clean || is_killed(status), "[server] it ended by itself: {status}");
        return Ok(if is_clean { Ending::Clean } else { Ending::Killed });
    }
    if fate.killed_before {
        served.leave();
        process.kill().await?;
    }
    // Nobody answers after the power is gone. A sync that is under way while the file system is shut
    // down may even succeed and leave zeros behind: ext4 drops the error of the journal that is gone.
    process.freeze().await?;
    if random.percent(50) {
        machine.write_some_back(random);
    }
    machine.cut_power().await?;
    served.leave();
    process.kill().await?;
    machine.restore_power().await?;
    Ok(Ending::PowerCut)
}

async fn has_stopped(process: &mut Process) -> anyhow::Result<()> {
    let stopped = tokio::time::timeout(STOP_TIME_MAX, process.ended()).await;
    let status = stopped.map_err(|_| anyhow!("[liveness] a stop does not come to an end"))??;
    ensure!(status.success(), "[server] a stop ended with {status}");
    Ok(())
}

fn is_killed(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::KILL.as_raw())
}
