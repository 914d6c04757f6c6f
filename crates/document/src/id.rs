//! The names a document goes by inside its shard.

use std::{borrow::Borrow, fmt};

/// A document's `_id`: unique within one shard, any UTF-8 text.
///
/// Its length is checked where requests are validated (512 bytes, spec concurrency §7.1 I5): a log
/// written under another limit must still be readable.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentId(Box<str>);

impl DocumentId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for DocumentId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl From<String> for DocumentId {
    fn from(id: String) -> Self {
        Self(id.into_boxed_str())
    }
}

/// Hashes and compares as its text, so that a look-up needs no owned id.
impl Borrow<str> for DocumentId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A document's `_routing`: the text that chose its shard in place of the id; stored with it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Routing(Box<str>);

impl Routing {
    /// The routing as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Routing {
    fn from(routing: &str) -> Self {
        Self(routing.into())
    }
}

impl From<String> for Routing {
    fn from(routing: String) -> Self {
        Self(routing.into_boxed_str())
    }
}

impl fmt::Debug for Routing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
