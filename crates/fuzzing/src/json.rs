//! JSON as RFC 8259 says it, read in the plainest way: what the product's parsers are compared with.

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Json {
    /// `null`, `true`, `false` or a number, as written.
    Word(String),
    /// What a string says. Half a surrogate pair is encoded as if it were a character.
    Text(Vec<u8>),
    /// Elements.
    Array(Vec<Json>),
    /// Members, in their order.
    Object(Vec<(Vec<u8>, Json)>),
}

/// The value that these bytes are, if they are one.
pub(crate) fn parse(bytes: &[u8]) -> Option<Json> {
    std::str::from_utf8(bytes).ok()?;
    let mut parser = Parser { rest: bytes };
    let value = parser.value()?;
    parser.space();
    parser.rest.is_empty().then_some(value)
}

/// The value of an answer.
///
/// # Panics
/// When it is no JSON.
pub(crate) fn parse_answer(bytes: &[u8]) -> Json {
    parse(bytes).unwrap_or_else(|| panic!("no JSON: {}", String::from_utf8_lossy(bytes)))
}

struct Parser<'a> {
    rest: &'a [u8],
}

impl Parser<'_> {
    fn space(&mut self) {
        while let Some((b' ' | b'\t' | b'\n' | b'\r', rest)) = self.rest.split_first() {
            self.rest = rest;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        let (first, rest) = self.rest.split_first()?;
        (*first == byte).then(|| self.rest = rest)
    }

    fn value(&mut self) -> Option<Json> {
        self.space();
        match self.rest.first()? {
            b'{' => self.object(),
            b'[' => self.array(),
            b'"' => self.string().map(Json::Text),
            _ => self.word(),
        }
    }

    fn object(&mut self) -> Option<Json> {
        self.take(b'{')?;
        let mut members = Vec::new();
        self.space();
        if self.take(b'}').is_some() {
            return Some(Json::Object(members));
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            self.take(b':')?;
            members.push((name, self.value()?));
            self.space();
            if self.take(b'}').is_some() {
                return Some(Json::Object(members));
            }
            self.take(b',')?;
        }
    }

    fn array(&mut self) -> Option<Json> {
        self.take(b'[')?;
        let mut elements = Vec::new();
        self.space();
        if self.take(b']').is_some() {
            return Some(Json::Array(elements));
        }
        loop {
            elements.push(self.value()?);
            self.space();
            if self.take(b']').is_some() {
                return Some(Json::Array(elements));
            }
            self.take(b',')?;
        }
    }

    fn string(&mut self) -> Option<Vec<u8>> {
        self.take(b'"')?;
        // Code units of escapes, which may be halves of pairs.
        let (mut text, mut high) = (Vec::new(), None);
        loop {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            let unit = match byte {
                b'\\' => self.escape()?,
                b'"' => break,
                ..0x20 => return None,
                _ => {
                    push_half(&mut text, high.take());
                    text.push(byte);
                    continue;
                }
            };
            match (high.take(), unit) {
                (Some(first), 0xdc00..=0xdfff) => {
                    let pair = 0x1_0000 + (u32::from(first - 0xd800) << 10);
                    push(&mut text, pair + u32::from(unit - 0xdc00));
                }
                (before, 0xd800..=0xdbff) => {
                    push_half(&mut text, before);
                    high = Some(unit);
                }
                (before, unit) => {
                    push_half(&mut text, before);
                    push(&mut text, u32::from(unit));
                }
            }
        }
        push_half(&mut text, high);
        Some(text)
    }

    fn escape(&mut self) -> Option<u16> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(match byte {
            b'"' | b'\\' | b'/' => u16::from(byte),
            b'b' => 8,
            b'f' => 12,
            b'n' => 10,
            b'r' => 13,
            b't' => 9,
            b'u' => {
                let (digits, rest) = self.rest.split_at_checked(4)?;
                self.rest = rest;
                let all_hex = digits.iter().all(u8::is_ascii_hexdigit);
                let digits = std::str::from_utf8(digits).ok().filter(|_| all_hex)?;
                u16::from_str_radix(digits, 16).ok()?
            }
            _ => return None,
        })
    }

    fn word(&mut self) -> Option<Json> {
        let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
        let length = self.rest.iter().position(ends).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        let is_one = [&b"null"[..], b"true", b"false"].contains(&word) || is_number(word);
        is_one.then(|| Json::Word(String::from_utf8_lossy(word).into_owned()))
    }
}

