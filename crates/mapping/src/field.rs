//! Field types: their names, their parameters, and what a definition of one holds.

pub(crate) mod form;
pub(crate) mod parameters;
pub(crate) mod rule;

/// The type of a field that holds values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are Elasticsearch's")]
pub enum FieldType {
    Text,
    AnnotatedText,
    MatchOnlyText,
    SearchAsYouType,
    Keyword,
    ConstantKeyword,
    Wildcard,
    Version,
    TokenCount,
    Completion,
    Long,
    Integer,
    Short,
    Byte,
    Double,
    Float,
    HalfFloat,
    ScaledFloat,
    UnsignedLong,
    Boolean,
    Date,
    DateNanos,
    Ip,
    IntegerRange,
    LongRange,
    FloatRange,
    DoubleRange,
    DateRange,
    IpRange,
    GeoPoint,
    GeoShape,
    Point,
    Shape,
    Binary,
    Flattened,
    Join,
    Percolator,
    RankFeature,
    RankFeatures,
    DenseVector,
    SparseVector,
    Histogram,
    AggregateMetricDouble,
    Murmur3,
}

/// Every type and its name.
const TYPES: [(FieldType, &str); 44] = [
    (FieldType::Text, "text"),
    (FieldType::AnnotatedText, "annotated_text"),
    (FieldType::MatchOnlyText, "match_only_text"),
    (FieldType::SearchAsYouType, "search_as_you_type"),
    (FieldType::Keyword, "keyword"),
    (FieldType::ConstantKeyword, "constant_keyword"),
    (FieldType::Wildcard, "wildcard"),
    (FieldType::Version, "version"),
    (FieldType::TokenCount, "token_count"),
    (FieldType::Completion, "completion"),
    (FieldType::Long, "long"),
    (FieldType::Integer, "integer"),
    (FieldType::Short, "short"),
    (FieldType::Byte, "byte"),
    (FieldType::Double, "double"),
    (FieldType::Float, "float"),
    (FieldType::HalfFloat, "half_float"),
    (FieldType::ScaledFloat, "scaled_float"),
    (FieldType::UnsignedLong, "unsigned_long"),
    (FieldType::Boolean, "boolean"),
    (FieldType::Date, "date"),
    (FieldType::DateNanos, "date_nanos"),
    (FieldType::Ip, "ip"),
    (FieldType::IntegerRange, "integer_range"),
    (FieldType::LongRange, "long_range"),
    (FieldType::FloatRange, "float_range"),
    (FieldType::DoubleRange, "double_range"),
    (FieldType::DateRange, "date_range"),
    (FieldType::IpRange, "ip_range"),
    (FieldType::GeoPoint, "geo_point"),
    (FieldType::GeoShape, "geo_shape"),
    (FieldType::Point, "point"),
    (FieldType::Shape, "shape"),
    (FieldType::Binary, "binary"),
    (FieldType::Flattened, "flattened"),
    (FieldType::Join, "join"),
    (FieldType::Percolator, "percolator"),
    (FieldType::RankFeature, "rank_feature"),
    (FieldType::RankFeatures, "rank_features"),
    (FieldType::DenseVector, "dense_vector"),
    (FieldType::SparseVector, "sparse_vector"),
    (FieldType::Histogram, "histogram"),
    (FieldType::AggregateMetricDouble, "aggregate_metric_double"),
    (FieldType::Murmur3, "murmur3"),
];

/// Types that are the same Java class, between which the oldest words of a refused change differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// The numbers but the scaled ones.
    Number,
    /// The two dates.
    Date,
    /// The ranges.
    Range,
    /// Only the type itself.
    Own,
}

impl FieldType {
    /// The type of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TYPES.iter().find(|(_, own)| *own == name).map(|(field_type, _)| *field_type)
    }

    /// The name.
    #[must_use]
    pub fn name(self) -> &'static str {
        TYPES.iter().find(|(own, _)| *own == self).map_or("", |(_, name)| name)
    }

    /// The family.
    pub(crate) fn family(self) -> Family {
        let number = matches!(
            self,
            Self::Long
                | Self::Integer
                | Self::Short
                | Self::Byte
                | Self::Double
                | Self::Float
                | Self::HalfFloat
        );
        if number {
            Family::Number
        } else if matches!(self, Self::Date | Self::DateNanos) {
            Family::Date
        } else if self.is_range() {
            Family::Range
        } else {
            Family::Own
        }
    }

    /// Whether it holds ranges.
    #[must_use]
    pub fn is_range(self) -> bool {
        matches!(
            self,
            Self::IntegerRange
                | Self::LongRange
                | Self::FloatRange
                | Self::DoubleRange
                | Self::DateRange
                | Self::IpRange
        )
    }

    /// Whether an array is one value of it, as far as it wants to see it whole.
    pub(crate) fn takes_arrays(self) -> bool {
        matches!(self, Self::GeoPoint | Self::Completion | Self::DenseVector)
    }

    /// Whether it looks at `null` itself.
    pub(crate) fn sees_null(self) -> bool {
        matches!(
            self,
            Self::Join
                | Self::Percolator
                | Self::RankFeatures
                | Self::DenseVector
                | Self::SparseVector
        )
    }

    /// The type that errors about values name.
    pub(crate) fn value_name(self) -> &'static str {
        if self == Self::TokenCount { "integer" } else { self.name() }
    }
}
