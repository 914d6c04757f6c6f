//! `Content-Type` and `Accept`: which media types are served, and what they say about the dialect.
//!
//! A body-less request needs no `Content-Type` and one is ignored. Official clients of 8.x and 9.x
//! send `application/vnd.elasticsearch+json;compatible-with=N` in both headers; as an extension 2
//! and 5 are understood too.

use std::num::ParseIntError;

use super::Endpoint;
use super::dialect::Dialect;
use super::error::Error;
use super::request::Headers;

/// What a media type stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON value.
    Json,
    /// JSON values on lines: `x-ndjson`.
    Lines,
    /// YAML, which is only written.
    Yaml,
    /// CBOR, which is not served.
    Cbor,
    /// Smile, which is not served.
    Smile,
    /// What `curl -d` says when it is told nothing.
    Form,
    /// Anything else.
    Other,
}

/// A parsed media type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    /// What it stands for.
    pub format: Format,
    /// Whether it is one of Elasticsearch's own, `application/vnd.elasticsearch+…`.
    pub vendor: bool,
    /// The major version after `compatible-with`, on a vendor type.
    pub compatible_with: Option<u32>,
    /// The header value, for messages.
    pub text: String,
}

impl MediaType {
    /// Parses `type/subtype;name=value`; `None` if it is not of that form.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';');
        let (main, sub) = parts.next()?.trim().split_once('/')?;
        if !is_token(main) || !is_token(sub) {
            return None;
        }
        let name = format!("{main}/{sub}").to_ascii_lowercase();
        let (vendor, short) = match name.strip_prefix("application/vnd.elasticsearch+") {
            Some(short) => (true, short),
            None => (false, name.as_str()),
        };
        let format = match short {
            "application/json" => Format::Json,
            "application/x-ndjson" => Format::Lines,
            "application/yaml" => Format::Yaml,
            "application/cbor" => Format::Cbor,
            "application/smile" => Format::Smile,
            "application/x-www-form-urlencoded" => Format::Form,
            "json" if vendor => Format::Json,
            "x-ndjson" if vendor => Format::Lines,
            "yaml" if vendor => Format::Yaml,
            "cbor" if vendor => Format::Cbor,
            "smile" if vendor => Format::Smile,
            _ => Format::Other,
        };
        let compatible_with = match parts.find_map(compatible_with).filter(|_| vendor) {
            Some(version) => Some(version.ok()?),
            None => None,
        };
        Some(Self { format, vendor, compatible_with, text: text.to_owned() })
    }
}

/// The value of a parameter, if it is `compatible-with`.
fn compatible_with(parameter: &str) -> Option<Result<u32, ParseIntError>> {
    let (name, value) = parameter.split_once('=')?;
    name.trim()
        .eq_ignore_ascii_case("compatible-with")
        .then(|| value.trim().trim_matches('"').parse())
}

fn is_token(text: &str) -> bool {
    let in_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(in_token)
}

/// What the two headers of a request agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The dialect the vendor types ask for.
    pub dialect: Option<Dialect>,
    /// The media type of the body, if there is a body and it says.
    pub content: Option<MediaType>,
    /// The first media type the client accepts, if it says.
    pub accept: Option<MediaType>,
}

impl Negotiated {
    /// The headers of a request that says nothing.
    pub fn nothing() -> Self {
        Self { dialect: None, content: None, accept: None }
    }

    /// The `Content-Type` of a JSON answer: a vendor type that was accepted is echoed.
    pub fn json_content_type(&self, dialect: Dialect) -> &'static str {
        let Some(accept) = self.accept.as_ref().filter(|accept| accept.vendor) else {
            return dialect.json_content_type();
        };
        match accept.compatible_with {
            Some(2) => "application/vnd.elasticsearch+json;compatible-with=2",
            Some(5) => "application/vnd.elasticsearch+json;compatible-with=5",
            Some(7) => "application/vnd.elasticsearch+json;compatible-with=7",
            Some(8) => "application/vnd.elasticsearch+json;compatible-with=8",
            Some(9) => "application/vnd.elasticsearch+json;compatible-with=9",
            Some(_) | None => dialect.json_content_type(),
        }
    }
}

