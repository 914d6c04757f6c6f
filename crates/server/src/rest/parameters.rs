//! The query parameters of one request, as a cursor: an endpoint takes what it knows, and what is
//! left over is refused with a suggestion, as Elasticsearch does.

use node::{TimeValueError, parse_time_value};

use super::dialect::{Dialect, is_seq_no_condition};
use super::error::Error;
use super::uri;

/// What every endpoint understands; rendering takes these.
const COMMON: [&str; 7] =
    ["pretty", "human", "error_trace", "filter_path", "format", "source", "source_content_type"];

/// What no dialect may pass over where an endpoint does not take it.
const CONDITIONS: [&str; 9] = [
    "version",
    "version_type",
    "op_type",
    // As bulk lines may spell them.
    "_version",
    "_version_type",
    "_versionType",
    "versionType",
    "_op_type",
    "opType",
];

/// Room for the names that most endpoints know.
const KNOWN_TYPICALLY: usize = 32;

/// Parameters that say what a write requires, or what it must not go beyond.
const BINDING: [&str; 9] = [
    "if_seq_no",
    "if_primary_term",
    "version",
    "version_type",
    "op_type",
    "routing",
    "require_alias",
    "conflicts",
    "max_docs",
];

/// The parameters of a query string, each marked once taken.
#[derive(Clone, Debug)]
pub struct Parameters {
    given: Vec<Given>,
    known: Vec<&'static str>,
    dialect: Dialect,
}

#[derive(Clone, Debug)]
struct Given {
    name: String,
    value: String,
    taken: bool,
}

impl Parameters {
    /// Reads a raw query string. Of a parameter given twice the last counts, but of what binds a write neither
    /// may be passed over.
    pub fn parse(raw_query: &str) -> Result<Self, Error> {
        let mut given: Vec<Given> = Vec::new();
        for (name, value) in uri::query_parameters(raw_query).map_err(Error::BadParameter)? {
            match given.iter_mut().find(|earlier| earlier.name == name) {
                Some(earlier) if BINDING.contains(&&*name) && earlier.value != value => {
                    return Err(Error::illegal_argument(format!(
                        "[{name}] set to two different values [{}] and [{value}]",
                        earlier.value
                    )));
                }
                Some(earlier) => earlier.value = value,
                None => given.push(Given { name, value, taken: false }),
            }
        }
        Ok(Self { given, known: Vec::with_capacity(KNOWN_TYPICALLY), dialect: Dialect::V7 })
    }

    /// Sets the dialect whose rules count from here on; 7 until then.
    pub fn speak(&mut self, dialect: Dialect) {
        self.dialect = dialect;
    }

    /// Whether the request carries `if_seq_no` or `if_primary_term`.
    pub fn carries_seq_no_condition(&self) -> bool {
        self.given.iter().any(|given| is_seq_no_condition(&given.name))
    }

