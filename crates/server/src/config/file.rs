//! The configuration file: the familiar keys of `elasticsearch.yml`, dotted or nested.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use serde_yaml_ng::Value;

use super::address::{HttpAddress, PORT, host};
use super::{ConfigError, machine};
use crate::http::guard::Origins;

/// What the names of a node's attributes begin with.
const ATTRIBUTE: &str = "node.attr.";

/// What the file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct File {
    http_port: Option<u16>,
    http_host: Option<IpAddr>,
    network_host: Option<IpAddr>,
    pub(super) data: Option<PathBuf>,
    pub(super) cluster_name: Option<String>,
    pub(super) node_name: Option<String>,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) body_bytes_max: Option<u64>,
    pub(super) auto_create_index: Option<String>,
    pub(super) collected_bytes_per_second: Option<u64>,
    pub(super) cors_enabled: Option<bool>,
    pub(super) origins: Origins,
}

impl File {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::File {
            path: shown.clone(),
            problem: error.to_string(),
        })?;
        Self::parse(&text, &shown)
    }

    /// Reads the text of a file; `path` names it in complaints.
    pub(super) fn parse(text: &str, path: &str) -> Result<Self, ConfigError> {
        let problem = |problem: String| ConfigError::File { path: path.to_owned(), problem };
        let tree: Value =
            serde_yaml_ng::from_str(text).map_err(|error| problem(error.to_string()))?;
        let mut settings = Vec::new();
        flatten(String::new(), tree, &mut settings).map_err(problem)?;
        let mut file = Self::default();
        for (key, value) in settings {
            file.set(&key, &value, path)?;
        }
        Ok(file)
    }

    fn set(&mut self, key: &str, value: &str, path: &str) -> Result<(), ConfigError> {
        let wrong =
            |problem: String| ConfigError::value(&format!("{key} in [{path}]"), value, problem);
        let text = || Some(value.to_owned());
        match key {
            "http.port" => {
                let port = value.parse().map_err(|_| wrong("is no port".to_owned()))?;
                self.http_port = Some(port);
            }
            "http.host" => self.http_host = Some(host(value).map_err(wrong)?),
            "network.host" => self.network_host = Some(host(value).map_err(wrong)?),
            "path.data" => self.data = Some(value.into()),
            "cluster.name" => self.cluster_name = text(),
            "node.name" => self.node_name = text(),
            "action.auto_create_index" => self.auto_create_index = text(),
            "http.max_content_length" => {
                self.body_bytes_max = Some(machine::size(value).map_err(wrong)?);
            }
            "occam.collect_rate" => {
                self.collected_bytes_per_second = Some(machine::rate(value).map_err(wrong)?);
            }
            "http.cors.enabled" => {
                let enabled = value.parse().map_err(|_| wrong("is no boolean".to_owned()))?;
                self.cors_enabled = Some(enabled);
            }
            "http.cors.allow-origin" => self.origins = origins(value).map_err(wrong)?,
            _ if key.starts_with(ATTRIBUTE) => {
                let name = key.trim_start_matches(ATTRIBUTE).to_owned();
                self.attributes.insert(name, value.to_owned());
            }
            _ => {
                let (key, path) = (key.to_owned(), path.to_owned());
                return Err(ConfigError::UnknownKey { key, path });
            }
        }
        Ok(())
    }

    /// The address to listen on when the command line names none.
    pub(super) fn http_address(&self) -> HttpAddress {
        let ip = self.http_host.or(self.network_host).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        HttpAddress::unpinned(ip, self.http_port.unwrap_or(PORT))
    }
}

/// Writes the leaves of a tree with dotted keys; a sequence is a comma-separated list.
fn flatten(
    prefix: String,
    value: Value,
    settings: &mut Vec<(String, String)>,
) -> Result<(), String> {
    let leaf = match value {
        Value::Null => return Ok(()),
        Value::Mapping(members) => {
            for (name, member) in members {
                let Value::String(name) = name else {
                    return Err(format!("a key below [{prefix}] is no text"));
                };
                let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
                flatten(key, member, settings)?;
            }
            return Ok(());
        }
        Value::Sequence(elements) => {
            let texts: Option<Vec<String>> = elements.into_iter().map(scalar).collect();
            texts.map(|texts| texts.join(","))
        }
        other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Tagged(_)) => {
            scalar(other)
        }
    };
    match leaf {
        Some(text) if !prefix.is_empty() => {
            settings.push((prefix, text));
            Ok(())
        }
        Some(_) | None => Err(format!("expected keys and values below [{prefix}]")),
    }
}

fn scalar(value: Value) -> Option<String> {
    match value {
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text),
        Value::Null | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => None,
    }
}

fn origins(value: &str) -> Result<Origins, String> {
    if value.trim() == "*" {
        return Ok(Origins::Any);
    }
    let names: Vec<String> = value
        .split(',')
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    if names.iter().all(|name| name.contains("://") && !name.starts_with('/')) {
        Ok(Origins::Named(names))
    } else {
        Err("is no list of origins like https://app.example.com".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(yaml: &str) -> Result<File, String> {
        File::parse(yaml, "f.yml").map_err(|error| error.to_string())
    }

    #[test]
    fn keys_are_dotted_or_nested() {
        let dotted = parse("http.port: 1\nhttp.cors.enabled: true\nnode.name: n").unwrap();
        let nested = parse("http:\n  port: 1\n  cors.enabled: true\nnode:\n  name: n\n").unwrap();
        assert_eq!(dotted, nested);
        assert_eq!(parse("").unwrap(), File::default());
    }

    #[test]
    fn http_host_beats_network_host() {
        let file = parse("network.host: 10.0.0.1\nhttp.host: _local_\nhttp.port: '7'").unwrap();
        assert_eq!(file.http_address().to_string(), "127.0.0.1:7");
    }

    #[test]
    fn sizes_and_lists_are_read() {
        let yaml = "http.max_content_length: 5mb\naction.auto_create_index: [a*, -b]\n\
                    occam.collect_rate: 0";
        let file = parse(yaml).unwrap();
        assert_eq!(file.collected_bytes_per_second, Some(0));
        assert_eq!(file.body_bytes_max, Some(5 << 20));
        assert_eq!(file.auto_create_index.as_deref(), Some("a*,-b"));
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for yaml in [
            "http.port: 9200-9300",
            "http.cors.allow-origin: /https?:.*/",
            "http.cors.enabled: maybe",
            "network.host: _site_",
            "occam.collect_rate: 32",
            "discovery.type: single-node",
            "[1, 2]",
            "just text",
            "a: [",
            "1: 2",
        ] {
            assert!(parse(yaml).is_err(), "{yaml}");
        }
    }
}
