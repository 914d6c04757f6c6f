//! Shapes on earth, checked for their structure: kinds, coordinates, rings.

use serde_json::Value;

use crate::{
    error::{ErrorType, MappingError},
    java::double_text,
};

use super::wkt;

/// What checking gives.
type Checked = Result<(), MappingError>;

/// A text that does not fit the grammar of shapes.
fn refused(reason: impl Into<String>) -> MappingError {
    MappingError::new(ErrorType::Parse, reason)
}

/// Checks a shape in one of its forms.
pub(crate) fn check(value: &Value) -> Checked {
    if let Some(text) = value.as_str() {
        return wkt::check(text);
    }
    if value.is_null() {
        return Ok(());
    }
    let Some(shape) = value.as_object() else {
        return Err(refused("shape must be an object consisting of type and coordinates"));
    };
    let Some(kind) = shape.get("type").and_then(Value::as_str) else {
        return Err(refused("shape type not included"));
    };
    let lower = kind.to_ascii_lowercase();
    if lower == "geometrycollection" {
        let Some(parts) = shape.get("geometries").and_then(Value::as_array) else {
            return Err(refused("geometries not included"));
        };
        return parts.iter().try_for_each(check);
    }
    if !KINDS.contains(&lower.as_str()) {
        return Err(MappingError::argument(format!("unknown geo_shape [{kind}]")));
    }
    let Some(coordinates) = shape.get("coordinates") else {
        return Err(refused("coordinates not included"));
    };
    if lower == "circle" {
        let reason = "CIRCLE geometry is not supported";
        return Err(MappingError::new(ErrorType::UnsupportedOperation, reason));
    }
    check_kind(&lower, coordinates)
}

/// The kinds that have coordinates.
const KINDS: [&str; 8] = [
    "point",
    "multipoint",
    "linestring",
    "multilinestring",
    "polygon",
    "multipolygon",
    "envelope",
    "circle",
];

/// Checks the coordinates of a kind.
fn check_kind(kind: &str, coordinates: &Value) -> Checked {
    match kind {
        "point" => position(coordinates),
        "multipoint" => positions(coordinates).map(|_| ()),
        "envelope" => match positions(coordinates)? {
            2 => Ok(()),
            found => Err(refused(format!(
                "invalid number of points ({found}) provided for geo_shape [envelope] when expecting an array of 2 coordinates"
            ))),
        },
        "linestring" => line(coordinates),
        "multilinestring" => list(coordinates)?.iter().try_for_each(line),
        "polygon" => polygon(coordinates),
        _ => list(coordinates)?.iter().try_for_each(polygon),
    }
}

/// An array.
fn list(value: &Value) -> Result<&Vec<Value>, MappingError> {
    value.as_array().ok_or_else(|| refused("geo coordinates must be numbers"))
}

/// Longitude, latitude and perhaps a height.
fn position(value: &Value) -> Checked {
    let numbers: Option<Vec<f64>> = list(value)?.iter().map(Value::as_f64).collect();
    let numbers = numbers.ok_or_else(|| refused("geo coordinates must be numbers"))?;
    let [lon, lat, ..] = numbers.as_slice() else {
        return Err(refused("at least two coordinates are expected in a position"));
    };
    for (name, value, limit) in [("latitude", *lat, 90.0_f64), ("longitude", *lon, 180.0)] {
        if value.abs() > limit {
            let value = double_text(value);
            let reason =
                format!("invalid {name} {value}; must be between -{limit:?} and {limit:?}");
            return Err(MappingError::argument(reason));
        }
    }
    Ok(())
}

/// Several positions; says how many.
fn positions(value: &Value) -> Result<usize, MappingError> {
    let points = list(value)?;
    points.iter().try_for_each(position)?;
    Ok(points.len())
}

/// A line has two points at least.
fn line(value: &Value) -> Checked {
    match positions(value)? {
        found @ (0 | 1) => {
            let reason =
                format!("invalid number of points in LineString (found [{found}] - must be >= 2)");
            Err(refused(reason))
        }
        _ => Ok(()),
    }
}

/// The rings of a polygon are closed and have four points at least.
fn polygon(value: &Value) -> Checked {
    for ring in list(value)? {
        let found = positions(ring)?;
        if found < 4 {
            let reason = format!(
                "invalid number of points in LinearRing (found [{found}] - must be >= [4])"
            );
            return Err(refused(reason));
        }
        let points = list(ring)?;
        if points.first() != points.last() {
            return Err(refused("invalid LinearRing found (coordinates are not closed)"));
        }
    }
    Ok(())
}
