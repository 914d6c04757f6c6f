//! A long history over real connections, without faults but for clients that hang up.

use std::time::{Duration, Instant};

use workload::{Client, Plan, Random, Recording};

use crate::arguments::LinearOptions;
use crate::figures::Figures;
use crate::judgement::{judge, keep};
use crate::life::Scene;
use crate::machine::{Machine, Workplace};
use crate::process::Program;
use crate::transport::Clock;

/// Makes and judges the history.
///
/// # Errors
/// What was found, with the place where the history is kept.
pub(crate) async fn run(options: &LinearOptions) -> anyhow::Result<()> {
    let seed = options.common.seed.map_or_else(getrandom::u64, Ok)?;
    let mut workplace = Workplace::new(&options.common)?;
    let program = workplace.program(&options.common)?;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut scene = Scene {
        clients: (1..=options.common.clients).map(|n| Client::new(n, random.number())).collect(),
        auditor: Client::new(0, 0),
        plan: Plan {
            documents: options.documents,
            hang_up_percent: options.hang_up_percent,
            ..Plan::default()
        },
        recording: Recording::default(),
        clock: Clock::default(),
    };
    let machine = Machine::plain(&workplace);
    let lived = live(&mut scene, &program, &machine, options).await;
    let history = scene.recording.take();
    let mut figures = Figures::default();
    figures.count(&history);
    let judged = lived.and_then(|took| Ok((took, judge(&history)?)));
    let (took, judged) = judged.or_else(|found| {
        let file = workplace.keep().join("history.jsonl");
        keep(&history, &file)?;
        Err(found.context(format!("{figures}\nthe history is in [{}]", file.display())))
    })?;
    println!("{figures}, 0 violations; lived {took:.1?}, judged in {judged:.1?}");
    Ok(())
}

/// One life after the other, each ended by a clean stop; only one if nobody hangs up.
async fn live(
    scene: &mut Scene,
    program: &Program,
    machine: &Machine,
    options: &LinearOptions,
) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let part = match options.hang_up_percent {
        0 => options.operations,
        _ => options.operations_per_life.max(1),
    };
    for life in 1.. {
        let done = scene.recording.operations();
        if done >= options.operations {
            break;
        }
        let running = scene.start(program, machine, life).await?;
        scene.work(&running, options.operations.min(done.saturating_add(part))).await?;
        scene.audit(&running).await?;
        scene.stop(running).await?;
    }
    Ok(began.elapsed())
}
