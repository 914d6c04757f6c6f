//! The names that Elasticsearch has for parts of analysis and this server has not: who asks for one is
//! told so, and not that there is none.

/// Analyzers.
const ANALYZERS: [&str; 41] = [
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
    "fingerprint",
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
    "pattern",
    "persian",
    "portuguese",
    "romanian",
    "russian",
    "serbian",
    "snowball",
    "sorani",
    "spanish",
    "swedish",
    "thai",
    "turkish",
    "standard_html_strip",
];

/// Tokenizers.
const TOKENIZERS: [&str; 14] = [
    "char_group",
    "classic",
    "edgeNGram",
    "edge_ngram",
    "nGram",
    "ngram",
    "PathHierarchy",
    "path_hierarchy",
    "pattern",
    "simple_pattern",
    "simple_pattern_split",
    "thai",
    "uax_url_email",
    "icu_tokenizer",
];

/// Filters of terms.
const FILTERS: [&str; 66] = [
    "apostrophe",
    "arabic_normalization",
    "arabic_stem",
    "asciifolding",
    "bengali_normalization",
    "brazilian_stem",
    "cjk_bigram",
    "cjk_width",
    "classic",
    "common_grams",
    "condition",
    "czech_stem",
    "decimal_digit",
    "delimited_payload",
    "dictionary_decompounder",
    "dutch_stem",
    "edgeNGram",
    "edge_ngram",
    "elision",
    "fingerprint",
    "flatten_graph",
    "french_stem",
    "german_normalization",
    "german_stem",
    "hindi_normalization",
    "hunspell",
    "hyphenation_decompounder",
    "indic_normalization",
    "keep",
    "keep_types",
    "keyword_marker",
    "keyword_repeat",
    "kstem",
    "length",
    "limit",
    "min_hash",
    "multiplexer",
    "nGram",
    "ngram",
    "pattern_capture",
    "pattern_replace",
    "persian_normalization",
    "phonetic",
    "porter_stem",
    "predicate_token_filter",
    "remove_duplicates",
    "reverse",
    "russian_stem",
    "scandinavian_folding",
    "scandinavian_normalization",
    "serbian_normalization",
    "shingle",
    "snowball",
    "sorani_normalization",
    "stemmer",
    "stemmer_override",
    "synonym",
    "synonym_graph",
    "truncate",
    "type_as_payload",
    "word_delimiter",
    "word_delimiter_graph",
    "icu_folding",
    "icu_normalizer",
    "persian_stem",
    "serbian_stem",
];

/// Filters of characters.
const CHARACTER_FILTERS: [&str; 3] = ["html_strip", "mapping", "pattern_replace"];

/// A kind of part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Analyzer,
    Tokenizer,
    Filter,
    CharacterFilter,
    Normalizer,
}

impl Part {
    /// What is wrong with a name that this server has nothing for. `defined` says whether the index
    /// defines it, `of_index` whether an index is asked.
    pub(super) fn complaint(self, name: &str, defined: bool, of_index: bool) -> String {
        let (what, known, under): (_, &[&str], _) = match self {
            Self::Analyzer => ("analyzer", &ANALYZERS, ""),
            Self::Tokenizer => ("tokenizer", &TOKENIZERS, " under"),
            Self::Filter => ("token filter", &FILTERS, " under"),
            Self::CharacterFilter => ("char filter", &CHARACTER_FILTERS, " under"),
            Self::Normalizer => ("normalizer", &[], " under"),
        };
        if defined || known.contains(&name) {
            return format!("the {what} [{name}] is not supported yet");
        }
        let global = if of_index || self == Self::Normalizer { "" } else { " global" };
        format!("failed to find{global} {what}{under} [{name}]")
    }

    /// What the settings of an index call it.
    pub(super) fn setting(self) -> &'static str {
        match self {
            Self::Analyzer => "analyzer",
            Self::Tokenizer => "tokenizer",
            Self::Filter => "filter",
            Self::CharacterFilter => "char_filter",
            Self::Normalizer => "normalizer",
        }
    }
}
