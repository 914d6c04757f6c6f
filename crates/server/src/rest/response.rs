//! Answers: what an endpoint says, and what goes back over the wire.

use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::Value;

use super::budget::Reservation;
use super::error::Outcome;

/// What an endpoint says, before it is rendered as the request asked.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub content: Content,
    /// Headers of this answer alone: `Location`, `Warning`, `Allow`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether JSON is laid out unless the request says `pretty=false`: only `GET /`.
    pub pretty_by_default: bool,
    /// What the answer keeps of the budget until it is sent.
    pub held: Option<Arc<Reservation>>,
}

/// The body of an [`Answer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Compact JSON, which pretty, filters and formats apply to.
    Json(Bytes),
    /// Plain text, as `_cat` writes.
    Text(Bytes),
}

impl Answer {
    /// A JSON answer.
    pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::new(status, Content::Json(body.into()))
    }

    /// A text answer; an empty body is one.
    pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::new(status, Content::Text(body.into()))
    }

    /// A JSON answer with status 200.
    pub fn value(body: &Value) -> Self {
        Self::json(StatusCode::OK, body.to_string())
    }

    /// The answer to a change that happened.
    pub fn acknowledged() -> Self {
        Self::json(StatusCode::OK, r#"{"acknowledged":true}"#)
    }

    fn new(status: StatusCode, content: Content) -> Self {
        Self { status, content, headers: Vec::new(), pretty_by_default: false, held: None }
    }

    /// This answer with one more header; a value that no header can carry is left out.
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }
}

/// An answer ready for the wire, but for the headers every answer carries.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// Headers of this answer alone.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
    /// For a 5xx: whether the request had an effect.
    pub outcome: Option<Outcome>,
    /// What it keeps of the budget until it is sent.
    pub held: Option<Arc<Reservation>>,
}
