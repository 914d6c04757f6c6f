//! What the operator wants, put together from the command line, the environment, a file and
//! defaults, in this order.
//!
//! `arguments` holds what was typed and `file` what was written; [`Config`] holds what was meant.

mod address;
pub mod arguments;
mod file;
mod machine;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::http::Limits;
use crate::http::guard::{Guard, Origins};
use crate::rest::dialect::{Dialect, DialectDefaults};
pub use address::HttpAddress;
use arguments::{Arguments, LogFormat};
use file::File;

/// The least memory that makes sense: bodies of 4 MiB, and the identities of some 50,000 documents.
const MEMORY_BYTES_MIN: u64 = 16 << 20;
/// How much collection may copy in a second unless something else is said.
const COLLECTED_BYTES_PER_SECOND: u64 = 32 << 20;

/// How this process serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The addresses to listen on, one at least.
    pub http: Vec<HttpAddress>,
    /// The data directory.
    pub data: PathBuf,
    /// The most memory that tables, queues and bodies may take.
    pub memory_bytes: u64,
    /// The dialects of requests without a sign of their own.
    pub dialects: DialectDefaults,
    /// The name of the cluster.
    pub cluster_name: String,
    /// The name of this node.
    pub node_name: String,
    /// What is said of this node besides: `node.attr.*`.
    pub attributes: BTreeMap<String, String>,
    /// Host names requests may use besides localhost.
    pub host_names: Vec<String>,
    /// Whether other machines may reach it although it asks for no password.
    pub insecure: bool,
    /// The web pages that may use it.
    pub origins: Origins,
    /// The most bytes of a request body: `http.max_content_length`.
    pub body_bytes_max: u64,
    /// How much collection may copy in a second while there is time; 0 turns it off.
    pub collected_bytes_per_second: u64,
    /// Whether the data directory was restored from a backup.
    pub restored: bool,
    /// `action.auto_create_index`, as written: `true`, `false` or patterns.
    pub auto_create_index: String,
    /// The form of diagnostics.
    pub log_format: LogFormat,
}

/// A command line, variable or file that means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A value that cannot be read: where it stands, its text, what is wrong.
    #[error("{place}: [{value}] {problem}")]
    Value {
        /// The option or file key.
        place: String,
        /// What stands there.
        value: String,
        /// What is wrong with it, to follow the value.
        problem: String,
    },
    /// A configuration file that cannot be read.
    #[error("cannot read the configuration file [{path}]: {problem}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A key no one knows.
    #[error("unknown key [{key}] in the configuration file [{path}]")]
    UnknownKey {
        /// The key, dotted.
        key: String,
        /// The file.
        path: String,
    },
    /// An address other machines reach, without a password.
    #[error(
        "refusing to listen on [{0}]: it can be reached from other machines and there is no authentication; listen on a loopback address, or pass --insecure to accept that"
    )]
    Exposed(HttpAddress),
}

impl ConfigError {
    fn value(place: &str, value: &str, problem: impl ToString) -> Self {
        Self::Value {
            place: place.to_owned(),
            value: value.to_owned(),
            problem: problem.to_string(),
        }
    }
}

impl Config {
    /// Makes sense of what was typed, and of the file it may name.
    pub fn new(arguments: Arguments) -> Result<Self, ConfigError> {
        let file = match &arguments.config {
            Some(path) => File::read(path)?,
            None => File::default(),
        };
        Self::with_file(arguments, file)
    }

    fn with_file(arguments: Arguments, file: File) -> Result<Self, ConfigError> {
        let config = Self {
            http: addresses(&arguments.http, &file)?,
            data: arguments.data.or(file.data).unwrap_or_else(|| "./occam-data".into()),
            memory_bytes: memory(arguments.memory.as_deref())?,
            dialects: DialectDefaults {
                default: arguments.default_dialect.unwrap_or(Dialect::V7),
                legacy: arguments.legacy_dialect.unwrap_or(Dialect::V5),
            },
            cluster_name: arguments
                .cluster_name
                .or(file.cluster_name)
                .unwrap_or_else(|| "occam".to_owned()),
            attributes: file.attributes,
            node_name: arguments.node_name.or(file.node_name).unwrap_or_else(machine::host_name),
            host_names: arguments.host_name,
            insecure: arguments.insecure,
            origins: if file.cors_enabled.unwrap_or(false) { file.origins } else { Origins::None },
            body_bytes_max: file.body_bytes_max.unwrap_or(Limits::default().body_bytes_max),
            auto_create_index: file.auto_create_index.unwrap_or_else(|| "true".to_owned()),
            collected_bytes_per_second: collect_rate(
                arguments.collect_rate.as_deref(),
                file.collected_bytes_per_second,
            )?,
            restored: arguments.restored,
            log_format: arguments.log_format.unwrap_or(LogFormat::Human),
        };
        config.refuse_exposure()?;
        Ok(config)
    }

    fn refuse_exposure(&self) -> Result<(), ConfigError> {
        let exposed = self.http.iter().find(|address| !address.socket.ip().is_loopback());
        match exposed {
            Some(address) if !self.insecure => Err(ConfigError::Exposed(*address)),
            Some(_) | None => Ok(()),
        }
    }

    /// How much memory the documents' identities may take: what bodies in flight leave of it.
    #[must_use]
    pub fn table_bytes_max(&self) -> u64 {
        self.memory_bytes - self.memory_bytes / 4
    }

    /// The bounds of connections: bodies in flight have a quarter of the memory.
    pub fn limits(&self) -> Limits {
        Limits {
            body_bytes_max: self.body_bytes_max,
            bodies_bytes_max: self.memory_bytes / 4,
            ..Limits::default()
        }
    }

