//! What a request requires of its document: `version`, `version_type`, `if_seq_no`,
//! `if_primary_term`, and whether their combination makes sense (spec concurrency §4.5, §7).

use document::{Action, Precondition, PrimaryTerm, SeqNo, Version};

use super::dialect::Dialect;
use super::error::Error;
use super::parameters::Parameters;

/// The version that means "any": as good as none.
const MATCH_ANY: i64 = -3;
/// The version that means "deleted": on an index request, put if absent.
const MATCH_DELETED: i64 = -4;
/// The sequence number that means "not given".
const UNASSIGNED_SEQ_NO: i64 = -2;
/// The longest id in bytes.
const ID_BYTES_MAX: usize = 512;

/// How a version is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum VersionType {
    /// The server counts; a given version must be the present one.
    #[default]
    Internal,
    /// The caller counts; a given version must be higher.
    External,
    /// The caller counts; a given version must not be lower.
    ExternalGte,
    /// The given version wins.
    Force,
}

impl VersionType {
    /// Reads a version type as the dialect spells them.
    pub(crate) fn parse(text: &str, dialect: Dialect) -> Result<Self, Error> {
        match text {
            "internal" => Ok(Self::Internal),
            "external" | "external_gt" => Ok(Self::External),
            "external_gte" => Ok(Self::ExternalGte),
            "force" if dialect.names_version_type_force() => Ok(Self::Force),
            _ => Err(Error::illegal_argument(format!("No version type match [{text}]"))),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Internal => "INTERNAL",
            Self::External => "EXTERNAL",
            Self::ExternalGte => "EXTERNAL_GTE",
            Self::Force => "FORCE",
        }
    }
}

/// The conditions of one write or read, as given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conditions {
    /// The version; nothing stands for "any".
    version: Option<i64>,
    /// How the version is meant.
    pub(crate) version_type: VersionType,
    seq_no: Option<u64>,
    /// The primary term; 0 stands for "not given".
    primary_term: u64,
}

impl Conditions {
    /// Takes all four from a query. `if_match` is the header, which older clients send for
    /// `version`.
    pub(crate) fn take(
        parameters: &mut Parameters,
        if_match: Option<&str>,
        dialect: Dialect,
    ) -> Result<Self, Error> {
        let mut conditions = Self::take_version(parameters, if_match, dialect)?;
        conditions.set_seq_no(parameters.take_long("if_seq_no")?)?;
        conditions.set_primary_term(parameters.take_long("if_primary_term")?)?;
        Ok(conditions)
    }

    /// Takes `version` and `version_type`, which reads have alone.
    pub(crate) fn take_version(
        parameters: &mut Parameters,
        if_match: Option<&str>,
        dialect: Dialect,
    ) -> Result<Self, Error> {
        let mut conditions = Self::default();
        let version = match parameters.take_long("version")? {
            Some(version) => Some(version),
            None => if_match.map(parse_if_match).transpose()?,
        };
        conditions.set_version(version);
        if let Some(name) = parameters.take("version_type") {
            conditions.version_type = VersionType::parse(&name, dialect)?;
        }
        Ok(conditions)
    }

    /// Sets the version.
    pub(crate) fn set_version(&mut self, version: Option<i64>) {
        self.version = version.filter(|version| *version != MATCH_ANY);
    }

    /// Sets `if_seq_no`.
    pub(crate) fn set_seq_no(&mut self, given: Option<i64>) -> Result<(), Error> {
        self.seq_no = match given.filter(|seq_no| *seq_no != UNASSIGNED_SEQ_NO) {
            None => None,
            Some(seq_no) => Some(u64::try_from(seq_no).map_err(|_| {
                Error::illegal_argument(format!(
                    "sequence numbers must be non negative. got [{seq_no}]."
                ))
            })?),
        };
        Ok(())
    }

    /// Sets `if_primary_term`.
    pub(crate) fn set_primary_term(&mut self, given: Option<i64>) -> Result<(), Error> {
        let term = given.unwrap_or(0);
        self.primary_term = u64::try_from(term).map_err(|_| {
            Error::illegal_argument(format!("primary term must be non negative. got [{term}]"))
        })?;
        Ok(())
    }

    /// Whether `if_seq_no` is given.
    pub(crate) fn has_seq_no(&self) -> bool {
        self.seq_no.is_some()
    }

    /// Whether these hold what others say of the sequence number and the term.
    pub(crate) fn extends(&self, others: &Self) -> bool {
        (others.seq_no.is_none() || self.seq_no == others.seq_no)
            && (others.primary_term == 0 || self.primary_term == others.primary_term)
    }

    /// Whether a version or a type other than internal is given.
    pub(crate) fn has_version(&self) -> bool {
        self.version.is_some() || self.version_type != VersionType::Internal
    }

    /// Whether a version is given.
    pub(crate) fn has_explicit_version(&self) -> bool {
        self.version.is_some()
    }

