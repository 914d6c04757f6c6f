//! The parameters of each field type: what they may be, their defaults, and whether they may change.

mod table;

/// What a parameter's value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// True or false.
    Boolean,
    /// True or false; remembered even where it is the default, and kept when a later definition does
    /// not say it.
    Explicit,
    /// False, because texts have no doc values.
    NoDocValues,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// Whatever; kept as it is.
    Any,
    /// Accepted and forgotten.
    Ignored,
    /// What of terms is kept; whether positions may be.
    IndexOptions(bool),
    /// Which term vectors are kept.
    TermVector,
    /// The name of a similarity.
    Similarity,
    /// The name of an analyzer.
    Analyzer,
    /// The name of a normalizer.
    Normalizer,
    /// A date format.
    Format,
    /// A locale.
    Locale,
    /// The value that stands for null, of the field's type.
    NullValue,
    /// Lengths of indexed prefixes.
    IndexPrefixes,
    /// A gap, not below zero.
    PositionGap,
    /// A length, not below zero.
    IgnoreAbove,
    /// The factor of a scaled number.
    ScalingFactor,
    /// Parents and children.
    Relations,
    /// Contexts of completions.
    Contexts,
    /// How many inputs' characters count.
    MaxInputLength,
    /// Sizes of shingles.
    MaxShingleSize,
    /// Which side of a polygon's edge is inside.
    Orientation,
    /// How shapes were indexed before version 6.6, and what tunes that.
    Legacy,
    /// A string value or none yet.
    ConstantValue,
    /// The number of a vector's dimensions.
    Dimensions,
    /// Short texts about the field.
    Meta,
}

/// The value a parameter has where a definition does not say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Preset {
    /// None.
    None,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A text.
    Text(&'static str),
}

/// Whether a parameter of an existing field may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Any time.
    Free,
    /// Never; refused changes say `has different [label] values`.
    Values(&'static str),
    /// Never; refused changes say `has different [label]`.
    Fixed(&'static str),
    /// Never by version 8; any time by version 7.
    FreeInSeven,
    /// Only from true to false.
    ToFalse,
}

/// One parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it may be.
    pub(crate) form: Form,
    /// What it is when not given.
    pub(crate) default: Preset,
    /// Whether it may change.
    pub(crate) change: Change,
    /// Whether it is rendered even where it is the default.
    pub(crate) shown: bool,
}
