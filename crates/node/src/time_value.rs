//! Time values as Elasticsearch writes them: `30s`, `1.5h`, `-1`.

use thiserror::Error;

/// A text that is no time value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TimeValueError {
    /// There is a number, but no unit that is known.
    #[error("unit is missing or unrecognized")]
    Unit,
    /// The unit is there, but no whole number before it.
    #[error("not a whole number of its unit")]
    Number,
}

/// Parses a time value to milliseconds; −1 and 0 need no unit (spec document-api §1.2).
///
/// # Errors
/// [`TimeValueError`] that says what is wrong with it.
pub fn parse_time_value(text: &str) -> Result<i64, TimeValueError> {
    let text = text.trim().to_ascii_lowercase();
    if text == "0" || text == "-1" {
        return Ok(if text == "0" { 0 } else { -1 });
    }
    // Longest first: every other unit ends in `s` too.
    const UNITS: [(&str, i64, i64); 7] = [
        ("nanos", 1, 1_000_000),
        ("micros", 1, 1_000),
        ("ms", 1, 1),
        ("s", 1_000, 1),
        ("m", 60_000, 1),
        ("h", 3_600_000, 1),
        ("d", 86_400_000, 1),
    ];
    for (unit, multiply, divide) in UNITS {
        if let Some(number) = text.strip_suffix(unit) {
            let number: i64 = number.trim().parse().map_err(|_| TimeValueError::Number)?;
            return Ok(number.saturating_mul(multiply) / divide);
        }
    }
    Err(TimeValueError::Unit)
}

#[cfg(test)]
mod tests {
    use super::{TimeValueError, parse_time_value};

    #[test]
    fn time_values() {
        let cases = [("0", 0), ("-1", -1), ("100ms", 100), ("2s", 2_000), ("1m", 60_000)];
        for (text, millis) in cases {
            assert_eq!(parse_time_value(text), Ok(millis), "{text}");
        }
        assert_eq!(parse_time_value("2 H"), Ok(7_200_000));
        assert_eq!(parse_time_value("3000micros"), Ok(3));
        assert_eq!(parse_time_value("10"), Err(TimeValueError::Unit));
        assert_eq!(parse_time_value("x1s"), Err(TimeValueError::Number));
        assert_eq!(parse_time_value("9223372036854775807d"), Ok(i64::MAX));
    }
}
