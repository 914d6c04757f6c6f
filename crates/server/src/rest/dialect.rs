//! The dialects of ten years: which one a request is answered in, and how they differ.
//!
//! A dialect is a profile of validation and rendering; the engine underneath is one and the same.
//! Every difference is a method with an exhaustive `match`, so that a further dialect does not
//! compile before each difference has been decided. See `docs/compatibility.md`.

use std::fmt;
use std::str::FromStr;

use node::MissingIndex;

/// A generation of Elasticsearch's wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// 2.x: typed paths, optimistic locking by `version=`, lenient in everything.
    V2,
    /// 5.x: as 2.x, with `result` in the answers and strict parameters.
    V5,
    /// 7.x: `_doc` paths, `if_seq_no`, answers that still carry `_type`. The default.
    V7,
    /// 8.x and 9.x: no types at all, vendor media types.
    V8,
}

impl Dialect {
    /// The major version, as `compatible-with`, `--http ADDR=DIALECT` and `index.dialect` spell it.
    pub fn major(self) -> u8 {
        match self {
            Self::V2 => 2,
            Self::V5 => 5,
            Self::V7 => 7,
            Self::V8 => 8,
        }
    }

    /// The dialect that answers a vendor media type asking for this major version, if one does.
    pub fn compatible_with(major: u32) -> Option<Self> {
        match major {
            2 => Some(Self::V2),
            5 => Some(Self::V5),
            7 => Some(Self::V7),
            8 | 9 => Some(Self::V8),
            _ => None,
        }
    }

