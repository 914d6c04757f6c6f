//! How the values of a field are read: its parameters, compiled.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    date::{DEFAULT_FORMAT, DateFormat},
    error::MappingError,
    field::FieldType,
    settings::{Dialect, Settings},
    value::{
        geo::GeoPoint,
        number::{Number, NumberKind},
        range::RangeKind,
    },
};

/// A rule for values.
#[derive(Clone, Debug)]
pub(crate) enum Rule {
    /// Any scalar, as text.
    Text,
    /// Any scalar, as one term.
    Keyword {
        /// The length beyond which a value is not indexed.
        ignore_above: usize,
        /// Whether a value becomes a term of the index.
        indexed: bool,
        /// What null stands for.
        null: Option<Arc<str>>,
    },
    /// One text for all documents.
    Constant(Option<Arc<str>>),
    /// A number.
    Number {
        /// Of which type.
        kind: NumberKind,
        /// Whether strings and fractions are converted.
        coerce: bool,
        /// Whether what is no number is left out.
        ignore_malformed: bool,
        /// What null stands for.
        null: Option<Number>,
    },
    /// True or false.
    Boolean {
        /// What null stands for.
        null: Option<bool>,
    },
    /// A date.
    Date {
        /// In which format.
        format: Arc<DateFormat>,
        /// Whether nanoseconds count.
        nanos: bool,
        /// Whether what is no date is left out.
        ignore_malformed: bool,
        /// What null stands for.
        null: Option<Arc<str>>,
    },
    /// An address.
    Ip {
        /// Whether what is no address is left out.
        ignore_malformed: bool,
        /// What null stands for.
        null: Option<u128>,
    },
    /// A range.
    Range(RangeKind),
    /// A point on earth.
    GeoPoint {
        /// Whether what is no point is left out.
        ignore_malformed: bool,
        /// Whether a third coordinate is left out.
        ignore_z: bool,
        /// What null stands for.
        null: Option<GeoPoint>,
    },
    /// A shape on earth.
    GeoShape {
        /// Whether what is no shape is left out.
        ignore_malformed: bool,
    },
    /// Bytes in base 64.
    Binary {
        /// Whether they are looked at.
        decoded: bool,
    },
    /// Completions.
    Completion {
        /// The names of the contexts.
        contexts: Vec<String>,
    },
    /// A place in a tree of documents: each parent with its children.
    Join(Vec<(String, Vec<String>)>),
    /// A query.
    Percolator,
    /// A number that raises a document's score.
    RankFeature,
    /// Several of them, by name.
    RankFeatures,
    /// A vector of so many dimensions.
    DenseVector(Option<usize>),
    /// A vector of which only some dimensions are given.
    SparseVector,
    /// An object whose leaves are terms: how deep it may be.
    Flattened(usize),
    /// Values and how often they occur.
    Histogram,
    /// Whatever: kept and not looked at.
    Unread,
}

impl Rule {
    /// The shortest source, in bytes, of which a value may be left out; nothing where none ever is.
    /// Long terms count from version 8 on.
    pub(crate) fn least_left_out(&self, dialect: Dialect) -> Option<usize> {
        match self {
            Self::Number { ignore_malformed, .. }
            | Self::Date { ignore_malformed, .. }
            | Self::Ip { ignore_malformed, .. }
            | Self::GeoPoint { ignore_malformed, .. }
            | Self::GeoShape { ignore_malformed } => ignore_malformed.then_some(0),
            Self::Keyword { ignore_above, .. } => {
                (dialect == Dialect::Eight && *ignore_above < usize::MAX).then_some(*ignore_above)
            }
            Self::Text
            | Self::Constant(_)
            | Self::Boolean { .. }
            | Self::Range(_)
            | Self::Binary { .. }
            | Self::Completion { .. }
            | Self::Join(_)
            | Self::Percolator
            | Self::RankFeature
            | Self::RankFeatures
            | Self::DenseVector(_)
            | Self::SparseVector
            | Self::Flattened(_)
            | Self::Histogram
            | Self::Unread => None,
        }
    }
}

