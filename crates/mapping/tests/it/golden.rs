//! The recorded answers of Elasticsearch 7.2.1 about mappings, replayed without a server: indices are
//! made with mappings, documents are put, errors and mappings compared. What is about anything else
//! (aliases, settings, searches, templates) is passed over.

use std::collections::BTreeMap;

use mapping::{
    Dialect, Document, FieldRef, FieldSink, FieldValue, Fit, Mapping, MappingError, Settings,
    create_form, update_form,
};
use serde_json::{Map, Value, json};

/// The share of the steps that has to agree, in percent.
const AGREEING_MIN: usize = 95;

#[test]
fn recorded_answers_about_mappings_are_given() {
    let Some(shared) = std::env::var_os("OCCAM_SHARED") else {
        println!("skipped: OCCAM_SHARED does not name the directory with the recorded answers");
        return;
    };
    let directory = std::path::Path::new(&shared).join("golden-search");
    let mut files: Vec<_> = std::fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("mappings_"))
        .collect();
    files.sort();
    let (mut agreeing, mut all) = (0, 0);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut replay = Replay::default();
        for line in text.lines() {
            replay.step(&serde_json::from_str(line).unwrap());
        }
        if replay.agreeing < replay.all {
            println!(
                "{}: {} of {}",
                file.file_stem().unwrap().display(),
                replay.agreeing,
                replay.all
            );
        }
        agreeing += replay.agreeing;
        all += replay.all;
    }
    println!("{agreeing} of {all} steps agree: {:.2} %", 100.0 * agreeing as f64 / all as f64);
    assert!(all > 5_000, "the recordings are there");
    assert!(100 * agreeing >= AGREEING_MIN * all, "{agreeing} of {all} agree");
}

/// One scenario.
#[derive(Default)]
struct Replay {
    indices: BTreeMap<String, Index>,
    templates: Vec<String>,
    agreeing: usize,
    all: usize,
}

/// One index: its mapping and the sources of its documents.
#[derive(Clone)]
struct Index {
    mapping: Mapping,
    documents: BTreeMap<String, String>,
}

/// What a step gave: nothing to compare, an answer, or an error.
enum Given {
    Skipped,
    Done,
    Answer(Value),
    Error(MappingError),
}

impl Replay {
    fn step(&mut self, step: &Value) {
        let text = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
        let (method, path, body) = (text("method"), text("path"), text("body"));
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let typed = query.contains("include_type_name=true");
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let expected = &step["response"];
        let given = match (method.as_str(), parts.as_slice()) {
            ("PUT", ["_template", ..]) => {
                self.templates.push(body);
                Given::Skipped
            }
            ("PUT", [index]) => self.create(index, &body, typed, expected),
            ("DELETE", [index]) => {
                self.indices.remove(*index);
                Given::Skipped
            }
            ("PUT", [index, "_settings"]) => self.settings(index, &body, expected),
            ("PUT" | "POST", [indices, "_mapping"]) => self.update(indices, None, &body, typed),
            ("PUT" | "POST", [indices, "_mapping", name] | [indices, name, "_mapping"]) => {
                self.update(indices, Some(name), &body, typed)
            }
            ("PUT", [index, name, id]) if !name.starts_with('_') || *name == "_doc" => {
                let given = self.document(index, id, query, &body, expected);
                if *name == "_doc" { given } else { self.typed(index, name, given) }
            }
            ("GET", [index, "_mapping"]) if !query.contains("filter_path") => {
                self.get(index, typed)
            }
            ("GET", [index, "_mapping", "field", fields]) if query.is_empty() => {
                self.field(index, fields)
            }
            ("POST", [index, "_search"]) if body.contains("\"docvalue_fields\": [\"f\"]") => {
                self.doc_values(index, expected)
            }
            _ => Given::Skipped,
        };
        self.compare(step, given);
    }

