//! What goes wrong with a request, and the one place that says it in Elasticsearch's words.
//!
//! [`Error`] is what the code meant; [`Error::body`] is the only match from it to status, `type`,
//! `reason` and details; [`ErrorBody`] knows the envelope around them.

use std::borrow::Cow;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::HeaderValue;

use super::dialect::Dialect;
use super::json::{self, Object};
use super::node_error::NodeError;
use super::route::Methods;

/// Whether a request that failed on our side had an effect: promise P1 of the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It had none and never will.
    NotApplied,
    /// It happened once or never.
    Unknown,
}

impl Outcome {
    /// The value of the header `X-Occam-Outcome` and of the member of a bulk item's error.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotApplied => "not-applied",
            Self::Unknown => "unknown",
        }
    }
}

/// A detail beside `type` and `reason`, such as `index` or `bytes_limit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// A string, as nearly all are: even `shard` is one.
    Text(String),
    /// A number.
    Number(i64),
    /// Anything else, as JSON.
    Json(String),
}

/// The form the top-level answer to an error takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `{"error":{"root_cause":[…],"type":…},"status":n}`.
    Object,
    /// `{"error":"reason","status":n}`.
    Text,
    /// `{"error":"reason"}`, without the status.
    TextOnly,
}

/// An error as Elasticsearch shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorBody {
    /// The HTTP status.
    pub status: StatusCode,
    /// The `type`, in snake case.
    pub kind: Cow<'static, str>,
    /// The `reason`.
    pub reason: String,
    /// Further members, in the order they are shown.
    pub details: Vec<(Cow<'static, str>, Detail)>,
    /// The inner error, shown inside this one.
    pub caused_by: Option<Box<ErrorBody>>,
    /// The error shown under `root_cause`, where it is not this one.
    pub root_cause: Option<Box<ErrorBody>>,
    /// The form of the top-level answer.
    pub form: Form,
    /// For a 5xx: whether the request had an effect.
    pub outcome: Option<Outcome>,
}

impl ErrorBody {
    /// An error with nothing beside its type and reason.
    pub fn new(
        status: StatusCode,
        kind: impl Into<Cow<'static, str>>,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            status,
            kind: kind.into(),
            reason: reason.into(),
            details: Vec::new(),
            caused_by: None,
            root_cause: None,
            form: Form::Object,
            outcome: None,
        }
    }

    /// This error with one more string member.
    pub fn with_text(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
    ) -> Self {
        self.details.push((name.into(), Detail::Text(value.into())));
        self
    }

    /// This error with one more number member.
    pub fn with_number(mut self, name: impl Into<Cow<'static, str>>, value: i64) -> Self {
        self.details.push((name.into(), Detail::Number(value)));
        self
    }

    /// This error with one more member, given as JSON.
    pub fn with_json(mut self, name: impl Into<Cow<'static, str>>, json: String) -> Self {
        self.details.push((name.into(), Detail::Json(json)));
        self
    }

    /// This error, caused by an inner one.
    pub fn with_cause(mut self, cause: ErrorBody) -> Self {
        self.caused_by = Some(Box::new(cause));
        self
    }

    /// This error, showing another one as its root cause.
    pub fn with_root_cause(mut self, root: ErrorBody) -> Self {
        self.root_cause = Some(Box::new(root));
        self
    }

    /// This error, saying whether the request had an effect.
    pub fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = Some(outcome);
        self
    }

    /// The body of the whole answer; `trace` adds `stack_trace` as `error_trace=true` asks.
    pub fn to_json(&self, trace: bool) -> Vec<u8> {
        json::object(|answer| match self.form {
            Form::Object => {
                answer.object("error", |error| {
                    error.array("root_cause", |causes| {
                        let root = self.root_cause.as_deref().unwrap_or(self);
                        causes.object(|cause| root.write_own_members(cause, trace));
                    });
                    self.write_members(error, trace);
                });
                answer.number("status", self.status.as_u16());
            }
            Form::Text => {
                answer.string("error", &self.reason);
                answer.number("status", self.status.as_u16());
            }
            Form::TextOnly => answer.string("error", &self.reason),
        })
    }

    /// The value of `error` in an mget item: as at the top, `root_cause` included.
    pub fn write_with_root_cause(&self, error: &mut Object<'_>) {
        error.array("root_cause", |causes| {
            let root = self.root_cause.as_deref().unwrap_or(self);
            causes.object(|cause| root.write_own_members(cause, false));
        });
        self.write_item(error);
    }

    /// The value of `error` in a bulk item: no `root_cause`, and the outcome as a member.
    pub fn write_item(&self, error: &mut Object<'_>) {
        self.write_members(error, false);
        if let Some(outcome) = self.outcome {
            error.string("outcome", outcome.as_str());
        }
    }

    pub(super) fn write_members(&self, error: &mut Object<'_>, trace: bool) {
        self.write_named_members(error);
        if let Some(cause) = &self.caused_by {
            error.object("caused_by", |inner| cause.write_members(inner, trace));
        }
        self.write_trace(error, trace);
    }

    fn write_own_members(&self, error: &mut Object<'_>, trace: bool) {
        self.write_named_members(error);
        self.write_trace(error, trace);
    }

    fn write_named_members(&self, error: &mut Object<'_>) {
        error.string("type", &self.kind);
        error.string("reason", &self.reason);
        for (name, detail) in &self.details {
            match detail {
                Detail::Text(text) => error.string(name, text),
                Detail::Number(number) => error.number(name, *number),
                Detail::Json(json) => error.raw(name, json.as_bytes()),
            }
        }
    }

    /// There is no Java stack to show: type and reason stand where clients look for one.
    fn write_trace(&self, error: &mut Object<'_>, trace: bool) {
        if trace {
            error.string("stack_trace", &format!("{}: {}", self.kind, self.reason));
        }
    }
}

