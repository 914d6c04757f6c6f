//! The tables: which parameters each type has, in the order in which they are rendered.

use crate::field::FieldType;

use super::{Change, Form, Parameter, Preset};

/// A parameter that is rendered where it is not the default.
const fn hidden(name: &'static str, form: Form, default: Preset, change: Change) -> Parameter {
    Parameter { name, form, default, change, shown: false }
}

/// A parameter that is always rendered.
const fn shown(name: &'static str, form: Form, default: Preset, change: Change) -> Parameter {
    Parameter { name, form, default, change, shown: true }
}

/// A parameter that is kept as given.
const fn any(name: &'static str) -> Parameter {
    hidden(name, Form::Any, Preset::None, Change::Free)
}

/// A switch that may not change.
const fn switch(name: &'static str, default: bool) -> Parameter {
    hidden(name, Form::Boolean, Preset::Boolean(default), Change::Values(name))
}

/// A switch that may change.
const fn free_switch(name: &'static str, default: bool) -> Parameter {
    hidden(name, Form::Boolean, Preset::Boolean(default), Change::Free)
}

/// A switch that is remembered when it is given.
const fn explicit(name: &'static str, default: bool) -> Parameter {
    hidden(name, Form::Explicit, Preset::Boolean(default), Change::Free)
}

const BOOST: Parameter = hidden("boost", Form::Number, Preset::Number(1.0), Change::Free);
const INDEX: Parameter = switch("index", true);
const STORE: Parameter = switch("store", false);
const DOC_VALUES: Parameter = switch("doc_values", true);
const DOC_VALUES_OFF: Parameter = switch("doc_values", false);
const NO_DOC_VALUES: Parameter =
    hidden("doc_values", Form::NoDocValues, Preset::Boolean(false), Change::Free);
const TERM_VECTOR: Parameter = hidden(
    "term_vector",
    Form::TermVector,
    Preset::Text("no"),
    Change::Values("store_term_vector"),
);
const NORMS: Parameter = hidden("norms", Form::Boolean, Preset::Boolean(true), Change::ToFalse);
const NORMS_OFF: Parameter =
    hidden("norms", Form::Boolean, Preset::Boolean(false), Change::ToFalse);
const POSITIONS: Parameter = hidden(
    "index_options",
    Form::IndexOptions(true),
    Preset::Text("positions"),
    Change::FreeInSeven,
);
const DOCS: Parameter =
    hidden("index_options", Form::IndexOptions(false), Preset::Text("docs"), Change::FreeInSeven);
const EAGER: Parameter = free_switch("eager_global_ordinals", false);
const SIMILARITY: Parameter =
    hidden("similarity", Form::Similarity, Preset::None, Change::Fixed("similarity"));
const ANALYZER: Parameter =
    hidden("analyzer", Form::Analyzer, Preset::None, Change::Fixed("analyzer"));
const SEARCH_ANALYZER: Parameter =
    hidden("search_analyzer", Form::Analyzer, Preset::None, Change::Free);
const QUOTE_ANALYZER: Parameter =
    hidden("search_quote_analyzer", Form::Analyzer, Preset::None, Change::Free);
const GAP: Parameter =
    hidden("position_increment_gap", Form::PositionGap, Preset::None, Change::Free);
const NULL_VALUE: Parameter =
    hidden("null_value", Form::NullValue, Preset::None, Change::FreeInSeven);
const IGNORE_ABOVE: Parameter =
    hidden("ignore_above", Form::IgnoreAbove, Preset::Integer(2_147_483_647), Change::Free);
const IGNORE_MALFORMED: Parameter = explicit("ignore_malformed", false);
const COERCE: Parameter = explicit("coerce", true);
const IGNORE_Z: Parameter = explicit("ignore_z_value", true);
const FORMAT: Parameter = hidden("format", Form::Format, Preset::None, Change::Values("format"));
const LOCALE: Parameter =
    hidden("locale", Form::Locale, Preset::Text(""), Change::Values("locale"));
const META: Parameter = hidden("meta", Form::Meta, Preset::None, Change::Free);
const FIELDDATA: Parameter = free_switch("fielddata", false);
const FREQUENCIES: Parameter =
    hidden("fielddata_frequency_filter", Form::Ignored, Preset::None, Change::Free);
const SPLIT: Parameter = free_switch("split_queries_on_whitespace", false);
const METRIC: Parameter = any("time_series_metric");
const DIMENSION: Parameter = any("time_series_dimension");
const SCRIPT: Parameter = any("script");
const ON_SCRIPT_ERROR: Parameter = any("on_script_error");

