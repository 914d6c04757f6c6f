//! Date math in index names: `<logs-{now/d-1M{yyyy.MM.dd|+01:00}}>`.

use std::fmt::Write;

use document::Timestamp;

/// The format of dates unless the name says another.
const FORMAT: &str = "yyyy.MM.dd";

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// The name that date math stands for; other names stand for themselves.
pub(crate) fn resolve(name: &str, now: Timestamp) -> Result<String, String> {
    let Some(inner) = name.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) else {
        return Ok(name.to_owned());
    };
    let invalid = |why: &str| format!("invalid dynamic name expression [{inner}]. {why}");
    let (mut resolved, mut rest) = (String::new(), inner);
    while let Some(open) = rest.find(['{', '}', '\\']) {
        let (text, tail) = rest.split_at(open);
        resolved.push_str(text);
        let mut characters = tail.chars();
        match characters.next() {
            Some('\\') => {
                let escaped = characters.next().ok_or_else(|| invalid("nothing is escaped"))?;
                resolved.push(escaped);
                rest = characters.as_str();
            }
            Some('{') => {
                let (expression, behind) = block(characters.as_str())
                    .ok_or_else(|| invalid("date math placeholder is open ended"))?;
                resolved.push_str(&evaluate(expression, now).map_err(|why| invalid(&why))?);
                rest = behind;
            }
            Some(_) | None => return Err(invalid("invalid character at position [}]")),
        }
    }
    resolved.push_str(rest);
    Ok(resolved)
}

