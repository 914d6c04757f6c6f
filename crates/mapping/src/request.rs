//! The forms in which requests carry a mapping: with and without a type's name around it.

use serde_json::{Map, Value};

use crate::{
    error::{ErrorType, MappingError},
    field::form::Checked,
    settings::Dialect,
};

/// The name of the type where types have none.
const NO_TYPE: &str = "_doc";

/// Takes apart the `mappings` of a create or template request: the type's name, and the definition.
///
/// # Errors
/// The form is not the one that `include_type_name` asks for, or the name cannot be one.
pub fn create_form(
    mappings: &Value,
    include_type_name: bool,
    dialect: Dialect,
) -> Result<(String, Value), MappingError> {
    let empty = || Value::Object(Map::new());
    if mappings.as_array().is_some_and(Vec::is_empty) {
        return Ok((NO_TYPE.to_owned(), empty()));
    }
    let Some(map) = mappings.as_object() else {
        return Err(MappingError::new(ErrorType::Parse, "expected an object for [mappings]"));
    };
    if !include_type_name {
        let is_nested = map.len() == 1 && map.contains_key(NO_TYPE);
        if is_nested && dialect == Dialect::Seven {
            let reason = "The mapping definition cannot be nested under a type [_doc] unless \
                          include_type_name is set to true.";
            return Err(MappingError::argument(reason));
        }
        return Ok((NO_TYPE.to_owned(), mappings.clone()));
    }
    let names: Vec<&str> = map.keys().map(String::as_str).collect();
    match names.as_slice() {
        [] => Ok((NO_TYPE.to_owned(), empty())),
        [name] => {
            check_type_name(name)?;
            let definition = map.get(*name).cloned().unwrap_or_else(empty);
            if !definition.is_object() {
                let reason = "expected an object for the mapping of a type";
                return Err(MappingError::new(ErrorType::Parse, reason));
            }
            Ok(((*name).to_owned(), definition))
        }
        several => {
            let reason = format!("Cannot put multiple mappings: [{}]", several.join(", "));
            Err(MappingError::argument(reason))
        }
    }
}

/// Takes apart the body of a put mapping request. `type_name` is the type that the path names.
///
/// # Errors
/// The form is not the one that `include_type_name` asks for, or the name cannot be one.
pub fn update_form(
    body: &Value,
    type_name: Option<&str>,
    include_type_name: bool,
    own_type: &str,
    dialect: Dialect,
) -> Result<Value, MappingError> {
    let Some(map) = body.as_object() else {
        return Err(MappingError::new(ErrorType::Parse, "expected an object for the mapping"));
    };
    let inner = |name: &str| map.get(name).filter(|_| map.len() == 1).cloned();
    if include_type_name {
        if let Some(name) = type_name {
            check_type_name(name)?;
            return Ok(inner(name).unwrap_or_else(|| body.clone()));
        }
        return Ok(body.clone());
    }
    let is_nested = inner(own_type).or_else(|| inner(NO_TYPE)).is_some();
    if type_name.is_some() || (is_nested && dialect == Dialect::Seven) {
        let reason = "Types cannot be provided in put mapping requests, unless the include_type_name \
                      parameter is set to true.";
        return Err(MappingError::argument(reason));
    }
    Ok(body.clone())
}

/// Fails unless a type may have this name.
fn check_type_name(name: &str) -> Checked<()> {
    let reason = if name.is_empty() {
        // Elasticsearch meets this later, in the definition.
        return Ok(());
    } else if name.len() > 255 {
        let length = name.len();
        format!("mapping type name [{name}] is too long; limit is length 255 but was [{length}]")
    } else if name.starts_with('_') && name != NO_TYPE {
        format!("mapping type name [{name}] can't start with '_' unless it is called [_doc]")
    } else if name.contains('#') {
        format!("mapping type name [{name}] should not include '#' in it")
    } else if name.contains(',') {
        format!("mapping type name [{name}] should not include ',' in it")
    } else if name.starts_with('.') {
        format!("mapping type name [{name}] must not start with a '.'")
    } else {
        return Ok(());
    };
    Err(MappingError::new(ErrorType::InvalidTypeName, reason))
}
