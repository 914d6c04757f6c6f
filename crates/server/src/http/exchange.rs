//! One request and its answer: admitted, bounded, collected, handled, dressed for the wire.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
    EXPECT, HeaderName, HeaderValue, VARY,
};
use hyper::http::request::Parts;
use hyper::http::uri::PathAndQuery;
use hyper::{Method, StatusCode};
use tokio::sync::OwnedSemaphorePermit;

use super::guard::Admission;
use super::{Front, body, compression};
use crate::rest::budget::Reservation;
use crate::rest::dialect::Dialect;
use crate::rest::error::Error;
use crate::rest::response::Answer;
use crate::rest::{Request, Response};

const PRODUCT: HeaderName = HeaderName::from_static("x-elastic-product");
const OPAQUE_ID: HeaderName = HeaderName::from_static("x-opaque-id");
const OUTCOME: HeaderName = HeaderName::from_static("x-occam-outcome");

/// Answers one request. Never fails: what goes wrong is an answer too.
pub(super) async fn answer(
    front: &Front,
    request: hyper::Request<Incoming>,
    pinned: Option<Dialect>,
    permit: Arc<OwnedSemaphorePermit>,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let (head, mut body) = request.into_parts();
    let admission = front.settings.guard.check(&head.method, &head.headers);
    let response = match &admission {
        Err(refusal) => front.refusal(pinned).error(&Error::Forbidden(refusal.to_string())),
        Ok(Admission::Preflight(_)) => {
            front.refusal(pinned).answer(Answer::text(StatusCode::OK, Bytes::new()))
        }
        Ok(Admission::Plain | Admission::Cors(_)) => {
            match receive(front, &head, &mut body, pinned).await {
                Ok((request, reservation)) => front.handle(request, (reservation, permit)).await,
                Err(error) => front.refusal(pinned).error(&error),
            }
        }
    };
    let mut answer = dress(response, &head).await;
    if let Ok(admission) = &admission {
        open_for_origin(&mut answer, admission);
    }
    // Nothing can follow a body whose rest will not be read, nor a shutdown.
    if !body.is_end_stream() || *front.stopped.borrow() {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answer)
}

/// The whole request, and its share of the budget.
async fn receive(
    front: &Front,
    head: &Parts,
    incoming: &mut Incoming,
    pinned: Option<Dialect>,
) -> Result<(Request, Reservation), Error> {
    let limits = &front.settings.limits;
    check_head(front, head)?;
    let body = body::collect(incoming, &head.headers, limits, &front.budget).await?;
    let target =
        head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let (method, budget) = (head.method.clone(), front.budget.clone());
    let request = Request::new(method, target, &head.headers, body.bytes, pinned, budget)?;
    Ok((request, body.reservation))
}

/// Refuses a head that is too long, or expects what this server does not do.
fn check_head(front: &Front, head: &Parts) -> Result<(), Error> {
    /// The blanks and the version of a request line.
    const LINE_BYTES: usize = "  HTTP/1.1".len();
    /// The colon, blank and line end of a header.
    const HEADER_BYTES: usize = ": \r\n".len();
    let limits = &front.settings.limits;
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    if head.method.as_str().len() + target + LINE_BYTES > limits.line_bytes_max {
        return Err(Error::LineTooLong { limit: limits.line_bytes_max });
    }
    let headers: usize = head
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + HEADER_BYTES)
        .sum();
    if headers > limits.header_bytes_max {
        return Err(Error::HeadersTooLarge { limit: limits.header_bytes_max });
    }
    match head.headers.get(EXPECT) {
        Some(expected) if !expected.as_bytes().eq_ignore_ascii_case(b"100-continue") => {
            Err(Error::ExpectationFailed(String::from_utf8_lossy(expected.as_bytes()).into_owned()))
        }
        Some(_) | None => Ok(()),
    }
}

/// The answer with the headers every answer carries, packed if the client asked, without its body if
/// the method was `HEAD`.
async fn dress(response: Response, head: &Parts) -> hyper::Response<Full<Bytes>> {
    let mut body = response.body;
    let mut answer = hyper::Response::new(Full::default());
    *answer.status_mut() = response.status;
    let headers = answer.headers_mut();
    headers.reserve(6 + response.headers.len());
    headers.extend(response.headers.into_iter().map(|(name, value)| (Some(name), value)));
    headers.insert(PRODUCT, HeaderValue::from_static("Elasticsearch"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(response.content_type));
    if let Some(id) = head.headers.get(OPAQUE_ID) {
        headers.insert(OPAQUE_ID, id.clone());
    }
    if let Some(outcome) = response.outcome {
        headers.insert(OUTCOME, HeaderValue::from_static(outcome.as_str()));
    }
    if compression::accepts_gzip(&head.headers)
        && let Some(packed) = compression::gzip(&body).await
    {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        body = packed;
    }
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    if head.method != Method::HEAD && response.status != StatusCode::NO_CONTENT {
        let body = match response.held {
            Some(held) => Bytes::from_owner(HeldBody { body, _held: held }),
            None => body,
        };
        *answer.body_mut() = Full::new(body);
    }
    answer
}

/// A body that keeps its share of the budget until it is sent.
struct HeldBody {
    body: Bytes,
    _held: Arc<Reservation>,
}

impl AsRef<[u8]> for HeldBody {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

/// Lets the page of an allowed origin read the answer.
fn open_for_origin(answer: &mut hyper::Response<Full<Bytes>>, admission: &Admission) {
    let headers = answer.headers_mut();
    let origin = match admission {
        Admission::Plain => return,
        Admission::Cors(origin) => origin,
        Admission::Preflight(origin) => {
            for (name, value) in super::guard::PREFLIGHT {
                headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            origin
        }
    };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(VARY, HeaderValue::from_static("Origin"));
}
