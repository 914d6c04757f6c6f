//! How a request wants its answer shown: `pretty`, `filter_path`, `format`, `error_trace`, `human`.
//!
//! Answers are written compact and changed afterwards, only when asked to.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{ALLOW, HeaderName, HeaderValue, WARNING};

use super::deprecation;
use super::dialect::Dialect;
use super::error::{Error, ErrorBody};
use super::filter_path::FilterPath;
use super::media_type::{Format, Negotiated};
use super::parameters::Parameters;
use super::pretty::pretty;
use super::response::{Answer, Content, Response};
use super::yaml;

/// The most bytes an answer may be laid out to; beyond it stays compact JSON.
pub(super) const PRETTY_BYTES_MAX: usize = 256 << 20;

/// What is left of an answer that cannot be filtered, which would be a mistake of our own: never all.
const EMPTY: &str = "{}";

/// The `Content-Type` of text answers.
const TEXT: &str = "text/plain; charset=UTF-8";

/// How one request wants its answer.
#[derive(Clone, Debug)]
pub struct Rendering {
    /// `pretty`; absent leaves it to the endpoint.
    pub pretty: Option<bool>,
    /// `human`: byte counts and times in words beside the numbers.
    pub human: bool,
    /// `error_trace`: a `stack_trace` in every error.
    pub error_trace: bool,
    /// `filter_path`.
    pub filter_path: FilterPath,
    /// What `format` or `Accept` ask for, if they do: JSON or YAML.
    pub format: Option<Format>,
    /// The `Content-Type` of JSON answers.
    pub json_content_type: &'static str,
    /// What the client is warned of.
    warnings: Vec<HeaderValue>,
}

impl Rendering {
    /// The rendering of a request that asks for nothing, or could not be understood.
    pub fn plain(dialect: Dialect) -> Self {
        Self {
            pretty: None,
            human: false,
            error_trace: false,
            filter_path: FilterPath::default(),
            format: None,
            json_content_type: dialect.json_content_type(),
            warnings: Vec::new(),
        }
    }

    /// Takes the common parameters.
    pub fn take(
        parameters: &mut Parameters,
        negotiated: &Negotiated,
        dialect: Dialect,
    ) -> Result<Self, Error> {
        Ok(Self {
            pretty: parameters.take_switch("pretty")?,
            human: parameters.take_switch("human")?.unwrap_or(false),
            error_trace: parameters.take_switch("error_trace")?.unwrap_or(false),
            filter_path: FilterPath::parse(
                &parameters.take_list("filter_path").unwrap_or_default(),
            )?,
            format: format(parameters.take("format").as_deref(), negotiated)?,
            json_content_type: negotiated.json_content_type(dialect),
            warnings: Vec::new(),
        })
    }

    /// Names a deprecation in the answer, once.
    pub fn warn(&mut self, deprecation: &str, dialect: Dialect) {
        if let Some(warning) = deprecation::header(deprecation, dialect)
            && !self.warnings.contains(&warning)
        {
            self.warnings.push(warning);
        }
    }

    /// An endpoint's answer as the request wants it.
    pub fn answer(&self, answer: Answer) -> Response {
        let Answer { status, mut headers, held, content, pretty_by_default } = answer;
        headers.extend(self.warnings());
        let (content_type, body) = match content {
            Content::Text(text) => (TEXT, text),
            Content::Json(json) => {
                let json = if self.filter_path.is_empty() {
                    json
                } else {
                    self.filter_path.apply(&json).map_or_else(|| EMPTY.into(), Bytes::from)
                };
                self.lay_out(json, pretty_by_default)
            }
        };
        Response { status, content_type, headers, body, outcome: None, held }
    }

    /// An error as the request wants it; filters do not apply.
    pub fn error(&self, error: &Error) -> Response {
        let mut response = self.error_body(&error.body());
        response.headers.extend(error.allow().map(|allow| (ALLOW, allow)));
        response.headers.extend(self.warnings());
        response
    }

    fn warnings(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        self.warnings.iter().map(|warning| (WARNING, warning.clone()))
    }

    /// An error that is worded already.
    pub fn error_body(&self, error: &ErrorBody) -> Response {
        let (content_type, body) = self.lay_out(error.to_json(self.error_trace).into(), false);
        let headers = Vec::new();
        let (status, outcome) = (error.status, error.outcome);
        Response { status, content_type, headers, body, outcome, held: None }
    }

