//! The order of hits as it was read.

use crate::{
    error::{Checked, QueryError},
    json::{Body, Kind, Member, Node},
    query::Literal,
};

/// Ascending or descending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortOrder {
    /// The least first.
    Ascending,
    /// The greatest first.
    Descending,
}

/// Where documents without a value stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Missing {
    /// Behind all others.
    #[default]
    Last,
    /// Before all others.
    First,
    /// As if they had this value.
    Value(Literal),
}

/// Which of several values counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// All of them added.
    Sum,
    /// Their mean.
    Average,
    /// The one in the middle.
    Median,
}

/// The numbers that values are compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumericType {
    /// Whole numbers.
    Long,
    /// Floating-point numbers.
    Double,
    /// Milliseconds.
    Date,
    /// Nanoseconds.
    DateNanos,
}

/// One criterion of the order.
#[derive(Clone, Debug, PartialEq)]
pub struct Sort {
    /// The field, or `_score`, `_doc` and their like.
    pub(crate) field: String,
    /// Ascending or descending.
    pub(crate) order: SortOrder,
    /// Where documents without a value stand.
    pub(crate) missing: Missing,
    /// Which of several values counts.
    pub(crate) mode: Option<Mode>,
    /// The type that an index without the field pretends it has.
    pub(crate) unmapped_type: Option<String>,
    /// The numbers that values are compared as.
    pub(crate) numeric_type: Option<NumericType>,
}

impl Sort {
    /// A criterion that says no more than its field and order.
    #[must_use]
    pub fn by(field: &str, order: Option<SortOrder>) -> Self {
        let usual = if field == "_score" { SortOrder::Descending } else { SortOrder::Ascending };
        Self {
            field: field.to_owned(),
            order: order.unwrap_or(usual),
            missing: Missing::Last,
            mode: None,
            unmapped_type: None,
            numeric_type: None,
        }
    }

    /// Criteria as a URL gives them: `a,b:desc`. Another direction is dropped, as Elasticsearch does.
    #[must_use]
    pub fn of_url(text: &str) -> Vec<Self> {
        let one = |text: &str| match text.rsplit_once(':') {
            Some((field, "asc")) => Self::by(field, Some(SortOrder::Ascending)),
            Some((field, "desc")) => Self::by(field, Some(SortOrder::Descending)),
            Some((field, _)) => Self::by(field, None),
            None => Self::by(text, None),
        };
        let criteria = text.split(',').filter(|part| !part.is_empty()).map(one).collect();
        Self::simplified(criteria)
    }

    /// The score alone is the order that a search has anyway.
    pub(crate) fn simplified(criteria: Vec<Self>) -> Vec<Self> {
        match criteria.as_slice() {
            [only] if only.field == "_score" && only.order == SortOrder::Descending => Vec::new(),
            _ => criteria,
        }
    }

    /// Whether it is by score.
    #[must_use]
    pub fn is_by_score(&self) -> bool {
        self.field == "_score"
    }

    /// Whether it is the order of the index.
    #[must_use]
    pub fn is_index_order(&self) -> bool {
        self.field == "_doc" && self.order == SortOrder::Ascending
    }

    /// Reads the criteria of a body.
    pub(crate) fn read(body: &Body<'_>, node: &Node) -> Checked<Vec<Self>> {
        let mut criteria = Vec::new();
        match &node.kind {
            Kind::Array(elements) => {
                for element in elements {
                    element_of(body, element, &mut criteria)?;
                }
            }
            Kind::Object(members) => {
                for member in members {
                    criteria.push(criterion(body, member)?);
                }
            }
            Kind::Text(_) | Kind::Number(_) | Kind::Boolean(_) => {
                criteria.push(Self::by(node.scalar().unwrap_or_default(), None));
            }
            Kind::Null => {
                let reason = "malformed sort format, either start with array, object, or an actual \
                              string";
                return Err(QueryError::argument(reason));
            }
        }
        Ok(Self::simplified(criteria))
    }
}