    /// Names parameters the endpoint knows without taking them: those of its path.
    pub fn declare(&mut self, names: &[&'static str]) {
        self.known.extend_from_slice(names);
    }

    /// Takes a parameter as text.
    pub fn take(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let given = self.given.iter_mut().find(|given| given.name == name)?;
        given.taken = true;
        Some(given.value.clone())
    }

    /// A parameter as it was sent, taken or not, for complaints.
    pub fn value(&self, name: &str) -> Option<&str> {
        let given = self.given.iter().find(|given| given.name == name)?;
        Some(&given.value)
    }

    /// Takes a boolean; without a value it is true (false in dialect 2).
    pub fn take_flag(&mut self, name: &'static str) -> Result<Option<bool>, Error> {
        let dialect = self.dialect;
        self.take(name).map(|text| parse_flag(dialect, &text)).transpose()
    }

    /// Takes a boolean about rendering, which is true without a value in every dialect: `?pretty`.
    pub fn take_switch(&mut self, name: &'static str) -> Result<Option<bool>, Error> {
        let dialect = self.dialect;
        self.take(name)
            .map(|text| if text.is_empty() { Ok(true) } else { parse_flag(dialect, &text) })
            .transpose()
    }

    /// Takes a 64-bit number.
    pub fn take_long(&mut self, name: &'static str) -> Result<Option<i64>, Error> {
        self.take_number(name, "long")
    }

    /// Takes a 32-bit number.
    pub fn take_int(&mut self, name: &'static str) -> Result<Option<i32>, Error> {
        self.take_number(name, "int")
    }

    /// Takes a time value, in milliseconds; −1 is none.
    pub fn take_time(&mut self, name: &'static str) -> Result<Option<i64>, Error> {
        self.take(name).map(|text| parse_time(name, &text)).transpose()
    }

    /// Takes a comma-separated list; empty elements do not count.
    pub fn take_list(&mut self, name: &'static str) -> Option<Vec<String>> {
        let text = self.take(name)?;
        Some(text.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect())
    }

    /// Refuses what nobody took; `raw_path` is the path as sent, for the complaint.
    ///
    /// Dialect 2 passes over unknown names, but a `seq_no` precondition is never ignored where it
    /// does not exist.
    pub fn reject_unknown(&self, raw_path: &str) -> Result<(), Error> {
        let mut unknown: Vec<&str> = self
            .given
            .iter()
            .filter(|given| self.is_unknown(given))
            .map(|given| given.name.as_str())
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        unknown.sort_unstable();
        let plural = if unknown.len() > 1 { "s" } else { "" };
        let listed: Vec<String> =
            unknown.iter().map(|name| format!("[{name}]{}", self.suggestion(name))).collect();
        Err(Error::IllegalArgument(format!(
            "request [{raw_path}] contains unrecognized parameter{plural}: {}",
            listed.join(", ")
        )))
    }

    fn is_unknown(&self, given: &Given) -> bool {
        if is_seq_no_condition(&given.name) && !self.dialect.knows_seq_no_condition() {
            return true;
        }
        let is_condition = CONDITIONS.contains(&given.name.as_str());
        !given.taken
            && !COMMON.contains(&given.name.as_str())
            && (is_condition || !self.dialect.ignores_unknown_parameters())
    }

    /// ` -> did you mean [x]?`, or nothing if no known name is near.
    fn suggestion(&self, unknown: &str) -> String {
        let mut scored: Vec<(f32, &str)> = self
            .known
            .iter()
            .chain(&COMMON)
            .filter(|name| **name != unknown)
            .filter(|name| self.dialect.knows_seq_no_condition() || !is_seq_no_condition(name))
            .map(|name| (similarity(unknown, name), *name))
            .filter(|(score, _)| *score > 0.5)
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        scored.dedup();
        let names: Vec<&str> = scored.iter().map(|(_, name)| *name).collect();
        match names.as_slice() {
            [] => String::new(),
            [only] => format!(" -> did you mean [{only}]?"),
            several => format!(" -> did you mean any of [{}]?", several.join(", ")),
        }
    }

    fn take_number<N: std::str::FromStr>(
        &mut self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<Option<N>, Error> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match value.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Error::NotANumber { expected, parameter: name.to_owned(), value }),
        }
    }
}

/// Reads a time value; the complaints are Elasticsearch's.
fn parse_time(name: &str, text: &str) -> Result<i64, Error> {
    parse_time_value(text).map_err(|error| {
        Error::IllegalArgument(match error {
            TimeValueError::Unit | TimeValueError::Negative => format!(
                "failed to parse setting [{name}] with value [{text}] as a time value: {error}"
            ),
            TimeValueError::Fractional => format!("failed to parse [{text}], {error}"),
            TimeValueError::Number => format!("failed to parse [{text}]"),
        })
    })
}

fn parse_flag(dialect: Dialect, text: &str) -> Result<bool, Error> {
    dialect.parse_boolean(text).ok_or_else(|| {
        Error::IllegalArgument(format!(
            "Failed to parse value [{text}] as only [true] or [false] are allowed."
        ))
    })
}

