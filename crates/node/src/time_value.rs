//! Time values as Elasticsearch writes them: `30s`, `5ms`, `-1` for none.

use thiserror::Error;

/// A text that is no time value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TimeValueError {
    /// There is no unit that is known.
    #[error("unit is missing or unrecognized")]
    Unit,
    /// It is below zero.
    #[error("negative durations are not supported")]
    Negative,
    /// It has a fraction.
    #[error("fractional time values are not supported")]
    Fractional,
    /// The unit is there, but no number before it.
    #[error("not a number of its unit")]
    Number,
}

/// Parses a time value to milliseconds, rounded down; −1 and 0 need no unit (spec document-api §1.2).
///
/// # Errors
/// [`TimeValueError`] that says what is wrong with it.
pub fn parse_time_value(text: &str) -> Result<i64, TimeValueError> {
    // The order matters: `ms` ends in `s`. Only the minute is told by its case.
    const UNITS_NANOS: [(&str, i128); 7] = [
        ("nanos", 1),
        ("micros", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
        ("d", 86_400_000_000_000),
    ];
    let trimmed = text.trim();
    let lower = trimmed.to_lowercase();
    for (unit, nanos) in UNITS_NANOS {
        let spelled = if unit == "m" { trimmed } else { lower.as_str() };
        let Some(amount) = spelled.strip_suffix(unit).map(str::trim) else { continue };
        return match amount.parse::<i64>() {
            Ok(amount) if amount < 0 => Err(TimeValueError::Negative),
            Ok(amount) => {
                let millis = i128::from(amount) * nanos / 1_000_000;
                Ok(i64::try_from(millis).unwrap_or(i64::MAX))
            }
            Err(_) if amount.parse::<f64>().is_ok() => Err(TimeValueError::Fractional),
            Err(_) => Err(TimeValueError::Number),
        };
    }
    if is_zeros_before(&lower, "0") {
        Ok(0)
    } else if lower.strip_prefix('-').is_some_and(|rest| is_zeros_before(rest, "1")) {
        Ok(-1)
    } else {
        Err(TimeValueError::Unit)
    }
}

/// Whether a text is any number of zeros and then the last digit.
fn is_zeros_before(text: &str, last: &str) -> bool {
    text.strip_suffix(last).is_some_and(|zeros| zeros.bytes().all(|byte| byte == b'0'))
}

#[cfg(test)]
mod tests {
    use super::{TimeValueError, parse_time_value};

    #[test]
    fn units_are_elasticsearchs() {
        for (text, millis) in [
            ("0", 0),
            ("00", 0),
            ("-1", -1),
            ("-01", -1),
            ("1500micros", 1),
            ("999999nanos", 0),
            ("5ms", 5),
            ("10S", 10_000),
            (" 1m", 60_000),
            ("2 h", 7_200_000),
            ("1d", 86_400_000),
            ("9223372036854775807d", i64::MAX),
        ] {
            assert_eq!(parse_time_value(text), Ok(millis), "{text}");
        }
        for (text, error) in [
            ("10", TimeValueError::Unit),
            ("1M", TimeValueError::Unit),
            ("", TimeValueError::Unit),
            ("1.5s", TimeValueError::Fractional),
            ("-5s", TimeValueError::Negative),
            ("xs", TimeValueError::Number),
            ("s", TimeValueError::Number),
        ] {
            assert_eq!(parse_time_value(text), Err(error), "{text}");
        }
    }
}
