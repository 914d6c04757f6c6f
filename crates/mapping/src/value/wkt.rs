//! Well-known text: shapes written as words and parentheses.

use crate::{
    error::{ErrorType, MappingError},
    java::parse_double,
};

/// The words that begin a shape, and how deep its coordinates are nested in parentheses.
const SHAPES: [(&str, usize); 8] = [
    ("point", 1),
    ("multipoint", 1),
    ("linestring", 1),
    ("multilinestring", 2),
    ("polygon", 2),
    ("multipolygon", 3),
    ("bbox", 1),
    ("geometrycollection", 1),
];

/// A text that does not fit the grammar.
fn refused(reason: String) -> MappingError {
    MappingError::new(ErrorType::Parse, reason)
}

/// The first word of a text and what follows it.
fn word(text: &str) -> Result<(&str, &str), MappingError> {
    let text = text.trim_start();
    let length = text
        .bytes()
        .take_while(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.') || !byte.is_ascii()
        })
        .count();
    match text.chars().next() {
        None => Err(refused("expected word but found: END-OF-STREAM".to_owned())),
        Some(character) if length == 0 => {
            Err(refused(format!("expected word but found: '{character}'")))
        }
        Some(_) => Ok(text.split_at_checked(length).unwrap_or((text, ""))),
    }
}

/// Checks a shape.
pub(crate) fn check(text: &str) -> Result<(), MappingError> {
    let (name, rest) = word(text)?;
    let lower = name.to_ascii_lowercase();
    if lower == "circle" {
        let reason = "CIRCLE geometry is not supported";
        return Err(MappingError::new(ErrorType::UnsupportedOperation, reason));
    }
    if !SHAPES.iter().any(|(shape, _)| *shape == lower) {
        return Err(MappingError::argument(format!("unknown geo_shape [{name}]")));
    }
    let rest = rest.trim();
    if rest.eq_ignore_ascii_case("empty") {
        return Ok(());
    }
    let open = rest.matches('(').count();
    if !rest.starts_with('(') || !rest.ends_with(')') || open != rest.matches(')').count() {
        let found = rest.chars().next().map_or("END-OF-STREAM".to_owned(), String::from);
        return Err(refused(format!("expected END-OF-STREAM or ( but found: {found}")));
    }
    if lower == "geometrycollection" {
        return Ok(());
    }
    for number in rest.split(['(', ')', ',', ' ', '\t', '\n']).filter(|part| !part.is_empty()) {
        parse_double(number)
            .map_err(|_| refused(format!("expected number but found: '{number}'")))?;
    }
    Ok(())
}

/// Longitude and latitude of a point.
pub(crate) fn point(text: &str) -> Result<(f64, f64), MappingError> {
    check(text)?;
    let numbers = text.split(['(', ')', ' ', ',']).filter_map(|part| part.parse::<f64>().ok());
    let numbers: Vec<_> = numbers.collect();
    match numbers.as_slice() {
        [lon, lat] | [lon, lat, _] => Ok((*lon, *lat)),
        _ => Err(refused(format!("expected two or three coordinates but found: [{text}]"))),
    }
}
