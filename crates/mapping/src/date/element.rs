//! The elements of a pattern and how each takes its part of a text.

use super::zone;

/// A part of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The proleptic year.
    Year,
    /// The month, from one.
    Month,
    /// The day of the month.
    Day,
    /// The day of the year.
    DayOfYear,
    /// The year that the week counts to.
    WeekYear,
    /// The week of that year.
    Week,
    /// The day of the week, Monday is one.
    WeekDay,
    /// The hour, to 24.
    Hour,
    /// The hour of half a day, to 12.
    HalfDayHour,
    /// Before or after noon.
    HalfDay,
    /// The minute.
    Minute,
    /// The second.
    Second,
    /// Milliseconds of the second.
    Milli,
    /// Nanoseconds of the second.
    Nano,
}

/// The number of parts.
const PARTS: usize = 14;

/// Which signs a number may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// None.
    Never,
    /// A minus.
    Minus,
    /// A minus; a plus exactly if the number is longer than its least width.
    Exceeding,
}

/// A list of words that stand for numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// `Jan`.
    ShortMonths,
    /// `January`.
    Months,
    /// `Mon`.
    ShortDays,
    /// `Monday`.
    Days,
    /// `AM` and `PM`.
    HalfDays,
}

/// One element of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// A number: the part it is, its least and greatest width, its signs, and how many digits after
    /// it belong to the numbers that follow without a gap.
    Number { part: Part, min: usize, max: usize, sign: Sign, reserved: usize },
    /// A year of two digits, of this century.
    ShortYear(Part),
    /// Decimal places of the second.
    Fraction { min: usize, max: usize, points: &'static str },
    /// A word.
    Word(Part, Words),
    /// Characters as they are.
    Literal(String),
    /// A zone or an offset.
    Zone(zone::Form),
    /// Elements that may be missing together.
    Optional(Vec<Element>),
}

/// What a text says of a date so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parsed {
    parts: [Option<i64>; PARTS],
    /// Seconds east of Greenwich.
    pub(super) offset: Option<i64>,
}

impl Parsed {
    /// A part, if the text has it.
    pub(super) fn get(&self, part: Part) -> Option<i64> {
        self.parts.get(part as usize).copied().flatten()
    }

    /// Notes a part.
    pub(super) fn set(&mut self, part: Part, value: i64) {
        if let Some(slot) = self.parts.get_mut(part as usize) {
            *slot = Some(value);
        }
    }
}

/// The end of what was taken, or the character where it went wrong.
type Taken = Result<usize, usize>;

/// Takes all elements from `at` on.
pub(super) fn read_all(elements: &[Element], text: &str, at: usize, parsed: &mut Parsed) -> Taken {
    let mut at = at;
    for element in elements {
        at = element.read(text, at, parsed)?;
    }
    Ok(at)
}

impl Element {
    /// Takes this element at `at`.
    fn read(&self, text: &str, at: usize, parsed: &mut Parsed) -> Taken {
        let rest = text.get(at..).unwrap_or_default();
        match self {
            Self::Number { part, min, max, sign, reserved } => {
                let (value, taken) = number(rest, *min, *max, *sign, *reserved).ok_or(at)?;
                parsed.set(*part, value);
                Ok(at + taken)
            }
            Self::ShortYear(part) => {
                let (value, taken) = number(rest, 2, 2, Sign::Never, 0).ok_or(at)?;
                parsed.set(*part, 2_000 + value);
                Ok(at + taken)
            }
            Self::Fraction { min, max, points } => {
                let (nanos, taken) = fraction(rest, *min, *max, points).ok_or(at)?;
                parsed.set(Part::Nano, nanos);
                Ok(at + taken)
            }
            Self::Word(part, words) => {
                let (value, taken) = words.find(rest).ok_or(at)?;
                parsed.set(*part, value);
                Ok(at + taken)
            }
            Self::Literal(literal) => {
                if rest.starts_with(literal.as_str()) {
                    Ok(at + literal.len())
                } else {
                    Err(at)
                }
            }
            Self::Zone(form) => {
                let (offset, taken) = form.read(rest).ok_or(at)?;
                parsed.offset = Some(offset);
                Ok(at + taken)
            }
            Self::Optional(elements) => {
                let before = *parsed;
                Ok(read_all(elements, text, at, parsed).unwrap_or_else(|_| {
                    *parsed = before;
                    at
                }))
            }
        }
    }
}

/// A number at the beginning of a text, and its length.
fn number(text: &str, min: usize, max: usize, sign: Sign, reserved: usize) -> Option<(i64, usize)> {
    let bytes = text.as_bytes();
    let (negative, plus) = match bytes.first()? {
        b'-' if sign != Sign::Never => (true, false),
        b'+' if sign == Sign::Exceeding => (false, true),
        _ => (false, false),
    };
    let signs = usize::from(negative || plus);
    let digits =
        bytes.get(signs..)?.iter().take(max + reserved).take_while(|byte| byte.is_ascii_digit());
    let found = digits.count();
    if found < min {
        return None;
    }
    let length = found.saturating_sub(reserved).max(min).min(max);
    if sign == Sign::Exceeding && !negative && plus != (length > min) {
        return None;
    }
    let value: i64 = text.get(signs..signs + length)?.parse().ok()?;
    Some((if negative { -value } else { value }, signs + length))
}

/// Decimal places, after a point if there has to be one, as nanoseconds.
fn fraction(text: &str, min: usize, max: usize, points: &str) -> Option<(i64, usize)> {
    let digits =
        if points.is_empty() { text } else { text.strip_prefix(|point| points.contains(point))? };
    let length = digits.bytes().take(max).take_while(u8::is_ascii_digit).count();
    if length < min {
        return None;
    }
    let value: i64 = digits.get(..length)?.parse().ok()?;
    let scale = 10_i64.pow(u32::try_from(9_usize.saturating_sub(length)).ok()?);
    Some((value * scale, text.len() - digits.len() + length))
}

impl Words {
    /// The word at the beginning of a text: the number it stands for, and its length.
    fn find(self, text: &str) -> Option<(i64, usize)> {
        const MONTHS: [&str; 12] = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        const DAYS: [&str; 7] =
            ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
        let (words, length, first): (&[&str], usize, i64) = match self {
            Self::ShortMonths => (&MONTHS, 3, 1),
            Self::Months => (&MONTHS, usize::MAX, 1),
            Self::ShortDays => (&DAYS, 3, 1),
            Self::Days => (&DAYS, usize::MAX, 1),
            Self::HalfDays => (&["AM", "PM"], 2, 0),
        };
        (first..).zip(words).find_map(|(number, word)| {
            let word = word.get(..length.min(word.len()))?;
            text.starts_with(word).then_some((number, word.len()))
        })
    }
}