/// Why a request was refused or failed before or beside the node's own errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A parameter, path or combination that means nothing.
    IllegalArgument(String),
    /// A numeric parameter that is no number: what was expected, which parameter, its text.
    NotANumber {
        /// `long` or `int`.
        expected: &'static str,
        /// The parameter.
        parameter: String,
        /// Its text.
        value: String,
    },
    /// Rules a request breaks, each a sentence without a full stop; shown as a numbered list.
    Validation(Vec<String>),
    /// A body that is missing or cannot be read.
    Parse(String),
    /// A body whose JSON is not what was expected: the complaint, and what lies behind it.
    XContent {
        /// The complaint, with its position.
        reason: String,
        /// The illegal argument behind it.
        cause: Option<String>,
    },
    /// A body that is no JSON where an object was expected: why.
    UnreadableMap(String),
    /// Types of which no index has one.
    TypeMissing(String),
    /// A body that is no JSON: where, and why.
    MalformedJson(String),
    /// A body whose JSON is not what was expected, in the words of the older parsers.
    Parsing {
        /// The complaint.
        reason: String,
        /// The line, from 1.
        line: i64,
        /// The column, from 1.
        column: i64,
    },
    /// An update by script: there are none yet.
    ScriptUnsupported,
    /// Something of which a request may have only so many has too many.
    TooMany {
        /// What.
        what: &'static str,
        /// The bound.
        limit: usize,
    },
    /// More searches are kept than may be, in a sentence.
    TooManyContexts(String),
    /// An answer larger than the bound.
    AnswerTooLarge {
        /// The bound in bytes.
        limit: usize,
    },
    /// Something that is asked for by its name and is not there.
    Missing {
        /// The exception.
        kind: &'static str,
        /// What is missing.
        reason: String,
    },
    /// Something went wrong because something else did.
    Caused {
        /// The exception.
        kind: &'static str,
        /// What went wrong.
        reason: String,
        /// The cause.
        cause: Box<Error>,
    },
    /// A document whose source was asked for alone, and is not there.
    DocumentNotFound {
        /// Index, type and id, as the dialect puts them.
        path: String,
    },
    /// Fewer copies of the shard are active than the write asks for.
    NotEnoughCopies {
        /// Which shard, how many there are and how many it takes.
        reason: String,
    },
    /// Something of Elasticsearch's that is not served yet, in a sentence.
    Unsupported(String),
    /// What is wrong with a search, in the words that it has already.
    Search(Box<ErrorBody>),
    /// What went wrong behind the API.
    Node(Box<NodeError>),
    /// A query string that cannot be decoded.
    BadParameter(String),
    /// A `Content-Type` or `Accept` header that cannot be understood: exception and complaint.
    BadMediaType {
        /// The exception of the dialect.
        kind: &'static str,
        /// The complaint.
        reason: String,
    },
    /// Vendor media types whose versions do not fit each other or the server.
    IncompatibleMediaTypes(String),
    /// A media type that is well formed but not served.
    NotAcceptable(String),
    /// A path that is served, but not with this method.
    MethodNotAllowed {
        /// Path and query, as sent.
        uri: String,
        /// The method, as sent.
        method: String,
        /// The methods that are.
        allowed: Methods,
    },
    /// A path that nothing serves.
    NoHandler {
        /// Path and query, as sent.
        uri: String,
        /// The method, as sent.
        method: String,
    },
    /// A request a web page might have forged.
    Forbidden(String),
    /// A request line longer than the bound.
    LineTooLong {
        /// The bound in bytes.
        limit: usize,
    },
    /// A request head longer than the bound.
    HeadersTooLarge {
        /// The bound in bytes.
        limit: usize,
    },
    /// A body longer than the bound.
    BodyTooLarge {
        /// The bound in bytes.
        limit: u64,
    },
    /// An `Expect` header that asks for something else than to go on.
    ExpectationFailed(String),
    /// A body that stopped arriving.
    BodyTimeout {
        /// How long nothing came.
        idle: Duration,
    },
    /// A body that does not decode as its `Content-Encoding` says, or ends early.
    BrokenBody(String),
    /// More bytes of requests and answers in flight than the server holds at once.
    Overloaded {
        /// Whose bytes.
        what: &'static str,
        /// What they would have been.
        wanted: u64,
        /// The bound in bytes.
        limit: u64,
    },
    /// A promise about ourselves that did not hold.
    Internal {
        /// What happened.
        reason: String,
        /// Whether the request had an effect.
        outcome: Outcome,
    },
}