/// Reads both headers; `assumed` is the dialect complaints are worded in before one is chosen.
pub fn negotiate(headers: &Headers, has_body: bool, assumed: Dialect) -> Result<Negotiated, Error> {
    let content = if has_body { content_type(headers, assumed)? } else { None };
    let accept = headers.accept.as_deref().and_then(first_accepted);
    let asked = accept.as_ref().and_then(|accept| accept.compatible_with);
    let sent = content.as_ref().and_then(|content| content.compatible_with);
    if has_body && asked != sent {
        let shown = |header: Option<&String>| header.map_or("null".to_owned(), String::clone);
        return Err(Error::IncompatibleMediaTypes(format!(
            "A compatible version is required on both Content-Type and Accept headers if either \
             one has requested a compatible version and the compatible versions must match. \
             Accept={}, Content-Type={}",
            shown(headers.accept.as_ref()),
            shown(headers.content_types.first())
        )));
    }
    let dialect = match asked {
        None => None,
        Some(version) => Some(Dialect::compatible_with(version).ok_or_else(|| {
            let header = headers.accept.as_deref().unwrap_or_default();
            Error::IncompatibleMediaTypes(format!(
                "Accept version must be either version 8 or 7, but found {version}. \
                 Accept={header}"
            ))
        })?),
    };
    Ok(Negotiated { dialect, content, accept })
}

fn content_type(headers: &Headers, assumed: Dialect) -> Result<Option<MediaType>, Error> {
    let bad = |reason: String| Error::BadMediaType { kind: assumed.media_type_exception(), reason };
    match headers.content_types.as_slice() {
        [] => Ok(None),
        [text] => MediaType::parse(text)
            .map(Some)
            .ok_or_else(|| bad(format!("invalid Content-Type header [{text}]"))),
        [_, _, ..] => Err(bad("only one Content-Type header should be provided".to_owned())),
    }
}

/// The media type an `Accept` list is taken for: a vendor type in it, else its first.
fn first_accepted(accept: &str) -> Option<MediaType> {
    let mut types = accept.split(',').filter_map(|text| MediaType::parse(text.trim()));
    let first = types.next()?;
    if first.vendor { Some(first) } else { types.find(|other| other.vendor).or(Some(first)) }
}

