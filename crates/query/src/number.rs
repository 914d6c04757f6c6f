//! Numbers as queries write them, for fields of each numeric type.

use crate::error::{Checked, QueryError};

/// The whole numbers that a type holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WholeType {
    /// 64 bits.
    Long,
    /// 32 bits.
    Integer,
    /// 16 bits.
    Short,
    /// 8 bits.
    Byte,
    /// 64 bits without a sign.
    Unsigned,
}

/// The precision of a floating-point type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Precision {
    /// 64 bits.
    Double,
    /// 32 bits.
    Float,
    /// 16 bits.
    Half,
    /// A fixed number of decimal places, given by its factor.
    Scaled(f64),
}

/// A number between whole ones, or one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    /// The greatest whole number that is not greater.
    pub(crate) floor: i128,
    /// Whether it is that number.
    pub(crate) is_exact: bool,
}

/// A text as a double; the words that Java does not know are none.
pub(crate) fn double(text: &str) -> Checked<f64> {
    let trimmed = text.trim();
    let is_word =
        trimmed.bytes().any(|byte| byte.is_ascii_alphabetic() && !matches!(byte, b'e' | b'E'));
    match trimmed {
        "NaN" => Ok(f64::NAN),
        "Infinity" | "+Infinity" => Ok(f64::INFINITY),
        "-Infinity" => Ok(f64::NEG_INFINITY),
        _ if is_word => Err(QueryError::no_number(text)),
        _ => trimmed.parse().map_err(|_| QueryError::no_number(text)),
    }
}

/// A text as a whole number of 64 bits, without its fraction.
pub(crate) fn truncated(text: &str) -> Checked<i64> {
    if let Ok(value) = text.parse() {
        return Ok(value);
    }
    let value = double(text)?;
    Ok(saturated(value))
}

/// The whole part of a double, within 64 bits; no number is zero.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, as Java's does")]
pub(crate) fn saturated(value: f64) -> i64 {
    value as i64
}

/// A double in single precision.
#[expect(clippy::cast_possible_truncation, reason = "less precision is what the type is")]
pub(crate) fn single(value: f64) -> f32 {
    value as f32
}

impl WholeType {
    /// The numbers it holds.
    fn limits(self) -> (i128, i128, &'static str) {
        match self {
            Self::Long => (i64::MIN.into(), i64::MAX.into(), "a long"),
            Self::Integer => (i32::MIN.into(), i32::MAX.into(), "an integer"),
            Self::Short => (i16::MIN.into(), i16::MAX.into(), "a short"),
            Self::Byte => (i8::MIN.into(), i8::MAX.into(), "a byte"),
            Self::Unsigned => (0, u64::MAX.into(), "an unsigned long"),
        }
    }

    /// A text as a number of this type, which may lie between two of them.
    pub(crate) fn read(self, text: &str) -> Checked<Whole> {
        let whole = match text.parse::<i128>() {
            Ok(floor) => Whole { floor, is_exact: true },
            Err(_) => {
                let value = double(text)?;
                if value.is_nan() {
                    return Err(QueryError::no_number(text));
                }
                Whole { floor: wide(value.floor()), is_exact: value.fract() == 0.0 }
            }
        };
        let (low, high, name) = self.limits();
        if whole.floor < low || whole.floor > high {
            let reason = format!("Value [{text}] is out of range for {name}");
            return Err(QueryError::argument(reason));
        }
        Ok(whole)
    }
}

/// A whole double in 128 bits, or the nearest that they hold.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
fn wide(value: f64) -> i128 {
    value as i128
}

impl Precision {
    /// A text as a number of this precision.
    pub(crate) fn read(self, text: &str) -> Checked<f64> {
        let value = double(text)?;
        let (held, name) = match self {
            Self::Double => (value, "double"),
            Self::Float => (f64::from(single(value)), "float"),
            Self::Half => (mapping::half_precision(single(value)), "half_float"),
            Self::Scaled(factor) => (scaled(value, factor), "scaled_float"),
        };
        if !held.is_finite() {
            let reason = format!("[{name}] supports only finite values, but got [{text}]");
            return Err(QueryError::argument(reason));
        }
        Ok(held)
    }
}

/// A number with so many decimal places as the factor says.
fn scaled(value: f64, factor: f64) -> f64 {
    // Beyond 64 bits the scaled number is the last one that they hold, as for documents.
    #[expect(clippy::cast_precision_loss, reason = "documents lose the same")]
    let scaled = saturated((value * factor + 0.5).floor()) as f64;
    if value.is_finite() { scaled / factor } else { value }
}

#[cfg(test)]
mod tests {
    use super::{Precision, Whole, WholeType, truncated};

    #[test]
    fn whole_numbers() {
        let read = |kind: WholeType, text: &str| kind.read(text).map_err(|e| e.reason().to_owned());
        assert_eq!(read(WholeType::Long, "6.0"), Ok(Whole { floor: 6, is_exact: true }));
        assert_eq!(read(WholeType::Long, "-2.5"), Ok(Whole { floor: -3, is_exact: false }));
        for (kind, text, reason) in [
            (
                WholeType::Long,
                "9223372036854775808",
                "Value [9223372036854775808] is out of range for a long",
            ),
            (WholeType::Integer, "2147483648", "Value [2147483648] is out of range for an integer"),
            (WholeType::Long, "x", "For input string: \"x\""),
            (WholeType::Byte, "true", "For input string: \"true\""),
            (WholeType::Long, "inf", "For input string: \"inf\""),
        ] {
            assert_eq!(read(kind, text), Err(reason.to_owned()));
        }
        assert_eq!(truncated("1.5").ok(), Some(1));
    }

    #[test]
    fn floating_numbers_have_the_precision_of_their_type() {
        assert_eq!(Precision::Float.read("0.1").ok(), Some(f64::from(0.1_f32)));
        assert_eq!(Precision::Half.read("0.1").ok(), Some(0.0999755859375));
        assert_eq!(Precision::Scaled(100.0).read("0.128").ok(), Some(0.13));
        assert!(Precision::Double.read("NaN").is_err());
        assert!(Precision::Float.read("1e39").is_err());
    }
}
