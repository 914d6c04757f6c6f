//! How dates are shown: by the first alternative of a format.

use super::{Moment, calendar::date_of, expression::of_millis};

/// No format has more bytes, for every date is as long.
const FORMAT_BYTES_MAX: usize = 200;

/// A piece of a printed date.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// The year, in so many digits at least.
    Year(usize),
    /// The last two digits of the year.
    ShortYear,
    /// The month, in so many digits at least.
    Month(usize),
    /// The day of the month.
    Day(usize),
    /// The hour of the day.
    Hour(usize),
    /// The minute.
    Minute(usize),
    /// The second.
    Second(usize),
    /// So many digits of the fraction of the second.
    Fraction(usize),
    /// Three digits of the fraction, and as many more as say something.
    Nanos,
    /// Milliseconds since 1970.
    EpochMillis,
    /// Seconds since 1970.
    EpochSeconds,
    /// A text.
    Text(String),
}

/// Prints dates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatePrinter(Vec<Piece>);

impl DatePrinter {
    /// By the first alternative of a format, if this server can print by it: ISO 8601, seconds and
    /// milliseconds since 1970, and patterns of numbers.
    #[must_use]
    pub fn new(format: &str) -> Option<Self> {
        let first = format.split("||").next().unwrap_or(format);
        let pattern = match first {
            "strict_date_optional_time"
            | "date_optional_time"
            | "dateOptionalTime"
            | "strictDateOptionalTime"
            | "strict_date_optional_time_nanos"
            | "strict_date_time"
            | "date_time" => {
                let mut pieces = Self::pattern("yyyy-MM-dd'T'HH:mm:ss")?;
                pieces.extend([
                    Piece::Text(".".to_owned()),
                    Piece::Nanos,
                    Piece::Text("Z".to_owned()),
                ]);
                return Some(Self(pieces));
            }
            "epoch_millis" => return Some(Self(vec![Piece::EpochMillis])),
            "epoch_second" => return Some(Self(vec![Piece::EpochSeconds])),
            "strict_date" | "date" => "yyyy-MM-dd",
            "basic_date" => "yyyyMMdd",
            "strict_date_hour_minute_second" | "date_hour_minute_second" => "yyyy-MM-dd'T'HH:mm:ss",
            "strict_year_month_day" | "year_month_day" => "yyyy-MM-dd",
            "strict_year_month" | "year_month" => "yyyy-MM",
            "strict_year" | "year" => "yyyy",
            pattern => pattern.strip_prefix('8').unwrap_or(pattern),
        };
        Self::pattern(pattern).map(Self)
    }

    /// The pieces of a pattern, if all of its letters are known.
    fn pattern(pattern: &str) -> Option<Vec<Piece>> {
        if pattern.len() > FORMAT_BYTES_MAX {
            return None;
        }
        let mut pieces = Vec::new();
        let mut rest = pattern;
        while let Some(first) = rest.chars().next() {
            if first == '\'' {
                let (text, after) = quoted(rest.get(1..)?)?;
                pieces.push(Piece::Text(text));
                rest = after;
                continue;
            }
            let same = rest.len() - rest.trim_start_matches(first).len();
            let (run, after) = rest.split_at_checked(same)?;
            let short = run.len() <= 2;
            pieces.push(match first {
                'y' | 'u' if run.len() == 2 => Piece::ShortYear,
                'y' | 'u' if run.len() <= 9 => Piece::Year(run.len()),
                'M' if short => Piece::Month(run.len()),
                'd' if short => Piece::Day(run.len()),
                'H' if short => Piece::Hour(run.len()),
                'm' if short => Piece::Minute(run.len()),
                's' if short => Piece::Second(run.len()),
                'S' if run.len() <= 9 => Piece::Fraction(run.len()),
                letter if letter.is_ascii_alphabetic() || "[]{}#".contains(letter) => return None,
                _ => Piece::Text(run.to_owned()),
            });
            rest = after;
        }
        Some(pieces)
    }

    /// A date, in milliseconds since 1970.
    #[must_use]
    pub fn millis(&self, millis: i64) -> String {
        self.print(of_millis(millis))
    }

