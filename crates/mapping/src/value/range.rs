//! Ranges: their bounds, made inclusive.

use std::sync::Arc;

use crate::{
    date::DateFormat,
    error::{ErrorType, MappingError},
    field::FieldType,
    java::{double_text, float_text},
    json::{Event, Reader},
};

use super::{
    ip,
    number::{Number, NumberKind, single},
};

/// What the bounds of a range are.
#[derive(Clone, Debug)]
enum Bounds {
    /// Numbers.
    Number(NumberKind),
    /// Milliseconds since 1970.
    Date(Arc<DateFormat>),
    /// Addresses.
    Ip,
}

/// A range type.
#[derive(Clone, Debug)]
pub(crate) struct RangeKind {
    bounds: Bounds,
    coerce: bool,
}

/// A bound.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Bound {
    /// A whole number, or milliseconds since 1970.
    Long(i64),
    /// A floating-point number.
    Double(f64),
    /// An address.
    Ip(u128),
}

/// A range with its bounds, both inclusive; without a bound it has no end there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The lower bound.
    pub from: Option<Bound>,
    /// The upper bound.
    pub to: Option<Bound>,
}

impl RangeKind {
    /// The kind of a field type, if that is one of ranges.
    pub(crate) fn new(kind: FieldType, coerce: bool, format: DateFormat) -> Option<Self> {
        let bounds = match kind.name() {
            "integer_range" => Bounds::Number(NumberKind::Integer),
            "long_range" => Bounds::Number(NumberKind::Long),
            "float_range" => Bounds::Number(NumberKind::Float),
            "double_range" => Bounds::Number(NumberKind::Double),
            "date_range" => Bounds::Date(Arc::new(format)),
            "ip_range" => Bounds::Ip,
            _ => return None,
        };
        Some(Self { bounds, coerce })
    }

    /// Whether strings and fractions are converted.
    pub(crate) fn coerce(&self) -> bool {
        self.coerce
    }

    /// The same kind, converting or not.
    pub(crate) fn with_coerce(&self, coerce: bool) -> Self {
        Self { bounds: self.bounds.clone(), coerce }
    }

    /// Reads a range. `raw` is its JSON if it is an object; `shown` is the name that an error tells.
    pub(crate) fn read(
        &self,
        event: &Event<'_>,
        raw: &str,
        field: &str,
        shown: &str,
    ) -> Result<Range, MappingError> {
        match (event, &self.bounds) {
            (Event::Object, _) => self.object(raw, field),
            (Event::Text(text), Bounds::Ip) => {
                let (from, to) = ip::parse_network(&text.decode())?;
                Ok(Range { from: Some(Bound::Ip(from)), to: Some(Bound::Ip(to)) })
            }
            (
                Event::Text(_) | Event::Number(_) | Event::Boolean(_) | Event::Null | Event::Array,
                _,
            ) => {
                let reason =
                    format!("error parsing field [{field}], expected an object but got {shown}");
                Err(MappingError::parsing(reason))
            }
        }
    }

    /// Reads an object with bounds.
    fn object(&self, raw: &str, field: &str) -> Result<Range, MappingError> {
        let broken = |malformed: crate::json::Malformed| malformed.into_error(raw);
        let mut range = Range { from: None, to: None };
        let mut reader = Reader::new(raw);
        reader.value().map_err(broken)?;
        let mut members = reader.members();
        while let Some(name) = reader.member(&mut members).map_err(broken)? {
            let event = reader.value().map_err(broken)?;
            match &*name.text {
                "gte" => range.from = self.bound(&event)?,
                "gt" => range.from = self.bound(&event)?.map(|bound| self.next(bound, true)),
                "lte" => range.to = self.bound(&event)?,
                "lt" => range.to = self.bound(&event)?.map(|bound| self.next(bound, false)),
                other => {
                    let reason =
                        format!("error parsing field [{field}], with unknown parameter [{other}]");
                    return Err(MappingError::parsing(reason));
                }
            }
            reader.skip(&event).map_err(broken)?;
        }
        if let (Some(from), Some(to)) = (range.from, range.to)
            && from > to
        {
            let (from, to) = (self.text(from), self.text(to));
            let reason = format!("min value ({from}) is greater than max value ({to})");
            return Err(MappingError::argument(reason));
        }
        Ok(range)
    }

    /// One bound; null is none.
    fn bound(&self, event: &Event<'_>) -> Result<Option<Bound>, MappingError> {
        if *event == Event::Null {
            return Ok(None);
        }
        match &self.bounds {
            Bounds::Number(kind) => Ok(kind.read(event, self.coerce)?.map(|number| match number {
                Number::Long(value) => Bound::Long(value),
                Number::Double(value) => Bound::Double(value),
                Number::Unsigned(value) => Bound::Long(i64::try_from(value).unwrap_or(i64::MAX)),
            })),
            Bounds::Date(format) => date(format, &scalar_text(event)?).map(Some),
            Bounds::Ip => ip::parse_ip(&scalar_text(event)?).map(Bound::Ip).map(Some),
        }
    }

    /// The bound just inside an exclusive one.
    fn next(&self, bound: Bound, up: bool) -> Bound {
        match bound {
            Bound::Long(value) if up => Bound::Long(value.saturating_add(1)),
            Bound::Long(value) => Bound::Long(value.saturating_sub(1)),
            Bound::Ip(value) if up => Bound::Ip(value.saturating_add(1)),
            Bound::Ip(value) => Bound::Ip(value.saturating_sub(1)),
            Bound::Double(value) if self.is_float() => {
                let value = single(value);
                Bound::Double(f64::from(if up { value.next_up() } else { value.next_down() }))
            }
            Bound::Double(value) if up => Bound::Double(value.next_up()),
            Bound::Double(value) => Bound::Double(value.next_down()),
        }
    }

    /// Whether the bounds are of single precision.
    fn is_float(&self) -> bool {
        matches!(self.bounds, Bounds::Number(NumberKind::Float))
    }

    /// A bound as an error shows it.
    fn text(&self, bound: Bound) -> String {
        match bound {
            Bound::Long(value) => value.to_string(),
            Bound::Double(value) if self.is_float() => float_text(single(value)),
            Bound::Double(value) => double_text(value),
            Bound::Ip(value) => ip::ip_text(value),
        }
    }
}

/// The text of a scalar.
pub(crate) fn scalar_text(event: &Event<'_>) -> Result<String, MappingError> {
    match event {
        Event::Text(text) => Ok(text.decode().into_owned()),
        Event::Number(text) => Ok((*text).to_owned()),
        Event::Boolean(value) => Ok(value.to_string()),
        Event::Object | Event::Array | Event::Null => {
            let reason = format!("Can't get text on a {}", event.token());
            Err(MappingError::new(ErrorType::IllegalState, reason))
        }
    }
}

/// A date as a bound. Of date mathematics only the date before it counts.
fn date(format: &DateFormat, text: &str) -> Result<Bound, MappingError> {
    if text.starts_with("now") {
        let reason = "could not read the current timestamp";
        let cause = MappingError::argument("now is not used at indexing time");
        return Err(MappingError::new(ErrorType::Parse, reason).because(cause));
    }
    let date = text.split_once("||").map_or(text, |(date, _)| date);
    let moment = format.read(date).map_err(|error| {
        let reason = error.reason();
        let format = format.text();
        let reason =
            format!("failed to parse date field [{date}] with format [{format}]: [{reason}]");
        MappingError::new(ErrorType::Parse, reason).because(error)
    })?;
    Ok(Bound::Long(moment.millis().unwrap_or(i64::MAX)))
}
