//! The language of `simple_query_string`: what makes no sense in it is a word.

use super::{CLAUSES_MAX, DEPTH_MAX, Expression, Occur, Problem, words::unescaped};

/// Which operators have a meaning (`flags`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct Operators {
    and: bool,
    or: bool,
    not: bool,
    prefix: bool,
    phrase: bool,
    precedence: bool,
    escape: bool,
    whitespace: bool,
    fuzzy: bool,
    slop: bool,
}

impl Operators {
    /// All of them.
    pub(crate) const ALL: Self = Self {
        and: true,
        or: true,
        not: true,
        prefix: true,
        phrase: true,
        precedence: true,
        escape: true,
        whitespace: true,
        fuzzy: true,
        slop: true,
    };
    const NONE: Self = Self {
        and: false,
        or: false,
        not: false,
        prefix: false,
        phrase: false,
        precedence: false,
        escape: false,
        whitespace: false,
        fuzzy: false,
        slop: false,
    };

    /// Those whose bits are set in a number, as Lucene numbers them.
    pub(crate) fn numbered(bits: i64) -> Self {
        let has = |bit: u32| bits >> bit & 1 == 1;
        Self {
            and: has(0),
            not: has(1),
            or: has(2),
            prefix: has(3),
            phrase: has(4),
            precedence: has(5),
            escape: has(6),
            whitespace: has(7),
            fuzzy: has(8),
            slop: has(9),
        }
    }

    /// Those of a list; nothing if one of them is none.
    pub(crate) fn named(list: &str) -> Option<Self> {
        let mut operators = Self::NONE;
        for name in list.split('|').map(str::trim).filter(|name| !name.is_empty()) {
            match name.to_ascii_uppercase().as_str() {
                "ALL" => operators = Self::ALL,
                "NONE" => operators = Self::NONE,
                "AND" => operators.and = true,
                "OR" => operators.or = true,
                "NOT" => operators.not = true,
                "PREFIX" => operators.prefix = true,
                "PHRASE" => operators.phrase = true,
                "PRECEDENCE" => operators.precedence = true,
                "ESCAPE" => operators.escape = true,
                "WHITESPACE" => operators.whitespace = true,
                "FUZZY" => operators.fuzzy = true,
                "NEAR" | "SLOP" => operators.slop = true,
                _ => return None,
            }
        }
        Some(operators)
    }
}

/// Reads a text whose words must all match if nothing else is said, or may.
pub(super) fn read(text: &str, every: bool, operators: Operators) -> Result<Expression, Problem> {
    if text.trim() == "*" {
        return Ok(Expression::All);
    }
    let chars: Vec<char> = text.chars().collect();
    let usual = if every { Occur::Must } else { Occur::Should };
    let closed = closings(&chars, operators.escape);
    Parser { closed, usual, operators, clauses: 0 }.tree(&chars, 0, 0)
}

struct Parser {
    /// Where each parenthesis is closed, if it is.
    closed: Vec<Option<usize>>,
    /// What a word is to the whole that does not say.
    usual: Occur,
    operators: Operators,
    clauses: usize,
}

/// What was read so far.
#[derive(Default)]
struct Tree {
    top: Option<Expression>,
    /// What joined the parts of the top.
    joined: Option<Occur>,
    /// What the next part is joined by, if that was said.
    next: Option<Occur>,
    /// How often the next part is negated.
    negations: usize,
}

impl Tree {
    /// Adds a part.
    fn add(&mut self, part: Expression, usual: Occur) {
        let part = match std::mem::take(&mut self.negations) % 2 {
            0 => part,
            _ => {
                Expression::Clauses(vec![(Occur::MustNot, part), (Occur::Should, Expression::All)])
            }
        };
        let joined = self.next.take().unwrap_or(usual);
        self.top = Some(match self.top.take() {
            None => part,
            Some(Expression::Clauses(mut parts)) if self.joined == Some(joined) => {
                parts.push((joined, part));
                Expression::Clauses(parts)
            }
            Some(top) => {
                self.joined = Some(joined);
                Expression::Clauses(vec![(joined, top), (joined, part)])
            }
        });
    }
}

impl Parser {
    /// Reads a text, or what is in parentheses, which begins at a place of the whole.
    fn tree(&mut self, chars: &[char], from: usize, depth: usize) -> Result<Expression, Problem> {
        let is = self.operators;
        let mut tree = Tree::default();
        let mut at = 0;
        while let Some(c) = chars.get(at).copied() {
            let rest = chars.get(at + 1..).unwrap_or_default();
            match c {
                '(' if is.precedence => match self.closed.get(from + at).copied().flatten() {
                    Some(end) if depth < DEPTH_MAX => {
                        let inner = chars.get(at + 1..end - from).unwrap_or_default();
                        let inner = self.tree(inner, from + at + 1, depth + 1)?;
                        if inner != Expression::Nothing {
                            tree.add(inner, self.usual);
                        }
                        at = end - from + 1;
                    }
                    Some(_) | None => at += 1,
                },
                ')' if is.precedence => at += 1,
                '"' if is.phrase => match end_of_phrase(rest, is.escape) {
                    Some(length) => {
                        let text: String = rest.get(..length).unwrap_or_default().iter().collect();
                        at += length + 2;
                        let slop = self.slop(chars, &mut at);
                        let text = self.plain(&text);
                        self.count()?;
                        tree.add(Expression::Phrase { field: None, text, slop }, self.usual);
                    }
                    None => at += 1,
                },
                '+' if is.and => {
                    tree.next = tree.next.or(tree.top.is_some().then_some(Occur::Must));
                    at += 1;
                }
                '|' if is.or => {
                    tree.next = tree.next.or(tree.top.is_some().then_some(Occur::Should));
                    at += 1;
                }
                '-' if is.not => {
                    tree.negations += 1;
                    at += 1;
                    continue;
                }
                c if c.is_ascii_whitespace() && is.whitespace => at += 1,
                _ => {
                    let word = self.word(chars, &mut at);
                    self.count()?;
                    tree.add(word, self.usual);
                }
            }
            tree.negations = 0;
        }
        Ok(tree.top.unwrap_or(Expression::Nothing))
    }

