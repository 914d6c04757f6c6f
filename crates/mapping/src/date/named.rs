//! The formats that have a name.

use crate::settings::Dialect;

use super::{
    element::{Element, Part, Sign},
    zone::Form,
};

/// A list of elements.
type Pattern = Vec<Element>;

/// A number without a sign.
fn number(part: Part, min: usize, max: usize) -> Element {
    Element::Number { part, min, max, sign: Sign::Never, reserved: 0 }
}

/// A number of two digits, or of one where the format is lenient.
fn two(part: Part, strict: bool) -> Element {
    number(part, if strict { 2 } else { 1 }, 2)
}

/// A character.
fn literal(text: &str) -> Element {
    Element::Literal(text.to_owned())
}

/// A year of four digits, with a sign if it has more; a lenient one has up to five.
fn year(strict: bool) -> Element {
    let (part, reserved) = (Part::Year, 0);
    if strict {
        Element::Number { part, min: 4, max: 10, sign: Sign::Exceeding, reserved }
    } else {
        Element::Number { part, min: 1, max: 5, sign: Sign::Minus, reserved }
    }
}

/// The year of a week date.
fn week_year(strict: bool) -> Element {
    let min = if strict { 4 } else { 1 };
    let sign = Sign::Exceeding;
    Element::Number {
        part: Part::WeekYear,
        min: if strict { min } else { 4 },
        max: 10,
        sign,
        reserved: 0,
    }
}

/// `2020-01-01`.
fn date(strict: bool) -> Pattern {
    let (month, day) = (two(Part::Month, strict), two(Part::Day, strict));
    vec![year(strict), literal("-"), month, literal("-"), day]
}

/// `2020-001`.
fn ordinal_date(strict: bool) -> Pattern {
    let day = if strict { number(Part::DayOfYear, 3, 3) } else { number(Part::DayOfYear, 1, 3) };
    vec![year(strict), literal("-"), day]
}

/// `2020-W01-1`.
fn week_date(strict: bool) -> Pattern {
    let week = two(Part::Week, strict);
    let day = number(Part::WeekDay, 1, 1);
    vec![week_year(strict), literal("-W"), week, literal("-"), day]
}

/// `10:20:30`, as far as `parts` reaches.
fn time(parts: usize, strict: bool) -> Pattern {
    let mut pattern = vec![two(Part::Hour, strict)];
    for part in [Part::Minute, Part::Second].into_iter().take(parts.saturating_sub(1)) {
        pattern.extend([literal(":"), two(part, strict)]);
    }
    pattern
}

/// Decimal places after a point.
fn fraction(min: usize, max: usize) -> Element {
    Element::Fraction { min, max, points: "." }
}

/// Elements one after the other.
fn joined(parts: impl IntoIterator<Item = Pattern>) -> Pattern {
    parts.into_iter().flatten().collect()
}

/// A date, a `T`, a time.
fn at_time(date: Pattern, time: Pattern) -> Pattern {
    joined([date, vec![literal("T")], time])
}

/// `20200101`, `2020001` or `2020W011`.
fn basic(name: &str) -> Option<Pattern> {
    let pattern = match name {
        "date" => {
            vec![number(Part::Year, 1, 4), number(Part::Month, 2, 2), number(Part::Day, 2, 2)]
        }
        "ordinal_date" => vec![number(Part::Year, 4, 4), number(Part::DayOfYear, 3, 3)],
        "week_date" => vec![
            number(Part::WeekYear, 4, 4),
            literal("W"),
            number(Part::Week, 2, 2),
            number(Part::WeekDay, 1, 1),
        ],
        "t_time" | "time" => {
            [Part::Hour, Part::Minute, Part::Second].map(|part| number(part, 2, 2)).to_vec()
        }
        _ => return None,
    };
    Some(pattern)
}

/// The patterns with a zone: its two forms are tried one after the other.
fn zoned(before: &Pattern) -> Vec<Pattern> {
    [Form::Colon(true), Form::Hours(true)]
        .map(|form| joined([before.clone(), vec![Element::Zone(form)]]))
        .to_vec()
}

/// A date whose time may be missing from any part on.
fn optional_time(strict: bool, dialect: Dialect, points: &'static str) -> Pattern {
    let zone = Element::Optional(vec![Element::Zone(Form::Any)]);
    let fraction = Element::Optional(vec![Element::Fraction { min: 1, max: 9, points }]);
    let second = Element::Optional(vec![literal(":"), two(Part::Second, strict), fraction]);
    let mut minute = vec![literal(":"), two(Part::Minute, strict), second];
    let mut hour = vec![two(Part::Hour, strict)];
    if dialect == Dialect::Eight {
        hour.extend([Element::Optional(minute), zone]);
    } else {
        minute.push(zone);
        hour.push(Element::Optional(minute));
    }
    let time = Element::Optional(vec![literal("T"), Element::Optional(hour)]);
    if dialect == Dialect::Eight {
        let day = vec![literal("-"), two(Part::Day, strict), time];
        let month = vec![literal("-"), two(Part::Month, strict), Element::Optional(day)];
        vec![year(strict), Element::Optional(month)]
    } else {
        joined([date(strict), vec![time]])
    }
}

