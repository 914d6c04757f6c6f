//! The simulator's command line: run many seeds, replay one.

#![allow(clippy::print_stdout, reason = "a command line tool tells what it found")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use simulator::{Coverage, campaign::Campaign, expected, replay::replay, small_worlds};

/// Simulates the whole node on a machine that fails, and judges what its clients were told.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Simulates many seeds until one fails.
    Run {
        /// How many.
        #[arg(long)]
        seeds: u64,
        /// The first.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// How many at a time.
        #[arg(long, default_value_t = 1)]
        threads: usize,
        /// Goes on after a seed that fails.
        #[arg(long)]
        keep_going: bool,
        /// Shows what happened how often.
        #[arg(long)]
        coverage: bool,
        /// Fails if something never happened that should; some 2,000 seeds are needed for all of it.
        #[arg(long)]
        require_coverage: bool,
    },
    /// Simulates one seed, and shrinks it if it fails.
    Replay {
        /// The seed.
        seed: u64,
        /// Shows everything, not what is left of it after shrinking.
        #[arg(long)]
        whole: bool,
        /// Shows what the server traces, too.
        #[arg(long)]
        trace: bool,
    },
    /// Takes small worlds through every order in which things can happen.
    Worlds {
        /// How many at a time.
        #[arg(long, default_value_t = 1)]
        threads: usize,
        /// Only those that the tests explore.
        #[arg(long)]
        some: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if matches!(arguments.command, Command::Replay { trace: true, .. }) {
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).without_time().init();
    }
    let passed = match arguments.command {
        Command::Run { seeds, from, threads, keep_going, coverage, require_coverage } => {
            let campaign = Campaign { from, seeds, threads, keep_going };
            let summary = campaign.run();
            println!("{summary}");
            if coverage {
                println!("{}", summary.coverage);
            }
            summary.failed.is_empty() && (!require_coverage || is_complete(&summary.coverage))
        }
        Command::Replay { seed, whole, trace: _ } => replay(seed, whole),
        Command::Worlds { threads, some } => explore_worlds(threads, some),
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says what should have happened and did not, and what happened that nobody expected.
fn is_complete(coverage: &Coverage) -> bool {
    let verdict = expected::judge(coverage);
    for never in &verdict.missing {
        println!("it never happened: {never}");
    }
    for unlisted in &verdict.unlisted {
        println!("no list has it: {unlisted}");
    }
    verdict.missing.is_empty() && verdict.unlisted.is_empty()
}

fn explore_worlds(threads: usize, some: bool) -> bool {
    let worlds = if some { small_worlds::some() } else { small_worlds::all() };
    match small_worlds::explore_all(&worlds, threads) {
        Ok(counts) => println!("{counts}: nothing found"),
        Err(found) => {
            println!("{found}");
            return false;
        }
    }
    true
}