/// Refuses a body whose media type the endpoint does not take.
///
/// `excused` says that a missing or form type passes although the dialect requires one: for
/// four-segment typed paths on a listener that is not pinned.
pub fn check_content_type(
    content: Option<&MediaType>,
    endpoint: Endpoint,
    dialect: Dialect,
    excused: bool,
) -> Result<(), Error> {
    let lenient = excused || !dialect.requires_content_type();
    let Some(content) = content else {
        return if lenient {
            Ok(())
        } else {
            Err(Error::NotAcceptable(dialect.missing_content_type().to_owned()))
        };
    };
    let lines = endpoint.takes_lines();
    match content.format {
        Format::Json => Ok(()),
        Format::Lines if lines => Ok(()),
        Format::Form if lenient => Ok(()),
        Format::Yaml | Format::Cbor if lines => Err(Error::NotAcceptable(format!(
            "Content-Type [{}] does not support stream parsing. Use JSON or SMILE instead",
            content.text
        ))),
        Format::Lines
        | Format::Form
        | Format::Yaml
        | Format::Cbor
        | Format::Smile
        | Format::Other => Err(Error::NotAcceptable(format!(
            "Content-Type header [{}] is not supported",
            content.text
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(content_types: &[&str], accept: Option<&str>) -> Headers {
        Headers {
            content_types: content_types.iter().map(|&text| text.to_owned()).collect(),
            accept: accept.map(str::to_owned),
            ..Headers::default()
        }
    }

    /// The answer to a PUT with a body: its status and the text that explains it.
    fn check(content_types: &[&str], dialect: Dialect, endpoint: Endpoint, expected: &str) {
        let judged = negotiate(&headers(content_types, None), true, dialect)
            .and_then(|n| check_content_type(n.content.as_ref(), endpoint, dialect, false));
        let text = judged.map_or_else(
            |error| format!("{} {}", error.body().status.as_u16(), error.body().reason),
            |()| "ok".to_owned(),
        );
        assert_eq!(text, expected, "{content_types:?}");
    }

    #[test]
    fn bodies_must_say_that_they_are_json() {
        use Dialect::{V2, V7, V8};
        let document = Endpoint::Index;
        check(&["application/json; charset=UTF-8"], V7, document, "ok");
        check(&["APPLICATION/JSON"], V7, document, "ok");
        check(&[], V7, document, "406 Content-Type header [] is not supported");
        check(&[], V8, document, "406 Content-Type header is missing");
        check(&[], V2, document, "ok");
        check(
            &["text/plain"],
            V7,
            document,
            "406 Content-Type header [text/plain] is not supported",
        );
        check(&["application/x-www-form-urlencoded"], V2, document, "ok");
        check(
            &["application/x-www-form-urlencoded"],
            V7,
            document,
            "406 Content-Type header [application/x-www-form-urlencoded] is not supported",
        );
        check(
            &["application/x-ndjson"],
            V7,
            document,
            "406 Content-Type header [application/x-ndjson] is not supported",
        );
        check(
            &["bogus"],
            V7,
            document,
            "400 java.lang.IllegalArgumentException: invalid Content-Type header [bogus]",
        );
        check(
            &[""],
            V7,
            document,
            "400 java.lang.IllegalArgumentException: invalid Content-Type header []",
        );
        check(
            &["application/json", "application/json"],
            V7,
            document,
            "400 java.lang.IllegalArgumentException: only one Content-Type header should be provided",
        );
    }

    #[test]
    fn a_bulk_body_may_be_lines() {
        let bulk = Endpoint::Bulk;
        check(&["application/x-ndjson"], Dialect::V7, bulk, "ok");
        check(&["application/json"], Dialect::V7, bulk, "ok");
        check(
            &["application/yaml"],
            Dialect::V7,
            bulk,
            "406 Content-Type [application/yaml] does not support stream parsing. Use JSON or SMILE instead",
        );
    }

    #[test]
    fn vendor_types_choose_the_dialect() {
        let vendor = |n: u32| format!("application/vnd.elasticsearch+json; compatible-with={n}");
        for (version, dialect) in [
            (2, Dialect::V2),
            (5, Dialect::V5),
            (7, Dialect::V7),
            (8, Dialect::V8),
            (9, Dialect::V8),
        ] {
            let text = vendor(version);
            let both = headers(&[&text], Some(&text));
            let negotiated = negotiate(&both, true, Dialect::V7).unwrap();
            assert_eq!(negotiated.dialect, Some(dialect));
            let echoed = format!("application/vnd.elasticsearch+json;compatible-with={version}");
            assert_eq!(negotiated.json_content_type(dialect), echoed);
        }
        let lines = "application/vnd.elasticsearch+x-ndjson;compatible-with=8";
        assert!(negotiate(&headers(&[lines], Some(&vendor(8))), true, Dialect::V7).is_ok());
        let without_body = headers(&["bogus"], Some(&vendor(8)));
        assert!(negotiate(&without_body, false, Dialect::V7).is_ok());
    }

    #[test]
    fn versions_must_match_and_exist() {
        let refused = |headers: &Headers, has_body| {
            let error = negotiate(headers, has_body, Dialect::V7).unwrap_err();
            error.body().caused_by.unwrap().reason
        };
        let accept = "application/vnd.elasticsearch+json;compatible-with=8";
        let text = refused(&headers(&["application/json"], Some(accept)), true);
        assert!(text.ends_with(&format!("Accept={accept}, Content-Type=application/json")));
        assert!(refused(&headers(&[accept], None), true).contains("Accept=null"));
        let old = "application/vnd.elasticsearch+json;compatible-with=6";
        assert_eq!(
            refused(&headers(&[], Some(old)), false),
            format!("Accept version must be either version 8 or 7, but found 6. Accept={old}")
        );
    }
}