    fn count(&mut self) -> Result<(), Problem> {
        self.clauses += 1;
        if self.clauses > CLAUSES_MAX { Err(Problem::TooLong) } else { Ok(()) }
    }

    fn plain(&self, text: &str) -> String {
        if self.operators.escape { unescaped(text) } else { text.to_owned() }
    }

    /// A word, up to the next operator.
    fn word(&self, chars: &[char], at: &mut usize) -> Expression {
        let is = self.operators;
        let mut text = String::new();
        // The character behind which nothing was escaped.
        let mut last = None;
        while let Some(c) = chars.get(*at).copied() {
            let ends = match c {
                '"' => is.phrase,
                '|' => is.or,
                '+' => is.and,
                '(' | ')' => is.precedence,
                c => c.is_ascii_whitespace() && is.whitespace,
            };
            if ends {
                break;
            }
            text.push(c);
            last = Some(c);
            *at += 1;
            if c == '\\' && is.escape {
                text.extend(chars.get(*at));
                last = None;
                *at += 1;
            }
        }
        if is.prefix && last == Some('*') && text.len() > 1 {
            text.pop();
            return Expression::Prefix { field: None, text: self.plain(&text) };
        }
        if let Some((word, edits)) =
            text.split_once('~').filter(|(word, _)| is.fuzzy && !word.is_empty())
        {
            // Without a number it is as far as can be said, and what is none is none at all.
            let edits = if edits.is_empty() { 2.0 } else { edits.parse().unwrap_or(0.0) };
            return Expression::Near { field: None, text: self.plain(word), edits: Some(edits) };
        }
        Expression::Words { field: None, text: self.plain(&text) }
    }

    /// How far the words of a phrase may be moved, if that is said behind it.
    fn slop(&self, chars: &[char], at: &mut usize) -> Option<usize> {
        if !self.operators.slop || chars.get(*at) != Some(&'~') {
            return None;
        }
        let digits = chars.get(*at + 1..).unwrap_or_default().iter();
        let digits: String = digits.take_while(|c| c.is_ascii_digit()).collect();
        *at += 1 + digits.len();
        digits.parse().ok()
    }
}

/// Where each parenthesis of a text is closed, if it is.
fn closings(chars: &[char], has_escapes: bool) -> Vec<Option<usize>> {
    let mut closed = vec![None; chars.len()];
    let (mut open, mut at) = (Vec::new(), 0);
    while let Some(c) = chars.get(at) {
        match c {
            '\\' if has_escapes => at += 1,
            '(' => open.push(at),
            ')' => {
                if let Some(end) = open.pop().and_then(|begin: usize| closed.get_mut(begin)) {
                    *end = Some(at);
                }
            }
            _ => {}
        }
        at += 1;
    }
    closed
}

/// How long what is in quotes is, without the one that ends it.
fn end_of_phrase(chars: &[char], has_escapes: bool) -> Option<usize> {
    let mut at = 0;
    while let Some(c) = chars.get(at) {
        match c {
            '\\' if has_escapes => at += 1,
            '"' => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Expression, Occur, Operators, read};

    fn word(text: &str) -> Expression {
        Expression::Words { field: None, text: text.to_owned() }
    }

    #[track_caller]
    fn check(text: &str, expected: &Expression) {
        assert_eq!(read(text, false, Operators::ALL).as_ref(), Ok(expected), "{text}");
    }

    #[test]
    fn operators_join_what_is_beside_them() {
        let (a, b, c) = (word("a"), word("b"), word("c"));
        let all = |occur, parts: &[&Expression]| {
            Expression::Clauses(parts.iter().map(|part| (occur, (*part).clone())).collect())
        };
        check("a b", &all(Occur::Should, &[&a, &b]));
        check("a + b", &all(Occur::Must, &[&a, &b]));
        check("a | b + c", &all(Occur::Must, &[&all(Occur::Should, &[&a, &b]), &c]));
        check("a + (b | c)", &all(Occur::Must, &[&a, &all(Occur::Should, &[&b, &c])]));
        let not_b =
            Expression::Clauses(vec![(Occur::MustNot, b), (Occur::Should, Expression::All)]);
        check("a -b", &all(Occur::Should, &[&a, &not_b]));
        check("-b", &not_b);
    }

    #[test]
    fn what_makes_no_sense_is_a_word_or_nothing() {
        for text in ["", "(", ")", "\"", "+", "|", "-", "- (", "()"] {
            check(text, &Expression::Nothing);
        }
        check("a)", &word("a"));
        check("(a", &word("a"));
        check("*", &Expression::All);
        check(r"a\*", &word("a*"));
        check("AND", &word("AND"));
        let text = "a".to_owned();
        check("a*", &Expression::Prefix { field: None, text: text.clone() });
        check("\"a\"~3", &Expression::Phrase { field: None, text, slop: Some(3) });
        let none = Operators::named("NONE").unwrap();
        assert_eq!(read("a -b*", false, none), Ok(word("a -b*")));
        let deep = format!("{}a{}", "(".repeat(5_000), ")".repeat(5_000));
        assert_eq!(read(&deep, false, Operators::ALL), Ok(word("a")));
    }
}
