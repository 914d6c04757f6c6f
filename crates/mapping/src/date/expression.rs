//! Dates as queries write them: a date of a format or `now`, and what is added to it or rounded.

use crate::{
    error::{ErrorType, MappingError},
    settings::Dialect,
};

use super::{
    Alternative, DateFormat, Mismatch, Moment,
    calendar::days_in,
    element::{self, Element, Parsed, Part},
    math, resolve,
};

/// Which moment of a coarse date is meant: of a month, its first or its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The first.
    Start,
    /// The last.
    End,
}

/// A zone of time: a fixed offset. The rules of regions are not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DateZone {
    /// Seconds east of Greenwich.
    offset: i64,
}

impl DateZone {
    /// A zone by its name: `Z`, `UTC`, `+01:00`. `None` is a region or no zone at all.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        if matches!(text, "Z" | "UTC" | "GMT" | "UT" | "Etc/UTC" | "Etc/GMT") {
            return Some(Self::default());
        }
        let rest = text.strip_prefix("UTC").or_else(|| text.strip_prefix("GMT")).unwrap_or(text);
        let sign = match rest.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let digits = rest.get(1..)?;
        let (hours, minutes) = match digits.split_once(':') {
            Some(parts) => parts,
            None if digits.len() == 4 => digits.split_at_checked(2)?,
            None => (digits, "00"),
        };
        let number = |text: &str, max: i64| -> Option<i64> {
            let is_plain = matches!(text.len(), 1 | 2) && text.bytes().all(|b| b.is_ascii_digit());
            is_plain.then(|| text.parse().ok()).flatten().filter(|value| *value <= max)
        };
        let seconds = number(hours, 18)? * 3_600 + number(minutes, 59)? * 60;
        Some(Self { offset: sign * seconds })
    }

    /// Seconds east of Greenwich.
    pub(super) fn offset(self) -> i64 {
        self.offset
    }
}

/// Reads dates as queries write them.
#[derive(Clone, Debug)]
pub struct DateExpression {
    /// The format in its newer reading: version 7.2 alone takes `2019` for milliseconds and refuses
    /// `2019-02`, which all other versions take for a year and a month.
    format: DateFormat,
    dialect: Dialect,
}

impl DateExpression {
    /// Compiles a format: names and patterns between `||`.
    ///
    /// # Errors
    /// The format is none.
    pub fn new(format: &str, dialect: Dialect) -> Result<Self, MappingError> {
        Ok(Self { format: DateFormat::parse(format, Dialect::Eight)?, dialect })
    }

    /// The moment an expression means, as milliseconds since 1970 and nanoseconds within them.
    /// `now` is milliseconds since 1970.
    ///
    /// # Errors
    /// It is no date of the format, or the arithmetic on it is wrong.
    pub fn read(
        &self,
        text: &str,
        edge: Edge,
        zone: DateZone,
        now: i64,
    ) -> Result<DateMoment, MappingError> {
        let (start, arithmetic) = if let Some(rest) = text.strip_prefix("now") {
            (of_millis(now), rest)
        } else if let Some((date, rest)) = text.split_once("||") {
            (self.date(date, Edge::Start, zone)?, rest)
        } else {
            (self.date(text, edge, zone)?, "")
        };
        let moment = math::apply(start, arithmetic, edge, zone)?;
        Ok(DateMoment { moment })
    }

    /// A date without arithmetic.
    fn date(&self, text: &str, edge: Edge, zone: DateZone) -> Result<Moment, MappingError> {
        let found = self.format.alternatives.iter().find_map(|alternative| match alternative {
            Alternative::EpochMillis | Alternative::EpochSecond => {
                alternative.read(text, Dialect::Eight).ok()
            }
            Alternative::Patterns(patterns) => patterns
                .iter()
                .find_map(|pattern| read_pattern(pattern, text, edge, zone, self.dialect)),
        });
        if let Some(moment) = found {
            return Ok(moment);
        }
        // Whatever is wrong is said by the reader that documents have.
        match self.format.read(text) {
            Ok(moment) => Ok(moment),
            Err(cause) => {
                let format = self.format.text();
                let reason = format!(
                    "failed to parse date field [{text}] with format [{format}]: [{}]",
                    cause.reason()
                );
                Err(MappingError::new(ErrorType::Parse, reason).because(cause))
            }
        }
    }
}

