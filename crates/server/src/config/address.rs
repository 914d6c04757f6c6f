//! Addresses to listen on: `127.0.0.1:9200`, `[::1]:9200`, `:9200`, `9200`, each with `=DIALECT`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use crate::rest::dialect::Dialect;

/// The port where nothing says otherwise.
pub(super) const PORT: u16 = 9200;

/// One address to listen on, pinned to a dialect or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpAddress {
    /// Where; port 0 picks a free one.
    pub socket: SocketAddr,
    /// The dialect every request gets here.
    pub pinned: Option<Dialect>,
}

impl HttpAddress {
    /// An address that is not pinned.
    pub(super) fn unpinned(ip: IpAddr, port: u16) -> Self {
        Self { socket: SocketAddr::new(ip, port), pinned: None }
    }
}

/// Shows the address as it is typed.
impl fmt::Display for HttpAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.socket)?;
        self.pinned.map_or(Ok(()), |dialect| write!(formatter, "={dialect}"))
    }
}

impl FromStr for HttpAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, pinned) = match text.trim().split_once('=') {
            Some((address, dialect)) => {
                (address, Some(dialect.parse().map_err(|error| format!("has an {error}"))?))
            }
            None => (text.trim(), None),
        };
        Ok(Self { socket: socket(address).ok_or_else(problem)?, pinned })
    }
}

fn problem() -> String {
    "is no address, expected one like 127.0.0.1:9200, [::1]:9200, :9200 or 9200".to_owned()
}

fn socket(text: &str) -> Option<SocketAddr> {
    if let Ok(socket) = text.parse() {
        return Some(socket);
    }
    if let Ok(ip) = host(text) {
        return Some(SocketAddr::new(ip, PORT));
    }
    let (name, port) = text.rsplit_once(':').unwrap_or(("", text));
    let ip = if name.is_empty() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { host(name).ok()? };
    Some(SocketAddr::new(ip, port.parse().ok()?))
}

/// A host of the command line or of `http.host`: an address, or a name for this machine alone.
pub(super) fn host(text: &str) -> Result<IpAddr, String> {
    match text {
        "localhost" | "_local_" => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        other => other
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse()
            .map_err(|_| "is no IP address".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_mean_loopback() {
        for (text, expected) in [
            ("127.0.0.1:9200", "127.0.0.1:9200"),
            ("9200", "127.0.0.1:9200"),
            (":0", "127.0.0.1:0"),
            ("localhost:9201", "127.0.0.1:9201"),
            ("127.0.0.1", "127.0.0.1:9200"),
            ("[::1]:9200=2", "[::1]:9200=2"),
            ("[::1]", "[::1]:9200"),
            ("0.0.0.0:1=8", "0.0.0.0:1=8"),
        ] {
            assert_eq!(text.parse::<HttpAddress>().unwrap().to_string(), expected);
        }
        for text in ["", "x", "example.com:1", "1:2:3", "70000", "9200=", "9200=6"] {
            assert!(text.parse::<HttpAddress>().is_err(), "{text}");
        }
    }
}