impl Error {
    /// An illegal argument.
    pub fn illegal_argument(reason: impl Into<String>) -> Self {
        Self::IllegalArgument(reason.into())
    }

    /// An illegal argument that is one because its text is no number.
    pub(crate) fn not_a_number(reason: String, text: &str) -> Self {
        let cause = bad_request("number_format_exception", format!("For input string: \"{text}\""));
        Self::Search(Box::new(illegal_argument(reason).with_cause(cause)))
    }

    /// A body that is no JSON.
    pub(crate) fn malformed(error: &serde_json::Error) -> Self {
        Self::MalformedJson(format!("[{}:{}] {error}", error.line(), error.column().max(1)))
    }

    /// An error of the node.
    pub(crate) fn node(error: node::Error, dialect: Dialect, type_name: &str) -> Self {
        Self::Node(Box::new(NodeError { error, dialect, type_name: type_name.to_owned() }))
    }

    /// The `Allow` header the answer needs.
    pub fn allow(&self) -> Option<HeaderValue> {
        if let Self::MethodNotAllowed { allowed, .. } = self {
            HeaderValue::try_from(allowed.join(",")).ok()
        } else {
            None
        }
    }

    /// Status, type, reason and details: the only place that knows them.
    #[allow(clippy::too_many_lines, reason = "one table, read row by row")]
    pub fn body(&self) -> ErrorBody {
        match self {
            Self::IllegalArgument(reason) => illegal_argument(reason),
            Self::NotANumber { expected, parameter, value } => illegal_argument(format!(
                "Failed to parse {expected} parameter [{parameter}] with value [{value}]"
            ))
            .with_cause(bad_request(
                "number_format_exception",
                format!("For input string: \"{value}\""),
            )),
            Self::Validation(rules) => {
                bad_request("action_request_validation_exception", numbered(rules))
            }
            Self::Parse(reason) => bad_request("parse_exception", reason),
            Self::XContent { reason, cause } => {
                let body = bad_request("x_content_parse_exception", reason);
                match cause {
                    Some(cause) => body.with_cause(illegal_argument(cause)),
                    None => body,
                }
            }
            Self::UnreadableMap(reason) => {
                bad_request("parse_exception", "Failed to parse content to map")
                    .with_cause(bad_request("json_parse_exception", reason))
            }
            Self::TypeMissing(types) => ErrorBody::new(
                StatusCode::NOT_FOUND,
                "type_missing_exception",
                format!("type[[{types}]] missing"),
            )
            .with_text("index_uuid", "_na_")
            .with_text("index", "_all"),
            Self::MalformedJson(reason) => bad_request("x_content_parse_exception", reason),
            Self::Parsing { reason, line, column } => bad_request("parsing_exception", reason)
                .with_number("line", *line)
                .with_number("col", *column),
            Self::ScriptUnsupported => illegal_argument("failed to execute script")
                .with_cause(illegal_argument("script_lang not supported [painless]")),
            Self::TooMany { what, limit } => ErrorBody::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "illegal_argument_exception",
                format!("the request has more {what} than the limit of [{limit}]"),
            ),
            Self::TooManyContexts(reason) => ErrorBody::new(
                StatusCode::TOO_MANY_REQUESTS,
                "rejected_execution_exception",
                reason,
            ),
            Self::AnswerTooLarge { limit } => ErrorBody::new(
                StatusCode::TOO_MANY_REQUESTS,
                "circuit_breaking_exception",
                format!("the answer would be larger than the limit of [{limit}] bytes"),
            ),
            Self::Missing { kind, reason } => ErrorBody::new(StatusCode::NOT_FOUND, *kind, reason),
            Self::Caused { kind, reason, cause } => {
                bad_request(kind, reason).with_cause(cause.body())
            }
            Self::DocumentNotFound { path } => ErrorBody::new(
                StatusCode::NOT_FOUND,
                "resource_not_found_exception",
                format!("Document not found {path}"),
            ),
            Self::NotEnoughCopies { reason } => ErrorBody::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable_shards_exception",
                reason,
            )
            .with_outcome(Outcome::NotApplied),
            Self::Unsupported(reason) => illegal_argument(reason),
            Self::Search(body) => ErrorBody::clone(body),
            Self::Node(error) => error.body(),
            Self::BadParameter(reason) => wrapping("bad_parameter_exception", reason),
            Self::BadMediaType { kind, reason } => wrapping(kind, reason),
            Self::IncompatibleMediaTypes(reason) => bad_request(
                "media_type_header_exception",
                "Invalid media-type value on headers [Accept, Content-Type]",
            )
            .with_cause(bad_request("status_exception", reason)),
            Self::NotAcceptable(reason) => {
                text(StatusCode::NOT_ACCEPTABLE, Form::Text, reason.as_str())
            }
            Self::MethodNotAllowed { uri, method, allowed } => text(
                StatusCode::METHOD_NOT_ALLOWED,
                Form::Text,
                format!(
                    "Incorrect HTTP method for uri [{uri}] and method [{method}], allowed: [{}]",
                    allowed.join(", ")
                ),
            ),
            Self::NoHandler { uri, method } => text(
                StatusCode::BAD_REQUEST,
                Form::TextOnly,
                format!("no handler found for uri [{uri}] and method [{method}]"),
            ),
            Self::Forbidden(reason) => {
                ErrorBody::new(StatusCode::FORBIDDEN, "security_exception", reason)
            }
            Self::LineTooLong { limit } => bad_request(
                "too_long_frame_exception",
                format!("An HTTP line is larger than {limit} bytes."),
            ),
            Self::HeadersTooLarge { limit } => bad_request(
                "too_long_frame_exception",
                format!("HTTP header is larger than {limit} bytes."),
            ),
            Self::BodyTooLarge { limit } => ErrorBody::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "content_too_long_exception",
                format!("the request body is larger than http.max_content_length [{limit}b]"),
            ),
            Self::ExpectationFailed(expected) => ErrorBody::new(
                StatusCode::EXPECTATION_FAILED,
                "illegal_argument_exception",
                format!("Expect [{expected}] is not supported, expected [100-continue]"),
            ),
            Self::BodyTimeout { idle } => ErrorBody::new(
                StatusCode::REQUEST_TIMEOUT,
                "timeout_exception",
                format!("no part of the request body arrived for [{}ms]", idle.as_millis()),
            ),
            Self::BrokenBody(reason) => bad_request("parse_exception", reason),
            Self::Overloaded { what, wanted, limit } => {
                too_large(what, *wanted, *limit).with_text("durability", "TRANSIENT")
            }
            Self::Internal { reason, outcome } => {
                ErrorBody::new(StatusCode::INTERNAL_SERVER_ERROR, "illegal_state_exception", reason)
                    .with_outcome(*outcome)
            }
        }
    }
}

