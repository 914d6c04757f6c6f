//! Randomness as a node sees it: it comes in through the constructor, so that a simulator can own it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use document::Timestamp;

/// Gives random bytes that nobody can guess.
pub trait Random: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Random + '_ {
    /// A random number.
    pub(crate) fn number(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A uuid as Elasticsearch writes them: 16 bytes, 22 characters of URL-safe base64.
    pub(crate) fn uuid(&self) -> String {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// An id for a document that came without one: 15 bytes, 20 characters of URL-safe base64; the
    /// time first, so that ids made together look alike.
    pub(crate) fn document_id(&self, now: Timestamp) -> String {
        let mut bytes = [0; 15];
        self.fill(&mut bytes);
        for (byte, time) in bytes.iter_mut().zip(now.as_millis().to_be_bytes().into_iter().skip(2))
        {
            *byte = time;
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }
}
