//! The language of `query_string`: that of Lucene's classic parser, which does not divide words at spaces.
//!
//! `AND` and `OR` have no precedence: each says what its neighbours are to the whole, so that
//! `a OR b AND c` is `a` that may and `b` and `c` that must match.

use super::{
    Bounds, CLAUSES_MAX, DEPTH_MAX, Expression, Occur, Problem,
    words::{Part, divide, unescaped},
};

/// What a clause is introduced by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conjunction {
    None,
    And,
    Or,
}

/// Reads a text whose clauses must all match if nothing else is said, or may.
pub(super) fn read(text: &str, every: bool, leading_wildcard: bool) -> Result<Expression, Problem> {
    let parts = divide(text)?;
    if parts.is_empty() {
        return Ok(Expression::Nothing);
    }
    let mut parser = Parser { parts: &parts, at: 0, every, leading_wildcard, depth: 0, clauses: 0 };
    let read = parser.clauses(None)?;
    match parser.peek(0) {
        None => Ok(read),
        Some(part) => Err(unexpected(Some(part))),
    }
}

struct Parser<'p> {
    parts: &'p [Part],
    at: usize,
    /// Whether clauses must match that do not say.
    every: bool,
    leading_wildcard: bool,
    depth: usize,
    /// How many there were.
    clauses: usize,
}

fn unexpected(part: Option<&Part>) -> Problem {
    Problem::Malformed(match part {
        None => "Encountered \"<EOF>\"".to_owned(),
        Some(part) => format!("Encountered {part:?}"),
    })
}

