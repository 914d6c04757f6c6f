//! From the parts a text has to the moment it means.

use super::{
    Mismatch, Moment,
    calendar::{days_in, days_of, days_of_week_date, is_leap},
    element::{Parsed, Part},
};

/// Fails unless a part is within its range.
fn within(parsed: &Parsed, part: Part, low: i64, high: i64, name: &str) -> Result<(), Mismatch> {
    match parsed.get(part) {
        Some(value) if !(low..=high).contains(&value) => {
            let reason = format!("Invalid value for {name} (valid values {low} - {high}): {value}");
            Err(Mismatch::NoDate(reason))
        }
        Some(_) | None => Ok(()),
    }
}

/// The moment that the parts mean; what is missing is the first that there is. `strict` refuses days
/// a month does not have, which otherwise become its last.
pub(super) fn moment(parsed: &Parsed, strict: bool) -> Result<Moment, Mismatch> {
    const YEAR_MAX: i64 = 999_999_999;
    if let Some(year) = parsed.get(Part::Year)
        && year.abs() > YEAR_MAX
    {
        let reason =
            format!("Invalid value for Year (valid values -999999999 - 999999999): {year}");
        return Err(Mismatch::OutOfRange(reason));
    }
    within(parsed, Part::Month, 1, 12, "MonthOfYear")?;
    within(parsed, Part::Day, 1, 31, "DayOfMonth")?;
    within(parsed, Part::DayOfYear, 1, 366, "DayOfYear")?;
    within(parsed, Part::WeekYear, -YEAR_MAX, YEAR_MAX, "WeekBasedYear")?;
    within(parsed, Part::Week, 1, 53, "WeekOfWeekBasedYear")?;
    within(parsed, Part::WeekDay, 1, 7, "DayOfWeek")?;
    within(parsed, Part::Hour, 0, 24, "HourOfDay")?;
    within(parsed, Part::HalfDayHour, 0, 12, "ClockHourOfAmPm")?;
    within(parsed, Part::Minute, 0, 59, "MinuteOfHour")?;
    within(parsed, Part::Second, 0, 59, "SecondOfMinute")?;
    let seconds = days(parsed, strict)? * 86_400 + second_of_day(parsed)?;
    let nanos = parsed
        .get(Part::Nano)
        .or_else(|| parsed.get(Part::Milli).map(|millis| millis * 1_000_000))
        .unwrap_or(0);
    let nanos = u32::try_from(nanos).unwrap_or(0);
    Ok(Moment { seconds: seconds - parsed.offset.unwrap_or(0), nanos })
}

/// The day, since 1970.
fn days(parsed: &Parsed, strict: bool) -> Result<i64, Mismatch> {
    if let Some(week_year) = parsed.get(Part::WeekYear) {
        if let (Some(month), None) = (parsed.get(Part::Month), parsed.get(Part::Week)) {
            // A week's year beside a month is what people write who mean the year.
            return Ok(days_of(week_year, month, parsed.get(Part::Day).unwrap_or(1)));
        }
        let week = parsed.get(Part::Week).unwrap_or(1);
        return Ok(days_of_week_date(week_year, week, parsed.get(Part::WeekDay).unwrap_or(1)));
    }
    let year = parsed.get(Part::Year).unwrap_or(1970);
    if let Some(day) = parsed.get(Part::DayOfYear) {
        if day == 366 && !is_leap(year) {
            let reason = format!("Invalid date 'DayOfYear 366' as '{year}' is not a leap year");
            return Err(Mismatch::NoDate(reason));
        }
        return Ok(days_of(year, 1, 1) + day - 1);
    }
    let month = parsed.get(Part::Month).unwrap_or(1);
    let day = parsed.get(Part::Day).unwrap_or(1);
    let last = days_in(year, month);
    if day > last && strict {
        return Err(Mismatch::NoDate(format!("Invalid date '{year}-{month}-{day}'")));
    }
    Ok(days_of(year, month, day.min(last)))
}

/// The second of the day; hour 24 is the end of it and no other time.
fn second_of_day(parsed: &Parsed) -> Result<i64, Mismatch> {
    let hour = match (parsed.get(Part::Hour), parsed.get(Part::HalfDayHour)) {
        (Some(hour), _) => hour,
        (None, Some(hour)) => hour % 12 + 12 * parsed.get(Part::HalfDay).unwrap_or(0),
        (None, None) => 0,
    };
    let minute = parsed.get(Part::Minute).unwrap_or(0);
    let second = parsed.get(Part::Second).unwrap_or(0);
    let exact = minute == 0 && second == 0 && parsed.get(Part::Nano).unwrap_or(0) == 0;
    if hour == 24 && !exact {
        let reason = "Invalid value for HourOfDay (valid values 0 - 23): 24".to_owned();
        return Err(Mismatch::NoDate(reason));
    }
    Ok(hour * 3_600 + minute * 60 + second)
}