    fn compare(&mut self, step: &Value, given: Given) {
        let expected = &step["response"];
        let is_error = expected.get("error").is_some();
        let agrees = match &given {
            Given::Skipped => return,
            Given::Done => !is_error,
            Given::Answer(answer) => same(answer, expected),
            Given::Error(error) => {
                is_error && {
                    let ours = masked_error(&error_json(error));
                    let theirs = masked_error(&expected["error"]);
                    ours == theirs || theirs["type"] == "*"
                }
            }
        };
        self.all += 1;
        self.agreeing += usize::from(agrees);
        if !agrees {
            let shown = match given {
                Given::Skipped => String::new(),
                Given::Done => "accepted".to_owned(),
                Given::Answer(answer) => answer.to_string(),
                Given::Error(error) => error.to_string(),
            };
            let short = |text: &str| text.chars().take(500).collect::<String>();
            let body = short(step["body"].as_str().unwrap_or_default());
            let wanted = if is_error { chain(&expected["error"]) } else { expected.to_string() };
            println!(
                "{} #{} {} {body}\n  wanted {}\n  got    {}",
                step["scenario"],
                step["step"],
                step["path"],
                short(&wanted),
                short(&shown)
            );
        }
    }

    fn create(&mut self, index: &str, body: &str, typed: bool, expected: &Value) -> Given {
        let refused = expected.get("error").is_some();
        let Ok(body) = serde_json::from_str::<Value>(if body.is_empty() { "{}" } else { body })
        else {
            return Given::Skipped;
        };
        let theirs = chain(&expected["error"]);
        let elsewhere = [
            "resource_already",
            "unknown key",
            "Duplicate field",
            "null_pointer",
            "class_cast",
            "sort",
            "not_x_content",
        ];
        let is_about_mappings = body
            .get("mappings")
            .is_some_and(|mappings| mappings.is_object() || mappings.is_array());
        if refused && (!is_about_mappings || elsewhere.iter().any(|word| theirs.contains(word))) {
            return Given::Skipped;
        }
        if index.starts_with('_') || self.is_templated(index) {
            return Given::Skipped;
        }
        let settings = settings_of(
            Settings { index: index.to_owned(), ..Settings::default() },
            &body["settings"],
        );
        let mappings = body.get("mappings").cloned().unwrap_or_else(|| json!({}));
        let made = create_form(&mappings, typed, Dialect::Seven)
            .and_then(|(name, definition)| Mapping::create(&name, &definition, settings));
        match made {
            Ok(mapping) => {
                let documents = BTreeMap::new();
                self.indices.insert(index.to_owned(), Index { mapping, documents });
                Given::Done
            }
            Err(error) => Given::Error(error),
        }
    }

    fn is_templated(&self, index: &str) -> bool {
        let start = index.trim_end_matches(|last: char| last.is_ascii_digit());
        self.templates.iter().any(|template| template.contains(&format!("\"{start}")))
    }

    fn settings(&mut self, index: &str, body: &str, expected: &Value) -> Given {
        let Ok(body) = serde_json::from_str::<Value>(body) else { return Given::Skipped };
        if let Some(index) = self.indices.get_mut(index)
            && expected.get("error").is_none()
        {
            let settings = settings_of(index.mapping.settings().clone(), &body);
            index.mapping = index.mapping.with_settings(settings).unwrap();
        }
        Given::Skipped
    }