impl<'p> Parser<'p> {
    fn peek(&self, ahead: usize) -> Option<&'p Part> {
        self.parts.get(self.at + ahead)
    }

    fn take(&mut self) -> Option<&'p Part> {
        let part = self.parts.get(self.at);
        self.at += usize::from(part.is_some());
        part
    }

    fn take_if(&mut self, is_it: impl Fn(&Part) -> bool) -> Option<&'p Part> {
        let part = self.peek(0).filter(|part| is_it(part))?;
        self.at += 1;
        Some(part)
    }

    /// Clauses, until the end or a parenthesis.
    fn clauses(&mut self, field: Option<&str>) -> Result<Expression, Problem> {
        let mut clauses: Vec<(Occur, Expression)> = Vec::new();
        let mut is_first = true;
        let mut is_plain = false;
        loop {
            if matches!(self.peek(0), None | Some(Part::Close)) && !is_first {
                break;
            }
            self.clauses += 1;
            if self.clauses > CLAUSES_MAX {
                return Err(Problem::TooLong);
            }
            if let Some(text) = self.words() {
                is_plain = is_first;
                let occur = if self.every { Occur::Must } else { Occur::Should };
                clauses.push((occur, Expression::Words { field: field.map(str::to_owned), text }));
                is_first = false;
                continue;
            }
            let conjunction = match self.peek(0) {
                Some(Part::And) if !is_first => Conjunction::And,
                Some(Part::Or) if !is_first => Conjunction::Or,
                _ => Conjunction::None,
            };
            self.at += usize::from(conjunction != Conjunction::None);
            let modifier =
                self.take_if(|part| matches!(part, Part::Plus | Part::Minus | Part::Not));
            let clause = self.clause(field)?;
            is_plain |= is_first && modifier.is_none();
            self.add(&mut clauses, conjunction, modifier, clause);
            is_first = false;
        }
        match (clauses.len(), clauses.pop()) {
            (0, _) | (_, None) => Ok(Expression::Nothing),
            (1, Some((_, only))) if is_plain => Ok(only),
            (_, Some(last)) => {
                clauses.push(last);
                Ok(Expression::Clauses(clauses))
            }
        }
    }

    /// Adds a clause, which may say what the one before it is to the whole.
    fn add(
        &self,
        clauses: &mut Vec<(Occur, Expression)>,
        conjunction: Conjunction,
        modifier: Option<&Part>,
        clause: Expression,
    ) {
        if let Some((occur, _)) = clauses.last_mut().filter(|(occur, _)| *occur != Occur::MustNot) {
            match conjunction {
                Conjunction::And => *occur = Occur::Must,
                Conjunction::Or if self.every => *occur = Occur::Should,
                Conjunction::Or | Conjunction::None => {}
            }
        }
        if clause == Expression::Nothing {
            return;
        }
        let must = match (modifier, self.every) {
            (Some(Part::Minus | Part::Not), _) => None,
            (Some(_), false) => Some(true),
            (None, false) => Some(conjunction == Conjunction::And),
            (_, true) => Some(conjunction != Conjunction::Or),
        };
        let occur = match must {
            None => Occur::MustNot,
            Some(true) => Occur::Must,
            Some(false) => Occur::Should,
        };
        clauses.push((occur, clause));
    }

    /// Several words in a row: they are one text, so that an analyzer sees them together.
    fn words(&mut self) -> Option<String> {
        let ends = |part: Option<&Part>| {
            matches!(
                part,
                Some(
                    Part::Colon
                        | Part::Star
                        | Part::Tilde(_)
                        | Part::Boost(_)
                        | Part::And
                        | Part::Or
                )
            )
        };
        let word = |part: Option<&'p Part>| match part {
            Some(Part::Word(word)) => Some(word.as_str()),
            _ => None,
        };
        let mut text = word(self.peek(0))?.to_owned();
        let mut count = 1;
        while let Some(next) = word(self.peek(count)).filter(|_| !ends(self.peek(count + 1))) {
            text.push(' ');
            text.push_str(next);
            count += 1;
        }
        if count < 2 {
            return None;
        }
        self.at += count;
        Some(unescaped(&text))
    }

    /// One clause.
    fn clause(&mut self, outer: Option<&str>) -> Result<Expression, Problem> {
        let own = match (self.peek(0), self.peek(1)) {
            (Some(Part::Word(name)), Some(Part::Colon)) => Some(unescaped(name)),
            (Some(Part::Prefix(name)), Some(Part::Colon)) => Some(format!("{}*", unescaped(name))),
            (Some(Part::Wildcard(name)), Some(Part::Colon)) => Some(unescaped(name)),
            (Some(Part::Star), Some(Part::Colon)) => Some("*".to_owned()),
            (_, _) => None,
        };
        self.at += if own.is_some() { 2 } else { 0 };
        let field = own.as_deref().or(outer);
        if self.take_if(|part| *part == Part::Open).is_some() {
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return Err(Problem::Malformed("too many parentheses".to_owned()));
            }
            let inner = self.clauses(field)?;
            self.depth -= 1;
            self.take_if(|part| *part == Part::Close).ok_or_else(|| unexpected(self.peek(0)))?;
            return Ok(self.boosted(inner));
        }
        let leaf = self.leaf(field.map(str::to_owned))?;
        Ok(self.boosted(leaf))
    }

    fn boosted(&mut self, inner: Expression) -> Expression {
        match self.take_if(|part| matches!(part, Part::Boost(_))) {
            Some(Part::Boost(boost)) => Expression::Boosted(Box::new(inner), *boost),
            _ => inner,
        }
    }

    /// What a clause is about.
    fn leaf(&mut self, field: Option<String>) -> Result<Expression, Problem> {
        let part = self.take().ok_or_else(|| unexpected(None))?;
        let read = match part {
            Part::Word(word) => match self.take_if(|part| matches!(part, Part::Tilde(_))) {
                Some(Part::Tilde(edits)) => {
                    Expression::Near { field, text: unescaped(word), edits: *edits }
                }
                _ => word_of(field, &unescaped(word)),
            },
            Part::Star => Expression::Wildcard { field, text: "*".to_owned() },
            Part::Prefix(text) => Expression::Prefix { field, text: unescaped(text) },
            Part::Wildcard(text) => {
                if !self.leading_wildcard && text.starts_with(['*', '?']) {
                    let why = "'*' or '?' not allowed as first character in WildcardQuery";
                    return Err(Problem::Malformed(why.to_owned()));
                }
                Expression::Wildcard { field, text: text.clone() }
            }
            Part::Quoted(text) => {
                let slop = match self.take_if(|part| matches!(part, Part::Tilde(_))) {
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "a fraction is cut off, as in Elasticsearch, and none is negative"
                    )]
                    Some(Part::Tilde(Some(slop))) => Some(*slop as usize),
                    _ => None,
                };
                Expression::Phrase { field, text: unescaped(text), slop }
            }
            Part::Regexp => return Err(Problem::Unsupported("a pattern such as [/pattern/] is")),
            Part::Range((from, to), (with_from, with_to)) => {
                let bound = |text: &String| Some(text.clone()).filter(|text| text != "*");
                let bounds = Bounds {
                    from: bound(from),
                    to: bound(to),
                    with_from: *with_from,
                    with_to: *with_to,
                };
                Expression::Range { field, bounds }
            }
            Part::Bare => Expression::Nothing,
            Part::And
            | Part::Or
            | Part::Not
            | Part::Plus
            | Part::Minus
            | Part::Open
            | Part::Close
            | Part::Colon
            | Part::Boost(_)
            | Part::Tilde(_) => return Err(unexpected(Some(part))),
        };
        Ok(read)
    }
}

