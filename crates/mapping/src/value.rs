//! What a value of a document is for its field: whether it fits, and what it then is.

pub(crate) mod binary;
pub(crate) mod geo;
pub(crate) mod geohash;
pub(crate) mod ip;
pub(crate) mod number;
pub(crate) mod range;
pub(crate) mod shape;
pub(crate) mod structured;
pub(crate) mod suggestion;
pub(crate) mod vector;
pub(crate) mod wkt;
