//! A value against its field: whether it fits, what the sink is told, what the error is.

mod uncommon;

use std::sync::Arc;

use serde_json::Value;

use crate::{
    error::{ErrorType, MappingError},
    field::{FieldType, rule::Rule},
    java::map_text,
    json::Event,
    node::Leaf,
    settings::Dialect,
    value::{
        geo::{PointForm, read_points},
        ip,
        number::Number,
    },
};

use super::{
    FieldSink, FieldValue,
    walk::{Step, Walk},
};

/// A value of a document as a field takes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a, 'n> {
    /// Its token.
    pub(super) event: Event<'a>,
    /// Of an object or an array the text.
    pub(super) raw: &'a str,
    /// Where it begins.
    pub(super) at: usize,
    /// The name in front of it; elements of arrays have none.
    pub(super) name: Option<&'n str>,
}

/// How the error about a value is told.
enum Told {
    /// With the field, its type and the document.
    Field,
    /// With the field and its type, in version 7.
    FieldOnly,
    /// As a failure of the document.
    Document,
}

/// Values longer than this cannot be a term of the index.
const TERM_BYTES_MAX: usize = 32_766;

impl<'a, S: FieldSink> Walk<'_, 'a, S> {
    /// A value of a field, of its multi-fields and of the fields it is copied to.
    pub(super) fn leaf(&mut self, leaf: &Leaf, input: &Input<'a, '_>) -> Step {
        if let Err(cause) = self.accept(leaf, input) {
            return Err(self.told(leaf, input, cause));
        }
        for field in &leaf.fields {
            self.leaf(field, input)?;
        }
        if !leaf.copy_to.is_empty() && !self.is_copying && input.event != Event::Null {
            self.is_copying = true;
            for path in &leaf.copy_to {
                self.copy(path, input)?;
            }
            self.is_copying = false;
        }
        Ok(())
    }

    /// The error about a value, told as for its type.
    fn told(&self, leaf: &Leaf, input: &Input<'a, '_>, cause: MappingError) -> MappingError {
        if cause.caused_by().is_some_and(|cause| cause.kind() == ErrorType::MaxBytesLength) {
            return cause;
        }
        let told = match leaf.rule {
            Rule::Completion { .. } if cause.reason().starts_with("Contexts are mandatory") => {
                return cause;
            }
            Rule::Completion { .. }
            | Rule::Join(_)
            | Rule::Percolator
            | Rule::RankFeatures
            | Rule::DenseVector(_)
            | Rule::SparseVector
            | Rule::Binary { decoded: false } => Told::Document,
            Rule::GeoPoint { .. } | Rule::GeoShape { .. } => Told::FieldOnly,
            Rule::Text
            | Rule::Keyword { .. }
            | Rule::Constant(_)
            | Rule::Number { .. }
            | Rule::Boolean { .. }
            | Rule::Date { .. }
            | Rule::Ip { .. }
            | Rule::Range(_)
            | Rule::Binary { .. }
            | Rule::RankFeature
            | Rule::Flattened(_)
            | Rule::Histogram
            | Rule::Unread => Told::Field,
        };
        let eight = self.mapping.settings().dialect == Dialect::Eight;
        let (path, kind, id) = (&leaf.path, leaf.kind.value_name(), self.id);
        let reason = match told {
            Told::Document => {
                let cause = self.placed(leaf, input, cause);
                return self.failed(cause, input.at);
            }
            Told::FieldOnly if !eight => format!("failed to parse field [{path}] of type [{kind}]"),
            Told::Field | Told::FieldOnly => {
                format!(
                    "failed to parse field [{path}] of type [{kind}] in document with id '{id}'"
                )
            }
        };
        let error = MappingError::parsing(reason).because(cause).at(self.reader.place(input.at));
        if eight { error.with_preview(preview(input)) } else { error }
    }

    /// Tells where a token was not expected: at the value, or behind it for those who look for the
    /// parts of one.
    fn placed(&self, leaf: &Leaf, input: &Input<'a, '_>, cause: MappingError) -> MappingError {
        if cause.kind() != ErrorType::Parsing {
            return cause;
        }
        let looks_behind = matches!(leaf.rule, Rule::DenseVector(_) | Rule::Percolator)
            && !matches!(input.event, Event::Object | Event::Array);
        let at = if looks_behind { self.reader.at() } else { input.at };
        cause.at(self.reader.place(at))
    }

    /// Takes a value by its field's rule.
    fn accept(&mut self, leaf: &Leaf, input: &Input<'a, '_>) -> Step {
        if input.event == Event::Null && !leaf.kind.sees_null() {
            return self.null(leaf);
        }
        match &leaf.rule {
            Rule::Text => self.text(leaf, input, None),
            Rule::Keyword { ignore_above, indexed, .. } => {
                self.text(leaf, input, Some((*ignore_above, *indexed)))
            }
            Rule::Number { kind, coerce, ignore_malformed, .. } => {
                match kind.read(&input.event, *coerce) {
                    Ok(number) => {
                        // An empty text is as good as null.
                        let Some(number) = number else { return self.null(leaf) };
                        self.tell(leaf, of_number(number));
                        Ok(())
                    }
                    Err(error) => self.malformed(leaf, input, *ignore_malformed, error),
                }
            }
            Rule::Boolean { .. } => {
                let value = boolean(&input.event)?;
                self.tell(leaf, FieldValue::Boolean(value));
                Ok(())
            }
            Rule::Date { format, nanos, ignore_malformed, .. } => {
                let text = self.scalar(input)?;
                match date_value(format, &text, *nanos) {
                    Ok(value) => {
                        self.tell(leaf, value);
                        Ok(())
                    }
                    Err(error) => self.malformed(leaf, input, *ignore_malformed, error),
                }
            }
            Rule::Ip { ignore_malformed, .. } => {
                let text = self.scalar(input)?;
                match ip::parse_ip(&text) {
                    Ok(address) => {
                        self.tell(leaf, FieldValue::Ip(address));
                        Ok(())
                    }
                    Err(error) => self.malformed(leaf, input, *ignore_malformed, error),
                }
            }
            Rule::Range(kind) => {
                let shown = input.name.unwrap_or("null");
                let range = kind.read(&input.event, input.raw, &leaf.path, shown)?;
                self.tell(leaf, FieldValue::Range(range));
                Ok(())
            }
            Rule::GeoPoint { ignore_malformed, ignore_z, .. } => {
                self.points(leaf, input, *ignore_malformed, *ignore_z)
            }
            Rule::Constant(_)
            | Rule::GeoShape { .. }
            | Rule::Binary { .. }
            | Rule::Completion { .. }
            | Rule::Join(_)
            | Rule::Percolator
            | Rule::RankFeature
            | Rule::RankFeatures
            | Rule::DenseVector(_)
            | Rule::SparseVector
            | Rule::Flattened(_)
            | Rule::Histogram
            | Rule::Unread => self.uncommon(leaf, input),
        }
    }

    /// Null where it stands for a value.
    fn null(&mut self, leaf: &Leaf) -> Step {
        match &leaf.rule {
            Rule::Keyword { null: Some(text), .. } => {
                let text = Arc::clone(text);
                self.tell(leaf, FieldValue::Keyword(&text));
            }
            Rule::Number { null: Some(number), .. } => self.tell(leaf, of_number(*number)),
            Rule::Boolean { null: Some(value) } => self.tell(leaf, FieldValue::Boolean(*value)),
            Rule::Ip { null: Some(address), .. } => self.tell(leaf, FieldValue::Ip(*address)),
            Rule::GeoPoint { null: Some(point), .. } => {
                self.tell(leaf, FieldValue::GeoPoint(*point));
            }
            Rule::Date { null: Some(text), format, nanos, .. } => {
                let value = date_value(format, text, *nanos)?;
                self.tell(leaf, value);
            }
            Rule::Text
            | Rule::Keyword { null: None, .. }
            | Rule::Constant(_)
            | Rule::Number { null: None, .. }
            | Rule::Boolean { null: None }
            | Rule::Date { null: None, .. }
            | Rule::Ip { null: None, .. }
            | Rule::Range(_)
            | Rule::GeoPoint { null: None, .. }
            | Rule::GeoShape { .. }
            | Rule::Binary { .. }
            | Rule::Completion { .. }
            | Rule::Join(_)
            | Rule::Percolator
            | Rule::RankFeature
            | Rule::RankFeatures
            | Rule::DenseVector(_)
            | Rule::SparseVector
            | Rule::Flattened(_)
            | Rule::Histogram
            | Rule::Unread => {}
        }
        Ok(())
    }

    /// Tells the sink a value, if it wants it.
    #[inline]
    fn tell(&mut self, leaf: &Leaf, value: FieldValue<'_>) {
        if self.sink.wants(Self::field_ref(leaf)) {
            self.sink.value(Self::field_ref(leaf), value);
        }
    }

    /// A scalar's text.
    fn scalar(&self, input: &Input<'a, '_>) -> Step<std::borrow::Cow<'a, str>> {
        match input.event {
            Event::Text(text) => Ok(text.decode()),
            Event::Number(text) => Ok(text.into()),
            Event::Boolean(true) => Ok("true".into()),
            Event::Boolean(false) => Ok("false".into()),
            Event::Object | Event::Array | Event::Null => {
                let place = self.reader.place(input.at);
                let (token, line, column) = (input.event.token(), place.line, place.column);
                let reason = format!("Can't get text on a {token} at {line}:{column}");
                Err(MappingError::new(ErrorType::IllegalState, reason))
            }
        }
    }

    /// A text or a term. `term` is the length beyond which it is not indexed, and whether it is.
    fn text(&mut self, leaf: &Leaf, input: &Input<'a, '_>, term: Option<(usize, bool)>) -> Step {
        let wanted = self.sink.wants(Self::field_ref(leaf));
        let may_be_long =
            matches!(input.event, Event::Text(text) if text.bytes_max() > TERM_BYTES_MAX);
        if !wanted && !may_be_long && !matches!(input.event, Event::Object | Event::Array) {
            return Ok(());
        }
        let text = self.scalar(input)?;
        let Some((ignore_above, indexed)) = term else {
            self.tell(leaf, FieldValue::Text(&text));
            return Ok(());
        };
        if text.len() > ignore_above && text.encode_utf16().count() > ignore_above {
            if self.mapping.settings().dialect == Dialect::Eight {
                self.leave_out(leaf);
            }
            return Ok(());
        }
        if indexed && text.len() > TERM_BYTES_MAX {
            return Err(immense_term(&leaf.path, &text));
        }
        self.tell(leaf, FieldValue::Keyword(&text));
        Ok(())
    }

    /// A scalar that does not fit: left out where the field says so. Objects never are.
    fn malformed(
        &mut self,
        leaf: &Leaf,
        input: &Input<'a, '_>,
        ignored: bool,
        error: MappingError,
    ) -> Step {
        let is_object = matches!(input.event, Event::Object | Event::Array);
        // A scaled number that is not even written as one is not forgiven.
        let is_no_number =
            leaf.kind == FieldType::ScaledFloat && error.kind() == ErrorType::JsonParse;
        let is_forgiven = !(is_object || is_no_number);
        self.malformed_anyhow(leaf, ignored && is_forgiven, error)
    }

    /// A value that does not fit: left out where the field says so.
    fn malformed_anyhow(&mut self, leaf: &Leaf, ignored: bool, error: MappingError) -> Step {
        if !ignored {
            return Err(error);
        }
        self.leave_out(leaf);
        Ok(())
    }

    /// Notes that a value of a field is left out.
    fn leave_out(&mut self, leaf: &Leaf) {
        if !self.ignored.contains(&leaf.path) {
            self.ignored.push(Arc::clone(&leaf.path));
        }
        self.sink.ignored(Self::field_ref(leaf));
    }

    /// One point or several.
    fn points(
        &mut self,
        leaf: &Leaf,
        input: &Input<'a, '_>,
        ignore_malformed: bool,
        ignore_z: bool,
    ) -> Step {
        let modern = self.mapping.settings().dialect == Dialect::Eight;
        let json = input.json();
        let path = Arc::clone(&leaf.path);
        let form = PointForm { ignore_z, modern };
        let read = read_points(&json, form, &mut |point| {
            let point = if ignore_malformed {
                point.normalized()
            } else {
                point.check(&path)?;
                point
            };
            self.tell(leaf, FieldValue::GeoPoint(point));
            Ok(())
        });
        read.or_else(|error| {
            // Only what is no form of a point is forgiven, not coordinates that are none.
            let is_forgiven = error.kind() == ErrorType::Parse && !starts_with_number(&json);
            self.malformed_anyhow(leaf, ignore_malformed && is_forgiven, error)
        })
    }
}