    /// The version number `GET /` reports.
    pub fn version_number(self) -> &'static str {
        match self {
            Self::V2 => "2.4.6",
            Self::V5 => "5.6.16",
            Self::V7 => "7.17.28",
            Self::V8 => "8.17.0",
        }
    }

    /// The version of Lucene that goes with [`Self::version_number`].
    pub fn lucene_version(self) -> &'static str {
        match self {
            Self::V2 => "5.5.4",
            Self::V5 => "6.6.1",
            Self::V7 => "8.11.3",
            Self::V8 => "9.12.0",
        }
    }

    /// The `Content-Type` of a JSON answer when the request's `Accept` names no vendor type.
    pub fn json_content_type(self) -> &'static str {
        match self {
            Self::V2 | Self::V5 | Self::V7 => "application/json; charset=UTF-8",
            Self::V8 => "application/json",
        }
    }

    /// Preferences for a kind of copy, which 7.0 removed.
    pub fn former_preferences(self) -> &'static [&'static str] {
        match self {
            Self::V2 | Self::V5 => &["_primary", "_primary_first", "_replica", "_replica_first"],
            Self::V7 | Self::V8 => &[],
        }
    }

    /// Whether field capabilities tell fields of every index from those of mappings, and leave some out.
    pub fn tells_metadata_fields(self) -> bool {
        match self {
            Self::V2 | Self::V5 | Self::V7 => false,
            Self::V8 => true,
        }
    }

    /// Whether answers name the document's `_type`.
    pub fn shows_type(self) -> bool {
        match self {
            Self::V2 | Self::V5 | Self::V7 => true,
            Self::V8 => false,
        }
    }

    /// Whether answers carry `_seq_no` and `_primary_term`.
    pub fn shows_seq_no(self) -> bool {
        match self {
            Self::V2 | Self::V5 => false,
            Self::V7 | Self::V8 => true,
        }
    }

    /// Whether `version=` without a version type compares internal versions; otherwise it is refused.
    pub fn allows_internal_version_condition(self) -> bool {
        match self {
            Self::V2 | Self::V5 => true,
            Self::V7 | Self::V8 => false,
        }
    }

    /// Whether a create may bring a version along; it is checked like an index first.
    pub fn allows_create_with_version(self) -> bool {
        match self {
            Self::V2 => true,
            Self::V5 | Self::V7 | Self::V8 => false,
        }
    }

    /// Whether a version needs an id beside it.
    pub fn wants_id_with_version(self) -> bool {
        match self {
            Self::V2 => false,
            Self::V5 | Self::V7 | Self::V8 => true,
        }
    }

    /// Whether `version_type=force` is a name at all.
    pub fn names_version_type_force(self) -> bool {
        match self {
            Self::V2 | Self::V5 | Self::V7 => true,
            Self::V8 => false,
        }
    }

    /// Whether `version_type=force` may be used.
    pub fn allows_version_type_force(self) -> bool {
        match self {
            Self::V2 | Self::V5 => true,
            Self::V7 | Self::V8 => false,
        }
    }

    /// Whether ids longer than 512 bytes are refused.
    pub fn limits_id_length(self) -> bool {
        match self {
            Self::V2 => false,
            Self::V5 | Self::V7 | Self::V8 => true,
        }
    }

    /// Whether the refusal of a long id names it.
    pub fn names_long_ids(self) -> bool {
        match self {
            Self::V2 | Self::V5 | Self::V7 => false,
            Self::V8 => true,
        }
    }

    /// Whether a document without an id is created rather than indexed (from 7.5 on).
    pub fn creates_without_id(self) -> bool {
        match self {
            Self::V2 | Self::V5 => false,
            Self::V7 | Self::V8 => true,
        }
    }

    /// Whether an endpoint that takes no body refuses one.
    pub fn refuses_needless_bodies(self) -> bool {
        match self {
            Self::V2 | Self::V5 => false,
            Self::V7 | Self::V8 => true,
        }
    }

    /// Whether write answers carry `result`, and `forced_refresh` where it applies.
    pub fn shows_result(self) -> bool {
        match self {
            Self::V2 => false,
            Self::V5 | Self::V7 | Self::V8 => true,
        }
    }

    /// Whether answers tell `created` and `found` where later ones say all with `result`.
    pub fn shows_created_and_found(self) -> bool {
        match self {
            Self::V2 | Self::V5 => true,
            Self::V7 | Self::V8 => false,
        }
    }

    /// Whether an answer of 201 says where the document is.
    pub fn shows_location(self) -> bool {
        match self {
            Self::V2 => false,
            Self::V5 | Self::V7 | Self::V8 => true,
        }
    }

    /// Whether bulk lines may spell their metadata in the old ways: `_version`, `_versionType`.
    pub fn allows_old_metadata_names(self) -> bool {
        match self {
            Self::V2 | Self::V5 => true,
            Self::V7 | Self::V8 => false,
        }
    }

    /// Whether mappings are nested under their type's name unless the request says otherwise.
    pub fn nests_mappings(self) -> bool {
        match self {
            Self::V2 | Self::V5 => true,
            Self::V7 | Self::V8 => false,
        }
    }

    /// Whether indices may be deleted by wildcards (`action.destructive_requires_name`).
    pub fn deletes_by_wildcard(self) -> bool {
        match self {
            Self::V2 | Self::V5 | Self::V7 => true,
            Self::V8 => false,
        }
    }

    /// The version an index says it was created by.
    pub fn index_version(self) -> &'static str {
        match self {
            Self::V2 => "2040699",
            Self::V5 => "5061699",
            Self::V7 => "7172899",
            Self::V8 => "8521000",
        }
    }

    /// Whether bulk and mget items may name a `_type`.
    pub fn allows_type_in_items(self) -> bool {
        match self {
            Self::V2 | Self::V5 | Self::V7 => true,
            Self::V8 => false,
        }
    }

    /// The settings of an index that is created along the way. The legacy profile has five shards and
    /// the routing of before 7.0, so that documents land where old transcripts show them.
    pub fn new_index_settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::V2 | Self::V5 => &[
                ("index.number_of_shards", "5"),
                ("index.number_of_replicas", "1"),
                ("index.number_of_routing_shards", "5"),
            ],
            Self::V7 | Self::V8 => {
                &[("index.number_of_shards", "1"), ("index.number_of_replicas", "1")]
            }
        }
    }

    /// How a write creates the index that it does not find.
    pub fn missing_index(self) -> MissingIndex {
        MissingIndex::Create(self.new_index_settings(), super::mapping::rules(self))
    }

    /// Whether `if_seq_no` and `if_primary_term` exist; where they do not they are unknown
    /// parameters and never ignored.
    pub fn knows_seq_no_condition(self) -> bool {
        match self {
            Self::V2 | Self::V5 => false,
            Self::V7 | Self::V8 => true,
        }
    }

    /// Whether unknown query parameters are passed over in silence.
    pub fn ignores_unknown_parameters(self) -> bool {
        match self {
            Self::V2 => true,
            Self::V5 | Self::V7 | Self::V8 => false,
        }
    }

    /// Whether a body must say its `Content-Type`.
    pub fn requires_content_type(self) -> bool {
        match self {
            Self::V2 | Self::V5 => false,
            Self::V7 | Self::V8 => true,
        }
    }

    /// The text of the 406 for a body without a `Content-Type`.
    pub fn missing_content_type(self) -> &'static str {
        match self {
            Self::V2 | Self::V5 | Self::V7 => "Content-Type header [] is not supported",
            Self::V8 => "Content-Type header is missing",
        }
    }

    /// The exception for a `Content-Type` or `Accept` header that cannot be understood.
    pub fn media_type_exception(self) -> &'static str {
        match self {
            Self::V2 | Self::V5 | Self::V7 => "content_type_header_exception",
            Self::V8 => "media_type_header_exception",
        }
    }

    /// What the text of a boolean parameter means; `None` if it is not a boolean in this dialect.
    pub fn parse_boolean(self, text: &str) -> Option<bool> {
        match self {
            Self::V2 => Some(!matches!(text, "false" | "0" | "no" | "off" | "")),
            Self::V5 => Some(!matches!(text, "false" | "0" | "no" | "off")),
            Self::V7 | Self::V8 => match text {
                "true" | "" => Some(true),
                "false" => Some(false),
                _ => None,
            },
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.major())
    }
}

