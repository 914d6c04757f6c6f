//! Offsets and zones at the end of a time.

/// How a zone may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `Z`, an offset with or without a colon, or a region's name.
    Any,
    /// An offset with a colon, `+01:00`; the flag allows `Z`.
    Colon(bool),
    /// An offset without a colon, `+0100`; the flag allows `Z`.
    Basic(bool),
    /// Hours only, `+01`; the flag allows `Z`. Minutes may follow.
    Hours(bool),
}

impl Form {
    /// Reads a zone at the beginning of a text: seconds east of Greenwich, and the length.
    pub(super) fn read(self, text: &str) -> Option<(i64, usize)> {
        let with_z = match self {
            Self::Any => true,
            Self::Colon(z) | Self::Basic(z) | Self::Hours(z) => z,
        };
        if with_z && text.starts_with('Z') {
            return Some((0, 1));
        }
        match self {
            Self::Any => offset(text, Some(true))
                .or_else(|| offset(text, Some(false)))
                .or_else(|| offset(text, None))
                .or_else(|| name(text)),
            Self::Colon(_) => offset(text, Some(true)),
            Self::Basic(_) => offset(text, Some(false)),
            Self::Hours(_) => offset(text, Some(false)).or_else(|| offset(text, None)),
        }
    }
}

/// A sign, hours, and minutes after a colon, directly, or not at all.
fn offset(text: &str, minutes: Option<bool>) -> Option<(i64, usize)> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let two = |at: usize| -> Option<i64> {
        let digits = text.get(at..at + 2)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    };
    let hours = two(1).filter(|hours| *hours <= 18)?;
    let (minutes, length) = match minutes {
        None => (0, 3),
        Some(true) => (text.get(3..4).filter(|colon| *colon == ":").and_then(|_| two(4))?, 6),
        Some(false) => (two(3)?, 5),
    };
    if minutes > 59 {
        return None;
    }
    Some((sign * (hours * 3_600 + minutes * 60), length))
}

/// A zone's name. The rules of regions are not known here: a region counts as Greenwich's time.
fn name(text: &str) -> Option<(i64, usize)> {
    let length = text
        .bytes()
        .take_while(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'/' | b'_' | b'-' | b'+'))
        .count();
    let word = text.get(..length)?;
    let region = word.split_once('/').is_some_and(|(area, city)| {
        area.starts_with(|first: char| first.is_ascii_uppercase())
            && city.starts_with(|first: char| first.is_ascii_uppercase())
    });
    (region || matches!(word, "UTC" | "GMT" | "UT")).then_some((0, length))
}
