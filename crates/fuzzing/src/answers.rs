//! What is promised of every answer, whatever was asked.

use hyper::Method;
use server::rest::Response;

use crate::json::{Json, parse_answer};

/// The statuses that the API answers with.
const STATUSES: [u16; 13] = [200, 201, 400, 403, 404, 405, 406, 408, 409, 413, 415, 429, 503];

/// That an answer has a status that is known, a body of the type it says, an error in one of
/// Elasticsearch's forms, and a failure that says what became of the request.
pub(crate) fn check_answer(method: &Method, target: &str, response: &Response) {
    let status = response.status.as_u16();
    let shown =
        || format!("{method} {target}: {status} {}", String::from_utf8_lossy(&response.body));
    // The one refusal for which Elasticsearch has this status.
    let refuses_resize = || status == 500 && shown().contains("must be read-only to resize index");
    assert!(STATUSES.contains(&status) || refuses_resize(), "{}", shown());
    assert_eq!(status >= 500, response.outcome.is_some(), "{}", shown());
    if response.content_type.starts_with("text/plain") {
        assert!(status < 400 || response.body.is_empty(), "{}", shown());
        return;
    }
    if response.content_type == "application/yaml" {
        assert!(std::str::from_utf8(&response.body).is_ok(), "{}", shown());
        return;
    }
    let body = parse_answer(&response.body);
    // An error is shown whole, but what was not found may be filtered like any other answer.
    match body.get("error") {
        Some(error) if status >= 400 => check_error(&body, error, status, &shown),
        // What is not there, and a health that was waited for in vain, are no errors. What is written by
        // query lists its failures, and has the status of the first.
        _ => {
            let failures = body.get("failures").map(Json::elements).unwrap_or_default();
            let is_told = !failures.is_empty() || [404, 408].contains(&status);
            assert!(status < 400 || is_told, "{}", shown());
        }
    }
}

/// That an error has one of the three forms.
fn check_error(body: &Json, error: &Json, status: u16, shown: &dyn Fn() -> String) {
    let says = |error: &Json| {
        assert!(error.get("type").and_then(Json::text).is_some(), "{}", shown());
        assert!(matches!(error.get("reason"), Some(Json::Text(_))), "{}", shown());
    };
    let stated = body.get("status").and_then(Json::number);
    if let Json::Text(_) = error {
        // For a path without a handler the status is left out.
        assert!(stated.is_none_or(|stated| stated == i64::from(status)), "{}", shown());
        return;
    }
    assert_eq!(stated, Some(i64::from(status)), "{}", shown());
    says(error);
    let causes = error.get("root_cause").map(Json::elements).unwrap_or_default();
    assert!(!causes.is_empty(), "{}", shown());
    causes.iter().for_each(says);
}
