//! Request bodies, collected whole into one buffer, within every bound.
//!
//! A body that arrives in one piece is not copied. What a client only announces takes no memory:
//! a megabyte must have come before room is made for the rest.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_ENCODING, HeaderMap};

use super::Limits;
use super::compression::Gunzip;
use crate::rest::budget::{Budget, Reservation};
use crate::rest::error::Error;

/// The most room made for a body on its announcement alone.
const TRUST_BYTES: usize = 1 << 20;

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Identity,
    Gzip,
}

/// A body in memory, and its share of the budget.
pub(super) struct Collected {
    pub(super) bytes: Bytes,
    pub(super) reservation: Reservation,
}

/// Collects a body; the caller closes the connection if it is refused half read.
pub(super) async fn collect(
    body: &mut Incoming,
    headers: &HeaderMap,
    limits: &Limits,
    budget: &Budget,
) -> Result<Collected, Error> {
    let reservation = budget.reserve_none("http_request");
    if body.is_end_stream() {
        return Ok(Collected { bytes: Bytes::new(), reservation });
    }
    let encoding = encoding(headers)?;
    if body.size_hint().lower() > limits.body_bytes_max {
        return Err(Error::BodyTooLarge { limit: limits.body_bytes_max });
    }
    match encoding {
        Encoding::Identity => collect_plain(body, reservation, limits).await,
        Encoding::Gzip => collect_gzip(body, reservation, limits).await,
    }
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Error> {
    let Some(value) = headers.get(CONTENT_ENCODING) else { return Ok(Encoding::Identity) };
    match value.to_str().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Encoding::Identity),
        "gzip" | "x-gzip" => Ok(Encoding::Gzip),
        other => Err(Error::BrokenBody(format!(
            "Content-Encoding [{other}] is not supported, expected [gzip]"
        ))),
    }
}

async fn collect_plain(
    body: &mut Incoming,
    mut reservation: Reservation,
    limits: &Limits,
) -> Result<Collected, Error> {
    let announced = body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
    let first = next_piece(body, limits.body_timeout).await?.unwrap_or_default();
    reservation.grow(count(first.len()))?;
    check_length(first.len(), limits)?;
    if body.is_end_stream() {
        return Ok(Collected { bytes: first, reservation });
    }
    let mut bytes =
        Vec::with_capacity(announced.unwrap_or(0).clamp(first.len(), TRUST_BYTES.max(first.len())));
    bytes.extend_from_slice(&first);
    while let Some(piece) = next_piece(body, limits.body_timeout).await? {
        reservation.grow(count(piece.len()))?;
        check_length(bytes.len() + piece.len(), limits)?;
        if bytes.len() + piece.len() > bytes.capacity() {
            bytes.reserve_exact(announced.unwrap_or(0).saturating_sub(bytes.len()));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(Collected { bytes: bytes.into(), reservation })
}

async fn collect_gzip(
    body: &mut Incoming,
    reservation: Reservation,
    limits: &Limits,
) -> Result<Collected, Error> {
    /// Compressed bytes worked off before other connections have a turn.
    const STEP_BYTES: usize = 16 << 10;
    let mut gunzip = Gunzip::new(limits.body_bytes_max, reservation);
    while let Some(piece) = next_piece(body, limits.body_timeout).await? {
        for step in piece.chunks(STEP_BYTES) {
            gunzip.push(step)?;
            tokio::task::yield_now().await;
        }
    }
    let (bytes, reservation) = gunzip.finish()?;
    Ok(Collected { bytes, reservation })
}

fn check_length(bytes: usize, limits: &Limits) -> Result<(), Error> {
    let limit = limits.body_bytes_max;
    if count(bytes) <= limit { Ok(()) } else { Err(Error::BodyTooLarge { limit }) }
}

/// A length as a count: none is longer than that can say.
pub(super) fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// The next piece of the body, `None` at its end; trailers are passed over.
async fn next_piece(body: &mut Incoming, idle: Duration) -> Result<Option<Bytes>, Error> {
    loop {
        let frame = tokio::time::timeout(idle, body.frame())
            .await
            .map_err(|_| Error::BodyTimeout { idle })?;
        match frame {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(piece) = frame.into_data() {
                    return Ok(Some(piece));
                }
            }
            Some(Err(error)) => {
                return Err(Error::BrokenBody(format!("cannot read the request body: {error}")));
            }
        }
    }
}
