//! Documents, conditions, bulks, searches and scrolls as a Rust program asks for them.
//!
//! `compat URL PREFIX`: the server, and what the names of indices begin with. Fails with the first
//! answer that is not as it should be.

use anyhow::{Context, Result, ensure};
use elasticsearch::{
    BulkOperation, BulkParts, ClearScrollParts, CountParts, DeleteByQueryParts, DeleteParts,
    Elasticsearch, ExistsParts, GetParts, GetSourceParts, IndexParts, MgetParts, ScrollParts,
    SearchParts, UpdateParts,
    cat::CatIndicesParts,
    http::{
        StatusCode,
        response::Response,
        transport::{SingleNodeConnectionPool, TransportBuilder},
    },
    indices::{IndicesCreateParts, IndicesDeleteParts, IndicesPutAliasParts},
    params::Refresh,
};
use serde_json::{Value, json};
use url::Url;

/// An id that wants to be escaped.
const ID: &str = "a/ä";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = Url::parse(&arguments.next().context("expected a URL")?)?;
    let index = format!("{}-books", arguments.next().context("expected a prefix")?);
    let transport = TransportBuilder::new(SingleNodeConnectionPool::new(url)).build()?;
    let client = Elasticsearch::new(transport);
    let info = ok(client.info().send().await?).await?;
    println!("server says {}", info["version"]["number"].as_str().context("no version")?);
    documents(&client, &index).await?;
    many(&client, &index).await?;
    searches(&client, &index).await?;
    rest(&client, &index).await
}

/// The body of an answer that must be a success.
async fn ok(response: Response) -> Result<Value> {
    let status = response.status_code();
    let body = response.text().await?;
    ensure!(status.is_success(), "{status}: {body}");
    Ok(serde_json::from_str(&body)?)
}

/// One document, with conditions.
async fn documents(client: &Elasticsearch, index: &str) -> Result<()> {
    let mappings = json!({"mappings": {"properties": {
        "title": {"type": "keyword"}, "year": {"type": "integer"},
    }}});
    let indices = client.indices();
    let create = indices.create(IndicesCreateParts::Index(index)).body(mappings);
    ok(create.send().await?).await?;
    let at = IndexParts::IndexId(index, ID);
    let dune = json!({"title": "Dune", "year": 1965});
    let made = ok(client.index(at).body(&dune).send().await?).await?;
    ensure!(made["result"] == "created", "{made}");
    let read = ok(client.get(GetParts::IndexId(index, ID)).send().await?).await?;
    ensure!(read["_source"] == dune, "{read}");
    let seq_no = read["_seq_no"].as_i64().context("no seq_no")?;
    let term = read["_primary_term"].as_i64().context("no term")?;
    for expected in [StatusCode::OK, StatusCode::CONFLICT] {
        let at = IndexParts::IndexId(index, ID);
        let write = client.index(at).if_seq_no(seq_no).if_primary_term(term);
        let written = write.body(json!({"title": "Dune", "year": 1966})).send().await?;
        ensure!(written.status_code() == expected, "{} is not {expected}", written.status_code());
    }
    let created = client.create(elasticsearch::CreateParts::IndexId(index, ID)).body(json!({}));
    let created = created.send().await?;
    ensure!(created.status_code() == StatusCode::CONFLICT);
    let conflict = created.exception().await?.context("no exception")?;
    let kind = conflict.error().ty();
    ensure!(kind == Some("version_conflict_engine_exception"), "{conflict:?}");
    let update = client.update(UpdateParts::IndexId(index, ID));
    ok(update.body(json!({"doc": {"pages": 412}})).send().await?).await?;
    let source = ok(client.get_source(GetSourceParts::IndexId(index, ID)).send().await?).await?;
    ensure!(source == json!({"title": "Dune", "year": 1966, "pages": 412}), "{source}");
    let missing = client.exists(ExistsParts::IndexId(index, "none")).send().await?;
    ensure!(missing.status_code() == StatusCode::NOT_FOUND);
    Ok(())
}

