//! The dates that almost all documents have, read directly: `2020-01-01`, and with a time
//! `2020-01-01T10:20:30`, decimal places, `Z` or an offset.

use super::{Moment, calendar::days_of};

/// The moment of a text in the plain form; `None` leaves it to the patterns.
pub(super) fn read(text: &str) -> Option<Moment> {
    let (date, time) = text.as_bytes().split_at_checked(10)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = date else { return None };
    let year = two(*y1, *y2)? * 100 + two(*y3, *y4)?;
    let (month, day) = (two(*m1, *m2)?, two(*d1, *d2)?);
    // The days that not every month has are left to those who know the months.
    if !(1..=12).contains(&month) || !(1..=28).contains(&day) {
        return None;
    }
    let day_seconds = days_of(year, month, day) * 86_400;
    if time.is_empty() {
        return Some(Moment { seconds: day_seconds, nanos: 0 });
    }
    let [b'T', h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] = time else { return None };
    let (hour, minute, second) = (two(*h1, *h2)?, two(*m1, *m2)?, two(*s1, *s2)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (nanos, rest) = match rest {
        [b'.', rest @ ..] => fraction(rest)?,
        _ => (0, rest),
    };
    let offset = match rest {
        [] | [b'Z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (two(*h1, *h2)?, two(*m1, *m2)?);
            if hours > 17 || minutes > 59 {
                return None;
            }
            let offset = hours * 3_600 + minutes * 60;
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    let seconds = day_seconds + hour * 3_600 + minute * 60 + second - offset;
    Some(Moment { seconds, nanos })
}

/// A number of two digits.
fn two(tens: u8, ones: u8) -> Option<i64> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    Some(digit(tens)? * 10 + digit(ones)?)
}

/// One to nine decimal places as nanoseconds, and what follows them.
fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&length) {
        return None;
    }
    let (digits, rest) = text.split_at_checked(length)?;
    let value = digits.iter().fold(0_u32, |value, digit| value * 10 + u32::from(digit - b'0'));
    let scale = 10_u32.pow(9 - u32::try_from(length).ok()?);
    Some((value * scale, rest))
}

#[cfg(test)]
mod tests {
    use crate::{date::DateFormat, settings::Dialect};

    #[test]
    fn the_short_way_and_the_patterns_read_the_same() {
        for dialect in [Dialect::Seven, Dialect::Eight] {
            let mut format = DateFormat::parse("strict_date_optional_time", dialect).unwrap();
            for text in [
                "2020-01-01",
                "0001-02-28",
                "2020-01-01T10:20:30",
                "2020-01-01T10:20:30Z",
                "1969-12-28T23:59:59.999Z",
                "2020-01-01T10:20:30.123456789+02:00",
                "2020-01-01T10:20:30.5-11:30",
            ] {
                let short = super::read(text);
                assert!(short.is_some(), "{text}");
                format.is_iso_first = false;
                assert_eq!(format.read(text).ok(), short, "{text}");
            }
        }
        for text in ["2020-13-01", "2020-01-31", "2020-01-01T24:00:00", "2020-01-01T10", "x"] {
            assert_eq!(super::read(text), None, "{text}");
        }
    }
}
