//! Names of indices, patterns and time values.
//!
//! The first line of an input is a name, the second a pattern, the third a time value.

use hyper::Method;
use node::{AutoCreate, TimeValueError, matches_glob, parse_time_value};

use crate::world::{Asked, World, escaped};

/// That an index can be created exactly if its name keeps the rules, that a pattern means what it
/// says, and that a time value is its number times its unit.
pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (name, pattern, time) = (line(), line(), line());
    check_name(name);
    let is_called = describes(pattern.as_bytes(), name.as_bytes());
    assert_eq!(matches_glob(pattern, name), is_called, "{pattern:?} {name:?}");
    let _ = AutoCreate::parse(pattern).objection(name);
    check_time(time);
}

fn check_name(name: &str) {
    let world = World::new();
    let target = format!("/{}", escaped(name));
    if target == "/" || name.len() > 300 {
        return;
    }
    if name.starts_with('<') && name.ends_with('>') {
        // Date math, which comes to another name or to none.
        let _ = world.ask(Asked::new(Method::PUT, &target, b"")).unwrap();
        return;
    }
    let response = world.ask(Asked::new(Method::PUT, &target, b"")).unwrap();
    let forbidden = ['\\', '/', '*', '?', '"', '<', '>', '|', ' ', ',', '#', ':'];
    let keeps_the_rules = name.len() <= 255
        && !name.contains(forbidden)
        && !name.starts_with(['_', '-', '+'])
        && ![".", ".."].contains(&name)
        && !name.chars().any(char::is_uppercase);
    assert_eq!(response.status.as_u16() == 200, keeps_the_rules, "{name:?}");
    let names: Vec<_> = world.node.indices().iter().map(|index| index.name().to_owned()).collect();
    assert_eq!(names, if keeps_the_rules { vec![name] } else { vec![] });
}

/// Whether a text is what a pattern with `*` describes.
pub(crate) fn describes(pattern: &[u8], text: &[u8]) -> bool {
    let mut ends = vec![false; text.len() + 1];
    ends[0] = true;
    for byte in pattern {
        if *byte == b'*' {
            for at in 1..ends.len() {
                ends[at] |= ends[at - 1];
            }
        } else {
            for at in (1..ends.len()).rev() {
                ends[at] = ends[at - 1] && text[at - 1] == *byte;
            }
            ends[0] = false;
        }
    }
    ends[text.len()]
}

fn check_time(text: &str) {
    let parsed = parse_time_value(text);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let nanos: i128 = match unit {
        "nanos" => 1,
        "micros" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => {
            assert!(parsed.is_err() || parsed.is_ok_and(|millis| millis >= -1));
            return;
        }
    };
    match number.parse::<i64>() {
        Ok(number) => {
            let millis = i128::from(number) * nanos / 1_000_000;
            assert_eq!(parsed, Ok(i64::try_from(millis).unwrap_or(i64::MAX)), "{text:?}");
        }
        // Too many digits for a whole number, or none.
        Err(_) => assert!(
            matches!(parsed, Err(TimeValueError::Number | TimeValueError::Fractional)),
            "{text:?}"
        ),
    }
}
