//! Reading a mapping's definition: from JSON to the tree, with Elasticsearch's errors.

mod leaf;
mod object;
pub(crate) mod root;

use serde_json::{Map, Value};

use crate::{
    error::MappingError,
    field::{FieldType, form::Checked},
    java::{class_name, map_text},
    settings::{Dialect, Settings},
};

pub(crate) use leaf::leaf;
pub(crate) use object::{children, node, object};

/// What definitions are read with.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The settings of the index.
    pub(crate) settings: &'a Settings,
    /// Whether parameters that do not exist are passed over, as in dynamic templates.
    pub(crate) lenient: bool,
}

impl Context<'_> {
    /// Fails if parameters are left that the field does not have.
    fn none_left(
        self,
        field: &str,
        left: &[(&String, &Value)],
        kind: Option<FieldType>,
    ) -> Checked<()> {
        let Some((first, _)) = left.first() else { return Ok(()) };
        if self.lenient {
            return Ok(());
        }
        if let Some(kind) = kind
            && self.settings.dialect == Dialect::Eight
        {
            let kind = kind.name();
            let reason =
                format!("unknown parameter [{first}] on mapper [{field}] of type [{kind}]");
            return Err(MappingError::parsing(reason));
        }
        let left = left_text(left);
        let reason = format!("Mapping definition for [{field}] has unsupported parameters: {left}");
        Err(MappingError::parsing(reason))
    }
}

/// Parameters as an error lists them, each with a space in front.
pub(crate) fn left_text(left: &[(&String, &Value)]) -> String {
    left.iter().map(|(name, value)| format!(" [{name} : {}]", map_text(value))).collect()
}

/// A definition that must be an object.
fn expect_map<'v>(value: &'v Value, field: &str) -> Checked<&'v Map<String, Value>> {
    value.as_object().ok_or_else(|| {
        // Elasticsearch names this class whatever it got.
        let class = class_name(&Value::Null);
        let reason = format!(
            "Expected map for property [fields] on field [{field}] but got a class {class}"
        );
        MappingError::parsing(reason)
    })
}

/// Whether a value is an empty list, which counts as nothing.
fn is_empty_list(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
}
