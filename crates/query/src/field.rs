//! The fields that a search has to see, and their values in one document.

use mapping::{FieldRef, FieldSink, FieldType, FieldValue, Mapping};
use serde_json::Value as Json;

use crate::{
    analysis::{Analyzer, Token},
    error::QueryError,
    number::{Precision, WholeType},
    value::Value,
};

/// What the values of a field are to a query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Domain {
    /// Terms.
    Term {
        /// Whether they are compared in lower case.
        lowercase: bool,
    },
    /// One term for all documents, if it is known.
    Constant(Option<String>),
    /// Texts, which are terms only after analysis.
    Text,
    /// Whole numbers.
    Whole(WholeType),
    /// Floating-point numbers.
    Double(Precision),
    /// True or false.
    Boolean,
    /// Dates, in nanoseconds or in milliseconds.
    Date {
        /// Whether in nanoseconds.
        nanos: bool,
    },
    /// Addresses.
    Ip,
    /// Ranges, by their type.
    Range(FieldType),
    /// Values of which only the existence can be asked.
    Other,
}

impl Domain {
    /// The domain of a field, or `None` if its terms depend on what this server has not yet.
    pub(crate) fn of(field: FieldRef<'_>) -> Option<Self> {
        let normalizer = field.parameter("normalizer");
        match normalizer.as_ref().and_then(Json::as_str) {
            Some("lowercase") => return Some(Self::Term { lowercase: true }),
            Some(_) => return None,
            None => {}
        }
        let factor = field.parameter("scaling_factor").and_then(|factor| factor.as_f64());
        let constant = || field.parameter("value").and_then(|v| v.as_str().map(str::to_owned));
        Some(match Self::of_type(field.field_type()) {
            Self::Constant(_) => Self::Constant(constant()),
            Self::Double(Precision::Scaled(_)) => {
                Self::Double(Precision::Scaled(factor.unwrap_or(1.0)))
            }
            domain @ (Self::Term { .. }
            | Self::Text
            | Self::Whole(_)
            | Self::Double(_)
            | Self::Boolean
            | Self::Date { .. }
            | Self::Ip
            | Self::Range(_)
            | Self::Other) => domain,
        })
    }

    /// The domain of a type.
    pub(crate) fn of_type(field_type: FieldType) -> Self {
        match field_type {
            FieldType::Keyword | FieldType::Wildcard => Self::Term { lowercase: false },
            FieldType::ConstantKeyword => Self::Constant(None),
            FieldType::Text
            | FieldType::AnnotatedText
            | FieldType::MatchOnlyText
            | FieldType::SearchAsYouType => Self::Text,
            FieldType::Long => Self::Whole(WholeType::Long),
            FieldType::Integer => Self::Whole(WholeType::Integer),
            FieldType::Short => Self::Whole(WholeType::Short),
            FieldType::Byte => Self::Whole(WholeType::Byte),
            FieldType::UnsignedLong => Self::Whole(WholeType::Unsigned),
            FieldType::Double => Self::Double(Precision::Double),
            FieldType::Float => Self::Double(Precision::Float),
            FieldType::HalfFloat => Self::Double(Precision::Half),
            FieldType::ScaledFloat => Self::Double(Precision::Scaled(1.0)),
            FieldType::Boolean => Self::Boolean,
            FieldType::Date => Self::Date { nanos: false },
            FieldType::DateNanos => Self::Date { nanos: true },
            FieldType::Ip => Self::Ip,
            FieldType::IntegerRange
            | FieldType::LongRange
            | FieldType::FloatRange
            | FieldType::DoubleRange
            | FieldType::DateRange
            | FieldType::IpRange => Self::Range(field_type),
            FieldType::Version
            | FieldType::TokenCount
            | FieldType::Completion
            | FieldType::GeoPoint
            | FieldType::GeoShape
            | FieldType::Point
            | FieldType::Shape
            | FieldType::Binary
            | FieldType::Flattened
            | FieldType::Join
            | FieldType::Percolator
            | FieldType::RankFeature
            | FieldType::RankFeatures
            | FieldType::DenseVector
            | FieldType::SparseVector
            | FieldType::Histogram
            | FieldType::AggregateMetricDouble
            | FieldType::Murmur3 => Self::Other,
        }
    }
}