/// The given parameters of a field.
struct Given<'a>(&'a [(&'static str, Value)]);

impl Given<'_> {
    /// A parameter.
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// A switch.
    fn switch(&self, name: &str, default: bool) -> bool {
        self.get(name).and_then(Value::as_bool).unwrap_or(default)
    }

    /// A text.
    fn text(&self, name: &str) -> Option<Arc<str>> {
        self.get(name).and_then(Value::as_str).map(Arc::from)
    }

    /// A length.
    fn length(&self, name: &str, default: usize) -> usize {
        let length = self.get(name).and_then(Value::as_u64);
        length.and_then(|length| usize::try_from(length).ok()).unwrap_or(default)
    }
}

impl Rule {
    /// The rule that a type and its parameters make.
    pub(crate) fn new(
        kind: FieldType,
        parameters: &[(&'static str, Value)],
        settings: &Settings,
    ) -> Result<Self, MappingError> {
        let given = Given(parameters);
        let ignore_malformed = given.switch("ignore_malformed", settings.ignore_malformed);
        Ok(match kind {
            FieldType::Text
            | FieldType::AnnotatedText
            | FieldType::MatchOnlyText
            | FieldType::SearchAsYouType
            | FieldType::TokenCount
            | FieldType::Murmur3 => Self::Text,
            FieldType::Keyword | FieldType::Wildcard | FieldType::Version => Self::Keyword {
                ignore_above: given.length("ignore_above", usize::MAX),
                indexed: kind == FieldType::Keyword
                    && (given.switch("index", true) || given.switch("doc_values", true)),
                null: given.text("null_value"),
            },
            FieldType::ConstantKeyword => Self::Constant(given.text("value")),
            FieldType::Long
            | FieldType::Integer
            | FieldType::Short
            | FieldType::Byte
            | FieldType::Double
            | FieldType::Float
            | FieldType::HalfFloat
            | FieldType::ScaledFloat
            | FieldType::UnsignedLong => Self::number(kind, &given, settings),
            FieldType::Boolean => {
                Self::Boolean { null: given.get("null_value").and_then(Value::as_bool) }
            }
            FieldType::Date | FieldType::DateNanos => Self::Date {
                format: Arc::new(date_format(&given, settings)?),
                nanos: kind == FieldType::DateNanos,
                ignore_malformed,
                null: given.text("null_value"),
            },
            FieldType::Ip => {
                let null = given.text("null_value").map(|text| crate::value::ip::parse_ip(&text));
                Self::Ip { ignore_malformed, null: null.transpose()? }
            }
            FieldType::IntegerRange
            | FieldType::LongRange
            | FieldType::FloatRange
            | FieldType::DoubleRange
            | FieldType::DateRange
            | FieldType::IpRange => {
                let coerce = given.switch("coerce", settings.coerce);
                let format = date_format(&given, settings)?;
                RangeKind::new(kind, coerce, format).map_or(Self::Unread, Self::Range)
            }
            FieldType::GeoPoint => Self::GeoPoint {
                ignore_malformed,
                ignore_z: given.switch("ignore_z_value", true),
                null: given.get("null_value").and_then(GeoPoint::of_json),
            },
            FieldType::GeoShape => Self::GeoShape { ignore_malformed },
            FieldType::Binary => Self::Binary {
                decoded: given.switch("store", false) || given.switch("doc_values", false),
            },
            FieldType::Completion => Self::Completion { contexts: context_names(&given) },
            FieldType::Join => Self::Join(relations(&given)),
            FieldType::Percolator => Self::Percolator,
            FieldType::RankFeature => Self::RankFeature,
            FieldType::RankFeatures => Self::RankFeatures,
            FieldType::DenseVector => Self::DenseVector(
                Some(given.length("dims", 0)).filter(|dimensions| *dimensions > 0),
            ),
            FieldType::SparseVector => Self::SparseVector,
            FieldType::Flattened => Self::Flattened(given.length("depth_limit", 20)),
            FieldType::Histogram => Self::Histogram,
            FieldType::Point | FieldType::Shape | FieldType::AggregateMetricDouble => Self::Unread,
        })
    }

    /// The same rule with the switches as given, after some were kept from before.
    pub(crate) fn with_switches(&self, given: &[(&'static str, Value)]) -> Self {
        let given = Given(given);
        let mut rule = self.clone();
        match &mut rule {
            Self::Number { coerce, ignore_malformed, .. } => {
                *coerce = given.switch("coerce", *coerce);
                *ignore_malformed = given.switch("ignore_malformed", *ignore_malformed);
            }
            Self::Range(kind) => *kind = kind.with_coerce(given.switch("coerce", kind.coerce())),
            Self::GeoPoint { ignore_malformed, ignore_z, .. } => {
                *ignore_malformed = given.switch("ignore_malformed", *ignore_malformed);
                *ignore_z = given.switch("ignore_z_value", *ignore_z);
            }
            Self::Date { ignore_malformed, .. }
            | Self::Ip { ignore_malformed, .. }
            | Self::GeoShape { ignore_malformed } => {
                *ignore_malformed = given.switch("ignore_malformed", *ignore_malformed);
            }
            Self::Text
            | Self::Keyword { .. }
            | Self::Constant(_)
            | Self::Boolean { .. }
            | Self::Binary { .. }
            | Self::Completion { .. }
            | Self::Join(_)
            | Self::Percolator
            | Self::RankFeature
            | Self::RankFeatures
            | Self::DenseVector(_)
            | Self::SparseVector
            | Self::Flattened(_)
            | Self::Histogram
            | Self::Unread => {}
        }
        rule
    }

    /// The rule of a numeric type.
    fn number(kind: FieldType, given: &Given<'_>, settings: &Settings) -> Self {
        let factor = given.get("scaling_factor").and_then(Value::as_f64).unwrap_or(1.0);
        let number_kind = match kind.name() {
            "long" => NumberKind::Long,
            "integer" => NumberKind::Integer,
            "short" => NumberKind::Short,
            "byte" => NumberKind::Byte,
            "float" => NumberKind::Float,
            "half_float" => NumberKind::HalfFloat,
            "scaled_float" => NumberKind::Scaled(factor),
            "unsigned_long" => NumberKind::UnsignedLong,
            _ => NumberKind::Double,
        };
        let null = given.get("null_value").and_then(|value| match value.as_i64() {
            Some(whole) => Some(Number::Long(whole)),
            None => value.as_f64().map(Number::Double),
        });
        Self::Number {
            kind: number_kind,
            coerce: given.switch("coerce", settings.coerce),
            ignore_malformed: given.switch("ignore_malformed", settings.ignore_malformed),
            null,
        }
    }
}

/// The format of a date field.
fn date_format(given: &Given<'_>, settings: &Settings) -> Result<DateFormat, MappingError> {
    let text = given.text("format");
    DateFormat::parse(text.as_deref().unwrap_or(DEFAULT_FORMAT), settings.dialect)
}

/// The names of a completion's contexts.
fn context_names(given: &Given<'_>) -> Vec<String> {
    let contexts = given.get("contexts").and_then(Value::as_array);
    let names = contexts.into_iter().flatten().filter_map(|context| context.get("name")?.as_str());
    names.map(str::to_owned).collect()
}

/// The parents and children of a join.
fn relations(given: &Given<'_>) -> Vec<(String, Vec<String>)> {
    let relations = given.get("relations").and_then(Value::as_object);
    let texts = |children: &Value| match children.as_array() {
        Some(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        None => children.as_str().map(str::to_owned).into_iter().collect(),
    };
    let pairs = relations.into_iter().flatten();
    pairs.map(|(parent, children)| (parent.clone(), texts(children))).collect()
}
