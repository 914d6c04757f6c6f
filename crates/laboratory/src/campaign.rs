//! Many lives of the server on one directory, judged round by round.
//!
//! A round begins and ends without indices, so that every history is whole and none grows beyond
//! memory; the directory stays the same for all of them, and a document that comes back from an earlier
//! round is one that nobody wrote.

use std::time::{Duration, Instant};

use anyhow::Context;
use checker::Ending;
use workload::{Client, Plan, Random, Recording};

use crate::arguments::CampaignOptions;
use crate::ballast::Ballast;
use crate::fate::{EarlyFate, Fate, Manner};
use crate::figures::Figures;
use crate::judgement::{judge, keep};
use crate::life::Scene;
use crate::machine::{Machine, Workplace, missing};
use crate::process::Program;
use crate::transport::{Clock, Connections};

/// The state of a run.
struct Campaign {
    program: Program,
    machine: Machine,
    workplace: Workplace,
    random: Random,
    ballast: Ballast,
    /// How many lives there were.
    lives: u32,
    /// How many clients there were: each has a number of its own, and thereby its own tokens.
    clients: u32,
    /// The slowest start of the round.
    slowest_start: Duration,
}

/// Runs the rounds.
///
/// # Errors
/// What was found, with the place where the history is kept.
pub(crate) async fn run(options: &CampaignOptions, with_power: bool) -> anyhow::Result<()> {
    if let Some(why) = missing().filter(|_| with_power) {
        println!("no power is cut: {why}");
        return Ok(());
    }
    let began = Instant::now();
    let seed = options.common.seed.map_or_else(getrandom::u64, Ok)?;
    let workplace = Workplace::new(&options.common)?;
    let program = workplace.program(&options.common)?;
    println!("seed {seed}");
    let machine = match with_power {
        true => Machine::with_power(&workplace).await?,
        false => Machine::plain(&workplace),
    };
    let mut campaign = Campaign {
        program,
        machine,
        workplace,
        random: Random::new(seed),
        ballast: Ballast::default(),
        lives: 0,
        clients: 0,
        slowest_start: Duration::ZERO,
    };
    let mut total = Figures::default();
    for round in 1.. {
        let kills = options.kills_per_round.max(1).min(options.kills.saturating_sub(total.kills));
        if kills == 0 {
            break;
        }
        total += campaign.round(round, kills, options).await?;
    }
    println!("in {:.1?}: {total}, 0 violations", began.elapsed());
    Ok(())
}

impl Campaign {
    /// One round, and its judgement.
    async fn round(
        &mut self,
        round: u32,
        kills: u64,
        options: &CampaignOptions,
    ) -> anyhow::Result<Figures> {
        let began = Instant::now();
        let mut figures = Figures::default();
        let mut scene = self.scene(options.common.clients);
        let lived = self.lives(&mut scene, kills, options.operations_per_life, &mut figures).await;
        let took = began.elapsed();
        let history = scene.recording.take();
        figures.count(&history);
        let judged = both(lived, judge(&history));
        let judged = judged.or_else(|found| {
            let place = self.workplace.keep().to_owned();
            let file = place.join(format!("history-{round}.jsonl"));
            keep(&history, &file)?;
            let plan = format!("{:?}", scene.plan);
            Err(found.context(format!(
                "round {round}: {figures}\n{plan}\nthe server said last: {}\nkept: [{}], the history in [{}]",
                self.program.last_words(),
                place.display(),
                file.display()
            )))
        })?;
        println!(
            "round {round}: {figures}; 0 violations; lived {took:.1?}, judged in {judged:.1?}, slowest \
             start {:.1?}",
            std::mem::take(&mut self.slowest_start)
        );
        Ok(figures)
    }

    /// New clients, who know of nothing.
    fn scene(&mut self, clients: u32) -> Scene {
        let mut client = || {
            self.clients += 1;
            Client::new(self.clients, self.random.number())
        };
        let auditor = client();
        let clients = (0..clients).map(|_| client()).collect();
        let plan = plan(&mut self.random);
        let (recording, clock) = (Recording::default(), Clock::default());
        Scene { clients, auditor, plan, recording, clock }
    }

    /// The lives of a round, and its end without indices.
    async fn lives(
        &mut self,
        scene: &mut Scene,
        kills: u64,
        operations_per_life: u64,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let has_power = self.machine.has_power();
        for _ in 0..kills {
            let fate = Fate::new(&mut self.random, operations_per_life, has_power);
            self.life(scene, fate, figures).await.with_context(|| format!("the fate: {fate}"))?;
            figures.kills += 1;
            while let Some(fate) = EarlyFate::new(&mut self.random, has_power) {
                scene.start_and_kill(&self.program, &mut self.machine, fate).await?;
                figures.early_kills += 1;
            }
        }
        // The last death left nothing under way that could bring an index back.
        let number = self.next_life();
        let running = scene.start(&self.program, &self.machine, number).await?;
        self.ballast.audit(&Connections::new(running.served())).await?;
        scene.audit(&running).await?;
        scene.delete_indices(&running).await?;
        scene.stop(running).await?;
        self.program.check(&self.machine.data).await
    }

    async fn life(
        &mut self,
        scene: &mut Scene,
        fate: Fate,
        figures: &mut Figures,
    ) -> anyhow::Result<()> {
        let number = self.next_life();
        let mut running = scene.start(&self.program, &self.machine, number).await?;
        self.slowest_start = self.slowest_start.max(running.start);
        self.ballast.audit(&Connections::new(running.served())).await?;
        scene.audit(&running).await?;
        let Self { machine, ballast, random, .. } = self;
        match scene.live(&mut running, machine, ballast, fate, random).await? {
            Ending::Clean => figures.stops += 1,
            Ending::Killed => {}
            Ending::PowerCut => figures.power_cuts += 1,
        }
        let is_frozen = fate.pause.is_some() || matches!(fate.manner, Manner::Frozen(_));
        figures.freezes += u64::from(is_frozen);
        Ok(())
    }

    fn next_life(&mut self) -> u32 {
        self.lives += 1;
        self.lives
    }
}

/// The judgement, and before it what went wrong without one.
fn both(lived: anyhow::Result<()>, judged: anyhow::Result<Duration>) -> anyhow::Result<Duration> {
    match (lived, judged) {
        (Ok(()), judged) => judged,
        (Err(fault), Ok(_)) => Err(fault),
        (Err(fault), Err(violations)) => Err(violations.context(format!("{fault:#}"))),
    }
}

/// What the clients of a round are like.
fn plan(random: &mut Random) -> Plan {
    let mut plan = Plan::default();
    let mut choose = |choices: &[u32]| random.pick(choices).copied().unwrap_or(1);
    plan.indices = choose(&[1, 2, 3]);
    plan.documents = choose(&[3, 8, 24]);
    plan.hot_percent = choose(&[20, 50, 80]);
    plan.items_max = choose(&[4, 8, 16]);
    plan.async_percent = choose(&[0, 0, 0, 50]);
    plan.weights.bulk = choose(&[8, 8, 30]);
    plan.weights.delete_index = choose(&[0, 1, 1]);
    plan.weights.search = choose(&[0, 0, 4]);
    plan.weights.by_query = choose(&[0, 2]);
    plan.page_micros_max = u64::from(choose(&[0, 5_000]));
    plan.refresh_percent = choose(&[0, 30]);
    // What is hung up on may happen until the life ends, which makes long lives hard to judge.
    plan.hang_up_percent = choose(&[0, 0, 0, 1]);
    plan
}