    /// A date, in nanoseconds since 1970.
    #[must_use]
    pub fn nanos(&self, nanos: i64) -> String {
        let (seconds, nanos) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
        self.print(Moment { seconds, nanos: u32::try_from(nanos).unwrap_or_default() })
    }

    fn print(&self, moment: Moment) -> String {
        let (days, second) = (moment.seconds.div_euclid(86_400), moment.seconds.rem_euclid(86_400));
        let (year, month, day) = date_of(days);
        let nanos = format!("{:09}", moment.nanos);
        let padded = |number: i64, width: usize| format!("{number:0width$}");
        let piece = |piece: &Piece| match piece {
            // A year of more digits than its pattern shows its sign.
            Piece::Year(width) if year > 9_999 && *width == 4 => format!("+{year}"),
            Piece::Year(width) => padded(year, *width + usize::from(year < 0)),
            Piece::ShortYear => padded(year.rem_euclid(100), 2),
            Piece::Month(width) => padded(month, *width),
            Piece::Day(width) => padded(day, *width),
            Piece::Hour(width) => padded(second / 3_600, *width),
            Piece::Minute(width) => padded(second / 60 % 60, *width),
            Piece::Second(width) => padded(second % 60, *width),
            Piece::Fraction(width) => nanos.chars().take(*width).collect(),
            Piece::Nanos => {
                let said = nanos.trim_end_matches('0').len().max(3);
                nanos.chars().take(said).collect()
            }
            Piece::EpochMillis => {
                let millis =
                    i128::from(moment.seconds) * 1_000 + i128::from(moment.nanos / 1_000_000);
                millis.to_string()
            }
            Piece::EpochSeconds => moment.seconds.to_string(),
            Piece::Text(text) => text.clone(),
        };
        self.0.iter().map(piece).collect()
    }
}

/// A text up to the quote that ends it, and what comes after; two quotes stand for one.
fn quoted(rest: &str) -> Option<(String, &str)> {
    let (first, mut after) = rest.split_once('\'')?;
    if first.is_empty() {
        return Some(("'".to_owned(), after));
    }
    let mut text = first.to_owned();
    while let Some(more) = after.strip_prefix('\'') {
        let (next, rest) = more.split_once('\'')?;
        text.push('\'');
        text.push_str(next);
        after = rest;
    }
    Some((text, after))
}

#[cfg(test)]
mod tests {
    use super::DatePrinter;

    #[test]
    fn the_first_alternative_is_printed() {
        let print = |format: &str, millis: i64| Some(DatePrinter::new(format)?.millis(millis));
        for (format, millis, expected) in [
            ("strict_date_optional_time||epoch_millis", 0, "1970-01-01T00:00:00.000Z"),
            ("strict_date_optional_time", -1, "1969-12-31T23:59:59.999Z"),
            ("epoch_millis", -5, "-5"),
            ("epoch_second||yyyy", 1_500, "1"),
            ("yyyy/MM/dd HH:mm:ss||epoch_millis", 1_577_836_800_000, "2020/01/01 00:00:00"),
            ("8yyyy/MM", 1_577_836_800_000, "2020/01"),
            ("d.M.yy 'at' H''mm.SS", 1_577_840_461_230, "1.1.20 at 1'01.23"),
            ("yyyy 'o''clock'", 0, "1970 o'clock"),
            ("uuuu-MM-dd", -62_135_596_800_001, "0000-12-31"),
        ] {
            assert_eq!(print(format, millis).as_deref(), Some(expected), "{format}");
        }
        let (long_year, long_text) = ("y".repeat(70_000), " ".repeat(201));
        for unknown in ["EEE", "MMM", "nope", "yyyy-'x", "yyyyyyyyyy", &long_year, &long_text] {
            assert_eq!(print(unknown, 0), None, "{unknown}");
        }
        let nanos = DatePrinter::new("strict_date_optional_time").unwrap();
        assert_eq!(nanos.nanos(1), "1970-01-01T00:00:00.000000001Z");
        assert_eq!(nanos.nanos(-1_500_000), "1969-12-31T23:59:59.9985Z");
    }
}
