//! How Java reads and prints numbers, and how it prints maps: error texts and string values need it.

use serde_json::Value;

use crate::error::{ErrorType, MappingError};

/// Why a text is no floating-point number.
fn no_number(text: &str) -> MappingError {
    let trimmed = text.trim_matches(|character| character <= ' ');
    let reason = if trimmed.is_empty() {
        "empty String".to_owned()
    } else if has_two_points(trimmed) {
        "multiple points".to_owned()
    } else {
        format!("For input string: \"{text}\"")
    };
    MappingError::new(ErrorType::NumberFormat, reason)
}

/// Whether a second decimal point comes before anything that is no digit.
fn has_two_points(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let number = digits.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.');
    number.filter(|byte| *byte == b'.').count() > 1
}

/// Reads a double as `Double.parseDouble` does.
pub(crate) fn parse_double(text: &str) -> Result<f64, MappingError> {
    let trimmed = text.trim_matches(|character| character <= ' ');
    let (negative, magnitude) = match trimmed.as_bytes().first() {
        Some(b'-') => (true, trimmed.get(1..).unwrap_or_default()),
        Some(b'+') => (false, trimmed.get(1..).unwrap_or_default()),
        _ => (false, trimmed),
    };
    let value = match magnitude {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        _ if magnitude.starts_with("0x") || magnitude.starts_with("0X") => hexadecimal(magnitude),
        _ => decimal(magnitude),
    };
    let value = value.ok_or_else(|| no_number(text))?;
    Ok(if negative { -value } else { value })
}

/// A decimal number without a sign, with an optional suffix of its type.
fn decimal(text: &str) -> Option<f64> {
    let number = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    let plain =
        number.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    if !plain || !number.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    number.parse().ok()
}

/// A hexadecimal number, whose exponent of two is required.
fn hexadecimal(text: &str) -> Option<f64> {
    let number = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text).get(2..)?;
    let (mantissa, exponent) = number.split_once(['p', 'P'])?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0_f64;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let shift = exponent.saturating_sub(i32::try_from(fraction.len()).ok()?.saturating_mul(4));
    Some(value * f64::from(2.0_f32).powi(shift))
}

/// Prints a double as `Double.toString` does.
pub fn double_text(value: f64) -> String {
    if let Some(text) = odd_text(value) {
        return text;
    }
    let (digits, exponent) = shortest(&format!("{:e}", value.abs()));
    layout(value < 0.0, &digits, exponent)
}

/// Prints a float as `Float.toString` does in the versions that the recordings were made with: whole
/// numbers beyond the precision of the type keep digits that are not needed.
pub(crate) fn float_text(value: f32) -> String {
    if let Some(text) = odd_text(f64::from(value)) {
        return text;
    }
    let (digits, exponent) =
        whole_digits(value.abs()).unwrap_or_else(|| shortest(&format!("{:e}", value.abs())));
    layout(value < 0.0, &digits, exponent)
}

/// What is not printed digit by digit.
fn odd_text(value: f64) -> Option<String> {
    let text = if value.is_nan() {
        "NaN"
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }
    } else if value == 0.0 {
        if value.is_sign_negative() { "-0.0" } else { "0.0" }
    } else {
        return None;
    };
    Some(text.to_owned())
}

/// Digits and decimal exponent of Rust's shortest scientific notation.
fn shortest(scientific: &str) -> (String, i32) {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    (mantissa.replace('.', ""), exponent.parse().unwrap_or(0))
}

/// Digits and exponent of a whole number with more bits than a float keeps.
fn whole_digits(value: f32) -> Option<(String, i32)> {
    /// How many decimal digits say nothing, by the number of bits that are lost.
    const LOST: [u32; 40] = [
        0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 6, 7, 7, 7, 8, 8, 8,
        9, 9, 9, 9, 10, 10, 10, 11, 11, 11,
    ];
    let exponent = (value.to_bits() >> 23).checked_sub(127)?;
    if !(25..62).contains(&exponent) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "below two to the power of 62")]
    let whole = value as i64;
    let lost = *LOST.get(usize::try_from(exponent - 25).ok()?)?;
    let unit = 10_i64.pow(lost);
    let digits = (whole / unit + i64::from(whole % unit >= unit / 2 && lost > 0)).to_string();
    let decimal_exponent = i32::try_from(digits.len()).ok()? - 1 + i32::try_from(lost).ok()?;
    let digits = digits.trim_end_matches('0');
    Some((digits.to_owned(), decimal_exponent))
}

