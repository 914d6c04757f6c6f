//! A request as the API sees it: whole, in memory, its path taken apart.

use bytes::Bytes;
use hyper::Method;
use hyper::header::{ACCEPT, AsHeaderName, CONTENT_TYPE, HOST, HeaderMap, IF_MATCH};
use hyper::http::uri::PathAndQuery;

use super::budget::Budget;
use super::dialect::Dialect;
use super::error::Error;
use super::uri;

/// One request, complete with its body.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query, as sent.
    pub target: PathAndQuery,
    /// The segments of the path, decoded.
    pub segments: Vec<String>,
    /// The headers that matter to the API.
    pub headers: Headers,
    /// The body, decompressed.
    pub body: Bytes,
    /// The dialect the listening address is pinned to.
    pub pinned: Option<Dialect>,
    /// What the sources of a large answer are charged to.
    pub budget: Budget,
}

/// The headers that matter to the API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// Every `Content-Type`: there should be one at most.
    pub content_types: Vec<String>,
    /// The first `Accept`.
    pub accept: Option<String>,
    /// Every `If-Match`: there should be one at most.
    pub if_match: Vec<String>,
    /// The first `X-Opaque-Id`: what the client calls the request.
    pub opaque_id: Option<String>,
    /// The first `Host`: how the client reaches this server.
    pub host: Option<String>,
}

impl Headers {
    /// Picks them out; a value that is no text counts with its odd bytes replaced.
    pub fn new(all: &HeaderMap) -> Self {
        Self {
            content_types: texts(all, CONTENT_TYPE).collect(),
            accept: texts(all, ACCEPT).next(),
            if_match: texts(all, IF_MATCH).collect(),
            opaque_id: texts(all, "x-opaque-id").next(),
            host: texts(all, HOST).next(),
        }
    }
}

fn texts<K: AsHeaderName>(headers: &HeaderMap, name: K) -> impl Iterator<Item = String> {
    headers.get_all(name).iter().map(|v| String::from_utf8_lossy(v.as_bytes()).trim().to_owned())
}

impl Request {
    /// Puts a request together; fails if its path cannot be decoded.
    pub fn new(
        method: Method,
        target: PathAndQuery,
        headers: &HeaderMap,
        body: Bytes,
        pinned: Option<Dialect>,
        budget: Budget,
    ) -> Result<Self, Error> {
        let segments = uri::segments(target.path()).map_err(Error::IllegalArgument)?;
        let headers = Headers::new(headers);
        Ok(Self { method, target, segments, headers, body, pinned, budget })
    }

    /// The path without the query, as sent.
    pub fn raw_path(&self) -> &str {
        self.target.path()
    }

    /// Path and query as sent, for messages.
    pub fn uri(&self) -> &str {
        self.target.as_str()
    }

    /// The query as sent, without its question mark.
    pub fn query(&self) -> &str {
        self.target.query().unwrap_or_default()
    }
}
