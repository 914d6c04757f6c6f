//! The laboratory: the real binary on a real file system, under clients of every dialect and every kind
//! of death, judged by the checker.
//!
//! Exit codes: 0 when nothing was found, 1 when something was, with the history in a file.

#![allow(clippy::print_stdout, reason = "a command line tool tells what it found")]

mod arguments;
mod ballast;
mod campaign;
mod exchange;
mod fate;
mod figures;
mod judgement;
mod life;
mod linear;
mod machine;
mod process;
mod transport;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command};

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(found) => {
            println!("{found:#}");
            ExitCode::FAILURE
        }
    }
}

/// One thread for all clients: the server has the other processors.
fn run(arguments: Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.command {
            Command::Kill(options) => campaign::run(&options, false).await,
            Command::Power(options) => campaign::run(&options, true).await,
            Command::Linear(options) => linear::run(&options).await,
            Command::Judge { history } => judgement::judge_file(&history),
        }
    })
}
