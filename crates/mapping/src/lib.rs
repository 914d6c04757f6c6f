//! What an index's mapping means: which documents fit it, what they add to it, which values they hold.
//!
//! [`Mapping`] is immutable and shared; an update makes another. [`Mapping::check`] walks a source once,
//! along the mapping, without a tree; [`Mapping::fields`] takes the same walk and tells a sink what the
//! fields hold. Rules and texts are Elasticsearch's, in the words of a [`Dialect`]. There is no I/O, no
//! clock and no HTTP here; an error is a type and a reason, which the server renders.

mod capability;
mod check;
mod date;
mod definition;
mod error;
mod field;
mod java;
mod json;
mod mapping;
mod merge;
mod node;
mod render;
mod request;
mod settings;
mod template;
mod validate;
mod value;

pub use capability::{Capability, Place};
pub use check::{Accepted, Document, FieldSink, FieldValue, Fit, MappingUpdate};
pub use date::expression::{DateExpression, DateMoment, DateZone, Edge};
pub use date::print::DatePrinter;
pub use definition::root::SourceRule;
pub use error::{ErrorType, MappingError};
pub use field::FieldType;
pub use java::double_text;
pub use mapping::{FieldRef, Mapping, TIMESTAMP};
pub use request::{create_form, update_form};
pub use settings::{Dialect, Settings};
pub use value::geo::GeoPoint;
pub use value::number::half_precision;
pub use value::range::{Bound, Range};
