//! Taking a request target apart: percent-encoding, path segments, query parameters.
//!
//! The rules and complaints are those of Elasticsearch's `RestUtils`, except that bytes which are no
//! UTF-8 are refused instead of replaced: an id must not change on its way in.

/// The segments of a raw path, each decoded; one trailing slash is ignored, an empty segment is kept.
///
/// `/a%2Fb/_doc/` is `["a/b", "_doc"]`, `/` is `[]`, `//a` is `["", "a"]`.
pub fn segments(raw_path: &str) -> Result<Vec<String>, String> {
    let path = raw_path.strip_prefix('/').unwrap_or(raw_path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() && raw_path.len() < 2 {
        return Ok(Vec::new());
    }
    path.split('/').map(|segment| decode(segment, Plus::Literal)).collect()
}

/// The parameters of a raw query, in order; a name without `=` has an empty value.
pub fn query_parameters(raw_query: &str) -> Result<Vec<(String, String)>, String> {
    raw_query
        .split(['&', ';'])
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            Ok((decode(name, Plus::Space)?, decode(value, Plus::Space)?))
        })
        .collect()
}

/// A text as `Location` shows it: form-encoded, a space as `+`.
pub fn form_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

/// What a plus sign stands for: itself in a path, a space in a query.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plus {
    Literal,
    Space,
}

/// Decodes `%XX`, and `%%` as a percent sign.
fn decode(text: &str, plus: Plus) -> Result<String, String> {
    if !text.contains(['%', '+']) {
        return Ok(text.to_owned());
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'+' if plus == Plus::Space => decoded.push(b' '),
            b'%' => {
                let (_, high) = bytes.next().ok_or_else(|| {
                    format!("unterminated escape sequence at end of string: {text}")
                })?;
                if high == b'%' {
                    decoded.push(b'%');
                    continue;
                }
                let (_, low) = bytes
                    .next()
                    .ok_or_else(|| format!("partial escape sequence at end of string: {text}"))?;
                decoded.push(
                    hex_pair(high, low).ok_or_else(|| {
                        format!("invalid escape sequence at index {at} of: {text}")
                    })?,
                );
            }
            other => decoded.push(other),
        }
    }
    String::from_utf8(decoded).map_err(|_| format!("the escape sequences are no UTF-8 in: {text}"))
}

fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split_before_they_are_decoded() {
        for (path, expected) in [
            ("/", &[][..]),
            ("/m/_doc/1", &["m", "_doc", "1"]),
            ("/m/_doc/1/", &["m", "_doc", "1"]),
            ("/m/_doc/a%2Fb%25+", &["m", "_doc", "a/b%+"]),
            ("//m", &["", "m"]),
            ("//", &[""]),
            ("/é/%C3%A9", &["é", "é"]),
            ("*", &["*"]),
        ] {
            assert_eq!(segments(path).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn locations_are_form_encoded() {
        assert_eq!(form_encode("a b/é*+"), "a+b%2F%C3%A9*%2B");
    }

    #[test]
    fn broken_escapes_are_refused() {
        for (path, complaint) in [
            ("/a%", "unterminated escape sequence at end of string: a%"),
            ("/a%4", "partial escape sequence at end of string: a%4"),
            ("/a%zz", "invalid escape sequence at index 1 of: a%zz"),
            ("/a%é", "invalid escape sequence at index 1 of: a%é"),
            ("/%FF", "the escape sequences are no UTF-8 in: %FF"),
        ] {
            assert_eq!(segments(path).unwrap_err(), complaint);
        }
    }

    #[test]
    fn query_parameters_are_decoded_in_order() {
        let parsed = query_parameters("a=1+2&b&&c=%26=x;d=").unwrap();
        let expected = [("a", "1 2"), ("b", ""), ("c", "&=x"), ("d", "")];
        assert_eq!(parsed, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(query_parameters("a=%").is_err());
    }
}