/// A moment that an expression means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateMoment {
    moment: Moment,
}

impl DateMoment {
    /// Milliseconds since 1970, or the nearest that 64 bits hold.
    #[must_use]
    pub fn millis(self) -> i64 {
        let beyond = if self.moment.seconds < 0 { i64::MIN } else { i64::MAX };
        self.moment.millis().unwrap_or(beyond)
    }

    /// Nanoseconds since 1970, or the nearest that 64 bits hold.
    #[must_use]
    pub fn nanos(self) -> i64 {
        let beyond = if self.moment.seconds < 0 { i64::MIN } else { i64::MAX };
        self.moment.nanos().unwrap_or(beyond)
    }
}

/// The moment of a number of milliseconds.
pub(super) fn of_millis(millis: i64) -> Moment {
    let nanos = u32::try_from(millis.rem_euclid(1_000)).unwrap_or(0) * 1_000_000;
    Moment { seconds: millis.div_euclid(1_000), nanos }
}

/// The moment a text of one pattern means.
fn read_pattern(
    pattern: &[Element],
    text: &str,
    edge: Edge,
    zone: DateZone,
    dialect: Dialect,
) -> Option<Moment> {
    let mut parsed = Parsed::default();
    let end = element::read_all(pattern, text, 0, &mut parsed).ok()?;
    if end < text.len() || text.is_empty() {
        return None;
    }
    if edge == Edge::End {
        fill(&mut parsed);
    }
    parsed.offset.get_or_insert(zone.offset());
    let moment: Result<Moment, Mismatch> = resolve::moment(&parsed, dialect == Dialect::Eight);
    moment.ok()
}

/// Fills the parts that a text does not have with the last that there are.
fn fill(parsed: &mut Parsed) {
    let mut fill = |part: Part, value: i64| {
        if parsed.get(part).is_none() {
            parsed.set(part, value);
        }
        parsed.get(part).unwrap_or(value)
    };
    fill(Part::WeekDay, 7);
    let month = fill(Part::Month, 12);
    let year = fill(Part::Year, 1970);
    fill(Part::Day, days_in(year, month));
    let mut parsed_hour = parsed.get(Part::Hour).or_else(|| parsed.get(Part::HalfDayHour));
    if parsed_hour.is_none() {
        parsed.set(Part::Hour, 23);
        parsed_hour = Some(23);
    }
    // Hour 24 is the end of the day and nothing after it.
    if parsed_hour == Some(24) {
        return;
    }
    for (part, value) in [(Part::Minute, 59), (Part::Second, 59)] {
        if parsed.get(part).is_none() {
            parsed.set(part, value);
        }
    }
    if parsed.get(Part::Nano).is_none() && parsed.get(Part::Milli).is_none() {
        parsed.set(Part::Nano, 999_999_999);
    }
}

#[cfg(test)]
mod tests {
    use super::{DateExpression, DateZone, Edge};
    use crate::settings::Dialect;

    const DEFAULT: &str = "strict_date_optional_time||epoch_millis";

    /// The start and the end of what an expression means, printed.
    fn edges(format: &str, text: &str, zone: &str) -> (String, String) {
        let reader = DateExpression::new(format, Dialect::Seven).unwrap();
        let zone = DateZone::named(zone).unwrap();
        let show = |edge| {
            // 2020-06-15T12:34:56.789Z
            match reader.read(text, edge, zone, 1_592_224_496_789) {
                Ok(moment) => crate::date::moment_text(super::of_millis(moment.millis())),
                Err(error) => error.reason().to_owned(),
            }
        };
        (show(Edge::Start), show(Edge::End))
    }