/// Appends a code point, also one that is half a pair.
fn push(text: &mut Vec<u8>, code: u32) {
    match char::from_u32(code) {
        Some(character) => text.extend(character.encode_utf8(&mut [0; 4]).bytes()),
        None => {
            let [.., high, low] = code.to_be_bytes();
            text.extend([0xe0 | high >> 4, 0x80 | high << 2 & 0x3f | low >> 6, 0x80 | low & 0x3f]);
        }
    }
}

fn push_half(text: &mut Vec<u8>, half: Option<u16>) {
    if let Some(half) = half {
        push(text, u32::from(half));
    }
}

fn is_number(word: &[u8]) -> bool {
    let word = word.strip_prefix(b"-").unwrap_or(word);
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(word);
    if whole == 0 || whole > 1 && word.starts_with(b"0") {
        return false;
    }
    let mut rest = &word[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let Some((b'e' | b'E', exponent)) = rest.split_first() {
        let signed = exponent.strip_prefix(b"-").or(exponent.strip_prefix(b"+"));
        let exponent = signed.unwrap_or(exponent);
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}

impl Json {
    /// The member of this name, the last if there are several.
    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        self.members().iter().rev().find(|(found, _)| found == name.as_bytes()).map(|(_, v)| v)
    }

    /// The members, if it is an object.
    pub(crate) fn members(&self) -> &[(Vec<u8>, Json)] {
        match self {
            Self::Object(members) => members,
            Self::Word(_) | Self::Text(_) | Self::Array(_) => &[],
        }
    }

    /// The elements, if it is an array.
    pub(crate) fn elements(&self) -> &[Json] {
        match self {
            Self::Array(elements) => elements,
            Self::Word(_) | Self::Text(_) | Self::Object(_) => &[],
        }
    }

    /// What it says, if it is a string.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => std::str::from_utf8(text).ok(),
            Self::Word(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// The number, if it is a whole one.
    pub(crate) fn number(&self) -> Option<i64> {
        match self {
            Self::Word(word) => word.parse().ok(),
            Self::Text(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// Whether a name stands twice in one object.
    pub(crate) fn repeats_names(&self) -> bool {
        let mut names: Vec<_> = self.members().iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair[0] == pair[1])
            || self.members().iter().any(|(_, value)| value.repeats_names())
            || self.elements().iter().any(Self::repeats_names)
    }

    /// How deep objects and arrays are nested.
    pub(crate) fn depth(&self) -> usize {
        let members = self.members().iter().map(|(_, value)| value.depth());
        let inner = members.chain(self.elements().iter().map(Self::depth)).max().unwrap_or(0);
        inner + usize::from(matches!(self, Self::Array(_) | Self::Object(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Json, parse};

    #[test]
    fn the_grammar_is_that_of_the_rfc() {
        for text in ["-0", "1.5e+10", "[ ]", "{\"a\":[1,{}]} ", "\"\\u00e9\\ud83d\\ude00\"", "0"] {
            assert!(parse(text.as_bytes()).is_some(), "{text}");
        }
        for text in
            ["", "01", "1.", "+1", "[1,]", "{a:1}", "\"\u{1}\"", "\"\\x\"", "nul", "1e", "{}x"]
        {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        let halves = Some(Json::Text(b"\xed\xa0\xbdx\xed\xb8\x80".to_vec()));
        assert_eq!(parse(br#""\ud83dx\ude00""#), halves);
        assert_eq!(parse(br#""\ud83d\ude00""#), Some(Json::Text("😀".as_bytes().to_vec())));
    }
}