    /// The rules an index, create or delete breaks, in the order they are listed (§7.1, §7.2, §7.6).
    pub(crate) fn check_write(
        &self,
        action: Action,
        id: Option<&str>,
        dialect: Dialect,
    ) -> Vec<String> {
        if action == Action::Create
            && let Some(rule) = self.check_create(dialect)
        {
            return vec![rule.to_owned()];
        }
        let mut rules = Vec::new();
        if id.is_none() && self.has_version() && dialect.wants_id_with_version() {
            rules.push("an id must be provided if version type or value are set".to_owned());
        }
        let puts_if_absent = self.puts_if_absent(action);
        rules.extend(self.check_range().filter(|_| !puts_if_absent));
        if self.version_type == VersionType::Force && !dialect.allows_version_type_force() {
            rules.push("version type [force] may no longer be used".to_owned());
            return rules;
        }
        if !dialect.allows_internal_version_condition()
            && self.version_type == VersionType::Internal
            && self.version.is_some()
            && !puts_if_absent
        {
            rules.push(INTERNAL_VERSIONING.to_owned());
        }
        rules.extend(self.check_seq_no());
        if action != Action::Delete
            && let Some(id) = id
        {
            rules.extend(check_id(id, dialect));
        }
        rules
    }

    /// What a create may not bring along; the first rule hides all others.
    fn check_create(&self, dialect: Dialect) -> Option<&'static str> {
        if dialect.allows_create_with_version() {
            None
        } else if self.version_type != VersionType::Internal {
            Some("create operations only support internal versioning. use index instead")
        } else if self.version.is_some() {
            Some("create operations do not support explicit versions. use index instead")
        } else if self.seq_no.is_some() || self.primary_term != 0 {
            Some("create operations do not support compare and set. use index instead")
        } else {
            None
        }
    }

    /// Whether the version is one that its type has (W1); for writes and reads.
    pub(crate) fn check_range(&self) -> Option<String> {
        let legal = match (self.version_type, self.version) {
            (VersionType::Internal, None) => true,
            (VersionType::Internal, Some(version)) => version > 0,
            (VersionType::External | VersionType::ExternalGte | VersionType::Force, version) => {
                version.is_some_and(|version| version >= 0)
            }
        };
        let version = self.version.unwrap_or(MATCH_ANY);
        let name = self.version_type.name();
        (!legal).then(|| format!("illegal version value [{version}] for version type [{name}]"))
    }

    /// Whether both halves of a condition on the sequence number are given, and nothing else (W3–W5).
    pub(crate) fn check_seq_no(&self) -> Vec<String> {
        let mut rules = Vec::new();
        if self.seq_no.is_some() && self.has_version() {
            rules.push("compare and write operations can not use versioning".to_owned());
        }
        match (self.seq_no, self.primary_term) {
            (Some(_), 0) => {
                rules.push("ifSeqNo is set, but primary term is [0]".to_owned());
            }
            (None, term) if term != 0 => {
                rules.push(format!("ifSeqNo is unassigned, but primary term is [{term}]"));
            }
            (Some(_) | None, _) => {}
        }
        rules
    }

    /// The rules a read breaks (§7.4).
    pub(crate) fn check_read(&self, dialect: Dialect) -> Vec<String> {
        // Without a version there is nothing to compare, whatever its type would have been.
        let mut rules: Vec<String> =
            self.version.and_then(|_| self.check_range()).into_iter().collect();
        if self.version_type == VersionType::Force && !dialect.allows_version_type_force() {
            rules.push("version type [force] may no longer be used".to_owned());
        }
        rules
    }

    /// The version a read requires: all types mean equality there.
    pub(crate) fn required_version(&self) -> Option<Version> {
        self.version.and_then(Version::new)
    }

    /// Whether this is an index request with version −4, which makes it a create: the one place
    /// where that number means anything.
    fn puts_if_absent(&self, action: Action) -> bool {
        action == Action::Index
            && self.version_type == VersionType::Internal
            && self.version == Some(MATCH_DELETED)
    }

    /// What an index or create request does, once its conditions were checked.
    pub(crate) fn action(&self, asked: Action) -> Action {
        if self.puts_if_absent(asked) { Action::Create } else { asked }
    }

    /// The precondition that these conditions are, once they were checked.
    pub(crate) fn precondition(&self) -> Precondition {
        let version = self.version.and_then(Version::new);
        match (self.seq_no, self.version_type, version) {
            (Some(seq_no), _, _) => Precondition::SeqNo {
                seq_no: SeqNo::new(seq_no),
                term: PrimaryTerm::new(self.primary_term),
            },
            (None, _, None) => Precondition::None,
            (None, VersionType::Internal, Some(version)) => Precondition::Version(version),
            (None, VersionType::External, Some(version)) => Precondition::ExternalGreater(version),
            (None, VersionType::ExternalGte, Some(version)) => {
                Precondition::ExternalGreaterOrEqual(version)
            }
            (None, VersionType::Force, Some(version)) => Precondition::Force(version),
        }
    }
}

