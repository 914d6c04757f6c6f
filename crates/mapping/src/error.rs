//! What is wrong with a definition, an update or a document, in Elasticsearch's words.
//!
//! An error is a chain of types and reasons. Which status it gets, and its JSON, are the server's.

use std::fmt;

use crate::settings::Dialect;

/// The type of an error, as Elasticsearch names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    /// A document or a definition that cannot be parsed.
    MapperParsing,
    /// A field that is not mapped where only mapped fields are allowed.
    StrictDynamicMapping,
    /// A change of what cannot be changed.
    Mapper,
    /// A type name that cannot be one.
    InvalidTypeName,
    /// A text that does not fit a grammar of Elasticsearch's own.
    Parse,
    /// A token that is not expected where it stands.
    Parsing,
    /// Bytes that are no structured content.
    NotXContent,
    /// A value that cannot be.
    IllegalArgument,
    /// A state that cannot be.
    IllegalState,
    /// A text that is no number.
    NumberFormat,
    /// JSON that is none, or a token of the wrong kind.
    JsonParse,
    /// JSON that ends too early.
    JsonEndOfInput,
    /// A text that is no date of a format.
    DateTimeParse,
    /// A date out of range.
    DateTime,
    /// Something this type cannot do.
    UnsupportedOperation,
    /// A regular expression that is none.
    PatternSyntax,
    /// A value of the wrong Java class.
    ClassCast,
    /// A number of elements that is too small.
    IndexOutOfBounds,
    /// A term that is too long.
    MaxBytesLength,
}

impl ErrorType {
    /// The name in an answer of dialect 7.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MapperParsing => "mapper_parsing_exception",
            Self::StrictDynamicMapping => "strict_dynamic_mapping_exception",
            Self::Mapper => "mapper_exception",
            Self::InvalidTypeName => "invalid_type_name_exception",
            Self::Parse => "parse_exception",
            Self::Parsing => "parsing_exception",
            Self::NotXContent => "not_x_content_exception",
            Self::IllegalArgument => "illegal_argument_exception",
            Self::IllegalState => "illegal_state_exception",
            Self::NumberFormat => "number_format_exception",
            Self::JsonParse => "json_parse_exception",
            Self::JsonEndOfInput => "json_e_o_f_exception",
            Self::DateTimeParse => "date_time_parse_exception",
            Self::DateTime => "date_time_exception",
            Self::UnsupportedOperation => "unsupported_operation_exception",
            Self::PatternSyntax => "pattern_syntax_exception",
            Self::ClassCast => "class_cast_exception",
            Self::IndexOutOfBounds => "array_index_out_of_bounds_exception",
            Self::MaxBytesLength => "max_bytes_length_exceeded_exception",
        }
    }

    /// Whether an answer may name it as the root cause: types of Elasticsearch's own may.
    #[must_use]
    pub fn can_be_root(self) -> bool {
        matches!(
            self,
            Self::MapperParsing
                | Self::StrictDynamicMapping
                | Self::Mapper
                | Self::InvalidTypeName
                | Self::Parse
                | Self::Parsing
        )
    }
}

/// Where in a source something stands, from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The line.
    pub(crate) line: usize,
    /// The byte of the line.
    pub(crate) column: usize,
}

/// An error and what caused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingError {
    inner: Box<Inner>,
}

/// The parts of an error, behind a pointer so that a result stays small.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    kind: ErrorType,
    name: &'static str,
    reason: String,
    caused_by: Option<MappingError>,
    preview: Option<String>,
    place: Option<Place>,
}

impl MappingError {
    /// An error without a cause.
    #[must_use]
    pub fn new(kind: ErrorType, reason: impl Into<String>) -> Self {
        let (name, reason) = (kind.name(), reason.into());
        let inner = Inner { kind, name, reason, caused_by: None, preview: None, place: None };
        Self { inner: Box::new(inner) }
    }

    /// An argument that cannot be.
    pub(crate) fn argument(reason: impl Into<String>) -> Self {
        Self::new(ErrorType::IllegalArgument, reason)
    }

    /// A definition or a document that cannot be parsed.
    pub(crate) fn parsing(reason: impl Into<String>) -> Self {
        Self::new(ErrorType::MapperParsing, reason)
    }

    /// The same error, caused by another.
    #[must_use]
    pub fn because(mut self, cause: Self) -> Self {
        self.inner.caused_by = Some(cause);
        self
    }

    /// Wraps an error in one whose reason repeats it after some words.
    #[must_use]
    pub fn wrapped(self, before: &str) -> Self {
        Self::parsing(format!("{before}{}", self.reason())).because(self)
    }

    /// Remembers the value that did not fit, for the dialects that show it.
    pub(crate) fn with_preview(mut self, preview: String) -> Self {
        self.inner.preview = Some(preview);
        self
    }

    /// Remembers where in the source it is, for the dialects that tell.
    pub(crate) fn at(mut self, place: Place) -> Self {
        self.inner.place = Some(place);
        self
    }

    /// The type.
    #[must_use]
    pub fn kind(&self) -> ErrorType {
        self.inner.kind
    }

    /// The type's name in the dialect that the mapping speaks.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.inner.name
    }

    /// The reason.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.inner.reason
    }

    /// Where in the source it is, from one: line and byte of the line. Not all errors know.
    #[must_use]
    pub fn line_and_column(&self) -> Option<(usize, usize)> {
        self.inner.place.map(|place| (place.line, place.column))
    }

    /// What caused it.
    #[must_use]
    pub fn caused_by(&self) -> Option<&Self> {
        self.inner.caused_by.as_ref()
    }

    /// The innermost error that an answer may call the root cause, or this one.
    #[must_use]
    pub fn root_cause(&self) -> &Self {
        let mut root = self;
        let mut next = self.caused_by();
        while let Some(error) = next {
            if error.kind().can_be_root() {
                root = error;
            }
            next = error.caused_by();
        }
        root
    }

    /// The error about a document in the words of a dialect.
    #[must_use]
    pub fn spoken(mut self, dialect: Dialect) -> Self {
        if dialect == Dialect::Seven {
            return self;
        }
        let Some(place) = self.inner.place else { return self };
        let mut reason = format!("[{}:{}] {}", place.line, place.column, self.inner.reason);
        if let Some(preview) = &self.inner.preview {
            reason.push_str(". Preview of field's value: '");
            reason.push_str(preview);
            reason.push('\'');
        } else if self.inner.reason == "failed to parse"
            && let Some(cause) = &self.inner.caused_by
        {
            reason.push_str(": ");
            reason.push_str(cause.reason());
        }
        self.inner.reason = reason;
        if self.inner.kind == ErrorType::MapperParsing {
            self.inner.name = "document_parsing_exception";
        }
        self
    }
}

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.type_name(), self.reason())?;
        if let Some(cause) = self.caused_by() {
            write!(f, " <= {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for MappingError {}
