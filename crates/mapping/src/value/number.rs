//! The numeric types: what they read from JSON numbers and from strings, and their ranges.

use crate::{
    error::{ErrorType, MappingError},
    java::{double_text, float_text, parse_double},
    json::{Event, is_fraction},
};

/// A numeric type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum NumberKind {
    /// 64 bits.
    Long,
    /// 32 bits.
    Integer,
    /// 16 bits.
    Short,
    /// 8 bits.
    Byte,
    /// 64 bits, no negative numbers.
    UnsignedLong,
    /// Double precision.
    Double,
    /// Single precision.
    Float,
    /// Half precision.
    HalfFloat,
    /// A fixed number of decimal places, given by its factor.
    Scaled(f64),
}

/// A number as its type holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    /// A whole number.
    Long(i64),
    /// A whole number that may exceed a signed one.
    Unsigned(u64),
    /// A floating-point number, already of its type's precision.
    Double(f64),
}

/// A token where a number should be.
pub(crate) fn not_numeric(event: &Event<'_>) -> MappingError {
    let token = event.exact_token();
    let reason =
        format!("Current token ({token}) not numeric, can not use numeric value accessors");
    MappingError::new(ErrorType::JsonParse, reason)
}

impl NumberKind {
    /// The number that a value means; `None` is no value at all.
    pub(crate) fn read(
        self,
        event: &Event<'_>,
        coerce: bool,
    ) -> Result<Option<Number>, MappingError> {
        match event {
            Event::Number(text) => self.of_number(text, coerce).map(Some),
            Event::Text(text) => {
                let text = text.decode();
                if self == Self::UnsignedLong {
                    return if text.is_empty() { Ok(None) } else { unsigned(&text).map(Some) };
                }
                if !coerce {
                    let class = self.class();
                    return Err(MappingError::argument(format!("{class} value passed as String")));
                }
                if text.is_empty() { Ok(None) } else { self.of_text(&text).map(Some) }
            }
            Event::Object | Event::Array | Event::Boolean(_) | Event::Null => {
                Err(not_numeric(event))
            }
        }
    }