/// A bulk, and reading several of its documents.
async fn many(client: &Elasticsearch, index: &str) -> Result<()> {
    let operations: Vec<BulkOperation<Value>> = (1..=1000)
        .map(|n| {
            let source = json!({"title": format!("Volume {}", n % 10), "year": n});
            BulkOperation::index(source).id(n.to_string()).into()
        })
        .collect();
    let bulk = client.bulk(BulkParts::Index(index)).body(operations).refresh(Refresh::True);
    let answer = ok(bulk.send().await?).await?;
    ensure!(answer["errors"] == false, "{answer}");
    let counted = ok(client.count(CountParts::Index(&[index])).send().await?).await?;
    ensure!(counted["count"] == 1001, "{counted}");
    let ids = json!({"ids": ["1", "2", "none"]});
    let read = ok(client.mget(MgetParts::Index(index)).body(ids).send().await?).await?;
    let found: Vec<_> = (0..3).map(|n| read["docs"][n]["found"] == true).collect();
    ensure!(found == [true, true, false], "{read}");
    Ok(())
}

/// A search by several conditions, and a scroll over everything.
async fn searches(client: &Elasticsearch, index: &str) -> Result<()> {
    let query = json!({
        "query": {"bool": {"filter": [
            {"term": {"title": "Volume 3"}}, {"range": {"year": {"gte": 500}}},
        ]}},
        "sort": [{"year": "desc"}], "size": 5,
    });
    let books = [index];
    let search = client.search(SearchParts::Index(&books)).body(query);
    let found = ok(search.send().await?).await?;
    let years: Vec<_> = (0..5).map(|n| &found["hits"]["hits"][n]["_source"]["year"]).collect();
    ensure!(years == [993, 983, 973, 963, 953], "{found}");
    ensure!(found["hits"]["total"] == json!({"value": 50, "relation": "eq"}), "{found}");

    let search = client.search(SearchParts::Index(&books)).scroll("1m").size(300);
    let mut page = ok(search.body(json!({"sort": ["_doc"]})).send().await?).await?;
    let mut seen = std::collections::HashSet::new();
    while let Some(hits) = page["hits"]["hits"].as_array().filter(|hits| !hits.is_empty()) {
        seen.extend(hits.iter().map(|hit| hit["_id"].to_string()));
        let next = json!({"scroll": "1m", "scroll_id": page["_scroll_id"]});
        page = ok(client.scroll(ScrollParts::None).body(next).send().await?).await?;
    }
    ensure!(seen.len() == 1001, "scrolled over {}", seen.len());
    let done = json!({"scroll_id": page["_scroll_id"]});
    ok(client.clear_scroll(ClearScrollParts::None).body(done).send().await?).await?;
    Ok(())
}

/// Deletes, an alias, and what an operator asks.
async fn rest(client: &Elasticsearch, index: &str) -> Result<()> {
    let (books, indices, cat) = ([index], client.indices(), client.cat());
    let query = json!({"query": {"term": {"title": "Volume 3"}}});
    let delete = client.delete_by_query(DeleteByQueryParts::Index(&books));
    let gone = ok(delete.body(query).send().await?).await?;
    ensure!(gone["deleted"] == 100 && gone["version_conflicts"] == 0, "{gone}");
    let deleted = ok(client.delete(DeleteParts::IndexId(index, ID)).send().await?).await?;
    ensure!(deleted["result"] == "deleted", "{deleted}");
    let alias = format!("{index}-alias");
    let put = indices.put_alias(IndicesPutAliasParts::IndexName(&books, &alias));
    ok(put.send().await?).await?;
    let counted = ok(client.count(CountParts::Index(&[&alias])).send().await?).await?;
    ensure!(counted["count"] == 900, "{counted}");
    let table = cat.indices(CatIndicesParts::Index(&books)).h(&["docs.count"]);
    let table = table.format("json").send().await?.json::<Value>().await?;
    ensure!(table == json!([{"docs.count": "900"}]), "{table}");
    ok(indices.delete(IndicesDeleteParts::Index(&books)).send().await?).await?;
    Ok(())
}
