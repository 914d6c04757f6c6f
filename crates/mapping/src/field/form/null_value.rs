//! The value that stands for null, in the form of the field's type.

use serde_json::{Value, json};

use crate::{
    error::MappingError,
    field::FieldType,
    java::{double_text, map_text},
    value::{geo, ip},
};

use super::{Checked, Owner, boolean, number};

/// Reads a null value.
pub(super) fn read(value: &Value, owner: Owner<'_>) -> Checked<Value> {
    match owner.kind {
        FieldType::Long
        | FieldType::Integer
        | FieldType::Short
        | FieldType::Byte
        | FieldType::UnsignedLong => whole(value),
        FieldType::Double | FieldType::Float | FieldType::HalfFloat | FieldType::ScaledFloat => {
            number(value).map(Value::from)
        }
        FieldType::Boolean => {
            let what = format!("{}.null_value", owner.name);
            boolean(value, &what, owner.settings).map(Value::from)
        }
        FieldType::Ip => {
            let text = map_text(value);
            ip::parse_ip(&text).map(|_| text.into())
        }
        FieldType::GeoPoint => point(value),
        FieldType::IntegerRange
        | FieldType::LongRange
        | FieldType::FloatRange
        | FieldType::DoubleRange
        | FieldType::DateRange
        | FieldType::IpRange => {
            let kind = owner.kind.name();
            let reason =
                format!("Property [null_value] is not supported for [{kind}] field types.");
            Err(MappingError::parsing(reason))
        }
        FieldType::Point | FieldType::Shape => Ok(value.clone()),
        FieldType::Text
        | FieldType::AnnotatedText
        | FieldType::MatchOnlyText
        | FieldType::SearchAsYouType
        | FieldType::Keyword
        | FieldType::ConstantKeyword
        | FieldType::Wildcard
        | FieldType::Version
        | FieldType::TokenCount
        | FieldType::Completion
        | FieldType::Date
        | FieldType::DateNanos
        | FieldType::GeoShape
        | FieldType::Binary
        | FieldType::Flattened
        | FieldType::Join
        | FieldType::Percolator
        | FieldType::RankFeature
        | FieldType::RankFeatures
        | FieldType::DenseVector
        | FieldType::SparseVector
        | FieldType::Histogram
        | FieldType::AggregateMetricDouble
        | FieldType::Murmur3 => Ok(map_text(value).into()),
    }
}

/// A whole number.
fn whole(value: &Value) -> Checked<Value> {
    let float = number(value)?;
    if float.fract() != 0.0 {
        let reason = format!("Value [{}] has a decimal part", map_text(value));
        return Err(MappingError::argument(reason));
    }
    let exact = map_text(value).parse::<i64>().ok();
    Ok(exact.unwrap_or_else(|| crate::value::number::saturate(float)).into())
}

/// A point, from whichever form.
fn point(value: &Value) -> Checked<Value> {
    let text = value.to_string();
    let point = geo::read_point(&text, true)?;
    for (name, value, limit) in [("latitude", point.lat, 90.0), ("longitude", point.lon, 180.0)] {
        if value.abs() > limit {
            let reason = format!("illegal {name} value [{}]", double_text(value));
            return Err(MappingError::argument(reason));
        }
    }
    Ok(json!({ "lat": point.lat, "lon": point.lon }))
}