/// The refusal of internal versions in 7.x and later (W2, U0).
pub(crate) const INTERNAL_VERSIONING: &str = "internal versioning can not be used for optimistic \
     concurrency control. Please use `if_seq_no` and `if_primary_term` instead";

/// Whether an id is short enough (I5).
pub(crate) fn check_id(id: &str, dialect: Dialect) -> Option<String> {
    let length = id.len();
    if length <= ID_BYTES_MAX || !dialect.limits_id_length() {
        return None;
    }
    let named = if dialect.names_long_ids() { format!("id [{id}]") } else { "id".to_owned() };
    Some(format!(
        "{named} is too long, must be no longer than {ID_BYTES_MAX} bytes but was: {length}"
    ))
}

fn parse_if_match(text: &str) -> Result<i64, Error> {
    text.trim().trim_matches('"').parse().map_err(|_| Error::NotANumber {
        expected: "long",
        parameter: "If-Match".to_owned(),
        value: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use document::{Action, Precondition, Version};

    use super::{Conditions, INTERNAL_VERSIONING};
    use crate::rest::dialect::Dialect;
    use crate::rest::parameters::Parameters;

    fn conditions(query: &str, dialect: Dialect) -> Result<Conditions, String> {
        let mut parameters = Parameters::parse(query).unwrap();
        parameters.speak(dialect);
        Conditions::take(&mut parameters, None, dialect).map_err(|error| error.body().reason)
    }

    fn rules(query: &str, action: Action, dialect: Dialect) -> Vec<String> {
        conditions(query, dialect).unwrap().check_write(action, Some("d"), dialect)
    }

    #[test]
    fn combinations_are_refused_as_each_dialect_does() {
        use Action::{Create, Delete, Index};
        use Dialect::{V2, V5, V7, V8};
        let illegal = |v, t| format!("illegal version value [{v}] for version type [{t}]");
        for dialect in [V7, V8] {
            assert_eq!(rules("version=1", Index, dialect), [INTERNAL_VERSIONING]);
            assert_eq!(
                rules("version=0", Delete, dialect),
                [illegal(0, "INTERNAL").as_str(), INTERNAL_VERSIONING]
            );
            assert_eq!(rules("version_type=external", Index, dialect), [illegal(-3, "EXTERNAL")]);
            assert_eq!(rules("version=-3", Index, dialect), [""; 0]);
            assert_eq!(
                rules("if_seq_no=0&if_primary_term=1&version=3", Index, dialect),
                [INTERNAL_VERSIONING, "compare and write operations can not use versioning"]
            );
            assert!(rules("version=1", Create, dialect)[0].contains("explicit versions"));
            assert!(rules("if_primary_term=1", Create, dialect)[0].contains("compare and set"));
        }
        for dialect in [V2, V5] {
            assert_eq!(rules("version=1", Index, dialect), [""; 0]);
            assert_eq!(rules("version=0", Index, dialect), [illegal(0, "INTERNAL")]);
        }
        assert_eq!(rules("version=5&version_type=external", Create, V2), [""; 0]);
        assert_eq!(rules("version=5&version_type=force", Index, V2), [""; 0]);
        assert!(rules("version=5&version_type=force", Index, V7)[0].contains("no longer be used"));
        assert!(conditions("version=5&version_type=force", V8).is_err());
    }

    #[test]
    fn ids_are_short() {
        let id = "é".repeat(257);
        let check = |dialect| Conditions::default().check_write(Action::Index, Some(&id), dialect);
        assert_eq!(check(Dialect::V2), [""; 0]);
        assert_eq!(
            check(Dialect::V5),
            ["id is too long, must be no longer than 512 bytes but was: 514"]
        );
        assert!(check(Dialect::V8)[0].starts_with("id [éé"));
        let fits = "é".repeat(256);
        let check = Conditions::default().check_write(Action::Index, Some(&fits), Dialect::V8);
        assert_eq!(check, [""; 0]);
    }

    #[test]
    fn version_minus_four_puts_if_absent_and_means_nothing_else() {
        for dialect in [Dialect::V2, Dialect::V5, Dialect::V7, Dialect::V8] {
            let conditions = conditions("version=-4", dialect).unwrap();
            assert_eq!(rules("version=-4", Action::Index, dialect), [""; 0]);
            assert_eq!(conditions.action(Action::Index), Action::Create);
            assert_eq!(conditions.precondition(), Precondition::None);
            // Elsewhere it is as illegal as any other negative number.
            assert!(rules("version=-4", Action::Delete, dialect)[0].contains("illegal version"));
            assert!(conditions.check_read(dialect)[0].contains("illegal version"));
        }
        let five = super::Conditions { version: Some(5), ..Conditions::default() };
        assert_eq!(five.precondition(), Precondition::Version(Version::new(5).unwrap()));
    }
}
