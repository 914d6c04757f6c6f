//! Who may reach the server: no web page that was not named, under no host name that was not named.
//!
//! A server on loopback without passwords can be reached by every page its user opens. Browsers send
//! `Origin` and `Sec-Fetch-Site` with what a page asks for, and the name a page was loaded under in
//! `Host`; nothing else sends the first two, so that other clients notice nothing. See design §5.

use std::net::IpAddr;

use hyper::Method;
use hyper::header::{
    ACCESS_CONTROL_REQUEST_METHOD, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The headers of a preflight's answer besides the origin, as Elasticsearch sets them by default.
pub(super) const PREFLIGHT: [(&str, &str); 3] = [
    ("access-control-allow-methods", "OPTIONS, HEAD, GET, POST, PUT, DELETE"),
    (
        "access-control-allow-headers",
        "X-Requested-With, Content-Type, Content-Length, Authorization, Accept, User-Agent, \
         X-Elastic-Client-Meta, X-Opaque-Id",
    ),
    ("access-control-max-age", "1728000"),
];

/// Which web pages may use the server: `http.cors.allow-origin`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// None but the server's own.
    #[default]
    None,
    /// Those of these origins, such as `https://app.example.com`.
    Named(Vec<String>),
    /// All.
    Any,
}

/// Who may reach the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// Host names besides `localhost` and the loopback addresses.
    pub host_names: Vec<String>,
    /// Whether any literal address will do as a host: with `--insecure` on other interfaces. Names
    /// must still be named, because only a name can be rebound.
    pub any_address: bool,
    /// The web pages that may use it.
    pub origins: Origins,
}

/// How a request was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// As any client.
    Plain,
    /// As a page of this origin, which may read the answer.
    Cors(HeaderValue),
    /// As the question of a browser whether a page of this origin may send a request.
    Preflight(HeaderValue),
}

/// Why a request was not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The `Host` is a name nobody gave this server.
    #[error(
        "host [{0}] is not a name of this server; it answers to localhost, loopback addresses, and names given with --host-name"
    )]
    Host(String),
    /// A web page of this origin tried to change something.
    #[error(
        "a web page from [{0}] may not use this server; http.cors.enabled and http.cors.allow-origin open it to named origins"
    )]
    Origin(String),
    /// A web page of another site tried to change something.
    #[error(
        "a web page of another site (Sec-Fetch-Site: {0}) may not use this server; http.cors.enabled and http.cors.allow-origin open it to named origins"
    )]
    Site(String),
}

impl Guard {
    /// Lets a request in, or says why not.
    pub fn check(&self, method: &Method, headers: &HeaderMap) -> Result<Admission, Refusal> {
        // A request without `Host` is no browser's.
        for host in headers.get_all(HOST) {
            if !self.knows_host(host) {
                return Err(Refusal::Host(text(host)));
            }
        }
        let mut origins = headers.get_all(ORIGIN).iter();
        let origin = origins.next();
        if let (Some(origin), None) = (origin, origins.next())
            && self.allows_origin(origin)
        {
            let asks =
                *method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
            let admitted = if asks { Admission::Preflight } else { Admission::Cors };
            return Ok(admitted(origin.clone()));
        }
        if matches!(*method, Method::GET | Method::HEAD) {
            return Ok(Admission::Plain);
        }
        for origin in headers.get_all(ORIGIN) {
            if !is_own_origin(origin, headers.get(HOST)) {
                return Err(Refusal::Origin(text(origin)));
            }
        }
        for site in headers.get_all(FETCH_SITE) {
            if !matches!(site.as_bytes(), b"same-origin" | b"none") {
                return Err(Refusal::Site(text(site)));
            }
        }
        Ok(Admission::Plain)
    }