    /// The Java class whose name the errors tell.
    fn class(self) -> &'static str {
        match self {
            Self::Long | Self::UnsignedLong => "Long",
            Self::Integer | Self::Byte => "Integer",
            Self::Short => "Short",
            Self::Double | Self::Scaled(_) => "Double",
            Self::Float | Self::HalfFloat => "Float",
        }
    }

    /// A JSON number.
    fn of_number(self, text: &str, coerce: bool) -> Result<Number, MappingError> {
        match self {
            Self::UnsignedLong => unsigned(text),
            Self::Double | Self::Float | Self::HalfFloat | Self::Scaled(_) => {
                self.floating(text.parse().unwrap_or(f64::NAN))
            }
            Self::Long | Self::Integer | Self::Short | Self::Byte => {
                let whole = if is_fraction(text) { None } else { text.parse::<i64>().ok() };
                match whole {
                    Some(whole) => self.in_range(whole, text).map(Number::Long),
                    None => self.truncated(text, coerce).map(Number::Long),
                }
            }
        }
    }

    /// A whole JSON number, if the type holds it.
    fn in_range(self, whole: i64, text: &str) -> Result<i64, MappingError> {
        match self {
            Self::Integer | Self::Short | Self::Byte if i32::try_from(whole).is_err() => {
                Err(beyond(text, "int"))
            }
            Self::Short if i16::try_from(whole).is_err() => Err(beyond(text, "Java short")),
            Self::Byte => byte(whole),
            Self::Long
            | Self::Integer
            | Self::Short
            | Self::UnsignedLong
            | Self::Double
            | Self::Float
            | Self::HalfFloat
            | Self::Scaled(_) => Ok(whole),
        }
    }

    /// A JSON number with a fraction or beyond 64 bits, without its fraction.
    fn truncated(self, text: &str, coerce: bool) -> Result<i64, MappingError> {
        let value: f64 = text.parse().unwrap_or(f64::NAN);
        let fits = if self == Self::Long {
            (-TWO_TO_63..TWO_TO_63).contains(&value)
        } else {
            value > -2_147_483_649.0 && value < 2_147_483_648.0
        };
        if !fits {
            let range = if self == Self::Long {
                "long (-9223372036854775808 - 9223372036854775807)"
            } else {
                "int (-2147483648 - 2147483647)"
            };
            return Err(beyond(text, range));
        }
        let whole = saturate(value);
        let whole = if self == Self::Short || self == Self::Byte {
            self.in_range(whole, text)?
        } else {
            whole
        };
        if !coerce && value.fract() != 0.0 {
            let (value, class) = (double_text(value), self.class());
            let reason = format!("{value} cannot be converted to {class} without data loss");
            return Err(MappingError::argument(reason));
        }
        Ok(whole)
    }

    /// A string that should be a number.
    fn of_text(self, text: &str) -> Result<Number, MappingError> {
        let name = match self {
            Self::UnsignedLong => return unsigned(text),
            Self::Long => return long_of_text(text).map(Number::Long),
            Self::Double | Self::Float | Self::HalfFloat | Self::Scaled(_) => {
                return self.floating(parse_double(text)?);
            }
            Self::Integer | Self::Byte => "an integer",
            Self::Short => "a short",
        };
        let value = parse_double(text)?;
        let (low, high) = if self == Self::Short {
            (f64::from(i16::MIN), f64::from(i16::MAX))
        } else {
            (f64::from(i32::MIN), f64::from(i32::MAX))
        };
        if value < low || value > high {
            let reason = format!("Value [{text}] is out of range for {name}");
            return Err(MappingError::argument(reason));
        }
        let whole = saturate(value);
        if self == Self::Byte { byte(whole).map(Number::Long) } else { Ok(Number::Long(whole)) }
    }

    /// A double brought to the type's precision.
    fn floating(self, value: f64) -> Result<Number, MappingError> {
        let (name, held, shown) = match self {
            Self::Float => {
                let single = single(value);
                ("[float] supports", f64::from(single), None)
            }
            Self::HalfFloat => {
                let single = single(value);
                ("[half_float] supports", half_precision(single), Some(float_text(single)))
            }
            Self::Scaled(factor) => {
                // Beyond 64 bits the scaled number is the last one that they hold.
                let scaled = saturate((value * factor + 0.5).floor()) as f64;
                let held = if value.is_finite() { scaled / factor } else { value };
                ("[scaled_float] only supports", held, None)
            }
            Self::Double
            | Self::Long
            | Self::Integer
            | Self::Short
            | Self::Byte
            | Self::UnsignedLong => ("[double] supports", value, None),
        };
        if held.is_finite() {
            return Ok(Number::Double(held));
        }
        let only = if matches!(self, Self::Scaled(_)) { "" } else { " only" };
        let shown = shown.unwrap_or_else(|| double_text(held));
        Err(MappingError::argument(format!("{name}{only} finite values, but got [{shown}]")))
    }
}

/// Two to the power of 63.
const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

/// A number beyond the range of a JSON parser's type.
fn beyond(text: &str, range: &str) -> MappingError {
    let reason = format!("Numeric value ({text}) out of range of {range}");
    MappingError::new(ErrorType::JsonParse, reason)
}

/// The whole part of a double, within 64 bits; no number is zero.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, as Java's does")]
pub(crate) fn saturate(value: f64) -> i64 {
    value as i64
}

/// A double in single precision.
#[expect(clippy::cast_possible_truncation, reason = "less precision is what the type is")]
pub(crate) fn single(value: f64) -> f32 {
    value as f32
}

/// A whole number as a byte.
fn byte(whole: i64) -> Result<i64, MappingError> {
    if i8::try_from(whole).is_ok() {
        return Ok(whole);
    }
    Err(MappingError::argument(format!("Value [{whole}] is out of range for a byte")))
}

