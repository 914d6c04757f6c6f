//! gzip: request bodies unpacked within bounds, answers packed when the client asks.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, MultiGzDecoder};
use hyper::header::{ACCEPT_ENCODING, HeaderMap};

use super::body::count;
use crate::rest::budget::Reservation;
use crate::rest::error::Error;

/// Answers up to this size are not worth packing.
const PACKED_BYTES_MIN: usize = 1 << 10;

/// Answers from this size on are packed off the event loop.
const BLOCKING_BYTES_MIN: usize = 64 << 10;

/// A gzip stream that is being unpacked.
pub(super) struct Gunzip {
    decoder: MultiGzDecoder<Bounded>,
}

impl Gunzip {
    /// Nothing unpacked yet.
    pub(super) fn new(bytes_max: u64, reservation: Reservation) -> Self {
        let bounded = Bounded { bytes: Vec::new(), bytes_max, reservation, refused: None };
        Self { decoder: MultiGzDecoder::new(bounded) }
    }

    /// Unpacks a piece; refuses it as soon as the whole would be too large.
    pub(super) fn push(&mut self, packed: &[u8]) -> Result<(), Error> {
        let written = self.decoder.write_all(packed);
        self.judge(written)
    }

    /// The whole; refused if the stream ended early.
    pub(super) fn finish(mut self) -> Result<(Bytes, Reservation), Error> {
        let finished = self.decoder.try_finish();
        self.judge(finished)?;
        let bounded = self
            .decoder
            .finish()
            .map_err(|error| Error::BrokenBody(format!("cannot unpack the body: {error}")))?;
        Ok((bounded.bytes.into(), bounded.reservation))
    }

    /// Prefers our own refusal over the error it went through the decoder as.
    fn judge(&mut self, result: io::Result<()>) -> Result<(), Error> {
        result.map_err(|error| {
            let broken = || Error::BrokenBody(format!("cannot unpack the gzip body: {error}"));
            self.decoder.get_mut().refused.take().unwrap_or_else(broken)
        })
    }
}

/// A buffer with a bound, which remembers why it refused to grow.
struct Bounded {
    bytes: Vec<u8>,
    bytes_max: u64,
    reservation: Reservation,
    refused: Option<Error>,
}

impl Bounded {
    fn grow(&mut self, unpacked: &[u8]) -> Result<(), Error> {
        let length = u64::try_from(self.bytes.len() + unpacked.len()).unwrap_or(u64::MAX);
        if length > self.bytes_max {
            return Err(Error::BodyTooLarge { limit: self.bytes_max });
        }
        self.reservation.grow(count(unpacked.len()))?;
        self.bytes.extend_from_slice(unpacked);
        Ok(())
    }
}

impl Write for Bounded {
    fn write(&mut self, unpacked: &[u8]) -> io::Result<usize> {
        match self.grow(unpacked) {
            Ok(()) => Ok(unpacked.len()),
            Err(refused) => {
                self.refused = Some(refused);
                Err(io::Error::other("refused"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a client takes gzip: named, or any encoding, and not with a weight of zero.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let listed = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    listed.flat_map(|value| value.split(',')).any(|item| {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let weight = parameters.trim().strip_prefix("q=").map(|q| q.trim().parse::<f32>());
        matches!(name.trim().to_ascii_lowercase().as_str(), "gzip" | "x-gzip" | "*")
            && !matches!(weight, Some(Ok(0.0)))
    })
}

/// The body packed, if that is worth it.
pub(super) async fn gzip(body: &Bytes) -> Option<Bytes> {
    if body.len() <= PACKED_BYTES_MIN {
        return None;
    }
    if body.len() < BLOCKING_BYTES_MIN {
        return pack(body).ok();
    }
    let body = body.clone();
    tokio::task::spawn_blocking(move || pack(&body)).await.ok()?.ok()
}

fn pack(body: &[u8]) -> io::Result<Bytes> {
    // Elasticsearch's own level: http.compression_level.
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 3), Compression::new(3));
    encoder.write_all(body)?;
    Ok(encoder.finish()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::budget::Budget;

    fn unpack(packed: &[u8], bytes_max: u64, budget: u64) -> Result<Bytes, Error> {
        let mut gunzip = Gunzip::new(bytes_max, Budget::new(budget).reserve_none("http_request"));
        gunzip.push(packed)?;
        gunzip.finish().map(|(bytes, _)| bytes)
    }

    #[test]
    fn bodies_are_unpacked_up_to_the_bound_and_not_beyond() {
        let packed = pack(&[b'a'; 5000]).unwrap();
        assert_eq!(unpack(&packed, 5000, 5000).unwrap().len(), 5000);
        assert_eq!(unpack(&packed, 4999, 5000), Err(Error::BodyTooLarge { limit: 4999 }));
        assert!(matches!(unpack(&packed, 5000, 4999), Err(Error::Overloaded { .. })));
    }

    #[test]
    fn a_stream_may_have_several_members() {
        let packed = [pack(b"one ").unwrap(), pack(b"two").unwrap()].concat();
        assert_eq!(unpack(&packed, 100, 100).unwrap(), "one two");
    }

    #[test]
    fn broken_streams_are_refused() {
        let packed = pack(&[b'a'; 500]).unwrap();
        for broken in [&packed[..packed.len() - 1], &b"{\"a\":1}"[..], &packed[..5]] {
            assert!(matches!(unpack(broken, 1000, 1000), Err(Error::BrokenBody(_))));
        }
    }

    #[test]
    fn gzip_is_accepted_when_named() {
        for (value, accepted) in [
            ("gzip", true),
            ("deflate, gzip;q=1.0", true),
            ("*", true),
            ("gzip;q=0", false),
            ("br", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, value.parse().unwrap());
            assert_eq!(accepts_gzip(&headers), accepted, "{value}");
        }
    }
}
