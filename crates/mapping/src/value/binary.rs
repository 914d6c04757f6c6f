//! Bytes in base 64.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    error::{ErrorType, MappingError},
    json::Event,
};

/// Fails unless a value is base 64.
pub(crate) fn check(event: &Event<'_>) -> Result<(), MappingError> {
    let Event::Text(text) = event else {
        let token = event.exact_token();
        let reason = format!(
            "Current token ({token}) not VALUE_STRING or VALUE_EMBEDDED_OBJECT, can not access as binary"
        );
        return Err(MappingError::new(ErrorType::JsonParse, reason));
    };
    let text: String = text.decode().chars().filter(|character| *character > ' ').collect();
    match STANDARD.decode(text.as_bytes()) {
        Ok(_) => Ok(()),
        Err(error) => Err(MappingError::new(ErrorType::JsonParse, format!("no base 64: {error}"))),
    }
}
