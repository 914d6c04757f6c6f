//! The mapping that the documents of an index have.

use mapping::{Dialect, Document, Fit, Mapping, Settings};
use serde_json::json;

use crate::{Error, Index};

use super::{Row, scan::read_rows, scan::rows_of};

/// The mapping of an index as it was given, and what its documents add to it: they are looked at,
/// because writes do not keep the mapping yet.
pub(super) async fn mapping_of(index: &Index, with_documents: bool) -> Result<Mapping, Error> {
    let metadata = index.metadata();
    let settings =
        Settings { index: index.name().to_owned(), dialect: Dialect::Seven, ..Settings::default() };
    let kept = json!({
        "type": metadata.type_name.as_deref().unwrap_or("_doc"),
        "mapping": metadata.mappings,
    });
    let given = Mapping::from_json(&kept, settings.clone());
    let mut mapping = given.unwrap_or_else(|_| Mapping::empty(settings));
    if !with_documents {
        return Ok(mapping);
    }
    for shard in index.shards().iter() {
        let mut part = 0;
        loop {
            let mut rows: Vec<Row> = Vec::new();
            let more = rows_of(shard, part, &mut rows);
            for chunk in rows.chunks(64) {
                for (row, document) in chunk.iter().zip(read_rows(shard, chunk).await) {
                    if let Ok(Some(document)) = document {
                        let routing = document.routing.as_ref().map(|routing| routing.as_str());
                        add(&mut mapping, &row.id, routing, &document.source);
                    }
                }
                tokio::task::yield_now().await;
            }
            if !more {
                break;
            }
            part += 1;
        }
    }
    Ok(mapping)
}

/// Adds the fields of a document; one that does not fit adds none.
fn add(mapping: &mut Mapping, id: &str, routing: Option<&str>, source: &[u8]) {
    let document = Document { id, routing, source };
    if let Ok(Fit::NeedsUpdate(update)) = mapping.check(&document)
        && let Ok(updated) = mapping.apply(&update)
    {
        *mapping = updated;
    }
}
