//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Runs the real server under load, ends it in every way, and judges what its clients were told.
#[derive(Parser)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Kills the server at random moments, and starts it again on the same directory.
    Kill(CampaignOptions),
    /// As `kill`, on a file system that loses what was not synced. Needs root and a loop device; says
    /// so and passes where it has none.
    Power(CampaignOptions),
    /// A long history without faults, but for clients that hang up.
    Linear(LinearOptions),
    /// Judges a history again.
    Judge {
        /// The file.
        history: PathBuf,
    },
}

/// What every run needs.
#[derive(Args)]
pub(crate) struct Common {
    /// The server; by default the `occam` that lies beside this program.
    #[arg(long)]
    pub(crate) binary: Option<PathBuf>,
    /// An empty or missing directory for everything that is written; a temporary one by default.
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    /// Where chance comes from; the same seed makes the same choices, not the same history.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// How many clients.
    #[arg(long, default_value_t = 8)]
    pub(crate) clients: u32,
}

/// Kills and power cuts.
#[derive(Args)]
pub(crate) struct CampaignOptions {
    /// What every run needs.
    #[command(flatten)]
    pub(crate) common: Common,
    /// How many times the server is ended.
    #[arg(long, default_value_t = 20)]
    pub(crate) kills: u64,
    /// How many of these make a round, which is judged by itself.
    #[arg(long, default_value_t = 10)]
    pub(crate) kills_per_round: u64,
    /// How many operations a life has, on the average.
    #[arg(long, default_value_t = 7_000)]
    pub(crate) operations_per_life: u64,
}

/// Histories without faults.
#[derive(Args)]
pub(crate) struct LinearOptions {
    /// What every run needs.
    #[command(flatten)]
    pub(crate) common: Common,
    /// How many operations.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) operations: usize,
    /// How many requests in a hundred are hung up on.
    #[arg(long, default_value_t = 3)]
    pub(crate) hang_up_percent: u32,
    /// How many operations a life has, if clients hang up: what they hung up on may happen until the
    /// server has stopped, and what may happen at any time is hard to judge.
    #[arg(long, default_value_t = 2_500)]
    pub(crate) operations_per_life: usize,
    /// How many ids each index has.
    #[arg(long, default_value_t = 4)]
    pub(crate) documents: u32,
}
