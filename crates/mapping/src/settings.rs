//! What an index's settings say to its mapping: limits, defaults, names of analyzers, the dialect.

use std::collections::BTreeSet;

/// Whose rules and words hold where the versions of Elasticsearch differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Elasticsearch 7, as recorded from 7.2.1, with the types and parameters of 7.17.
    #[default]
    Seven,
    /// Elasticsearch 8 and 9.
    Eight,
}

/// The settings of an index that its mapping depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The index's name, which some errors tell.
    pub index: String,
    /// Whose rules and words hold.
    pub dialect: Dialect,
    /// `index.mapping.total_fields.limit`.
    pub total_fields_limit: u64,
    /// `index.mapping.depth.limit`.
    pub depth_limit: u64,
    /// `index.mapping.nested_fields.limit`.
    pub nested_fields_limit: u64,
    /// `index.mapping.nested_objects.limit`.
    pub nested_objects_limit: u64,
    /// `index.mapping.field_name_length.limit`.
    pub field_name_length_limit: u64,
    /// `index.mapping.ignore_malformed`, for fields that do not say.
    pub ignore_malformed: bool,
    /// `index.mapping.coerce`, for fields that do not say.
    pub coerce: bool,
    /// The analyzers that `index.analysis` defines.
    pub analyzers: BTreeSet<String>,
    /// The normalizers that `index.analysis` defines.
    pub normalizers: BTreeSet<String>,
    /// The similarities that `index.similarity` defines.
    pub similarities: BTreeSet<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            index: String::new(),
            dialect: Dialect::Seven,
            total_fields_limit: 1_000,
            depth_limit: 20,
            nested_fields_limit: 50,
            nested_objects_limit: 10_000,
            field_name_length_limit: i64::MAX.unsigned_abs(),
            ignore_malformed: false,
            coerce: true,
            analyzers: BTreeSet::new(),
            normalizers: BTreeSet::new(),
            similarities: BTreeSet::new(),
        }
    }
}

/// The analyzers every index has, languages included.
const ANALYZERS: [&str; 43] = [
    "default",
    "standard",
    "simple",
    "whitespace",
    "stop",
    "keyword",
    "pattern",
    "fingerprint",
    "arabic",
    "armenian",
    "basque",
    "bengali",
    "brazilian",
    "bulgarian",
    "catalan",
    "chinese",
    "cjk",
    "czech",
    "danish",
    "dutch",
    "english",
    "estonian",
    "finnish",
    "french",
    "galician",
    "german",
    "greek",
    "hindi",
    "hungarian",
    "indonesian",
    "irish",
    "italian",
    "latvian",
    "lithuanian",
    "norwegian",
    "persian",
    "portuguese",
    "romanian",
    "russian",
    "snowball",
    "sorani",
    "spanish",
    "swedish",
];

impl Settings {
    /// Whether there is an analyzer of this name.
    #[must_use]
    pub fn has_analyzer(&self, name: &str) -> bool {
        ANALYZERS.contains(&name)
            || matches!(name, "turkish" | "thai" | "serbian")
            || self.analyzers.contains(name)
    }

    /// Whether there is a normalizer of this name.
    pub(crate) fn has_normalizer(&self, name: &str) -> bool {
        name == "lowercase" || self.normalizers.contains(name)
    }

    /// Whether there is a similarity of this name.
    pub(crate) fn has_similarity(&self, name: &str) -> bool {
        matches!(name, "BM25" | "boolean") || self.similarities.contains(name)
    }
}