/// Lucene's `LevenshteinDistance`: 1 for equal names, 0 for names with nothing in common.
fn similarity(a: &str, b: &str) -> f32 {
    // Names are shorter than a request line, so the counts fit a float exactly.
    let as_float = |count: usize| u16::try_from(count).map_or(f32::MAX, f32::from);
    let longest = a.chars().count().max(b.chars().count());
    if longest == 0 { 1.0 } else { 1.0 - as_float(strsim::levenshtein(a, b)) / as_float(longest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(query: &str, dialect: Dialect) -> Parameters {
        let mut parameters = Parameters::parse(query).unwrap();
        parameters.speak(dialect);
        parameters
    }

    /// Takes what the index endpoint takes, and tells what is then refused.
    fn check(query: &str, dialect: Dialect, expected: &str) {
        let mut parameters = parameters(query, dialect);
        parameters.declare(&["index", "id"]);
        for name in ["routing", "refresh", "timeout", "version", "version_type"] {
            parameters.take(name);
        }
        let refused = parameters.reject_unknown("/test/_doc/1");
        let text = refused.map_or_else(|error| error.body().reason, |()| String::new());
        assert_eq!(text, expected, "{query}");
    }

    #[test]
    fn unknown_parameters_are_refused_with_what_was_meant() {
        use Dialect::{V2, V5, V7};
        check("routing=x&pretty&filter_path=a", V7, "");
        check(
            "refersh",
            V7,
            "request [/test/_doc/1] contains unrecognized parameter: [refersh] -> did you mean [refresh]?",
        );
        check(
            "bogus=1&bar=2",
            V7,
            "request [/test/_doc/1] contains unrecognized parameters: [bar], [bogus]",
        );
        check(
            "versiontype=x",
            V7,
            "request [/test/_doc/1] contains unrecognized parameter: [versiontype] -> did you mean any of [version_type, version]?",
        );
        check("bogus=1", V5, "request [/test/_doc/1] contains unrecognized parameter: [bogus]");
        check("bogus=1", V2, "");
    }

    #[test]
    fn a_seq_no_condition_is_never_ignored() {
        for dialect in [Dialect::V2, Dialect::V5] {
            let mut parameters = parameters("if_seq_no=1", dialect);
            assert!(parameters.carries_seq_no_condition());
            parameters.take("if_seq_no");
            let refused = parameters.reject_unknown("/i/t/1").unwrap_err().body().reason;
            assert_eq!(
                refused, "request [/i/t/1] contains unrecognized parameter: [if_seq_no]",
                "{dialect}"
            );
        }
    }

    #[test]
    fn of_a_parameter_given_twice_the_last_counts() {
        assert_eq!(parameters("a=1&a=2", Dialect::V7).take("a").as_deref(), Some("2"));
    }

    #[test]
    fn of_two_conditions_none_is_passed_over() {
        for name in super::BINDING {
            let refused = Parameters::parse(&format!("{name}=1&x=1&{name}=2"));
            assert!(matches!(refused, Err(Error::IllegalArgument(_))), "{name}");
            let said = Parameters::parse(&format!("{name}=1&{name}=1"));
            assert_eq!(said.unwrap().value(name), Some("1"));
        }
    }

    #[test]
    fn numbers_are_java_numbers() {
        let mut parameters = parameters(
            "a=9223372036854775807&b=9223372036854775808&c=-2147483649&d=+7&e=",
            Dialect::V7,
        );
        assert_eq!(parameters.take_long("a").unwrap(), Some(i64::MAX));
        for (name, refused) in [
            ("b", parameters.take_long("b").err()),
            ("c", parameters.take_int("c").err()),
            ("e", parameters.take_long("e").err()),
        ] {
            assert!(matches!(refused, Some(Error::NotANumber { .. })), "{name}");
        }
        assert!(parameters.take_int("d").is_err(), "a plus in a query is a space");
        assert_eq!(parameters.take_int("f").unwrap(), None);
    }

    #[test]
    fn flags_follow_the_dialect() {
        for (query, dialect, expected) in [
            ("f", Dialect::V7, Some(true)),
            ("f=false", Dialect::V7, Some(false)),
            ("f", Dialect::V2, Some(false)),
            ("f=1", Dialect::V5, Some(true)),
            ("", Dialect::V7, None),
        ] {
            assert_eq!(parameters(query, dialect).take_flag("f").unwrap(), expected, "{query}");
        }
        let refused = parameters("f=yes", Dialect::V7).take_flag("f").unwrap_err();
        let text = "Failed to parse value [yes] as only [true] or [false] are allowed.";
        assert_eq!(refused, Error::illegal_argument(text));
        assert_eq!(parameters("pretty", Dialect::V2).take_switch("pretty").unwrap(), Some(true));
    }

    #[test]
    fn complaints_about_times_name_the_parameter() {
        let unit = "failed to parse setting [t] with value [10] as a time value: unit is missing or unrecognized";
        for (text, complaint) in [
            ("10", unit),
            ("1.5s", "failed to parse [1.5s], fractional time values are not supported"),
            ("xs", "failed to parse [xs]"),
        ] {
            let refused = parameters(&format!("t={text}"), Dialect::V7).take_time("t").unwrap_err();
            assert_eq!(refused, Error::illegal_argument(complaint), "{text}");
        }
        assert_eq!(parameters("t=2s", Dialect::V7).take_time("t").unwrap(), Some(2_000));
    }

    #[test]
    fn lists_have_no_empty_elements() {
        let list = parameters("l=a,,b,", Dialect::V7).take_list("l").unwrap();
        assert_eq!(list, ["a", "b"]);
    }
}