/// The inside of a block whose opening brace is taken, and what follows it. A block may hold one.
fn block(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => return Some((text.get(..at)?, text.get(at + 1..)?)),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// `now/d-1M{format|zone}`.
fn evaluate(expression: &str, now: Timestamp) -> Result<String, String> {
    let (math, format) = match expression.split_once('{') {
        Some((math, format)) => (math, format.strip_suffix('}').ok_or("missing closing `}`")?),
        None => (expression, FORMAT),
    };
    let (format, zone) = format.split_once('|').unwrap_or((format, "UTC"));
    let offset = zone_seconds(zone).ok_or_else(|| format!("unknown time zone [{zone}]"))?;
    let steps = math.strip_prefix("now").ok_or("only [now] is known")?;
    let seconds = now.as_millis().div_euclid(1_000).saturating_add(offset);
    let moment = step(Moment::of(seconds), steps)?;
    moment.format(if format.is_empty() { FORMAT } else { format })
}

fn zone_seconds(zone: &str) -> Option<i64> {
    if ["UTC", "Z", "GMT", ""].contains(&zone) {
        return Some(0);
    }
    let (sign, digits) = match (zone.strip_prefix('+'), zone.strip_prefix('-')) {
        (Some(digits), _) => (1, digits),
        (None, Some(digits)) => (-1, digits),
        (None, None) => return None,
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// A moment of the calendar.
#[derive(Clone, Copy, Debug)]
struct Moment {
    year: i64,
    month: i64,
    day: i64,
    second_of_day: i64,
}

impl Moment {
    fn of(seconds: i64) -> Self {
        let (year, month, day) = civil(seconds.div_euclid(DAY_SECONDS));
        Self { year, month, day, second_of_day: seconds.rem_euclid(DAY_SECONDS) }
    }

    fn days(self) -> i64 {
        days(self.year, self.month, self.day)
    }

    fn plus_seconds(self, seconds: i64) -> Self {
        Self::of(self.days() * DAY_SECONDS + self.second_of_day + seconds)
    }

    /// The same day so many months later, or the last of a shorter month.
    fn plus_months(self, months: i64) -> Self {
        let number = self.year * 12 + self.month - 1 + months;
        let (year, month) = (number.div_euclid(12), number.rem_euclid(12) + 1);
        let next = if month == 12 { days(year + 1, 1, 1) } else { days(year, month + 1, 1) };
        let day = self.day.min(next - days(year, month, 1));
        Self { year, month, day, ..self }
    }

    fn round(self, unit: char) -> Option<Self> {
        let of_day = |unit: i64| self.second_of_day / unit * unit;
        Some(match unit {
            'y' => Self { month: 1, day: 1, second_of_day: 0, ..self },
            'M' => Self { day: 1, second_of_day: 0, ..self },
            'w' => {
                // Day 0 of 1970 was a Thursday; weeks begin on Monday.
                let behind = (self.days() + 3).rem_euclid(7);
                Self { second_of_day: 0, ..self }.plus_seconds(-behind * DAY_SECONDS)
            }
            'd' => Self { second_of_day: 0, ..self },
            'h' | 'H' => Self { second_of_day: of_day(3_600), ..self },
            'm' => Self { second_of_day: of_day(60), ..self },
            's' => self,
            _ => return None,
        })
    }

    fn format(self, format: &str) -> Result<String, String> {
        let mut shown = String::new();
        let letters: Vec<char> = format.chars().collect();
        for run in letters.chunk_by(|a, b| a == b) {
            let Some(&letter) = run.first() else { continue };
            let number = match letter {
                'y' | 'Y' | 'u' | 'x' => self.year,
                'M' => self.month,
                'd' => self.day,
                'H' => self.second_of_day / 3_600,
                'm' => self.second_of_day / 60 % 60,
                's' => self.second_of_day % 60,
                other if other.is_alphabetic() => {
                    return Err(format!("unknown letter [{other}] in the date format [{format}]"));
                }
                other => {
                    shown.extend(std::iter::repeat_n(other, run.len()));
                    continue;
                }
            };
            let number = if letter == 'y' && run.len() == 2 { number % 100 } else { number };
            // Writing to a string cannot fail.
            let _ = write!(shown, "{number:0width$}", width = run.len());
        }
        Ok(shown)
    }
}

/// Steps as in `/d-1M+2h`.
fn step(mut moment: Moment, mut steps: &str) -> Result<Moment, String> {
    /// The largest step, which keeps the arithmetic within bounds.
    const STEP_MAX: i64 = 100_000;
    let bad = |steps: &str| format!("unknown date math [{steps}]");
    while let Some(operator) = steps.chars().next() {
        let rest = steps.get(operator.len_utf8()..).unwrap_or_default();
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (count, behind) = rest.split_at(digits);
        let unit = behind.chars().next().ok_or_else(|| bad(steps))?;
        let count: i64 = if count.is_empty() { Ok(1) } else { count.parse() }
            .ok()
            .filter(|count| *count <= STEP_MAX)
            .ok_or_else(|| bad(steps))?;
        let count = match operator {
            '/' if digits == 0 => {
                moment = moment.round(unit).ok_or_else(|| bad(steps))?;
                steps = behind.get(unit.len_utf8()..).unwrap_or_default();
                continue;
            }
            '+' => count,
            '-' => -count,
            _ => return Err(bad(steps)),
        };
        moment = match unit {
            'y' => moment.plus_months(12 * count),
            'M' => moment.plus_months(count),
            'w' => moment.plus_seconds(7 * count * DAY_SECONDS),
            'd' => moment.plus_seconds(count * DAY_SECONDS),
            'h' | 'H' => moment.plus_seconds(count * 3_600),
            'm' => moment.plus_seconds(count * 60),
            's' => moment.plus_seconds(count),
            _ => return Err(bad(steps)),
        };
        steps = behind.get(unit.len_utf8()..).unwrap_or_default();
    }
    Ok(moment)
}

/// Days since 1970 of a date of the Gregorian calendar, by eras of 400 years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse of [`days`].
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

/// A moment as ISO 8601 shows it: `2024-02-29T12:34:56.789Z`.
#[must_use]
pub fn iso_8601(moment: Timestamp) -> String {
    let millis = moment.as_millis();
    let Moment { year, month, day, second_of_day } = Moment::of(millis.div_euclid(1_000));
    let (hours, minutes, seconds) =
        (second_of_day / 3_600, second_of_day / 60 % 60, second_of_day % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z",
        millis.rem_euclid(1_000)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-03-22T12:34:56Z, a Friday.
    const NOW: Timestamp = Timestamp::from_millis(1_711_110_896_000);

    #[test]
    fn names_follow_the_clock() {
        for (name, expected) in [
            ("plain", "plain"),
            ("<plain>", "plain"),
            ("<logs-{now/d}>", "logs-2024.03.22"),
            ("<logs-{now}-x>", "logs-2024.03.22-x"),
            ("<logs-{now/M}>", "logs-2024.03.01"),
            ("<logs-{now/M{yyyy.MM}}>", "logs-2024.03"),
            ("<logs-{now/M-1M{yyyy.MM}}>", "logs-2024.02"),
            ("<logs-{now/w}>", "logs-2024.03.18"),
            ("<logs-{now/y-1y{yy}}>", "logs-23"),
            ("<logs-{now+1d/d{yyyy-MM-dd}}>", "logs-2024-03-23"),
            ("<logs-{now{yyyy.MM.dd.HH|+12:00}}>", "logs-2024.03.23.00"),
            ("<a\\{b\\}-{now/d{dd}}>", "a{b}-22"),
            ("<x-{now-3w{MM.dd}}>", "x-03.01"),
        ] {
            assert_eq!(resolve(name, NOW).as_deref(), Ok(expected), "{name}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for name in [
            "<a{now>",
            "<a{later}>",
            "<a{now/q}>",
            "<a}>",
            "<a{now+99999999999d}>",
            "<a{now{Q}}>",
            "<a{now|Mars}>",
            "<a\\>",
        ] {
            assert!(resolve(name, NOW).is_err(), "{name}");
        }
    }

    #[test]
    fn the_calendar_is_gregorian() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (4_102_444_799_000, "2099-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(iso_8601(Timestamp::from_millis(seconds)), expected);
        }
        let leap = Moment::of(1_709_164_800).plus_months(12);
        assert_eq!((leap.year, leap.month, leap.day), (2025, 2, 28));
    }
}