pub(super) fn bad_request(kind: &'static str, reason: impl Into<String>) -> ErrorBody {
    ErrorBody::new(StatusCode::BAD_REQUEST, kind, reason)
}

pub(super) fn illegal_argument(reason: impl Into<String>) -> ErrorBody {
    bad_request("illegal_argument_exception", reason)
}

/// An error shown as a bare text, for which no type is known.
fn text(status: StatusCode, form: Form, reason: impl Into<String>) -> ErrorBody {
    ErrorBody { form, ..ErrorBody::new(status, "exception", reason) }
}

/// An exception whose reason is the `toString` of the illegal argument inside.
fn wrapping(kind: &'static str, reason: &str) -> ErrorBody {
    bad_request(kind, format!("java.lang.IllegalArgumentException: {reason}"))
        .with_cause(illegal_argument(reason))
}

/// The words of a circuit breaker. Who uses it adds whether it passes by itself: `durability`.
pub(super) fn too_large(what: &str, wanted: u64, limit: u64) -> ErrorBody {
    let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    ErrorBody::new(
        StatusCode::TOO_MANY_REQUESTS,
        "circuit_breaking_exception",
        format!(
            "[parent] Data too large, data for [<{what}>] would be [{wanted}/{}], \
             which is larger than the limit of [{limit}/{}]",
            human_bytes(wanted),
            human_bytes(limit)
        ),
    )
    .with_number("bytes_wanted", signed(wanted))
    .with_number("bytes_limit", signed(limit))
}