    #[test]
    fn a_coarse_date_covers_its_unit() {
        for (text, start, end) in [
            ("2019-02-03", "2019-02-03T00:00:00Z", "2019-02-03T23:59:59.999Z"),
            ("2019-02", "2019-02-01T00:00:00Z", "2019-02-28T23:59:59.999Z"),
            ("2020", "2020-01-01T00:00:00Z", "2020-12-31T23:59:59.999Z"),
            ("2019-02-03T10:00", "2019-02-03T10:00:00Z", "2019-02-03T10:00:59.999Z"),
            ("1580515200000", "2020-02-01T00:00:00Z", "2020-02-01T00:00:00Z"),
        ] {
            assert_eq!(edges(DEFAULT, text, "Z"), (start.to_owned(), end.to_owned()), "{text}");
        }
        let (start, end) = edges("dd/MM/yyyy||yyyy", "2021", "Z");
        assert_eq!((&*start, &*end), ("2021-01-01T00:00:00Z", "2021-12-31T23:59:59.999Z"));
        let (start, end) = edges("epoch_second", "1580515200", "Z");
        assert_eq!(start, end);
    }

    #[test]
    fn arithmetic_adds_and_rounds() {
        for (text, start, end) in [
            ("now", "2020-06-15T12:34:56.789Z", "2020-06-15T12:34:56.789Z"),
            ("now-1d/d", "2020-06-14T00:00:00Z", "2020-06-14T23:59:59.999Z"),
            ("2020-01-15||/M", "2020-01-01T00:00:00Z", "2020-01-31T23:59:59.999Z"),
            ("2020-01-31||+1M", "2020-02-29T00:00:00Z", "2020-02-29T00:00:00Z"),
            ("2020-02-29||-1y", "2019-02-28T00:00:00Z", "2019-02-28T00:00:00Z"),
            ("2020-01-01||+2M-1d/d", "2020-02-29T00:00:00Z", "2020-02-29T23:59:59.999Z"),
            ("2020-01-01||/w", "2019-12-30T00:00:00Z", "2020-01-05T23:59:59.999Z"),
            ("2020-01-01||+90m+10s/h", "2020-01-01T01:00:00Z", "2020-01-01T01:59:59.999Z"),
            ("now/y", "2020-01-01T00:00:00Z", "2020-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(edges(DEFAULT, text, "Z"), (start.to_owned(), end.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_zone_moves_what_names_none() {
        let (start, _) = edges(DEFAULT, "2020-02-01T00:00:00", "+02:00");
        assert_eq!(start, "2020-01-31T22:00:00Z");
        let (start, _) = edges(DEFAULT, "2020-02-01T00:00:00Z", "+05:00");
        assert_eq!(start, "2020-02-01T00:00:00Z");
        let (start, end) = edges(DEFAULT, "2020-02-01||/d", "-08:00");
        assert_eq!((&*start, &*end), ("2020-02-01T08:00:00Z", "2020-02-02T07:59:59.999Z"));
        assert_eq!(DateZone::named("America/New_York"), None);
        assert_eq!(DateZone::named("nope"), None);
    }

    #[test]
    fn wrong_expressions_say_what_is_wrong() {
        for (text, reason) in [
            ("2020-01-01||+1x", "unit [x] not supported for date math [+1x]"),
            ("2020-01-01||1d", "operator not supported for date math [1d]"),
            ("2020-01-01||/q", "unit [q] not supported for date math [/q]"),
            ("2020-01-01||+1", "truncated date math [+1]"),
            ("now+", "truncated date math [+]"),
            ("now/2d", "rounding `/` can only be used on single unit types [/2d]"),
            (
                "x",
                "failed to parse date field [x] with format [strict_date_optional_time||epoch_millis]: \
                 [failed to parse date field [x] with format [strict_date_optional_time||epoch_millis]]",
            ),
        ] {
            assert_eq!(edges(DEFAULT, text, "Z").0, reason);
        }
    }

    #[test]
    fn no_expression_overflows() {
        for text in ["now+999999999999999999999y", "now+99999999999y", "now-2147483647y/y"] {
            edges(DEFAULT, text, "Z");
        }
    }
}