const TEXT: &[Parameter] = &[
    BOOST,
    INDEX,
    STORE,
    NO_DOC_VALUES,
    TERM_VECTOR,
    NORMS,
    POSITIONS,
    EAGER,
    SIMILARITY,
    ANALYZER,
    SEARCH_ANALYZER,
    QUOTE_ANALYZER,
    GAP,
    FIELDDATA,
    FREQUENCIES,
    hidden("index_prefixes", Form::IndexPrefixes, Preset::None, Change::Fixed("index_prefixes")),
    switch("index_phrases", false),
    META,
];
const SEARCH_AS_YOU_TYPE: &[Parameter] = &[
    BOOST,
    INDEX,
    STORE,
    NO_DOC_VALUES,
    TERM_VECTOR,
    NORMS,
    POSITIONS,
    SIMILARITY,
    ANALYZER,
    SEARCH_ANALYZER,
    QUOTE_ANALYZER,
    shown(
        "max_shingle_size",
        Form::MaxShingleSize,
        Preset::Integer(3),
        Change::Values("max_shingle_size"),
    ),
    META,
];
const KEYWORD: &[Parameter] = &[
    BOOST,
    INDEX,
    STORE,
    DOC_VALUES,
    NORMS_OFF,
    DOCS,
    EAGER,
    SIMILARITY,
    NULL_VALUE,
    IGNORE_ABOVE,
    hidden("normalizer", Form::Normalizer, Preset::None, Change::Fixed("normalizer")),
    SPLIT,
    META,
    DIMENSION,
    SCRIPT,
    ON_SCRIPT_ERROR,
];
const NUMBER: &[Parameter] = &[
    BOOST,
    INDEX,
    STORE,
    DOC_VALUES,
    SIMILARITY,
    NULL_VALUE,
    IGNORE_MALFORMED,
    COERCE,
    META,
    METRIC,
    DIMENSION,
    SCRIPT,
    ON_SCRIPT_ERROR,
];
const SCALED_FLOAT: &[Parameter] = &[
    BOOST,
    INDEX,
    STORE,
    DOC_VALUES,
    SIMILARITY,
    shown("scaling_factor", Form::ScalingFactor, Preset::None, Change::Values("scaling_factor")),
    NULL_VALUE,
    IGNORE_MALFORMED,
    COERCE,
    META,
    METRIC,
];
const UNSIGNED_LONG: &[Parameter] =
    &[INDEX, STORE, DOC_VALUES, NULL_VALUE, IGNORE_MALFORMED, META, METRIC, DIMENSION];
const BOOLEAN: &[Parameter] =
    &[BOOST, INDEX, STORE, DOC_VALUES, SIMILARITY, NULL_VALUE, META, SCRIPT, ON_SCRIPT_ERROR];
const DATE: &[Parameter] = &[
    BOOST,
    INDEX,
    STORE,
    DOC_VALUES,
    SIMILARITY,
    NULL_VALUE,
    IGNORE_MALFORMED,
    FORMAT,
    LOCALE,
    META,
    SCRIPT,
    ON_SCRIPT_ERROR,
];
const IP: &[Parameter] = &[
    BOOST,
    INDEX,
    STORE,
    DOC_VALUES,
    SIMILARITY,
    NULL_VALUE,
    IGNORE_MALFORMED,
    META,
    DIMENSION,
    SCRIPT,
    ON_SCRIPT_ERROR,
];
const RANGE: &[Parameter] =
    &[BOOST, INDEX, STORE, DOC_VALUES, SIMILARITY, NULL_VALUE, COERCE, FORMAT, LOCALE, META];