/// What an index has under a name.
pub(crate) enum Found<'m> {
    /// A field.
    Field(FieldRef<'m>),
    /// A field of nested objects, which are documents of their own.
    Nested(FieldRef<'m>),
    /// Nothing that has values.
    Nothing,
}

/// The fields that are wanted of every document.
#[derive(Clone, Debug)]
pub(crate) struct Wanted<'m> {
    mapping: &'m Mapping,
    /// The paths of nested objects, each with a dot at its end.
    nested: Vec<String>,
    fields: Vec<FieldRef<'m>>,
    /// What the terms of each field are.
    readings: Vec<Reading>,
    /// Whether it is wanted which fields have values that are left out.
    ignored: bool,
}

/// What the terms of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Its values, as they are.
    Plain,
    /// Its values in lower case.
    Lowercase,
    /// What an analyzer makes of its values.
    Analyzed(Analyzer),
}

impl<'m> Wanted<'m> {
    /// No fields of a mapping yet.
    pub(crate) fn new(mapping: &'m Mapping) -> Self {
        let mut nested = Vec::new();
        collect_nested(&mapping.render(), "", &mut nested);
        Self { mapping, nested, fields: Vec::new(), readings: Vec::new(), ignored: false }
    }

    /// What the index has under a name.
    pub(crate) fn find(&self, name: &str) -> Result<Found<'m>, QueryError> {
        let Some(field) = self.mapping.field(name) else {
            let mut parent = name;
            while let Some((shorter, _)) = parent.rsplit_once('.') {
                parent = shorter;
                if self
                    .mapping
                    .field(parent)
                    .is_some_and(|f| f.field_type() == FieldType::Flattened)
                {
                    let error = QueryError::unsupported(format_args!(
                        "the keys of the [flattened] field [{parent}] are"
                    ));
                    return Err(error.of_shard());
                }
            }
            return Ok(Found::Nothing);
        };
        let is_nested = self.nested.iter().any(|path| field.path().starts_with(path.as_str()));
        Ok(if is_nested { Found::Nested(field) } else { Found::Field(field) })
    }

    /// The fields below a path or of a pattern.
    pub(crate) fn below(&self, name: &str) -> Vec<FieldRef<'m>> {
        let mut paths = self.mapping.definitions(&format!("{name}.*"));
        if name.contains('*') {
            paths.extend(self.mapping.definitions(name));
        }
        let field = |(path, _): &(String, Json)| match self.find(path) {
            Ok(Found::Field(field)) => Some(field),
            Ok(Found::Nested(_) | Found::Nothing) | Err(_) => None,
        };
        paths.iter().filter_map(field).collect()
    }

    /// The slot in which a field's values will be found.
    pub(crate) fn slot(&mut self, field: FieldRef<'m>) -> usize {
        match self.fields.iter().position(|own| own.is(&field)) {
            Some(slot) => slot,
            None => {
                self.fields.push(field);
                self.readings.push(self.reading(field));
                self.fields.len() - 1
            }
        }
    }

    /// What the terms of a field are.
    fn reading(&self, field: FieldRef<'m>) -> Reading {
        match Domain::of(field) {
            Some(Domain::Term { lowercase: true }) => Reading::Lowercase,
            Some(Domain::Text) => {
                self.analyzer(field, &["analyzer"]).map_or(Reading::Plain, Reading::Analyzed)
            }
            Some(_) | None => Reading::Plain,
        }
    }

    /// The analyzer that the first of some parameters of a text field names, or else the index's own.
    ///
    /// # Errors
    /// The name of one that this server has not.
    pub(crate) fn analyzer(
        &self,
        field: FieldRef<'_>,
        parameters: &[&str],
    ) -> Result<Analyzer, String> {
        if field.field_type() == FieldType::AnnotatedText {
            // The annotations would be taken for words.
            return Err(FieldType::AnnotatedText.name().to_owned());
        }
        let named = |name: &&str| field.parameter(name)?.as_str().map(str::to_owned);
        let name = parameters.iter().find_map(named);
        // An index may say what its own is, and may have others under the names of the built-in ones.
        let name = name.unwrap_or_else(|| "default".to_owned());
        let is_own = self.mapping.settings().analyzers.contains(&name);
        Analyzer::named(&name).filter(|_| !is_own).ok_or(name)
    }

    /// Has the fields told of which values are left out.
    pub(crate) fn want_ignored(&mut self) {
        self.ignored = true;
    }

    /// Whether nothing of a document is wanted.
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty() && !self.ignored
    }

    /// Reads the values of a document's fields.
    pub(crate) fn read(&self, source: &[u8], fields: &mut Fields) {
        fields.clear();
        fields.slots.resize_with(self.fields.len(), Vec::new);
        if !self.fields.is_empty() {
            self.mapping.fields(source, &mut Sink { wanted: self, fields });
        }
        if self.ignored {
            let paths = self.mapping.ignored(source);
            fields.ignored.extend(paths.iter().map(|path| Value::Term((**path).into())));
        }
    }
}