/// An element of an array of criteria.
fn element_of(body: &Body<'_>, node: &Node, criteria: &mut Vec<Sort>) -> Checked<()> {
    match &node.kind {
        Kind::Object(members) => {
            for member in members {
                criteria.push(criterion(body, member)?);
            }
            Ok(())
        }
        Kind::Text(field) => {
            criteria.push(Sort::by(field, None));
            Ok(())
        }
        Kind::Array(_) | Kind::Number(_) | Kind::Boolean(_) | Kind::Null => {
            let reason = "malformed sort format, within the sort array, an object, or an actual \
                          string are allowed";
            Err(QueryError::argument(reason))
        }
    }
}

/// A criterion with what is said of it.
fn criterion(body: &Body<'_>, member: &Member) -> Checked<Sort> {
    let field = member.name.as_str();
    if matches!(field, "_geo_distance" | "_geoDistance" | "_script") {
        return Err(QueryError::unsupported(format_args!("sorting by [{field}] is")));
    }
    let mut sort = Sort::by(field, None);
    let Some(members) = member.value.members() else {
        let text = member.value.scalar().unwrap_or("null");
        sort.order = order(text)?;
        return Ok(sort);
    };
    for option in members {
        let text = option.value.scalar().unwrap_or_default();
        let result = match option.name.as_str() {
            "order" => order(text).map(|order| sort.order = order),
            "mode" => mode(text).map(|mode| sort.mode = Some(mode)),
            "missing" => {
                sort.missing = missing(&option.value);
                Ok(())
            }
            "unmapped_type" => {
                sort.unmapped_type = Some(text.to_owned());
                Ok(())
            }
            "numeric_type" => numeric_type(text).map(|kind| sort.numeric_type = Some(kind)),
            "nested" | "nested_path" | "nested_filter" | "format" => {
                Err(QueryError::unsupported(format_args!("[{}] of a sort is", option.name)))
            }
            _ => return Err(body.unknown_field(option, "field_sort")),
        };
        result.map_err(|cause| {
            if cause.reason().ends_with("not supported yet") {
                cause
            } else {
                body.failed_field(&option.value, "field_sort", &option.name, cause)
            }
        })?;
    }
    Ok(sort)
}

/// A direction.
fn order(text: &str) -> Checked<SortOrder> {
    match text.to_ascii_lowercase().as_str() {
        "asc" => Ok(SortOrder::Ascending),
        "desc" => Ok(SortOrder::Descending),
        _ => {
            let name = text.to_uppercase();
            let reason = format!("No enum constant org.elasticsearch.search.sort.SortOrder.{name}");
            Err(QueryError::argument(reason))
        }
    }
}

/// Which of several values counts.
fn mode(text: &str) -> Checked<Mode> {
    match text.to_ascii_lowercase().as_str() {
        "min" => Ok(Mode::Min),
        "max" => Ok(Mode::Max),
        "sum" => Ok(Mode::Sum),
        "avg" => Ok(Mode::Average),
        "median" => Ok(Mode::Median),
        _ => Err(QueryError::argument(format!("Unknown SortMode [{text}]"))),
    }
}

/// Where documents without a value stand.
fn missing(node: &Node) -> Missing {
    match &node.kind {
        Kind::Text(text) if text == "_first" => Missing::First,
        Kind::Text(text) if text == "_last" => Missing::Last,
        Kind::Text(text) => Missing::Value(Literal::Text(text.clone())),
        Kind::Number(text) => Missing::Value(Literal::Number(text.clone())),
        Kind::Boolean(value) => Missing::Value(Literal::Boolean(*value)),
        Kind::Object(_) | Kind::Array(_) | Kind::Null => Missing::Last,
    }
}

/// The numbers that values are compared as.
fn numeric_type(text: &str) -> Checked<NumericType> {
    match text {
        "long" => Ok(NumericType::Long),
        "double" => Ok(NumericType::Double),
        "date" => Ok(NumericType::Date),
        "date_nanos" => Ok(NumericType::DateNanos),
        _ => Err(QueryError::argument(format!(
            "invalid value for [numeric_type], must be [long, double, date, date_nanos], got {text}"
        ))),
    }
}