    /// The answer to `OPTIONS`: nothing but the methods.
    pub fn options(&self, methods: &str) -> Response {
        self.answer(Answer::text(StatusCode::OK, Bytes::new()).with_header(ALLOW, methods))
    }

    fn lay_out(&self, json: Bytes, pretty_by_default: bool) -> (&'static str, Bytes) {
        if self.format == Some(Format::Yaml)
            && let Some(yaml) = yaml::from_json(&json)
        {
            return ("application/yaml", yaml.into());
        }
        let body = if self.pretty.unwrap_or(pretty_by_default) {
            pretty(&json, PRETTY_BYTES_MAX).map_or(json, Bytes::from)
        } else {
            json
        };
        (self.json_content_type, body)
    }
}

/// What the client wants to read. As in Elasticsearch an unknown name means JSON, but a format it has
/// and this server has not is refused.
fn format(parameter: Option<&str>, negotiated: &Negotiated) -> Result<Option<Format>, Error> {
    let asked = match parameter {
        Some("json") => Some(Format::Json),
        Some("yaml" | "application/yaml") => Some(Format::Yaml),
        Some("cbor" | "application/cbor") => Some(Format::Cbor),
        Some("smile" | "application/smile") => Some(Format::Smile),
        Some(_) => None,
        None => negotiated.accept.as_ref().map(|accept| accept.format),
    };
    match asked {
        Some(Format::Cbor | Format::Smile) => Err(Error::NotAcceptable(
            "only the formats [json] and [yaml] are supported for answers".to_owned(),
        )),
        Some(Format::Json | Format::Yaml) => Ok(asked),
        Some(Format::Lines | Format::Form | Format::Other) | None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendering(query: &str) -> Result<Rendering, Error> {
        let mut parameters = Parameters::parse(query)?;
        Rendering::take(&mut parameters, &Negotiated::nothing(), Dialect::V7)
    }

    fn check(query: &str, expected: &str) {
        let answer = Answer::json(StatusCode::OK, r#"{"a":1,"b":{"c":2}}"#);
        let response = rendering(query).unwrap().answer(answer);
        assert_eq!(String::from_utf8(response.body.to_vec()).unwrap(), expected, "{query}");
    }

    #[test]
    fn answers_are_shown_as_asked() {
        check("", r#"{"a":1,"b":{"c":2}}"#);
        check("filter_path=b.*", r#"{"b":{"c":2}}"#);
        check("filter_path=a&pretty", "{\n  \"a\" : 1\n}\n");
        check("format=yaml", "---\na: 1\nb:\n  c: 2\n");
        check("format=bogus&human&error_trace", r#"{"a":1,"b":{"c":2}}"#);
    }

    #[test]
    fn filters_do_not_apply_to_errors() {
        let error = Error::Forbidden("no".to_owned());
        let response = rendering("filter_path=status").unwrap().error(&error);
        assert!(response.body.starts_with(br#"{"error":{"root_cause":[{"type":"security_exc"#));
        assert_eq!(response.status, StatusCode::FORBIDDEN);
    }

    #[test]
    fn what_is_not_served_is_refused() {
        assert!(rendering("pretty=bogus").is_err());
        assert!(matches!(rendering("format=cbor"), Err(Error::NotAcceptable(_))));
    }

    #[test]
    fn what_yaml_cannot_say_within_bounds_stays_json() {
        let rendering = rendering("format=yaml").unwrap();
        let shown = |json: &'static str| rendering.answer(Answer::json(StatusCode::OK, json));
        assert_eq!(shown(r#"{"x":"y"}"#).content_type, "application/yaml");
        let half_a_character = shown(r#"{"x":"\ud800"}"#);
        assert_eq!(half_a_character.body, r#"{"x":"\ud800"}"#);
        assert_eq!(half_a_character.content_type, rendering.json_content_type);
    }

    #[test]
    fn a_request_with_too_many_filters_is_refused() {
        let query = format!("filter_path={}", "a,".repeat(1_025));
        assert!(matches!(rendering(&query), Err(Error::IllegalArgument(_))));
    }
}