/// A text that names no dialect.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown dialect [{0}], expected one of [2, 5, 7, 8]")]
pub struct UnknownDialect(pub String);

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(text: &str) -> Result<Self, UnknownDialect> {
        match text {
            "2" => Ok(Self::V2),
            "5" => Ok(Self::V5),
            "7" => Ok(Self::V7),
            "8" => Ok(Self::V8),
            _ => Err(UnknownDialect(text.to_owned())),
        }
    }
}

/// The server's choice where a request gives no sign of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DialectDefaults {
    /// For requests without any sign: `--default-dialect`, 7 or 8.
    pub default: Dialect,
    /// For typed paths: `--legacy-dialect`, 5 or 2.
    pub legacy: Dialect,
}

impl Default for DialectDefaults {
    fn default() -> Self {
        Self { default: Dialect::V7, legacy: Dialect::V5 }
    }
}

/// What a request's path says about its dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// No type in the path: `/movies/_doc/1`, `/_bulk`.
    Typeless,
    /// A type other than `_doc`, in the path or in a bulk or mget item: `/website/blog/1`.
    Typed,
    /// `_doc` as a type in a four-segment path: `/movies/_doc/1/_update`.
    TypedDoc,
}

/// Everything about a request that may tell its dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signs {
    /// From `compatible-with` in the vendor media types.
    pub header: Option<Dialect>,
    /// From the address the request came in on.
    pub pinned: Option<Dialect>,
    /// From the setting `index.dialect` of the one index the request names.
    pub index: Option<Dialect>,
    /// The kind of path.
    pub path: PathKind,
    /// Whether the request carries `if_seq_no` or `if_primary_term`, which no 2.x or 5.x client sends.
    pub carries_seq_no_condition: bool,
}

/// The dialect a request is answered in: header, listener, index, path, default; first sign wins.
pub fn select(signs: Signs, defaults: DialectDefaults) -> Dialect {
    let by_path = || match signs.path {
        PathKind::Typeless => None,
        PathKind::Typed if signs.carries_seq_no_condition => Some(Dialect::V7),
        PathKind::Typed => Some(defaults.legacy),
        PathKind::TypedDoc => Some(Dialect::V7),
    };
    signs.header.or(signs.pinned).or(signs.index).or_else(by_path).unwrap_or(defaults.default)
}

/// Whether a parameter is half of a `seq_no` precondition, which no dialect may ignore.
pub(super) fn is_seq_no_condition(parameter: &str) -> bool {
    matches!(parameter, "if_seq_no" | "if_primary_term")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_SIGNS: Signs = Signs {
        header: None,
        pinned: None,
        index: None,
        path: PathKind::Typeless,
        carries_seq_no_condition: false,
    };

    fn check(signs: Signs, expected: Dialect) {
        assert_eq!(select(signs, DialectDefaults::default()), expected, "{signs:?}");
    }

    #[test]
    fn the_first_sign_wins() {
        use Dialect::{V2, V5, V7, V8};
        check(NO_SIGNS, V7);
        check(Signs { header: Some(V8), pinned: Some(V2), ..NO_SIGNS }, V8);
        check(Signs { pinned: Some(V2), index: Some(V8), ..NO_SIGNS }, V2);
        check(Signs { index: Some(V8), path: PathKind::Typed, ..NO_SIGNS }, V8);
        check(Signs { path: PathKind::Typed, ..NO_SIGNS }, V5);
        check(Signs { path: PathKind::TypedDoc, ..NO_SIGNS }, V7);
    }

    #[test]
    fn a_typed_path_with_a_seq_no_condition_is_served_as_7() {
        let signs = Signs { path: PathKind::Typed, carries_seq_no_condition: true, ..NO_SIGNS };
        check(signs, Dialect::V7);
    }

    #[test]
    fn the_defaults_are_the_operators() {
        let defaults = DialectDefaults { default: Dialect::V8, legacy: Dialect::V2 };
        assert_eq!(select(NO_SIGNS, defaults), Dialect::V8);
        assert_eq!(select(Signs { path: PathKind::Typed, ..NO_SIGNS }, defaults), Dialect::V2);
    }

    #[test]
    fn booleans_are_strict_from_7_on() {
        for (text, expected) in
            [("", [Some(false), Some(true), Some(true)]), ("off", [Some(false), Some(false), None])]
        {
            let parsed = [Dialect::V2, Dialect::V5, Dialect::V7].map(|d| d.parse_boolean(text));
            assert_eq!(parsed, expected, "[{text}]");
        }
    }
}
