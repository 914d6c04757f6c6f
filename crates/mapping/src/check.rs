//! Documents against a mapping: do they fit, what do they add, which values do their fields hold.

mod accept;
mod dynamic;
mod pending;
mod unmapped;
pub(crate) mod walk;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{
    mapping::FieldRef,
    node::ObjectNode,
    value::{geo::GeoPoint, range::Range},
};

/// A document that is to be written.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// Its id, which errors tell.
    pub id: &'a str,
    /// Its routing value, which children of a join need.
    pub routing: Option<&'a str>,
    /// Its source: the bytes of one JSON object.
    pub source: &'a [u8],
}

/// How a document relates to its mapping.
#[derive(Clone, Debug)]
pub enum Fit {
    /// It fits.
    Fits(Accepted),
    /// It has fields that are not mapped yet: [`Mapping::apply`](crate::Mapping::apply) the update,
    /// keep the result, and check again.
    NeedsUpdate(Box<MappingUpdate>),
}

/// What an accepted document has beside its source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// The paths of the fields with values that were left out because they are malformed.
    pub ignored: Vec<Arc<str>>,
}

/// The fields that a document adds to a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct MappingUpdate {
    /// The new fields, within the objects around them.
    pub(crate) object: ObjectNode,
    /// The new runtime fields.
    pub(crate) runtime: BTreeMap<String, Value>,
}

/// What takes the values of a document's fields.
pub trait FieldSink {
    /// Whether any values are wanted at all.
    const WANTS_VALUES: bool = true;

    /// Whether the values of a field are wanted; if not, they are only looked at as far as needed.
    fn wants(&self, field: FieldRef<'_>) -> bool;

    /// A value of a field. A field has as many as the document gives it, in their order.
    fn value(&mut self, field: FieldRef<'_>, value: FieldValue<'_>);

    /// A value of a field that is left out because it is malformed.
    fn ignored(&mut self, _field: FieldRef<'_>) {}
}

/// A value as its field's type holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FieldValue<'a> {
    /// A text to be analyzed.
    Text(&'a str),
    /// A term.
    Keyword(&'a str),
    /// A whole number.
    Long(i64),
    /// A whole number that may exceed a signed one.
    UnsignedLong(u64),
    /// A floating-point number, of its type's precision.
    Double(f64),
    /// True or false.
    Boolean(bool),
    /// Milliseconds since 1970.
    Date(i64),
    /// Nanoseconds since 1970.
    DateNanos(i64),
    /// An address of version 6, or one of version 4 mapped into those.
    Ip(u128),
    /// A range.
    Range(Range),
    /// A point on earth.
    GeoPoint(GeoPoint),
    /// A value of another type, as its JSON.
    Json(&'a str),
}

/// Takes nothing: for checks.
pub(crate) struct NoSink;

impl FieldSink for NoSink {
    const WANTS_VALUES: bool = false;

    fn wants(&self, _: FieldRef<'_>) -> bool {
        false
    }

    fn value(&mut self, _: FieldRef<'_>, _: FieldValue<'_>) {}
}
