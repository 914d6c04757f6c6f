//! What a search asks for: its query, its order and its pages, against the fields of a document.
//!
//! [`Search`] is a request's body, read and checked. [`Plan`] is what it means for the documents of one
//! index, by its mapping: which fields it has to see, whether a document matches, how it scores, where
//! it stands among the others. There is no I/O, clock, async or HTTP here, and no index structure: every
//! document is looked at. An error is a type and a reason, which the server renders.

mod analysis;
mod by_query;
mod doc_values;
mod edits;
mod error;
mod field;
mod json;
mod number;
mod order;
mod parse;
mod pattern;
mod phrase;
mod plan;
mod query;
mod query_string;
mod search;
mod sort;
mod value;

pub use analysis::{Analyzer, Token};
pub use by_query::{
    Conflicts, Destination, Reindex, RoutingRule, Source, VersionRule, WriteByQuery,
};
pub use doc_values::{DocValues, ValuesOf};
pub use error::{Place, QueryError, Stage};
pub use field::Fields;
pub use json::{Body, Node};
pub use order::{Key, Ranking, TopHits};
pub use plan::{Context, Document, Plan};
pub use query::{Query, UrlQuery};
pub use search::{PointInTime, Search, Slice, StoredFields, TotalHits};
pub use sort::{Sort, SortOrder};
