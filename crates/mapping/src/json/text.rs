//! Strings and numbers of a JSON text.

use std::borrow::Cow;

use super::{Read, Reader};

/// A string as it stands between its quotes; known to be well-formed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Quoted<'a> {
    raw: &'a str,
    escaped: bool,
}

impl<'a> Quoted<'a> {
    /// The string that is meant. Half a surrogate pair becomes the replacement character.
    pub(crate) fn decode(self) -> Cow<'a, str> {
        if self.escaped { Cow::Owned(decode(self.raw)) } else { Cow::Borrowed(self.raw) }
    }

    /// An upper bound of the decoded string's bytes.
    pub(crate) fn bytes_max(self) -> usize {
        self.raw.len()
    }
}

/// Resolves the escapes of a well-formed string.
fn decode(raw: &str) -> String {
    let mut decoded = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('\\') {
        decoded.push_str(before);
        let mut characters = after.chars();
        let escape = characters.next().unwrap_or_default();
        rest = characters.as_str();
        match escape {
            'n' => decoded.push('\n'),
            't' => decoded.push('\t'),
            'r' => decoded.push('\r'),
            'b' => decoded.push('\u{8}'),
            'f' => decoded.push('\u{c}'),
            'u' => {
                let (character, after) = unicode(rest);
                decoded.push(character);
                rest = after;
            }
            other => decoded.push(other),
        }
    }
    decoded.push_str(rest);
    decoded
}

/// The character that four hexadecimal digits mean, with the pair's other half where one follows.
fn unicode(rest: &str) -> (char, &str) {
    let Some((first, after)) = four_digits(rest) else {
        return (char::REPLACEMENT_CHARACTER, rest);
    };
    if let Some(character) = char::from_u32(first) {
        return (character, after);
    }
    if (0xd800..0xdc00).contains(&first)
        && let Some((second, after)) = after.strip_prefix("\\u").and_then(four_digits)
        && (0xdc00..0xe000).contains(&second)
        && let Some(character) =
            char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
    {
        return (character, after);
    }
    (char::REPLACEMENT_CHARACTER, after)
}

/// Reads four hexadecimal digits.
fn four_digits(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

/// How many of eight bytes stand before the first quote, backslash or control character.
fn plain_bytes(word: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // Each of these may mark bytes behind a true one wrongly, but never the first one.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
    let marks = zeros(word ^ (ONES * 0x22)) | zeros(word ^ (ONES * 0x5c)) | controls;
    marks.trailing_zeros() as usize / 8
}

impl<'a> Reader<'a> {
    /// Takes a string, with its quotes.
    pub(super) fn quoted(&mut self) -> Read<Quoted<'a>> {
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.pass_plain_text();
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => {
                    let raw = self.text.get(start..self.at).unwrap_or_default();
                    self.at += 1;
                    return Ok(Quoted { raw, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(byte) => {
                    let byte = *byte;
                    return Err(self.unexpected(byte, "has to be escaped in a string"));
                }
                None => return Err(self.early_end()),
            }
        }
    }

    /// Moves to the next quote, backslash or control character.
    fn pass_plain_text(&mut self) {
        let bytes = self.text.as_bytes();
        while let Some(chunk) = bytes.get(self.at..self.at + 8)
            && let Ok(chunk) = <[u8; 8]>::try_from(chunk)
        {
            let plain = plain_bytes(u64::from_le_bytes(chunk));
            self.at += plain;
            if plain < 8 {
                return;
            }
        }
        while let Some(byte) = bytes.get(self.at)
            && !matches!(byte, b'"' | b'\\' | 0..0x20)
        {
            self.at += 1;
        }
    }

    /// Passes an escape sequence.
    fn escape(&mut self) -> Read<()> {
        let rest = self.text.as_bytes().get(self.at + 1..).unwrap_or_default();
        match rest.first() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u')
                if rest.get(1..5).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) =>
            {
                self.at += 6;
            }
            Some(byte) => {
                let byte = *byte;
                return Err(self.unexpected(byte, "Unrecognized character escape"));
            }
            None => return Err(self.early_end()),
        }
        Ok(())
    }

    /// Takes a number.
    pub(super) fn number(&mut self) -> Read<&'a str> {
        let start = self.at;
        if self.next_byte() == Some(b'-') {
            self.at += 1;
        }
        let integer = self.digits();
        if integer == 0 {
            return Err(self.fault("expected digit (0-9) to follow minus sign".to_owned()));
        }
        if integer > 1 && self.text.as_bytes().get(self.at - integer) == Some(&b'0') {
            return Err(self.fault("Invalid numeric value: Leading zeroes not allowed".to_owned()));
        }
        if self.next_byte() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.fault("Decimal point not followed by a digit".to_owned()));
            }
        }
        if matches!(self.next_byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.next_byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(self.fault("Exponent indicator not followed by a digit".to_owned()));
            }
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// The byte under the cursor.
    fn next_byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes digits and says how many.
    fn digits(&mut self) -> usize {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        digits
    }
}