/// The patterns of a named format; more than one where its zone has two forms.
pub(super) fn patterns(name: &str, dialect: Dialect) -> Option<Vec<Pattern>> {
    let (name, strict) = name.strip_prefix("strict_").map_or((name, false), |name| (name, true));
    if let Some(basic_name) = name.strip_prefix("basic_") {
        return basic_patterns(basic_name);
    }
    let comma = if dialect == Dialect::Eight { ".," } else { "." };
    let single = match name {
        "date_optional_time" | "date_optional_time_nanos" => optional_time(strict, dialect, comma),
        "iso8601" => optional_time(true, Dialect::Seven, ".,"),
        "date" | "year_month_day" => date(strict),
        "year_month" => vec![year(strict), literal("-"), two(Part::Month, strict)],
        "year" | "weekyear" => vec![long_year(name, strict)],
        "weekyear_week" => vec![week_year(strict), literal("-W"), two(Part::Week, strict)],
        "week_date" | "weekyear_week_day" => week_date(strict),
        "ordinal_date" => ordinal_date(strict),
        "hour" => time(1, strict),
        "hour_minute" => time(2, strict),
        "hour_minute_second" => time(3, strict),
        "hour_minute_second_millis" => joined([time(3, strict), vec![fraction(1, 3)]]),
        "hour_minute_second_fraction" => joined([time(3, strict), vec![fraction(1, 9)]]),
        "date_hour" => at_time(date(strict), time(1, strict)),
        "date_hour_minute" => at_time(date(strict), time(2, strict)),
        "date_hour_minute_second" => at_time(date(strict), time(3, strict)),
        "date_hour_minute_second_millis" => {
            at_time(date(strict), joined([time(3, strict), vec![fraction(1, 3)]]))
        }
        "date_hour_minute_second_fraction" => {
            at_time(date(strict), joined([time(3, strict), vec![fraction(1, 9)]]))
        }
        _ => return zoned_patterns(name, strict),
    };
    Some(vec![single])
}

/// A year alone, whose length only the type bounds.
fn long_year(name: &str, strict: bool) -> Element {
    let part = if name == "year" { Part::Year } else { Part::WeekYear };
    let (min, sign) = if strict { (4, Sign::Exceeding) } else { (1, Sign::Minus) };
    Element::Number { part, min, max: 19, sign, reserved: 0 }
}

/// The named formats that end with a zone.
fn zoned_patterns(name: &str, strict: bool) -> Option<Vec<Pattern>> {
    let places = || vec![Element::Optional(vec![fraction(1, 9)])];
    let full = || joined([time(3, strict), places()]);
    let before = match name {
        "date_time" => at_time(date(strict), full()),
        "date_time_no_millis" => at_time(date(strict), time(3, strict)),
        "ordinal_date_time" => at_time(ordinal_date(strict), full()),
        "ordinal_date_time_no_millis" => at_time(ordinal_date(strict), time(3, strict)),
        "week_date_time" => at_time(week_date(strict), full()),
        "week_date_time_no_millis" => at_time(week_date(strict), time(3, strict)),
        "time" => full(),
        "time_no_millis" => time(3, strict),
        "t_time" => joined([vec![literal("T")], full()]),
        "t_time_no_millis" => joined([vec![literal("T")], time(3, strict)]),
        _ => return None,
    };
    Some(zoned(&before))
}

/// The named formats without separators.
fn basic_patterns(name: &str) -> Option<Vec<Pattern>> {
    if let Some(pattern) = basic(name).filter(|_| !name.ends_with("time")) {
        return Some(vec![pattern]);
    }
    let (base, millis) = name.strip_suffix("_no_millis").map_or((name, true), |base| (base, false));
    let places = if millis { vec![fraction(1, 9)] } else { Vec::new() };
    let time = || Some(joined([basic("time")?, places.clone()]));
    let before = match base {
        "time" => time()?,
        "t_time" => joined([vec![literal("T")], time()?]),
        "date_time" => at_time(basic("date")?, time()?),
        "ordinal_date_time" => at_time(basic("ordinal_date")?, time()?),
        "week_date_time" => at_time(basic("week_date")?, time()?),
        _ => return None,
    };
    Some(zoned(&before))
}