/// Lays digits out as Java does: plain between a thousandth and ten million, else with an exponent.
fn layout(negative: bool, digits: &str, exponent: i32) -> String {
    let sign = if negative { "-" } else { "" };
    if !(-3..7).contains(&exponent) {
        let (first, rest) = digits.split_at_checked(1).unwrap_or((digits, ""));
        let rest = if rest.is_empty() { "0" } else { rest };
        return format!("{sign}{first}.{rest}E{exponent}");
    }
    let Ok(whole_digits) = usize::try_from(exponent + 1) else {
        let zeros = "0".repeat(usize::try_from(-exponent - 1).unwrap_or(0));
        return format!("{sign}0.{zeros}{digits}");
    };
    if whole_digits == 0 {
        return format!("{sign}0.{digits}");
    }
    let padded = format!("{digits:0<whole_digits$}");
    let (whole, fraction) = padded.split_at_checked(whole_digits).unwrap_or((&padded, ""));
    let fraction = if fraction.is_empty() { "0" } else { fraction };
    format!("{sign}{whole}.{fraction}")
}

/// Prints a JSON value as Java prints the object it becomes: `{a={b=1}}`, `[1, 2]`.
pub(crate) fn map_text(value: &Value) -> String {
    if let Some(text) = value.as_str() {
        text.to_owned()
    } else if let Some(map) = value.as_object() {
        let entries: Vec<_> =
            map.iter().map(|(key, value)| format!("{key}={}", map_text(value))).collect();
        format!("{{{}}}", entries.join(", "))
    } else if let Some(list) = value.as_array() {
        let entries: Vec<_> = list.iter().map(map_text).collect();
        format!("[{}]", entries.join(", "))
    } else if let Some(number) = value.as_number() {
        let text = number.to_string();
        if crate::json::is_fraction(&text) {
            number.as_f64().map_or(text, double_text)
        } else {
            text
        }
    } else {
        value.to_string()
    }
}

/// The Java class a JSON value becomes.
pub(crate) fn class_name(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "java.util.ArrayList",
        Value::Object(_) => "java.util.LinkedHashMap",
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => "java.lang.String",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{double_text, float_text, map_text, parse_double};

    #[test]
    fn numbers_print_as_in_java() {
        for (value, text) in [
            (1.0, "1.0"),
            (-1.7, "-1.7"),
            (0.001, "0.001"),
            (0.000_12, "1.2E-4"),
            (12_345_678.0, "1.2345678E7"),
            (1e20, "1.0E20"),
            (100.0, "100.0"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(double_text(value), text);
        }
        for (value, text) in [
            (65_520.0_f32, "65520.0"),
            (2_147_483_648.0, "2.14748365E9"),
            (9_223_372_036_854_775_807.0, "9.223372E18"),
            (1_577_836_800_000.0, "1.57783674E12"),
            (9_007_199_254_740_993.0, "9.0071993E15"),
            (16_777_217.0, "1.6777216E7"),
        ] {
            assert_eq!(float_text(value), text);
        }
    }

    #[test]
    fn doubles_are_read_as_in_java() {
        for (text, value) in
            [(" 5 ", 5.0), ("1d", 1.0), ("0x1p3", 8.0), ("+1e3", 1000.0), ("1.", 1.0), (".5", 0.5)]
        {
            assert_eq!(parse_double(text).unwrap(), value, "{text}");
        }
        for (text, reason) in [
            ("", "empty String"),
            (" ", "empty String"),
            ("1.2.3", "multiple points"),
            ("0x10", "For input string: \"0x10\""),
            ("1L", "For input string: \"1L\""),
            ("infinity", "For input string: \"infinity\""),
        ] {
            assert_eq!(parse_double(text).unwrap_err().reason(), reason);
        }
    }

    #[test]
    fn maps_print_as_in_java() {
        let value = json!({"a": {"b": [1, 2.50, "x", null]}, "c": true});
        assert_eq!(map_text(&value), "{a={b=[1, 2.5, x, null]}, c=true}");
    }
}