impl Input<'_, '_> {
    /// The value as a tree, for types that are rare.
    fn tree(&self) -> Value {
        serde_json::from_str(&self.json()).unwrap_or(Value::Null)
    }

    /// The value as JSON.
    fn json(&self) -> std::borrow::Cow<'_, str> {
        match self.event {
            Event::Object | Event::Array => self.raw.into(),
            Event::Text(text) => Value::from(text.decode()).to_string().into(),
            Event::Number(text) => text.into(),
            Event::Boolean(value) => value.to_string().into(),
            Event::Null => "null".into(),
        }
    }
}

/// Whether an array begins with a number.
fn starts_with_number(json: &str) -> bool {
    let first = json.trim_start().strip_prefix('[').map(str::trim_start);
    first.is_some_and(|rest| rest.starts_with(|byte: char| byte == '-' || byte.is_ascii_digit()))
}

/// A value as the newer errors show it.
fn preview(input: &Input<'_, '_>) -> String {
    if let Event::Number(text) = input.event { text.to_owned() } else { map_text(&input.tree()) }
}

/// A number as sinks see it.
fn of_number(number: Number) -> FieldValue<'static> {
    match number {
        Number::Long(value) => FieldValue::Long(value),
        Number::Unsigned(value) => FieldValue::UnsignedLong(value),
        Number::Double(value) => FieldValue::Double(value),
    }
}