/// A byte count as Elasticsearch words it: one truncated decimal, the largest fitting unit.
pub(super) fn human_bytes(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")];
    for (unit, suffix) in UNITS {
        if bytes >= unit {
            let (whole, tenth) = (bytes / unit, bytes % unit * 10 / unit);
            return if tenth == 0 {
                format!("{whole}{suffix}")
            } else {
                format!("{whole}.{tenth}{suffix}")
            };
        }
    }
    format!("{bytes}b")
}

/// `Validation Failed: 1: a;2: b;`.
fn numbered(rules: &[String]) -> String {
    let listed: String =
        rules.iter().zip(1..).map(|(rule, number)| format!("{number}: {rule};")).collect();
    format!("Validation Failed: {listed}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: Error, expected: &str) {
        assert_eq!(String::from_utf8(error.body().to_json(false)).unwrap(), expected);
    }

    #[test]
    fn the_forms_are_elasticsearchs() {
        check(
            Error::Validation(vec!["a".into(), "b".into()]),
            r#"{"error":{"root_cause":[{"type":"action_request_validation_exception","reason":"Validation Failed: 1: a;2: b;"}],"type":"action_request_validation_exception","reason":"Validation Failed: 1: a;2: b;"},"status":400}"#,
        );
        check(
            Error::MethodNotAllowed {
                uri: "/br/_create/1".into(),
                method: "DELETE".into(),
                allowed: Methods::PUT.or(Methods::POST),
            },
            r#"{"error":"Incorrect HTTP method for uri [/br/_create/1] and method [DELETE], allowed: [PUT, POST]","status":405}"#,
        );
        check(
            Error::NoHandler { uri: "/a/b/c/d".into(), method: "GET".into() },
            r#"{"error":"no handler found for uri [/a/b/c/d] and method [GET]"}"#,
        );
    }

    #[test]
    fn a_cause_is_not_repeated_under_root_cause() {
        check(
            Error::NotANumber {
                expected: "long",
                parameter: "if_seq_no".into(),
                value: "abc".into(),
            },
            r#"{"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"Failed to parse long parameter [if_seq_no] with value [abc]"}],"type":"illegal_argument_exception","reason":"Failed to parse long parameter [if_seq_no] with value [abc]","caused_by":{"type":"number_format_exception","reason":"For input string: \"abc\""}},"status":400}"#,
        );
    }

    #[test]
    fn a_trace_stands_in_every_error_object() {
        let body = Error::Parse("request body is required".into()).body().to_json(true);
        let text = String::from_utf8(body).unwrap();
        assert_eq!(text.matches("\"stack_trace\":\"parse_exception: request body").count(), 2);
    }

    #[test]
    fn a_bulk_item_says_the_outcome_and_no_root_cause() {
        let error = Error::Internal { reason: "lost".into(), outcome: Outcome::Unknown };
        let item = json::object(|o| error.body().write_item(o));
        assert_eq!(
            String::from_utf8(item).unwrap(),
            r#"{"type":"illegal_state_exception","reason":"lost","outcome":"unknown"}"#
        );
    }

    #[test]
    fn byte_counts_are_worded_as_elasticsearch_does() {
        for (bytes, words) in [(7, "7b"), (1536, "1.5kb"), (104_857_600, "100mb")] {
            assert_eq!(human_bytes(bytes), words);
        }
    }
}