const GEO_POINT: &[Parameter] = &[
    BOOST,
    INDEX,
    STORE,
    DOC_VALUES,
    SIMILARITY,
    IGNORE_MALFORMED,
    IGNORE_Z,
    NULL_VALUE,
    META,
    SCRIPT,
    ON_SCRIPT_ERROR,
];
const GEO_SHAPE: &[Parameter] = &[
    INDEX,
    STORE,
    DOC_VALUES,
    hidden("tree", Form::Legacy, Preset::Text("quadtree"), Change::Values("tree")),
    hidden("precision", Form::Legacy, Preset::None, Change::Values("precision")),
    hidden("tree_levels", Form::Legacy, Preset::None, Change::Values("tree_levels")),
    hidden("strategy", Form::Legacy, Preset::None, Change::Values("strategy")),
    hidden("distance_error_pct", Form::Legacy, Preset::None, Change::Free),
    hidden("points_only", Form::Legacy, Preset::None, Change::Free),
    hidden("orientation", Form::Orientation, Preset::Text("RIGHT"), Change::Free),
    IGNORE_MALFORMED,
    IGNORE_Z,
    explicit("coerce", false),
    META,
];
const CARTESIAN: &[Parameter] = &[
    INDEX,
    STORE,
    DOC_VALUES,
    IGNORE_MALFORMED,
    IGNORE_Z,
    NULL_VALUE,
    explicit("coerce", false),
    hidden("orientation", Form::Orientation, Preset::Text("RIGHT"), Change::Free),
    META,
];
const BINARY: &[Parameter] = &[
    hidden("index", Form::Ignored, Preset::None, Change::Free),
    STORE,
    DOC_VALUES_OFF,
    BOOST,
    SIMILARITY,
    META,
];
const COMPLETION: &[Parameter] = &[
    shown("analyzer", Form::Analyzer, Preset::Text("simple"), Change::Fixed("analyzer")),
    SEARCH_ANALYZER,
    shown(
        "preserve_separators",
        Form::Boolean,
        Preset::Boolean(true),
        Change::Values("preserve_separators"),
    ),
    shown(
        "preserve_position_increments",
        Form::Boolean,
        Preset::Boolean(true),
        Change::Values("preserve_position_increments"),
    ),
    shown("max_input_length", Form::MaxInputLength, Preset::Integer(50), Change::Free),
    hidden("contexts", Form::Contexts, Preset::None, Change::Values("context_mappings")),
    META,
];
const TOKEN_COUNT: &[Parameter] = &[
    BOOST,
    INDEX,
    STORE,
    DOC_VALUES,
    SIMILARITY,
    shown("analyzer", Form::Analyzer, Preset::None, Change::Free),
    free_switch("enable_position_increments", true),
    hidden("null_value", Form::Ignored, Preset::None, Change::Free),
    META,
];
const JOIN: &[Parameter] = &[
    shown("eager_global_ordinals", Form::Boolean, Preset::Boolean(true), Change::Free),
    shown("relations", Form::Relations, Preset::None, Change::Free),
    META,
];
const RANK_FEATURE: &[Parameter] = &[switch("positive_score_impact", true), META];
const DENSE_VECTOR: &[Parameter] = &[
    hidden("dims", Form::Dimensions, Preset::None, Change::Values("dims")),
    any("index"),
    any("similarity"),
    any("index_options"),
    any("element_type"),
    META,
];
const FLATTENED: &[Parameter] = &[
    INDEX,
    DOC_VALUES,
    hidden("depth_limit", Form::Integer, Preset::Integer(20), Change::Free),
    EAGER,
    IGNORE_ABOVE,
    DOCS,
    NULL_VALUE,
    SIMILARITY,
    SPLIT,
    any("time_series_dimensions"),
    META,
];
const WILDCARD: &[Parameter] = &[NULL_VALUE, IGNORE_ABOVE, META];
const CONSTANT: &[Parameter] =
    &[hidden("value", Form::ConstantValue, Preset::None, Change::Values("value")), META];
const AGGREGATE: &[Parameter] =
    &[any("metrics"), any("default_metric"), IGNORE_MALFORMED, METRIC, META];
const HISTOGRAM: &[Parameter] = &[IGNORE_MALFORMED, METRIC, META];
const HASH: &[Parameter] = &[STORE, META];
const BARE: &[Parameter] = &[META];

impl FieldType {
    /// The parameters of the type, in the order in which they are rendered.
    pub(crate) fn parameters(self) -> &'static [Parameter] {
        match self {
            Self::Text | Self::AnnotatedText | Self::MatchOnlyText => TEXT,
            Self::SearchAsYouType => SEARCH_AS_YOU_TYPE,
            Self::Keyword => KEYWORD,
            Self::ConstantKeyword => CONSTANT,
            Self::Wildcard => WILDCARD,
            Self::Version | Self::Percolator | Self::SparseVector => BARE,
            Self::TokenCount => TOKEN_COUNT,
            Self::Completion => COMPLETION,
            Self::Long
            | Self::Integer
            | Self::Short
            | Self::Byte
            | Self::Double
            | Self::Float
            | Self::HalfFloat => NUMBER,
            Self::ScaledFloat => SCALED_FLOAT,
            Self::UnsignedLong => UNSIGNED_LONG,
            Self::Boolean => BOOLEAN,
            Self::Date | Self::DateNanos => DATE,
            Self::Ip => IP,
            Self::IntegerRange
            | Self::LongRange
            | Self::FloatRange
            | Self::DoubleRange
            | Self::DateRange
            | Self::IpRange => RANGE,
            Self::GeoPoint => GEO_POINT,
            Self::GeoShape => GEO_SHAPE,
            Self::Point | Self::Shape => CARTESIAN,
            Self::Binary => BINARY,
            Self::Flattened => FLATTENED,
            Self::Join => JOIN,
            Self::RankFeature | Self::RankFeatures => RANK_FEATURE,
            Self::DenseVector => DENSE_VECTOR,
            Self::Histogram => HISTOGRAM,
            Self::AggregateMetricDouble => AGGREGATE,
            Self::Murmur3 => HASH,
        }
    }

    /// One of its parameters.
    pub(crate) fn parameter(self, name: &str) -> Option<&'static Parameter> {
        self.parameters().iter().find(|parameter| parameter.name == name)
    }
}