    fn update(&mut self, indices: &str, name: Option<&str>, body: &str, typed: bool) -> Given {
        let Ok(body) = serde_json::from_str::<Value>(body) else { return Given::Skipped };
        if !body.is_object() {
            return Given::Skipped;
        }
        let names: Vec<&str> = indices.split(',').collect();
        let mut updated = Vec::new();
        for index in names {
            let Some(own) = self.indices.get(index) else { return Given::Skipped };
            let own_type = own.mapping.type_name().to_owned();
            let path_type = name.or(typed.then_some(own_type.as_str()));
            let made =
                update_form(&body, name, typed, &own_type, Dialect::Seven).and_then(|definition| {
                    // The type `_doc` in a path stands for whichever the index has.
                    let name = path_type.filter(|name| *name != "_doc");
                    own.mapping.update(name, &definition)
                });
            match made {
                Ok(mapping) => updated.push((index.to_owned(), mapping)),
                Err(error) => return Given::Error(error),
            }
        }
        for (index, mapping) in updated {
            self.indices.get_mut(&index).unwrap().mapping = mapping;
        }
        Given::Done
    }

    fn document(
        &mut self,
        index: &str,
        id: &str,
        query: &str,
        body: &str,
        expected: &Value,
    ) -> Given {
        let theirs = chain(&expected["error"]);
        let elsewhere = ["no write index", "Alias [", "cluster_block", "index_closed"];
        if elsewhere.iter().any(|word| theirs.contains(word)) {
            return Given::Skipped;
        }
        if body.is_empty() || index.starts_with('_') {
            return Given::Skipped;
        }
        if !self.indices.contains_key(index) {
            let alias = expected.get("error").is_none() && expected["_index"] != index;
            if self.is_templated(index)
                || alias
                || expected["error"]["type"] == "index_not_found_exception"
            {
                return Given::Skipped;
            }
            let mapping =
                Mapping::empty(Settings { index: index.to_owned(), ..Settings::default() });
            let documents = BTreeMap::new();
            self.indices.insert(index.to_owned(), Index { mapping, documents });
        }
        let own = self.indices.get_mut(index).unwrap();
        let document =
            Document { id, routing: query.strip_prefix("routing="), source: body.as_bytes() };
        let fit = match own.mapping.check(&document) {
            Ok(Fit::Fits(_)) => Ok(()),
            Ok(Fit::NeedsUpdate(update)) => own.mapping.apply(&update).map(|mapping| {
                let again = mapping.check(&document);
                assert!(matches!(again, Ok(Fit::Fits(_))), "{body}: {again:?}");
                own.mapping = mapping;
            }),
            Err(error) => Err(error),
        };
        match fit {
            Ok(()) => {
                own.documents.insert(id.to_owned(), body.to_owned());
                Given::Done
            }
            Err(error) => Given::Error(error),
        }
    }

    fn typed(&mut self, index: &str, name: &str, given: Given) -> Given {
        match self.indices.get(index).map(|index| index.mapping.check_type(name)) {
            Some(Err(error)) => Given::Error(error),
            Some(Ok(())) => given,
            None => Given::Skipped,
        }
    }

    fn get(&self, index: &str, typed: bool) -> Given {
        let Some(own) = self.indices.get(index) else { return Given::Skipped };
        let mut mapping = own.mapping.render();
        if typed && (!mapping.as_object().unwrap().is_empty() || own.mapping.type_name() != "_doc")
        {
            mapping = json!({ own.mapping.type_name(): mapping });
        }
        Given::Answer(json!({ index: { "mappings": mapping } }))
    }

    fn field(&self, index: &str, fields: &str) -> Given {
        let Some(own) = self.indices.get(index) else { return Given::Skipped };
        if fields.contains('*') || fields.contains("_id") {
            return Given::Skipped;
        }
        let mut found = Map::new();
        for field in fields.split(',') {
            for (path, definition) in own.mapping.definitions(field) {
                let name = path.rsplit('.').next().unwrap();
                let shown = json!({ "full_name": path, "mapping": { name: definition } });
                found.insert(path.clone(), shown);
            }
        }
        Given::Answer(json!({ index: { "mappings": found } }))
    }