    /// Who may reach the server.
    pub fn guard(&self) -> Guard {
        Guard {
            host_names: self.host_names.clone(),
            any_address: self.insecure,
            origins: self.origins.clone(),
        }
    }
}

fn addresses(typed: &[String], file: &File) -> Result<Vec<HttpAddress>, ConfigError> {
    if typed.is_empty() {
        return Ok(vec![file.http_address()]);
    }
    typed
        .iter()
        .map(|text| text.parse().map_err(|problem| ConfigError::value("--http", text, problem)))
        .collect()
}

fn memory(typed: Option<&str>) -> Result<u64, ConfigError> {
    let text = typed.unwrap_or("50%");
    let wrong = |problem| ConfigError::value("--memory", text, problem);
    let bytes = machine::memory(text).map_err(wrong)?;
    if bytes < MEMORY_BYTES_MIN {
        return Err(wrong("is too little, expected at least 16mb".to_owned()));
    }
    Ok(bytes)
}

fn collect_rate(typed: Option<&str>, written: Option<u64>) -> Result<u64, ConfigError> {
    let Some(text) = typed else { return Ok(written.unwrap_or(COLLECTED_BYTES_PER_SECOND)) };
    machine::rate(text).map_err(|problem| ConfigError::value("--collect-rate", text, problem))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn config(typed: &str, yaml: &str) -> Result<Config, String> {
        let words = std::iter::once("occam").chain(typed.split_whitespace());
        let arguments = Arguments::try_parse_from(words).map_err(|error| error.to_string())?;
        let file = File::parse(yaml, "test.yml").map_err(|error| error.to_string())?;
        Config::with_file(arguments, file).map_err(|error| error.to_string())
    }

    fn refused(typed: &str, yaml: &str) -> String {
        config(typed, yaml).unwrap_err()
    }

    #[test]
    fn everything_has_a_default() {
        for typed in ["", "serve"] {
            let config = config(typed, "").unwrap();
            assert_eq!(config.http, ["127.0.0.1:9200".parse().unwrap()]);
            assert_eq!(config.data, PathBuf::from("./occam-data"));
            assert_eq!(config.cluster_name, "occam");
            assert!(!config.node_name.is_empty());
            assert!(config.memory_bytes > 1 << 20);
            assert_eq!(config.dialects, DialectDefaults::default());
            assert_eq!(config.collected_bytes_per_second, 32 << 20);
        }
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let yaml = "http.port: 9300\npath:\n  data: /var/x\ncluster.name: c\nnode: {name: n}\n";
        let from_file = config("", yaml).unwrap();
        assert_eq!(from_file.http, ["127.0.0.1:9300".parse().unwrap()]);
        assert_eq!(from_file.data, PathBuf::from("/var/x"));
        assert_eq!((from_file.cluster_name.as_str(), from_file.node_name.as_str()), ("c", "n"));
        let attributes = config("serve", "node.attr.rack: r1").unwrap().attributes;
        assert_eq!(attributes.get("rack").map(String::as_str), Some("r1"));

        let typed = "serve --http 0 --http :9205=5 --data d --cluster-name k --node-name m";
        let from_both = config(typed, yaml).unwrap();
        assert_eq!(from_both.http, ["127.0.0.1:0", "127.0.0.1:9205=5"].map(|a| a.parse().unwrap()));
        assert_eq!(from_both.data, PathBuf::from("d"));
        assert_eq!((from_both.cluster_name.as_str(), from_both.node_name.as_str()), ("k", "m"));
    }

    #[test]
    fn other_machines_are_let_in_only_on_purpose() {
        let complaint = refused("--http 0.0.0.0:9200", "");
        assert!(complaint.contains("[0.0.0.0:9200]") && complaint.contains("--insecure"));
        assert!(refused("", "network.host: 10.0.0.1").contains("[10.0.0.1:9200]"));
        assert!(config("--http 0.0.0.0:9200 --insecure", "").unwrap().guard().any_address);
    }

    #[test]
    fn cors_needs_both_keys() {
        let named = "http.cors.enabled: true\nhttp.cors.allow-origin: http://a, http://b";
        let origins = vec!["http://a".to_owned(), "http://b".to_owned()];
        assert_eq!(config("", named).unwrap().origins, Origins::Named(origins));
        let disabled = "http.cors.allow-origin: '*'";
        assert_eq!(config("", disabled).unwrap().origins, Origins::None);
    }

    #[test]
    fn the_rate_of_collection_may_be_nothing() {
        let rate = |typed, yaml| config(typed, yaml).unwrap().collected_bytes_per_second;
        assert_eq!(rate("--collect-rate 5mb", "occam.collect_rate: 0"), 5 << 20);
        assert_eq!(rate("--collect-rate 0", ""), 0);
        assert_eq!(rate("", "occam.collect_rate: 0"), 0);
    }

    #[test]
    fn complaints_name_the_place() {
        assert_eq!(
            refused("", "http.prot: 1"),
            "unknown key [http.prot] in the configuration file [test.yml]"
        );
        assert!(refused("", "http.port: x").starts_with("http.port in [test.yml]: [x]"));
        assert!(refused("--http example.com:1", "").starts_with("--http: [example.com:1]"));
        assert!(refused("--http 9200=6", "").contains("unknown dialect [6]"));
        assert!(refused("--memory lots", "").starts_with("--memory: [lots]"));
        assert!(refused("--memory 15mb", "").contains("expected at least 16mb"));
        assert!(refused("--collect-rate fast", "").starts_with("--collect-rate: [fast]"));
        assert!(refused("--default-dialect 5", "").contains("--default-dialect"));
    }
}
