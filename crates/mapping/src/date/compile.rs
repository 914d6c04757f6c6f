//! From a pattern of letters to elements.

use crate::error::MappingError;

use super::{
    element::{Element, Part, Sign, Words},
    zone::Form,
};

/// Compiles a pattern as `DateTimeFormatterBuilder.appendPattern` does.
pub(super) fn pattern(text: &str) -> Result<Vec<Element>, MappingError> {
    // The elements of the optional sections that are open, the outermost first.
    let mut open: Vec<Vec<Element>> = vec![Vec::new()];
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            'A'..='Z' | 'a'..='z' => {
                let mut count = 1;
                while characters.next_if_eq(&character).is_some() {
                    count += 1;
                }
                push(&mut open, letter(character, count)?);
            }
            '\'' => {
                let literal = quoted(&mut characters, text)?;
                push(&mut open, Element::Literal(literal));
            }
            '[' => open.push(Vec::new()),
            ']' => {
                let section = if open.len() > 1 { open.pop() } else { None };
                let Some(section) = section else {
                    let reason = "Pattern invalid as it contains ] without previous [";
                    return Err(MappingError::argument(reason));
                };
                push(&mut open, Element::Optional(section));
            }
            '{' | '}' | '#' => {
                let reason = format!("Pattern includes reserved character: '{character}'");
                return Err(MappingError::argument(reason));
            }
            other => push(&mut open, Element::Literal(other.to_string())),
        }
    }
    while open.len() > 1
        && let Some(section) = open.pop()
    {
        push(&mut open, Element::Optional(section));
    }
    let mut elements = open.pop().unwrap_or_default();
    share_digits(&mut elements);
    Ok(elements)
}

/// Adds an element to the innermost open section.
fn push(open: &mut [Vec<Element>], element: Element) {
    if let Some(section) = open.last_mut() {
        section.push(element);
    }
}

/// The text between quotes; two quotes are one.
fn quoted(
    characters: &mut std::iter::Peekable<std::str::Chars<'_>>,
    text: &str,
) -> Result<String, MappingError> {
    let mut literal = String::new();
    loop {
        match characters.next() {
            Some('\'') if characters.next_if_eq(&'\'').is_some() => literal.push('\''),
            Some('\'') => break,
            Some(other) => literal.push(other),
            None => {
                let reason = format!("Pattern ends with an incomplete string literal: {text}");
                return Err(MappingError::argument(reason));
            }
        }
    }
    Ok(if literal.is_empty() { "'".to_owned() } else { literal })
}

/// Lets a number of variable width leave the digits that the numbers directly after it need.
fn share_digits(elements: &mut [Element]) {
    let mut needed = 0;
    for element in elements.iter_mut().rev() {
        match element {
            Element::Number { min, max, reserved, .. } if min == max => {
                *reserved = 0;
                needed += *max;
            }
            Element::Number { reserved, .. } => {
                *reserved = needed;
                needed = 0;
            }
            Element::Fraction { min, max, points } if min == max && points.is_empty() => {
                needed += *max;
            }
            Element::Optional(section) => {
                share_digits(section);
                needed = 0;
            }
            Element::ShortYear(_)
            | Element::Fraction { .. }
            | Element::Word(..)
            | Element::Literal(_)
            | Element::Zone(_) => needed = 0,
        }
    }
}

/// A number of one digit or more, or of exactly the given width.
fn plain(part: Part, count: usize) -> Element {
    let (min, max, sign) =
        if count == 1 { (1, 19, Sign::Minus) } else { (count, count, Sign::Never) };
    Element::Number { part, min, max, sign, reserved: 0 }
}

/// A year of a pattern.
fn year(part: Part, count: usize) -> Element {
    match count {
        2 => Element::ShortYear(part),
        1 | 3 => Element::Number { part, min: count, max: 19, sign: Sign::Minus, reserved: 0 },
        _ => Element::Number { part, min: count, max: 19, sign: Sign::Exceeding, reserved: 0 },
    }
}

/// The element that a letter means, repeated so many times.
fn letter(letter: char, count: usize) -> Result<Element, MappingError> {
    let too_many = || MappingError::argument(format!("Too many pattern letters: {letter}"));
    let element = match letter {
        'y' | 'u' => year(Part::Year, count),
        'Y' => year(Part::WeekYear, count),
        'M' | 'L' => match count {
            1 | 2 => plain(Part::Month, count),
            3 => Element::Word(Part::Month, Words::ShortMonths),
            4 => Element::Word(Part::Month, Words::Months),
            _ => return Err(too_many()),
        },
        'd' if count <= 2 => plain(Part::Day, count),
        'D' if count == 1 || count == 3 => plain(Part::DayOfYear, count),
        'w' if count <= 2 => plain(Part::Week, count),
        'H' | 'k' if count <= 2 => plain(Part::Hour, count),
        'h' | 'K' if count <= 2 => plain(Part::HalfDayHour, count),
        'm' if count <= 2 => plain(Part::Minute, count),
        's' if count <= 2 => plain(Part::Second, count),
        'n' => plain(Part::Nano, 1),
        'S' if count <= 9 => Element::Fraction { min: count, max: count, points: "" },
        'a' if count == 1 => Element::Word(Part::HalfDay, Words::HalfDays),
        'e' | 'c' if count <= 2 => plain(Part::WeekDay, count),
        'E' | 'e' | 'c' if count <= 3 => Element::Word(Part::WeekDay, Words::ShortDays),
        'E' | 'e' | 'c' if count == 4 => Element::Word(Part::WeekDay, Words::Days),
        'x' | 'X' => match count {
            1 => Element::Zone(Form::Hours(letter == 'X')),
            2 | 4 => Element::Zone(Form::Basic(letter == 'X')),
            3 | 5 => Element::Zone(Form::Colon(letter == 'X')),
            _ => return Err(too_many()),
        },
        'Z' => match count {
            1..=3 => Element::Zone(Form::Basic(false)),
            5 => Element::Zone(Form::Colon(true)),
            4 => Element::Zone(Form::Any),
            _ => return Err(too_many()),
        },
        'z' | 'v' | 'V' | 'O' => Element::Zone(Form::Any),
        'G' | 'B' | 'q' | 'Q' | 'F' | 'W' | 'A' | 'N' | 'g' | 'p' => {
            let reason = format!("pattern letter {letter} is not supported here");
            return Err(MappingError::argument(reason));
        }
        'd' | 'D' | 'w' | 'H' | 'k' | 'h' | 'K' | 'm' | 's' | 'S' | 'a' | 'E' | 'e' | 'c' => {
            return Err(too_many());
        }
        other => return Err(MappingError::argument(format!("Unknown pattern letter: {other}"))),
    };
    Ok(element)
}