    /// Compares the values of the field `f` with what was recorded as its doc values.
    fn doc_values(&self, index: &str, expected: &Value) -> Given {
        let Some(own) = self.indices.get(index) else { return Given::Skipped };
        let Some(kind) = own.mapping.field("f").map(|field| field.field_type().name()) else {
            return Given::Skipped;
        };
        let known = [
            "long",
            "integer",
            "short",
            "byte",
            "double",
            "float",
            "half_float",
            "boolean",
            "keyword",
            "ip",
            "date",
        ];
        let field = own.mapping.field("f").unwrap();
        if field.parameter("normalizer").is_some() || field.parameter("format").is_some() {
            return Given::Skipped;
        }
        if own.mapping.render()["properties"].as_object().unwrap().len() > 1
            || !known.contains(&kind)
            || expected.get("error").is_some()
        {
            return Given::Skipped;
        }
        let mut hits = Vec::new();
        for hit in expected["hits"]["hits"].as_array().unwrap() {
            let id = hit["_id"].as_str().unwrap();
            let mut values = Values::default();
            let Some(source) = own.documents.get(id) else { continue };
            own.mapping.fields(source.as_bytes(), &mut values);
            let sorted = values.sorted(kind);
            hits.push(if sorted.is_empty() {
                json!({ "_id": id })
            } else {
                json!({ "_id": id, "fields": { "f": sorted } })
            });
        }
        Given::Answer(json!({ "hits": { "hits": hits } }))
    }
}

/// The values of the field `f`.
#[derive(Default)]
struct Values(Vec<Value>);

impl FieldSink for Values {
    fn wants(&self, field: FieldRef<'_>) -> bool {
        field.path() == "f"
    }

    fn value(&mut self, _: FieldRef<'_>, value: FieldValue<'_>) {
        self.0.push(match value {
            FieldValue::Long(value) | FieldValue::Date(value) => value.into(),
            FieldValue::Double(value) => value.into(),
            FieldValue::Boolean(value) => value.into(),
            FieldValue::Keyword(value) => value.into(),
            FieldValue::Ip(value) => {
                let address = std::net::Ipv6Addr::from(value);
                address.to_ipv4_mapped().map_or(address.to_string(), |own| own.to_string()).into()
            }
            other @ (FieldValue::Text(_)
            | FieldValue::UnsignedLong(_)
            | FieldValue::DateNanos(_)
            | FieldValue::Range(_)
            | FieldValue::GeoPoint(_)
            | FieldValue::Json(_)) => format!("{other:?}").into(),
        });
    }
}

impl Values {
    /// As doc values are: numbers sorted, terms sorted and each once.
    fn sorted(mut self, kind: &str) -> Vec<Value> {
        if kind == "boolean" {
            self.0.sort_by_key(|value| value.as_bool());
        } else if matches!(kind, "keyword" | "ip") {
            self.0.sort_by(|left, right| left.as_str().cmp(&right.as_str()));
            self.0.dedup();
        } else {
            self.0.sort_by(|left, right| {
                left.as_f64().unwrap_or(0.0).total_cmp(&right.as_f64().unwrap_or(0.0))
            });
        }
        if kind == "date" {
            return self
                .0
                .iter()
                .map(|millis| date_text(millis.as_i64().unwrap()).into())
                .collect();
        }
        self.0
    }
}

