//! Arithmetic on dates: `+1d`, `-2M`, `/d`, one after the other.

use crate::error::{ErrorType, MappingError};

use super::{
    Moment,
    calendar::{date_of, days_in, days_of},
    expression::{DateZone, Edge},
};

/// The unit of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// `y`
    Year,
    /// `M`
    Month,
    /// `w`
    Week,
    /// `d`
    Day,
    /// `h` and `H`
    Hour,
    /// `m`
    Minute,
    /// `s`
    Second,
}

impl Unit {
    /// The unit of a letter.
    fn of(letter: char) -> Option<Self> {
        Some(match letter {
            'y' => Self::Year,
            'M' => Self::Month,
            'w' => Self::Week,
            'd' => Self::Day,
            'h' | 'H' => Self::Hour,
            'm' => Self::Minute,
            's' => Self::Second,
            _ => return None,
        })
    }

    /// Its seconds, if it always has as many.
    fn seconds(self) -> Option<i64> {
        match self {
            Self::Week => Some(604_800),
            Self::Day => Some(86_400),
            Self::Hour => Some(3_600),
            Self::Minute => Some(60),
            Self::Second => Some(1),
            Self::Year | Self::Month => None,
        }
    }
}

/// One step.
enum Step {
    /// So many units later, or earlier.
    Add(i64, Unit),
    /// To the beginning of the unit, or to its end.
    Round(Unit),
}

/// Applies steps to a moment. Rounding goes to the edge that is asked for.
pub(super) fn apply(
    start: Moment,
    steps: &str,
    edge: Edge,
    zone: DateZone,
) -> Result<Moment, MappingError> {
    let mut moment = start;
    let mut rest = steps;
    while !rest.is_empty() {
        let (step, after) = take(rest, steps)?;
        rest = after;
        moment = perform(moment, &step, edge, zone).ok_or_else(|| {
            MappingError::new(ErrorType::DateTime, format!("date math [{steps}] is out of range"))
        })?;
    }
    Ok(moment)
}

/// Reads one step, and gives the steps after it.
fn take<'a>(rest: &'a str, all: &str) -> Result<(Step, &'a str), MappingError> {
    let wrong = |what: String| MappingError::new(ErrorType::Parse, format!("{what} [{all}]"));
    let mut characters = rest.chars();
    let operator = characters.next().unwrap_or_default();
    if !matches!(operator, '+' | '-' | '/') {
        return Err(wrong("operator not supported for date math".to_owned()));
    }
    let rest = characters.as_str();
    let length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = rest.split_at_checked(length).unwrap_or(("", rest));
    let mut characters = rest.chars();
    let Some(letter) = characters.next() else {
        return Err(wrong("truncated date math".to_owned()));
    };
    let number = if digits.is_empty() { Ok(1) } else { digits.parse::<i64>() };
    let number = number.map_err(|_| wrong("number too large for date math".to_owned()))?;
    if operator == '/' && number != 1 {
        return Err(wrong("rounding `/` can only be used on single unit types".to_owned()));
    }
    let unit = Unit::of(letter)
        .ok_or_else(|| wrong(format!("unit [{letter}] not supported for date math")))?;
    let step = match operator {
        '+' => Step::Add(number, unit),
        '-' => Step::Add(-number, unit),
        _ => Step::Round(unit),
    };
    Ok((step, characters.as_str()))
}

/// Performs one step. `None` is out of range.
fn perform(moment: Moment, step: &Step, edge: Edge, zone: DateZone) -> Option<Moment> {
    // Days and months begin where the zone says.
    let local = moment.seconds.checked_add(zone.offset())?;
    match step {
        Step::Add(count, unit) => {
            let seconds = match unit.seconds() {
                Some(seconds) => local.checked_add(count.checked_mul(seconds)?)?,
                None => {
                    let months = if *unit == Unit::Year { count.checked_mul(12)? } else { *count };
                    add_months(local, months)?
                }
            };
            Some(Moment { seconds: seconds.checked_sub(zone.offset())?, nanos: moment.nanos })
        }
        Step::Round(unit) => {
            let start = floor(local, *unit)?;
            let seconds = match edge {
                Edge::Start => start,
                Edge::End => ceiling(start, *unit)?,
            };
            let seconds = seconds.checked_sub(zone.offset())?;
            Some(match edge {
                Edge::Start => Moment { seconds, nanos: 0 },
                Edge::End => Moment { seconds: seconds - 1, nanos: 999_999_999 },
            })
        }
    }
}

/// The years whose days are counted without overflow; Java's dates reach as far.
const YEARS: std::ops::RangeInclusive<i64> = -999_999_999..=999_999_999;

/// Some months later, on the same day or the last of the month.
fn add_months(local: i64, months: i64) -> Option<i64> {
    let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let (year, month, day) = date_of(days);
    let index = year.checked_mul(12)?.checked_add(month - 1)?.checked_add(months)?;
    let (year, month) = (index.div_euclid(12), index.rem_euclid(12) + 1);
    if !YEARS.contains(&year) {
        return None;
    }
    Some(days_of(year, month, day.min(days_in(year, month))) * 86_400 + second)
}

/// The first second of the unit that a second is in.
fn floor(local: i64, unit: Unit) -> Option<i64> {
    let days = local.div_euclid(86_400);
    let (year, month, _) = date_of(days);
    if !YEARS.contains(&year) {
        return None;
    }
    Some(match unit {
        Unit::Year => days_of(year, 1, 1) * 86_400,
        Unit::Month => days_of(year, month, 1) * 86_400,
        // 1970 began on a Thursday; weeks begin on Monday.
        Unit::Week => (days - (days + 3).rem_euclid(7)).checked_mul(86_400)?,
        Unit::Day | Unit::Hour | Unit::Minute | Unit::Second => {
            local - local.rem_euclid(unit.seconds()?)
        }
    })
}

/// The second after the last of the unit that begins at a second.
fn ceiling(start: i64, unit: Unit) -> Option<i64> {
    match unit.seconds() {
        Some(seconds) => start.checked_add(seconds),
        None => add_months(start, if unit == Unit::Year { 12 } else { 1 }),
    }
}
