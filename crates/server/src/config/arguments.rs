//! The command line as typed. Each option can also be given as a variable, which the option beats.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::rest::dialect::Dialect;

/// An Elasticsearch-compatible document store.
#[derive(Clone, Debug, Parser)]
#[command(name = "occam", version, about)]
pub struct Arguments {
    /// What to do; serving if nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Listen here: ADDR[=DIALECT], ADDR as 127.0.0.1:9200, :9200 or 9200 (repeatable)
    #[arg(long, global = true, env = "OCCAM_HTTP", value_name = "ADDR[=DIALECT]")]
    #[arg(value_delimiter = ',')]
    pub http: Vec<String>,

    /// Keep data in this directory [default: ./occam-data]
    #[arg(long, global = true, env = "OCCAM_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// Read this file of elasticsearch.yml keys
    #[arg(long, global = true, env = "OCCAM_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Use at most this much memory: 512mb, 2gb, 50% [default: 50%]
    #[arg(long, global = true, env = "OCCAM_MEMORY", value_name = "SIZE")]
    pub memory: Option<String>,

    /// Copy at most this much in a second to collect what the log no longer needs; 0: never
    /// [default: 32mb]
    #[arg(long, global = true, env = "OCCAM_COLLECT_RATE", value_name = "SIZE")]
    pub collect_rate: Option<String>,

    /// The data directory was restored from a backup: raise its primary terms above all that were given
    /// since, so that no if_seq_no and if_primary_term from before mean another write
    #[arg(long, global = true, env = "OCCAM_RESTORED")]
    #[arg(value_parser = FalseyValueParser::new())]
    pub restored: bool,

    /// Answer requests without a sign of their own as 7 or 8 [default: 7]
    #[arg(long, global = true, env = "OCCAM_DEFAULT_DIALECT", value_name = "7|8")]
    #[arg(value_parser = modern_dialect)]
    pub default_dialect: Option<Dialect>,

    /// Answer typed paths as 5 or 2 [default: 5]
    #[arg(long, global = true, env = "OCCAM_LEGACY_DIALECT", value_name = "5|2")]
    #[arg(value_parser = legacy_dialect)]
    pub legacy_dialect: Option<Dialect>,

    /// The name of the cluster [default: occam]
    #[arg(long, global = true, env = "OCCAM_CLUSTER_NAME", value_name = "NAME")]
    pub cluster_name: Option<String>,

    /// The name of this node [default: the name of the machine]
    #[arg(long, global = true, env = "OCCAM_NODE_NAME", value_name = "NAME")]
    pub node_name: Option<String>,

    /// A name requests may reach this server by, besides localhost (repeatable)
    #[arg(long, global = true, env = "OCCAM_HOST_NAME", value_name = "NAME")]
    #[arg(value_delimiter = ',')]
    pub host_name: Vec<String>,

    /// Let other machines reach it although it asks for no password
    #[arg(long, global = true, env = "OCCAM_INSECURE")]
    #[arg(value_parser = FalseyValueParser::new())]
    pub insecure: bool,

    /// The form of diagnostics on stderr [default: human]
    #[arg(long, global = true, env = "OCCAM_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

impl Arguments {
    /// The arguments of this process; ends it if they mean nothing, or ask for help.
    #[must_use]
    pub fn of_process() -> Self {
        let matches = Self::command_line().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// The command line. A check takes the options of serving, which mean nothing to it, but its help
    /// does not list them.
    fn command_line() -> clap::Command {
        let command = Self::command();
        let of_serving: Vec<Arg> = command
            .get_arguments()
            .filter(|option| option.is_global_set())
            .map(|option| option.clone().global(false).hide(true))
            .collect();
        command.mut_subcommand("check", |check| check.args(of_serving))
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve
    Serve,
    /// Verify a data directory that no process uses, without changing it
    Check(CheckArguments),
}

/// What to check, and what for.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct CheckArguments {
    /// The data directory
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,

    /// Print one JSON document instead of a table
    #[arg(long)]
    pub json: bool,

    /// Write what can be verified into this new directory
    #[arg(long, value_name = "NEWDIR")]
    pub salvage: Option<PathBuf>,
}

/// The form of diagnostics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    Human,
    /// One JSON object per line
    Json,
}

fn modern_dialect(text: &str) -> Result<Dialect, String> {
    match text.parse() {
        Ok(dialect @ (Dialect::V7 | Dialect::V8)) => Ok(dialect),
        Ok(Dialect::V2 | Dialect::V5) | Err(_) => Err("expected 7 or 8".to_owned()),
    }
}

fn legacy_dialect(text: &str) -> Result<Dialect, String> {
    match text.parse() {
        Ok(dialect @ (Dialect::V2 | Dialect::V5)) => Ok(dialect),
        Ok(Dialect::V7 | Dialect::V8) | Err(_) => Err("expected 5 or 2".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command_line().debug_assert();
    }

    #[test]
    fn each_command_lists_its_own_options() {
        let mut command = Arguments::command_line();
        command.build();
        let mut help =
            |name: &str| command.find_subcommand_mut(name).unwrap().render_long_help().to_string();
        let (check, serve) = (help("check"), help("serve"));
        assert!(check.contains("--salvage") && check.contains("--json"), "{check}");
        assert!(!check.contains("--http") && !check.contains("--memory"), "{check}");
        assert!(serve.contains("--http") && serve.contains("--memory"), "{serve}");
        assert!(!serve.contains("--salvage"), "{serve}");
    }

    #[test]
    fn a_check_names_its_directory() {
        let arguments = Arguments::try_parse_from(["occam", "check", "d", "--salvage", "n"]);
        let wanted =
            CheckArguments { directory: "d".into(), json: false, salvage: Some("n".into()) };
        assert_eq!(arguments.unwrap().command, Some(Command::Check(wanted)));
        assert!(Arguments::try_parse_from(["occam", "check"]).is_err());
        assert!(Arguments::try_parse_from(["occam", "--json"]).is_err());
    }

    #[test]
    fn options_may_stand_before_or_after_the_command() {
        for typed in [["occam", "serve", "--data", "d"], ["occam", "--data", "d", "serve"]] {
            let arguments = Arguments::try_parse_from(typed).unwrap();
            assert_eq!(arguments.data, Some("d".into()));
            assert_eq!(arguments.command, Some(Command::Serve));
        }
    }
}