/// Milliseconds as Elasticsearch prints them: only what the recordings need.
fn date_text(millis: i64) -> String {
    let (days, within) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let year = if year > 9_999 { format!("+{year}") } else { format!("{year:04}") };
    let (hour, minute) = (within / 3_600_000, within / 60_000 % 60);
    let (second, milli) = (within / 1_000 % 60, within % 1_000);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// The settings of a body that concern mappings, in any notation.
fn settings_of(mut settings: Settings, body: &Value) -> Settings {
    let mut flat = BTreeMap::new();
    flatten("", body, &mut flat);
    for (key, value) in flat {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let number = || text.parse().unwrap_or(u64::MAX);
        match key.trim_start_matches("settings.").trim_start_matches("index.") {
            "mapping.total_fields.limit" => settings.total_fields_limit = number(),
            "mapping.depth.limit" => settings.depth_limit = number(),
            "mapping.nested_fields.limit" => settings.nested_fields_limit = number(),
            "mapping.nested_objects.limit" => settings.nested_objects_limit = number(),
            "mapping.field_name_length.limit" => settings.field_name_length_limit = number(),
            "mapping.ignore_malformed" => settings.ignore_malformed = text == "true",
            "mapping.coerce" => settings.coerce = text != "false",
            other => {
                let parts: Vec<&str> = other.split('.').collect();
                if let ["analysis", "analyzer", name, ..] = parts.as_slice() {
                    settings.analyzers.insert((*name).to_owned());
                }
                if let ["analysis", "normalizer", name, ..] = parts.as_slice() {
                    settings.normalizers.insert((*name).to_owned());
                }
            }
        }
    }
    settings
}

fn flatten(path: &str, value: &Value, flat: &mut BTreeMap<String, Value>) {
    match value.as_object() {
        Some(map) => {
            for (key, value) in map {
                flatten(
                    &if path.is_empty() { key.clone() } else { format!("{path}.{key}") },
                    value,
                    flat,
                );
            }
        }
        None => {
            flat.insert(path.to_owned(), value.clone());
        }
    }
}

/// An error as an answer has it.
fn error_json(error: &MappingError) -> Value {
    let root = error.root_cause();
    let mut json = cause_json(error);
    json["root_cause"] = json!([{ "type": root.type_name(), "reason": root.reason() }]);
    json
}

/// An error and its causes.
fn cause_json(error: &MappingError) -> Value {
    let mut json = json!({ "type": error.type_name(), "reason": error.reason() });
    if let Some(cause) = error.caused_by() {
        json["caused_by"] = cause_json(cause);
    }
    json
}

/// An error without what Java or its JSON parser made of it.
fn masked_error(error: &Value) -> Value {
    let mut masked = json!({ "type": error["type"], "reason": masked_text(error["reason"].as_str().unwrap_or_default()) });
    let kind = error["type"].as_str().unwrap_or_default();
    if matches!(kind, "json_parse_exception" | "json_e_o_f_exception") {
        let reason = masked["reason"].as_str().unwrap().to_owned();
        if !reason.starts_with("Current token")
            && !reason.starts_with("Numeric value")
            && !reason.starts_with("Duplicate")
        {
            masked["reason"] = "*".into();
        }
        masked["type"] = "json".into();
    }
    if matches!(kind, "pattern_syntax_exception") {
        masked["reason"] = "*".into();
    }
    if matches!(kind, "null_pointer_exception" | "class_cast_exception") {
        return json!({ "type": "*" });
    }
    if let Some(cause) = error.get("caused_by") {
        masked["caused_by"] = masked_error(cause);
        if masked["caused_by"]["type"] == "*" {
            return json!({ "type": "*" });
        }
    }
    if let Some(root) = error.get("root_cause").and_then(|root| root.get(0)) {
        masked["root"] =
            json!([root["type"], masked_text(root["reason"].as_str().unwrap_or_default())]);
    }
    masked
}

fn masked_text(text: &str) -> String {
    let text = text.split("\n at [Source").next().unwrap_or_default();
    match text.split_once("must be one of [") {
        Some((before, _)) => before.to_owned(),
        None => text.to_owned(),
    }
}

fn chain(error: &Value) -> String {
    let own = format!(
        "{}: {}",
        error["type"].as_str().unwrap_or_default(),
        error["reason"].as_str().unwrap_or_default()
    );
    match error.get("caused_by") {
        Some(cause) => format!("{own} <= {}", chain(cause)),
        None => own,
    }
}

/// Equal, with numbers compared as such.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right
                || (left.as_f64().unwrap() - right.as_f64().unwrap()).abs()
                    <= 2e-6 * right.as_f64().unwrap().abs()
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        _ => left == right,
    }
}