/// Collects the paths of nested objects, each with a dot at its end.
fn collect_nested(definition: &Json, path: &str, nested: &mut Vec<String>) {
    let Some(properties) = definition.get("properties").and_then(Json::as_object) else { return };
    for (name, child) in properties {
        let path = format!("{path}{name}.");
        if child.get("type").and_then(Json::as_str) == Some("nested") {
            nested.push(path);
        } else {
            collect_nested(child, &path, nested);
        }
    }
}

/// The values that one document has in the fields of a search.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    slots: Vec<Vec<Value>>,
    /// The fields of which values are left out.
    ignored: Vec<Value>,
}

impl Fields {
    /// The values of a field.
    pub(crate) fn values(&self, slot: usize) -> &[Value] {
        self.slots.get(slot).map_or(&[], Vec::as_slice)
    }

    /// The fields of which values are left out, where that is wanted.
    pub(crate) fn ignored(&self) -> &[Value] {
        &self.ignored
    }

    /// Forgets the values, and keeps their memory.
    fn clear(&mut self) {
        self.ignored.clear();
        for slot in &mut self.slots {
            slot.clear();
        }
    }
}

/// Terms, each at its place.
pub(crate) fn placed(tokens: &[Token]) -> Box<[Option<Box<str>>]> {
    let count = tokens.last().map_or(0, |last| last.position + 1);
    let mut places = vec![None; count];
    for token in tokens {
        if let Some(place) = places.get_mut(token.position) {
            *place = Some(token.term.as_str().into());
        }
    }
    places.into()
}

/// Takes the wanted values of a document.
struct Sink<'a, 'm> {
    wanted: &'a Wanted<'m>,
    fields: &'a mut Fields,
}

impl FieldSink for Sink<'_, '_> {
    fn wants(&self, field: FieldRef<'_>) -> bool {
        self.wanted.fields.iter().any(|own| field.is(own))
    }

    fn value(&mut self, field: FieldRef<'_>, value: FieldValue<'_>) {
        let Some(slot) = self.wanted.fields.iter().position(|own| field.is(own)) else { return };
        let value = match (value, self.wanted.readings.get(slot)) {
            (FieldValue::Text(text), Some(Reading::Analyzed(analyzer))) => {
                Value::Text(placed(&analyzer.tokens(text)))
            }
            (value, reading) => match (Value::of(value), reading) {
                (Value::Term(term), Some(Reading::Lowercase)) => {
                    Value::Term(term.to_lowercase().into())
                }
                (value, _) => value,
            },
        };
        if let Some(values) = self.fields.slots.get_mut(slot) {
            values.push(value);
        }
    }
}