/// A word: one bound of a range where it follows a field and begins with a comparison.
fn word_of(field: Option<String>, word: &str) -> Expression {
    let Some(name) = field else {
        return Expression::Words { field: None, text: word.to_owned() };
    };
    if name == "_exists_" {
        return Expression::Exists(word.to_owned());
    }
    let compared =
        [(">=", true, true), ("<=", false, true), (">", true, false), ("<", false, false)];
    let compared = compared.into_iter().find_map(|(sign, is_lower, with)| {
        let value = word.strip_prefix(sign).filter(|value| !value.is_empty())?;
        let value = Some(value.to_owned());
        Some(match is_lower {
            true => Bounds { from: value, to: None, with_from: with, with_to: true },
            false => Bounds { from: None, to: value, with_from: true, with_to: with },
        })
    });
    match compared {
        Some(bounds) => Expression::Range { field: Some(name), bounds },
        None => Expression::Words { field: Some(name), text: word.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::{Expression, Occur, read};

    /// An expression as Lucene would show it.
    fn shown(expression: &Expression) -> String {
        let of = |field: &Option<String>| field.as_ref().map_or(String::new(), |f| format!("{f}:"));
        match expression {
            Expression::Nothing => "nothing".to_owned(),
            Expression::All => "all".to_owned(),
            Expression::Words { field, text } => format!("{}<{text}>", of(field)),
            Expression::Phrase { field, text, slop } => format!("{}{text:?}~{slop:?}", of(field)),
            Expression::Near { field, text, edits } => format!("{}<{text}>~{edits:?}", of(field)),
            Expression::Prefix { field, text } => format!("{}{text}*", of(field)),
            Expression::Wildcard { field, text } => format!("{}w'{text}'", of(field)),
            Expression::Range { field, bounds } => {
                let open = if bounds.with_from { '[' } else { '{' };
                let close = if bounds.with_to { ']' } else { '}' };
                let bound = |bound: &Option<String>| bound.clone().unwrap_or("*".to_owned());
                format!("{}{open}{} {}{close}", of(field), bound(&bounds.from), bound(&bounds.to))
            }
            Expression::Exists(field) => format!("exists {field}"),
            Expression::Clauses(clauses) => {
                let sign = |occur: &Occur| match occur {
                    Occur::Must => "+",
                    Occur::Should => "",
                    Occur::MustNot => "-",
                };
                let clauses =
                    clauses.iter().map(|(occur, one)| format!("{}{}", sign(occur), shown(one)));
                format!("({})", clauses.collect::<Vec<_>>().join(" "))
            }
            Expression::Boosted(inner, boost) => format!("{}^{boost}", shown(inner)),
        }
    }

    #[track_caller]
    fn check(text: &str, any: &str, every: &str) {
        let read = |all| {
            read(text, all, true).map_or_else(|problem| format!("{problem:?}"), |e| shown(&e))
        };
        assert_eq!((read(false).as_str(), read(true).as_str()), (any, every), "{text}");
    }

    #[test]
    fn words_in_a_row_are_one_text() {
        check("fox", "<fox>", "<fox>");
        check("quick fox", "<quick fox>", "<quick fox>");
        check("title:(quick fox)", "title:<quick fox>", "title:<quick fox>");
        check("a b:c d", "(<a> b:<c> <d>)", "(+<a> +b:<c> +<d>)");
        check("a b c^2", "(<a b> <c>^2)", "(+<a b> +<c>^2)");
        check(r"f\:x a\ b \u0066", "<f:x a b f>", "<f:x a b f>");
    }

    #[test]
    fn operators_have_no_precedence() {
        check("a OR b AND c", "(<a> +<b> +<c>)", "(<a> +<b> +<c>)");
        check("a AND b OR c", "(+<a> +<b> <c>)", "(+<a> <b> <c>)");
        check("a b AND c", "(<a> +<b> +<c>)", "(+<a> +<b> +<c>)");
        check("+a -b", "(+<a> -<b>)", "(+<a> -<b>)");
        check("a && !b || c", "(+<a> -<b> <c>)", "(+<a> -<b> <c>)");
        check("NOT a", "(-<a>)", "(-<a>)");
        check("a - b", "(<a> <b>)", "(+<a> +<b>)");
        check("(a OR b) AND c", "(+(<a> <b>) +<c>)", "(+(<a> <b>) +<c>)");
    }

    #[test]
    fn leaves_of_every_kind() {
        check("fo* f?x *", "(fo* w'f?x' w'*')", "(+fo* +w'f?x' +w'*')");
        check("*:*", "*:w'*'", "*:w'*'");
        check("f.*:x", "f.*:<x>", "f.*:<x>");
        check("_exists_:f", "exists f", "exists f");
        check(r#""a \"b"~2^3"#, r#""a \"b"~Some(2)^3"#, r#""a \"b"~Some(2)^3"#);
        check("n:>=3", "n:[3 *]", "n:[3 *]");
        check("n:<3", "n:[* 3}", "n:[* 3}");
        check("n:{* TO 5]", "n:{* 5]", "n:{* 5]");
        check(r#"d:["2020 01" TO *}"#, "d:[2020 01 *}", "d:[2020 01 *}");
        check("fox~ f:ox~1", "(<fox>~None f:<ox>~Some(1.0))", "(+<fox>~None +f:<ox>~Some(1.0))");
        check("", "nothing", "nothing");
    }

    #[test]
    fn what_is_no_query_is_an_error() {
        for text in [
            "a AND", "(", "a)", "\"a", "a:", "n:[1 TO", "n:[1]", "[", "^2", "AND", "a^x", "/a",
            "a~b", "a\\",
        ] {
            assert!(read(text, false, true).is_err(), "{text}");
        }
        assert!(read("*a", false, false).is_err());
        let deep = format!("{}a{}", "(".repeat(5_000), ")".repeat(5_000));
        assert!(read(&deep, false, true).is_err());
        let many = "a OR ".repeat(2_000) + "a";
        assert_eq!(read(&many, false, true), Err(super::Problem::TooLong));
    }
}
