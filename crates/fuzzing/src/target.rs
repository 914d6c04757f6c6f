//! Paths, queries, parameters and the two headers about media types.
//!
//! The first line of an input is a target, the others are values of `Content-Type` and `Accept`.

use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use server::rest::{
    dialect::Dialect,
    media_type::{MediaType, negotiate},
    parameters::Parameters,
    request::Headers,
    uri::{form_encode, query_parameters, segments},
};

use crate::world::escaped;

/// That what is escaped is understood as it was, whatever it is, and that nothing else is understood
/// as a text that it is not.
pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.split('\n');
    let target = lines.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    check_path(path);
    check_query(query);
    check_parameters(query);
    check_media_types(lines.next(), lines.next());
}

fn check_path(path: &str) {
    if let Ok(segments) = segments(path) {
        assert!(segments.len() <= path.split('/').count());
        if !path.contains(['%', '+']) {
            assert_eq!(segments.join("/"), trimmed(path));
        }
    }
    let plain: Vec<_> = path.split('/').map(str::to_owned).collect();
    let sent: Vec<_> = plain.iter().map(|segment| escaped(segment)).collect();
    let sent = format!("/{}/", sent.join("/"));
    assert_eq!(segments(&sent).unwrap(), plain, "{sent}");
}

/// A path without a slash at its beginning and its end.
fn trimmed(path: &str) -> &str {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.strip_suffix('/').unwrap_or(path)
}

fn check_query(query: &str) {
    let Ok(parameters) = query_parameters(query) else { return };
    let form: Vec<_> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", form_encode(name), form_encode(value)))
        .collect();
    assert_eq!(query_parameters(&form.join("&")).unwrap(), parameters);
}

/// That no value makes a parameter of any type fail in another way than with an error, and that who
/// takes all of them leaves none.
fn check_parameters(query: &str) {
    for dialect in [Dialect::V2, Dialect::V5, Dialect::V7, Dialect::V8] {
        let Ok(mut parameters) = Parameters::parse(query) else { return };
        parameters.speak(dialect);
        let mut reread = Parameters::parse(query).unwrap();
        let _ = parameters.carries_seq_no_condition();
        let (flag, long) = (parameters.take_flag("f"), parameters.take_long("n"));
        let _ = (flag, parameters.take_switch("s"), parameters.take_list("l"));
        let (int, time) = (parameters.take_int("i"), parameters.take_time("t"));
        if let (Ok(Some(long)), Some(text)) = (long, reread.take("n")) {
            assert_eq!(text.parse(), Ok(long));
        }
        if let (Ok(Some(int)), Some(text)) = (int, reread.take("i")) {
            assert_eq!(text.parse(), Ok(int));
        }
        assert!(!matches!(time, Ok(Some(..-1))));
        let _ = parameters.reject_unknown("/");
    }
}

fn check_media_types(content_type: Option<&str>, accept: Option<&str>) {
    let mut headers = HeaderMap::new();
    for (name, value) in [(CONTENT_TYPE, content_type), (ACCEPT, accept)] {
        let value = value.and_then(|value| HeaderValue::from_str(value).ok());
        headers.extend(value.map(|value| (name, value)));
    }
    let headers = Headers::new(&headers);
    for dialect in [Dialect::V2, Dialect::V5, Dialect::V7, Dialect::V8] {
        let Ok(negotiated) = negotiate(&headers, true, dialect) else { continue };
        let content = negotiated.content.as_ref();
        assert_eq!(content.map(|found| MediaType::parse(&found.text)), content.cloned().map(Some));
        assert!(negotiated.json_content_type(dialect).starts_with("application/"));
    }
}
