//! Patterns with `*` and `?`.

/// An element of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    /// This character.
    Literal(char),
    /// Any one character.
    One,
    /// Any characters, or none.
    Many,
}

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    elements: Vec<Element>,
}

impl Pattern {
    /// Compiles a pattern; a backslash takes a sign for itself.
    pub(crate) fn new(text: &str) -> Self {
        let mut elements = Vec::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            let element = match character {
                '*' => Element::Many,
                '?' => Element::One,
                '\\' => Element::Literal(characters.next().unwrap_or('\\')),
                other => Element::Literal(other),
            };
            if element != Element::Many || elements.last() != Some(&Element::Many) {
                elements.push(element);
            }
        }
        Self { elements }
    }

    /// Whether a text is of the pattern. Takes no more steps than the product of both lengths.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let (mut at, mut rest) = (0, text.chars());
        // Where to go on when the characters after a star turn out to be others.
        let mut again = None;
        loop {
            let mut ahead = rest.clone();
            let next = ahead.next();
            match (self.elements.get(at), next) {
                (Some(Element::Many), _) => {
                    again = Some((at, rest.clone()));
                    at += 1;
                    continue;
                }
                (Some(Element::One), Some(_)) => {
                    (at, rest) = (at + 1, ahead);
                    continue;
                }
                (Some(Element::Literal(literal)), Some(character)) if *literal == character => {
                    (at, rest) = (at + 1, ahead);
                    continue;
                }
                (None, None) => return true,
                _ => {}
            }
            let Some((star, from)) = &mut again else { return false };
            if from.next().is_none() {
                return false;
            }
            (at, rest) = (*star + 1, from.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbb", false),
            ("?", "é", true),
            ("??", "a", false),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("*a*b", "xaxxb", true),
            ("*ab", "aab", true),
            ("\\", "\\", true),
            ("a*", "b", false),
            ("**a", "a", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = Pattern::new(&"*a".repeat(200));
        assert!(!pattern.matches(&"b".repeat(20_000)));
        assert!(pattern.matches(&"a".repeat(300)));
    }
}
