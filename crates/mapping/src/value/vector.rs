//! Vectors and features: numbers that raise a document's score.

use crate::{
    error::{ErrorType, MappingError},
    java::float_text,
    json::{Event, Malformed, Reader},
};

use super::number::{Number, NumberKind, single};

/// What reading gives, or what is wrong.
type Checked<T> = Result<T, MappingError>;

/// A token other than the expected one.
pub(crate) fn expecting(expected: &str, found: &str) -> MappingError {
    let reason =
        format!("Failed to parse object: expecting token of type [{expected}] but found [{found}]");
    MappingError::new(ErrorType::Parsing, reason)
}

/// The value of a feature: a positive number, in single precision.
pub(crate) fn feature(event: &Event<'_>, feature: &str, field: &str) -> Checked<f32> {
    let value = match NumberKind::Double.read(event, true) {
        Ok(Some(Number::Double(value))) => single(value),
        Ok(_) => {
            return Err(MappingError::new(ErrorType::NumberFormat, "empty String"));
        }
        Err(error) => match infinite(event) {
            Some(value) => value,
            None => return Err(error),
        },
    };
    let about = format!("for feature {feature} on field {field}");
    if !value.is_finite() {
        let value = float_text(value);
        let reason = format!("featureValue must be finite, got: {value} {about}");
        return Err(MappingError::argument(reason));
    }
    if value < f32::MIN_POSITIVE {
        let value = float_text(value);
        let reason = format!(
            "featureValue must be a positive normal float, got: {value} {about} which is less than \
             the minimum positive normal float: 1.17549435E-38"
        );
        return Err(MappingError::argument(reason));
    }
    Ok(value)
}

/// A number that is none of the finite ones.
fn infinite(event: &Event<'_>) -> Option<f32> {
    match event {
        Event::Number(text) => text.parse().ok(),
        Event::Text(text) => {
            crate::java::parse_double(&text.decode()).ok().filter(|v| !v.is_finite()).map(single)
        }
        Event::Object | Event::Array | Event::Boolean(_) | Event::Null => None,
    }
}

/// The features of an object; each name once in a document.
pub(crate) fn features(raw: &str, field: &str, seen: &mut Vec<String>) -> Checked<()> {
    let broken = |malformed: Malformed| malformed.into_error(raw);
    let mut reader = Reader::new(raw);
    reader.value().map_err(broken)?;
    let mut members = reader.members();
    while let Some(name) = reader.member(&mut members).map_err(broken)? {
        let event = reader.value().map_err(broken)?;
        match event {
            Event::Null => continue,
            Event::Number(_) | Event::Text(_) => {}
            Event::Object | Event::Array | Event::Boolean(_) => {
                let reason = format!(
                    "[rank_features] fields take hashes that map a feature to a strictly positive \
                     float, but got unexpected token {}",
                    event.token()
                );
                return Err(MappingError::argument(reason));
            }
        }
        let key = format!("{field}.{}", name.text);
        if seen.contains(&key) {
            let reason = format!(
                "[rank_features] fields do not support indexing multiple values for the same rank \
                 feature [{key}] in the same document"
            );
            return Err(MappingError::argument(reason));
        }
        feature(&event, &name.text, field)?;
        seen.push(key);
    }
    Ok(())
}

/// The numbers of a dense vector; says how many there are.
pub(crate) fn dense(raw: &str) -> Checked<usize> {
    let broken = |malformed: Malformed| malformed.into_error(raw);
    let mut reader = Reader::new(raw);
    if reader.value().map_err(broken)? == Event::Object {
        let mut members = reader.members();
        let found = reader.member(&mut members).map_err(broken)?;
        let token = found.map_or("END_OBJECT", |_| "FIELD_NAME");
        return Err(expecting("VALUE_NUMBER", token));
    }
    let (mut count, mut first) = (0, true);
    while reader.element(&mut first).map_err(broken)? {
        let event = reader.value().map_err(broken)?;
        if !matches!(event, Event::Number(_)) {
            return Err(expecting("VALUE_NUMBER", event.token()));
        }
        count += 1;
    }
    Ok(count)
}

/// The dimensions of a sparse vector and their numbers.
pub(crate) fn sparse(raw: &str, field: &str) -> Checked<()> {
    let broken = |malformed: Malformed| malformed.into_error(raw);
    let mut reader = Reader::new(raw);
    reader.value().map_err(broken)?;
    let mut members = reader.members();
    while let Some(name) = reader.member(&mut members).map_err(broken)? {
        let key = &name.text;
        let cause = match key.parse::<i32>() {
            Ok(0..=65_535) => None,
            Ok(_) => Some(format!(
                "Field [{field}] of type [sparse_vector]'s dimension number must be a non-negative integer value not exceeding [65535], got [{key}]"
            )),
            Err(_) => {
                let reason = format!(
                    "Field [{field}] of type [sparse_vector]'s dimensions should be integers represented as strings, but got [{key}]"
                );
                let cause = format!("For input string: \"{key}\"");
                let cause = MappingError::new(ErrorType::NumberFormat, cause);
                return Err(MappingError::argument(reason).because(cause));
            }
        };
        if let Some(reason) = cause {
            return Err(MappingError::argument(reason));
        }
        let event = reader.value().map_err(broken)?;
        match event {
            Event::Number(_) => {}
            Event::Text(_) | Event::Object | Event::Array | Event::Boolean(_) | Event::Null => {
                return Err(expecting("VALUE_NUMBER", event.token()));
            }
        }
    }
    Ok(())
}