    fn knows_host(&self, host: &HeaderValue) -> bool {
        let Ok(host) = host.to_str() else { return false };
        let name = without_port(host);
        if name.eq_ignore_ascii_case("localhost") {
            return true;
        }
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        address.is_ok_and(|address| self.any_address || address.to_canonical().is_loopback())
            || self.host_names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    fn allows_origin(&self, origin: &HeaderValue) -> bool {
        match &self.origins {
            Origins::None => false,
            Origins::Named(names) => names.iter().any(|name| name.as_bytes() == origin.as_bytes()),
            Origins::Any => true,
        }
    }
}

/// Whether an origin is the server itself under the name the request used.
fn is_own_origin(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let (Ok(origin), Some(Ok(host))) = (origin.to_str(), host.map(HeaderValue::to_str)) else {
        return false;
    };
    origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
}

/// The host of `host:port`, with the brackets of an IPv6 address.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            if name.contains(':') && !name.ends_with(']') { host } else { name }
        }
        Some(_) | None => host,
    }
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row: method, headers as `name: value`, and what becomes of it.
    fn check(guard: &Guard, rows: &[(&str, &[&str], &str)]) {
        for (method, lines, expected) in rows {
            let mut headers = HeaderMap::new();
            for line in *lines {
                let (name, value) = line.split_once(": ").unwrap();
                headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
            }
            let checked = guard.check(&method.parse().unwrap(), &headers);
            let text = match checked {
                Ok(Admission::Plain) => "plain".to_owned(),
                Ok(Admission::Cors(origin)) => format!("cors {}", origin.to_str().unwrap()),
                Ok(Admission::Preflight(origin)) => format!("ask {}", origin.to_str().unwrap()),
                Err(Refusal::Host(host)) => format!("host {host}"),
                Err(Refusal::Origin(origin)) => format!("origin {origin}"),
                Err(Refusal::Site(site)) => format!("site {site}"),
            };
            assert_eq!(&text, expected, "{method} {lines:?}");
        }
    }

    #[test]
    fn a_web_page_must_not_reach_it() {
        check(
            &Guard::default(),
            &[
                ("PUT", &[], "plain"),
                ("PUT", &["host: localhost:9200"], "plain"),
                ("GET", &["host: localhost", "origin: http://evil.com"], "plain"),
                ("HEAD", &["host: localhost", "sec-fetch-site: cross-site"], "plain"),
                ("POST", &["host: localhost", "origin: http://evil.com"], "origin http://evil.com"),
                ("DELETE", &["host: localhost", "origin: null"], "origin null"),
                ("OPTIONS", &["host: localhost", "origin: http://e.com"], "origin http://e.com"),
                ("PATCH", &["host: localhost", "sec-fetch-site: cross-site"], "site cross-site"),
                ("PUT", &["host: localhost", "sec-fetch-site: same-site"], "site same-site"),
                ("PUT", &["host: localhost", "sec-fetch-site: odd"], "site odd"),
                ("PUT", &["host: localhost", "sec-fetch-site: same-origin"], "plain"),
                ("PUT", &["host: localhost", "sec-fetch-site: none"], "plain"),
                ("PUT", &["host: localhost:9200", "origin: http://localhost:9200"], "plain"),
                (
                    "PUT",
                    &["host: localhost:9200", "origin: http://localhost:3000"],
                    "origin http://localhost:3000",
                ),
                (
                    "PUT",
                    &["host: localhost", "origin: http://localhost", "origin: http://e.com"],
                    "origin http://e.com",
                ),
            ],
        );
    }

    #[test]
    fn only_known_hosts_are_answered() {
        let guard = Guard { host_names: vec!["db.lan".to_owned()], ..Guard::default() };
        check(
            &guard,
            &[
                ("GET", &["host: 127.0.0.1:9200"], "plain"),
                ("GET", &["host: 127.1.2.3"], "plain"),
                ("GET", &["host: [::1]:9200"], "plain"),
                ("GET", &["host: [::1]"], "plain"),
                ("GET", &["host: [::ffff:127.0.0.1]:1"], "plain"),
                ("GET", &["host: LOCALHOST:1"], "plain"),
                ("GET", &["host: DB.lan:9200"], "plain"),
                ("GET", &["host: evil.com:9200"], "host evil.com:9200"),
                ("GET", &["host: localhost.evil.com"], "host localhost.evil.com"),
                ("GET", &["host: 192.168.0.7"], "host 192.168.0.7"),
                ("GET", &["host: localhost", "host: evil.com"], "host evil.com"),
                ("GET", &["host: localhost:x"], "host localhost:x"),
            ],
        );
        let open = Guard { any_address: true, ..Guard::default() };
        check(
            &open,
            &[
                ("GET", &["host: 192.168.0.7:9200"], "plain"),
                ("GET", &["host: evil.com"], "host evil.com"),
            ],
        );
    }

    #[test]
    fn named_origins_are_let_in() {
        let origins = Origins::Named(vec!["http://app.lan".to_owned()]);
        let asks = "access-control-request-method: PUT";
        let guard = Guard { origins, ..Guard::default() };
        check(
            &guard,
            &[
                ("PUT", &["origin: http://app.lan"], "cors http://app.lan"),
                (
                    "PUT",
                    &["origin: http://app.lan", "sec-fetch-site: cross-site"],
                    "cors http://app.lan",
                ),
                ("GET", &["origin: http://app.lan"], "cors http://app.lan"),
                ("OPTIONS", &["origin: http://app.lan", asks], "ask http://app.lan"),
                ("OPTIONS", &["origin: http://app.lan"], "cors http://app.lan"),
                ("OPTIONS", &["origin: http://evil.com", asks], "origin http://evil.com"),
                ("PUT", &["host: evil.com", "origin: http://app.lan"], "host evil.com"),
            ],
        );
        let any = Guard { origins: Origins::Any, ..Guard::default() };
        check(&any, &[("PUT", &["origin: http://evil.com"], "cors http://evil.com")]);
    }
}