/// True or false; an empty text is false.
fn boolean(event: &Event<'_>) -> Step<bool> {
    match event {
        Event::Boolean(value) => Ok(*value),
        Event::Text(text) => match &*text.decode() {
            "true" => Ok(true),
            "false" | "" => Ok(false),
            other => {
                let reason = format!(
                    "Failed to parse value [{other}] as only [true] or [false] are allowed."
                );
                Err(MappingError::argument(reason))
            }
        },
        Event::Object | Event::Array | Event::Number(_) | Event::Null => {
            let reason = format!("Current token ({}) not of boolean type", event.exact_token());
            Err(MappingError::new(ErrorType::JsonParse, reason))
        }
    }
}

/// The error about a text that is too long for a term.
fn immense_term(path: &str, text: &str) -> MappingError {
    let bytes = text.bytes().take(30).map(|byte| byte.cast_signed().to_string());
    let prefix = bytes.collect::<Vec<_>>().join(", ");
    let length = text.len();
    let message = format!("bytes can be at most {TERM_BYTES_MAX} in length; got {length}");
    let reason = format!(
        "Document contains at least one immense term in field=\"{path}\" (whose UTF8 encoding is longer \
         than the max length {TERM_BYTES_MAX}), all of which were skipped.  Please correct the analyzer \
         to not produce such terms.  The prefix of the first immense term is: '[{prefix}]...', original \
         message: {message}"
    );
    MappingError::argument(reason).because(MappingError::new(ErrorType::MaxBytesLength, message))
}

/// A date as sinks see it, within the range of its resolution.
fn date_value(
    format: &crate::date::DateFormat,
    text: &str,
    nanos: bool,
) -> Step<FieldValue<'static>> {
    let moment = format.read(text)?;
    if !nanos {
        // Whoever names a year beyond all milliseconds gets the last one.
        return Ok(FieldValue::Date(moment.millis().unwrap_or(i64::MAX)));
    }
    let shown = || crate::date::moment_text(moment);
    match moment.nanos() {
        _ if moment.seconds < 0 => Err(MappingError::argument(format!(
            "date[{}] is before the epoch in 1970 and cannot be stored in nanosecond resolution",
            shown()
        ))),
        Some(nanos) => Ok(FieldValue::DateNanos(nanos)),
        None => Err(MappingError::argument(format!(
            "date[{}] is after 2262-04-11T23:47:16.854775807 and cannot be stored in nanosecond \
             resolution",
            shown()
        ))),
    }
}
