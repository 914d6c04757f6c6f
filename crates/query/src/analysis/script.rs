//! Which kind of word a segment of a text is.

/// A kind of word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// Letters, with or without digits.
    Letters,
    /// Digits.
    Digits,
    /// A Chinese character.
    Ideographic,
    /// A character of Hiragana.
    Hiragana,
    /// Katakana.
    Katakana,
    /// Hangul.
    Hangul,
    /// Letters of a script that does not part its words.
    SoutheastAsian,
    /// An emoji.
    Emoji,
}

impl Script {
    /// What a segment is, if it is a word at all.
    pub(super) fn of(segment: &str) -> Option<Self> {
        segment
            .chars()
            .find_map(|c| Self::of_character(c).filter(|kind| *kind != Self::Digits))
            .or_else(|| {
                segment
                    .chars()
                    .any(|c| Self::of_character(c) == Some(Self::Digits))
                    .then_some(Self::Digits)
            })
    }

    /// What a character makes of its word.
    fn of_character(c: char) -> Option<Self> {
        Some(match u32::from(c) {
            0x3041..=0x309F | 0x1B001..=0x1B11F | 0x1F200 => Self::Hiragana,
            0x30A1..=0x30FF | 0x31F0..=0x31FF | 0x32D0..=0x3357 | 0xFF66..=0xFF9D => Self::Katakana,
            0x3005
            | 0x3007
            | 0x2E80..=0x2FDF
            | 0x3021..=0x3029
            | 0x3038..=0x303B
            | 0x3400..=0x4DBF
            | 0x4E00..=0x9FFF
            | 0xF900..=0xFAFF
            | 0x20000..=0x323AF => Self::Ideographic,
            0x1100..=0x11FF | 0x3131..=0x318E | 0xA960..=0xA97F | 0xAC00..=0xD7FF => Self::Hangul,
            0x0E01..=0x0EDF | 0x1000..=0x109F | 0x1780..=0x17D3 => Self::SoutheastAsian,
            0x1F000..=0x1FAFF => Self::Emoji,
            _ if c.is_alphabetic() => Self::Letters,
            code if c.is_numeric() && !is_no_digit(code) => Self::Digits,
            _ => return None,
        })
    }

    /// Its name, as `_analyze` tells.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Letters => "<ALPHANUM>",
            Self::Digits => "<NUM>",
            Self::Ideographic => "<IDEOGRAPHIC>",
            Self::Hiragana => "<HIRAGANA>",
            Self::Katakana => "<KATAKANA>",
            Self::Hangul => "<HANGUL>",
            Self::SoutheastAsian => "<SOUTHEAST_ASIAN>",
            Self::Emoji => "<EMOJI>",
        }
    }
}

/// Numbers that are no digits, such as fractions and raised ones: no part of a word.
fn is_no_digit(code: u32) -> bool {
    matches!(
        code,
        0xB2 | 0xB3
            | 0xB9
            | 0xBC..=0xBE
            | 0x2070..=0x209C
            | 0x2150..=0x215F
            | 0x2189
            | 0x2460..=0x249B
            | 0x24EA..=0x24FF
            | 0x2776..=0x2793
            | 0x3192..=0x3195
            | 0x3220..=0x3229
            | 0x3248..=0x324F
            | 0x3251..=0x325F
            | 0x3280..=0x3289
            | 0x32B1..=0x32BF
    )
}