/// A single in half precision, as a double; beyond its range infinite. Documents and queries round by
/// it, so that they meet.
#[must_use]
pub fn half_precision(value: f32) -> f64 {
    let value = f64::from(value);
    if !value.is_finite() {
        return value;
    }
    if value.abs() >= 65_520.0 {
        return f64::INFINITY.copysign(value);
    }
    let exponent = if value == 0.0 { -14.0 } else { value.abs().log2().floor().max(-14.0) };
    let unit = (exponent - 10.0).exp2();
    (value / unit).round_ties_even() * unit
}

/// A text that should be a long: exact decimal, with a fraction or an exponent cut off.
fn long_of_text(text: &str) -> Result<i64, MappingError> {
    let no_number = || MappingError::argument(format!("For input string: \"{text}\""));
    let ascii = ascii_digits(text);
    let text_digits = ascii.as_deref().unwrap_or(text);
    if let Ok(value) = text_digits.parse::<i64>() {
        return Ok(value);
    }
    let decimal = Decimal::parse(text_digits).ok_or_else(no_number)?;
    let out_of_range =
        || MappingError::argument(format!("Value [{text}] is out of range for a long"));
    decimal.whole().ok_or_else(out_of_range)
}

/// The text with other digits than ASCII's replaced, if it has such.
fn ascii_digits(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    // The decimal digits of the scripts in use stand in runs of ten from these on.
    const ZEROS: [u32; 12] =
        [0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xc66, 0xce6, 0xe50, 0xff10];
    let digit = |character: char| {
        let code = u32::from(character);
        let value = ZEROS.iter().find_map(|zero| code.checked_sub(*zero).filter(|v| *v < 10));
        value.and_then(|value| char::from_digit(value, 10)).unwrap_or(character)
    };
    Some(text.chars().map(digit).collect())
}

/// An exact decimal number: sign, digits, and how many of them stand before the point.
struct Decimal {
    negative: bool,
    digits: String,
    point: i64,
}

impl Decimal {
    /// Reads `[+-]digits[.digits][e[+-]digits]`.
    fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, text.get(1..)?),
            b'+' => (false, text.get(1..)?),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let point = i64::try_from(whole.len()).ok()? + i64::from(exponent);
        Some(Self { negative, digits, point })
    }

    /// The whole part, if 64 bits hold it.
    fn whole(&self) -> Option<i64> {
        let significant = self.digits.trim_start_matches('0');
        let zeros = i64::try_from(self.digits.len() - significant.len()).ok()?;
        let count = self.point - zeros;
        if significant.is_empty() || count <= 0 {
            return Some(0);
        }
        if count > 19 {
            return None;
        }
        let count = usize::try_from(count).ok()?;
        let whole: String = significant.chars().chain(std::iter::repeat('0')).take(count).collect();
        let magnitude: i128 = whole.parse().ok()?;
        i64::try_from(if self.negative { -magnitude } else { magnitude }).ok()
    }
}

/// A value of an unsigned long.
fn unsigned(text: &str) -> Result<Number, MappingError> {
    if let Ok(value) = text.parse::<u64>() {
        return Ok(Number::Unsigned(value));
    }
    if text.parse::<i64>().is_ok_and(|value| value < 0) {
        let reason = format!("Value [{text}] is out of range for unsigned long.");
        return Err(MappingError::argument(reason));
    }
    let Some(decimal) = Decimal::parse(text) else {
        return Err(MappingError::argument(format!("For input string: \"{text}\"")));
    };
    let value: f64 = text.parse().unwrap_or(f64::NAN);
    if value.fract() != 0.0 {
        let reason = format!("Value \"{text}\" has a decimal part");
        return Err(MappingError::argument(reason));
    }
    match decimal.whole().map(u64::try_from) {
        Some(Ok(value)) => Ok(Number::Unsigned(value)),
        Some(Err(_)) | None => {
            let reason = format!("Value [{text}] is out of range for unsigned long");
            Err(MappingError::argument(reason))
        }
    }
}
