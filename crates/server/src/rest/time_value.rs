//! Time values as Elasticsearch writes them: `10s`, `1.5h` refused, `-1` for no limit.

use super::error::Error;

/// A span of time given in a parameter or setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeValue {
    /// `-1`: no limit, or switched off.
    Unlimited,
    /// So many milliseconds, rounded down.
    Millis(u64),
}

impl TimeValue {
    /// Reads a time value; `setting` names it in the complaint.
    pub fn parse(setting: &str, text: &str) -> Result<Self, Error> {
        // The order matters: `ms` ends in `s`, and only the minute is told by its case.
        const UNITS: [(&str, u64); 7] = [
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
        for (unit, nanos) in UNITS {
            let spelled = if unit == "m" { trimmed } else { lower.as_str() };
            if let Some(amount) = spelled.strip_suffix(unit) {
                return Self::scaled(setting, text, amount.trim(), nanos);
            }
        }
        if is_zeros_after(&lower, "", "0") {
            Ok(Self::Millis(0))
        } else if is_zeros_after(&lower, "-", "1") {
            Ok(Self::Unlimited)
        } else {
            Err(Error::IllegalArgument(format!(
                "failed to parse setting [{setting}] with value [{text}] as a time value: \
                 unit is missing or unrecognized"
            )))
        }
    }

    fn scaled(setting: &str, text: &str, amount: &str, nanos: u64) -> Result<Self, Error> {
        match amount.parse::<i64>() {
            Ok(amount) => match u64::try_from(amount) {
                Ok(amount) => {
                    let millis = u128::from(amount) * u128::from(nanos) / 1_000_000;
                    Ok(Self::Millis(u64::try_from(millis).unwrap_or(u64::MAX)))
                }
                Err(_) => Err(Error::IllegalArgument(format!(
                    "failed to parse setting [{setting}] with value [{text}] as a time value: \
                     negative durations are not supported"
                ))),
            },
            Err(_) if amount.parse::<f64>().is_ok() => Err(Error::IllegalArgument(format!(
                "failed to parse [{text}], fractional time values are not supported"
            ))),
            Err(_) => Err(Error::IllegalArgument(format!("failed to parse [{text}]"))),
        }
    }
}

/// Whether a text is the prefix, then zeros, then the last digit.
fn is_zeros_after(text: &str, prefix: &str, last: &str) -> bool {
    text.strip_prefix(prefix)
        .and_then(|rest| rest.strip_suffix(last))
        .is_some_and(|zeros| zeros.bytes().all(|byte| byte == b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_elasticsearchs() {
        for (text, millis) in [
            ("0", 0),
            ("00", 0),
            ("1500micros", 1),
            ("999999nanos", 0),
            ("5ms", 5),
            ("10S", 10_000),
            ("1m", 60_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(TimeValue::parse("t", text).unwrap(), TimeValue::Millis(millis), "{text}");
        }
        assert_eq!(TimeValue::parse("t", "-1").unwrap(), TimeValue::Unlimited);
    }

    #[test]
    fn complaints_name_the_setting() {
        for (text, complaint) in [
            (
                "10",
                "failed to parse setting [timeout] with value [10] as a time value: unit is missing or unrecognized",
            ),
            (
                "1M",
                "failed to parse setting [timeout] with value [1M] as a time value: unit is missing or unrecognized",
            ),
            ("1.5s", "failed to parse [1.5s], fractional time values are not supported"),
            ("xs", "failed to parse [xs]"),
            ("s", "failed to parse [s]"),
            (
                "-5s",
                "failed to parse setting [timeout] with value [-5s] as a time value: negative durations are not supported",
            ),
        ] {
            let refused = TimeValue::parse("timeout", text).unwrap_err();
            assert_eq!(refused, Error::illegal_argument(complaint), "{text}");
        }
    }
}
