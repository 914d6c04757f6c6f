//! Reading a parameter's value: what it may be, what is wrong with it otherwise, how it is kept.

mod null_value;
pub(crate) mod special;

use serde_json::Value;

use crate::{
    date::{DEFAULT_FORMAT, DateFormat},
    error::{ErrorType, MappingError},
    field::{
        FieldType,
        parameters::{Form, Parameter},
    },
    java::map_text,
    settings::{Dialect, Settings},
};

/// A result, or what is wrong with the definition.
pub(crate) type Checked<T> = Result<T, MappingError>;

/// The field whose parameters are read.
#[derive(Clone, Copy)]
pub(crate) struct Owner<'a> {
    /// The last part of its path.
    pub(crate) name: &'a str,
    /// Its type.
    pub(crate) kind: FieldType,
    /// The settings of the index.
    pub(crate) settings: &'a Settings,
}

/// True or false, also as a text; `what` is the parameter with its field in front.
pub(crate) fn boolean(value: &Value, what: &str, settings: &Settings) -> Checked<bool> {
    let text = map_text(value);
    match text.as_str() {
        "true" => return Ok(true),
        "false" => return Ok(false),
        _ => {}
    }
    let reason = format!("Failed to parse value [{text}] as only [true] or [false] are allowed.");
    let inner = MappingError::argument(reason);
    if settings.dialect == Dialect::Eight {
        return Err(inner);
    }
    Err(MappingError::argument(format!("Could not convert [{what}] to boolean")).because(inner))
}

/// A whole number, also as a text.
pub(crate) fn integer(value: &Value) -> Checked<i64> {
    if let Some(number) = value.as_number() {
        let float = number.as_f64().unwrap_or(0.0);
        return Ok(number.as_i64().unwrap_or_else(|| crate::value::number::saturate(float)));
    }
    let text = map_text(value);
    text.parse().map_err(|_| {
        MappingError::new(ErrorType::NumberFormat, format!("For input string: \"{text}\""))
    })
}

/// A number, also as a text.
pub(crate) fn number(value: &Value) -> Checked<f64> {
    match value.as_number().and_then(serde_json::Number::as_f64) {
        Some(number) => Ok(number),
        None => crate::java::parse_double(&map_text(value)),
    }
}

impl Parameter {
    /// Reads a value of this parameter; `None` is as if it were not given.
    pub(crate) fn read(&self, value: &Value, owner: Owner<'_>) -> Checked<Option<Value>> {
        if value.is_null() && self.form != Form::Any {
            return Err(self.null_refused(owner));
        }
        let kept = match self.form {
            Form::Boolean | Form::Explicit | Form::NoDocValues => self.read_switch(value, owner)?,
            Form::Integer => integer(value)?.into(),
            Form::Number => number(value)?.into(),
            Form::Any => value.clone(),
            Form::Ignored => return Ok(None),
            Form::IndexOptions(positions) => index_options(value, positions)?,
            Form::TermVector => term_vector(value, owner)?,
            Form::Similarity => similarity(value, owner)?,
            Form::Analyzer => analyzer(value, owner)?,
            Form::Normalizer => normalizer(value, owner)?,
            Form::Format => return format(value, owner),
            Form::Locale => locale(value)?,
            Form::NullValue => return null_value::read(value, owner).map(Some),
            Form::IndexPrefixes => special::index_prefixes(value)?,
            Form::PositionGap => special::position_gap(value)?,
            Form::IgnoreAbove => special::ignore_above(value)?,
            Form::ScalingFactor => special::scaling_factor(value)?,
            Form::Relations => special::relations(value, owner.name)?,
            Form::Contexts => special::contexts(value)?,
            Form::MaxInputLength => special::max_input_length(value)?,
            Form::MaxShingleSize => special::max_shingle_size(value)?,
            Form::Orientation => special::orientation(value)?,
            Form::Legacy => return special::legacy(self.name, value).map(Some),
            Form::ConstantValue => map_text(value).into(),
            Form::Dimensions => special::dimensions(value, owner)?,
            Form::Meta => special::meta(value, owner)?,
        };
        Ok(Some(kept))
    }

    /// The error about a parameter that is null.
    fn null_refused(&self, owner: Owner<'_>) -> MappingError {
        let (name, field, kind) = (self.name, owner.name, owner.kind.name());
        MappingError::parsing(if owner.settings.dialect == Dialect::Eight {
            format!("[{name}] on mapper [{field}] of type [{kind}] must not have a [null] value")
        } else if self.form == Form::NullValue {
            format!("Property [{name}] cannot be null.")
        } else {
            format!("[{name}] must not have a [null] value")
        })
    }

