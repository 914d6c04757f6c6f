//! Dates written as numbers: seconds or milliseconds since 1970.

use super::Moment;

/// Digits with an optional sign and an optional fraction of at most nine digits.
fn parts(text: &str) -> Option<(bool, i64, &str)> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = match digits.split_once('.') {
        Some((_, "")) | None if digits.contains('.') => return None,
        Some(parts) => parts,
        None => (digits, ""),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 9 || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let sign = if negative { "-" } else { "" };
    Some((negative, format!("{sign}{whole}").parse().ok()?, fraction))
}

/// Milliseconds since 1970; of version 7 none before.
pub(super) fn epoch_millis(text: &str, negative_allowed: bool) -> Option<Moment> {
    let (negative, millis, fraction) = parts(text)?;
    if negative && !negative_allowed {
        return None;
    }
    let within: u32 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let nanos = u32::try_from(millis.rem_euclid(1_000)).ok()? * 1_000_000;
    let mut moment = Moment { seconds: millis.div_euclid(1_000), nanos };
    if negative {
        let exact = i64::from(moment.nanos) - i64::from(within);
        moment.seconds += exact.div_euclid(1_000_000_000);
        moment.nanos = u32::try_from(exact.rem_euclid(1_000_000_000)).ok()?;
    } else {
        moment.nanos += within;
    }
    Some(moment)
}

/// Seconds since 1970.
pub(super) fn epoch_second(text: &str) -> Option<Moment> {
    let (negative, seconds, fraction) = parts(text)?;
    // Java's instants reach about thirty thousand million years either way.
    if seconds.unsigned_abs() > 31_556_889_864_403_199 {
        return None;
    }
    let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
    if negative && nanos > 0 {
        return Some(Moment { seconds: seconds - 1, nanos: 1_000_000_000 - nanos });
    }
    Some(Moment { seconds, nanos })
}