    /// A switch.
    fn read_switch(&self, value: &Value, owner: Owner<'_>) -> Checked<Value> {
        let on = boolean(value, &format!("{}.{}", owner.name, self.name), owner.settings)?;
        if on && self.form == Form::NoDocValues {
            return Err(MappingError::argument("[text] fields do not support doc values"));
        }
        Ok(on.into())
    }
}

/// What of terms is kept.
fn index_options(value: &Value, positions: bool) -> Checked<Value> {
    let text = map_text(value);
    match text.as_str() {
        "docs" | "freqs" => {}
        "positions" | "offsets" if positions => {}
        "positions" | "offsets" => {
            let reason = format!(
                "The [keyword] field does not support positions, got [index_options]={text}"
            );
            return Err(MappingError::argument(reason));
        }
        _ => {
            let reason = format!("failed to parse index option [{text}]");
            return Err(MappingError::new(ErrorType::Parse, reason));
        }
    }
    Ok(text.into())
}

/// Which term vectors are kept.
fn term_vector(value: &Value, owner: Owner<'_>) -> Checked<Value> {
    const KNOWN: [&str; 7] = [
        "no",
        "yes",
        "with_offsets",
        "with_positions",
        "with_positions_offsets",
        "with_positions_payloads",
        "with_positions_offsets_payloads",
    ];
    let text = map_text(value);
    if KNOWN.contains(&text.as_str()) {
        return Ok(text.into());
    }
    let reason = format!("wrong value for termVector [{text}] for field [{}]", owner.name);
    Err(MappingError::parsing(reason))
}

/// The name of a similarity.
fn similarity(value: &Value, owner: Owner<'_>) -> Checked<Value> {
    let text = map_text(value);
    if text == "classic" {
        let reason = "The [classic] similarity may not be used anymore. Please use the [BM25] \
                      similarity or build a custom [scripted] similarity instead.";
        return Err(MappingError::argument(reason));
    }
    if owner.settings.has_similarity(&text) {
        return Ok(text.into());
    }
    let reason = format!("Unknown Similarity type [{text}] for field [{}]", owner.name);
    Err(MappingError::parsing(reason))
}

/// The name of an analyzer.
fn analyzer(value: &Value, owner: Owner<'_>) -> Checked<Value> {
    let text = map_text(value);
    if owner.settings.has_analyzer(&text) {
        return Ok(text.into());
    }
    let name = owner.name;
    Err(MappingError::parsing(if owner.settings.dialect == Dialect::Eight {
        format!("analyzer [{text}] has not been configured in mappings")
    } else if owner.kind == FieldType::TokenCount {
        format!("Analyzer [{text}] not found for field [{name}]")
    } else {
        format!("analyzer [{text}] not found for field [{name}]")
    }))
}

/// The name of a normalizer.
fn normalizer(value: &Value, owner: Owner<'_>) -> Checked<Value> {
    let text = map_text(value);
    if owner.settings.has_normalizer(&text) {
        return Ok(text.into());
    }
    let reason = format!("normalizer [{text}] not found for field [{}]", owner.name);
    Err(MappingError::parsing(reason))
}

/// A date format; the default and an empty one are as if not given.
fn format(value: &Value, owner: Owner<'_>) -> Checked<Option<Value>> {
    if owner.kind.is_range() && owner.kind != FieldType::DateRange {
        let kind = owner.kind.name().trim_end_matches("_range").to_uppercase();
        let reason = format!(
            "field [{}] of type [{kind}] should not define a dateTimeFormatter unless it is a DATE \
             type",
            owner.name
        );
        return Err(MappingError::argument(reason));
    }
    let text = map_text(value);
    if text.is_empty() {
        return Ok(None);
    }
    let format = DateFormat::parse(&text, owner.settings.dialect)?;
    Ok(Some(format.text().to_owned().into()).filter(|text: &Value| *text != DEFAULT_FORMAT))
}

/// A locale: at most a language, a country and a variant.
fn locale(value: &Value) -> Checked<Value> {
    let text = map_text(value);
    let parts: Vec<_> = text.split(['_', '-']).collect();
    if parts.len() > 3 {
        let reason = format!(
            "Locales can have at most 3 parts but got {}: [{}]",
            parts.len(),
            parts.join(", ")
        );
        return Err(MappingError::argument(reason));
    }
    Ok(text.into())
}
