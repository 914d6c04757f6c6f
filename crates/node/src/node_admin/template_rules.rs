//! What a template may be, and what it adds to an index.

use serde_json::{Map, Value};

use crate::{
    Aliases, DataStreamError, Error, NewIndex, Settings, Template, TemplateBody, TemplateKey,
    TemplateKind, Templates,
    catalog::{View, check_definition},
    data_stream::{check_alias, with_timestamp},
    index_name, matches_glob,
    templates::merge_mappings,
};

/// An index to be created with what templates add.
pub(super) fn with_templates(new: NewIndex, view: &View) -> Result<NewIndex, Error> {
    let templates = view.templates(new.dialect);
    if let Some((template, ..)) = templates.stream_winner(&new.name) {
        let (index, template) = (new.name.to_string(), template.clone());
        return Err(DataStreamError::StreamsOnly { index, template }.into());
    }
    let body = templates.resolve(&new.name);
    with_body(new, body)
}

/// An index with what a template brings, unless it says otherwise itself.
pub(super) fn with_body(new: NewIndex, mut body: TemplateBody) -> Result<NewIndex, Error> {
    let NewIndex { name, settings, mappings, type_name, aliases, stream, dialect } = new;
    let is_mapped = mappings.as_object().is_some_and(|fields| !fields.is_empty());
    // Mappings without a type that a request brings are not nested under that of a template.
    let type_name = if is_mapped { type_name } else { type_name.or(body.type_name.take()) };
    body.overlay(&TemplateBody { settings: Some(settings), ..TemplateBody::default() });
    let mut merged = body.mappings.unwrap_or_else(|| Value::Object(Map::new()));
    merge_mappings(&mut merged, &mappings);
    let mut all = Aliases::new();
    for (alias, said) in body.aliases.into_iter().flatten().chain(aliases) {
        all.insert(alias.replace("{index}", &name), said);
    }
    check_alias_names(all.keys())?;
    let settings: Settings = body.settings.unwrap_or_default();
    settings.check()?;
    Ok(NewIndex { name, settings, mappings: merged, type_name, aliases: all, stream, dialect })
}

/// Refuses names that no alias can have.
pub(super) fn check_alias_names<'a>(names: impl Iterator<Item = &'a String>) -> Result<(), Error> {
    for alias in names {
        if let Some(why) = index_name::alias_objection(alias) {
            return Err(Error::InvalidAliasName { alias: alias.clone(), why });
        }
    }
    Ok(())
}

/// The longest name of a template.
const NAME_BYTES_MAX: usize = 255;

/// Refuses a template that cannot be as it is given.
pub(super) fn check_template(
    key: &TemplateKey,
    template: &Template,
    all: &Templates,
) -> Result<(), Error> {
    let invalid = |why: String| Err(Error::InvalidTemplate { key: key.clone(), why });
    let forbidden =
        |c: char| c.is_whitespace() || [',', '#', '*', '\\', '?', '"', '<', '>', '|'].contains(&c);
    let name = &key.name;
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return invalid(format!("name must have 1 to {NAME_BYTES_MAX} bytes"));
    }
    if let Some(bad) = name.chars().find(|c| forbidden(*c)) {
        return invalid(format!("name must not contain a '{bad}'"));
    }
    if name.starts_with('_') {
        return invalid("name must not start with '_'".to_owned());
    }
    if name.chars().any(char::is_uppercase) {
        return invalid("name must be lower cased".to_owned());
    }
    for pattern in &template.index_patterns {
        if pattern.contains([' ', ',', '#']) || pattern.starts_with('_') || pattern.is_empty() {
            return invalid(format!("index_pattern [{pattern}] is no pattern of index names"));
        }
    }
    for alias in template.body.iter().flat_map(|body| &body.aliases).flat_map(Aliases::keys) {
        if let Some(why) = index_name::alias_objection(&alias.replace("{index}", "x")) {
            return Err(Error::InvalidAliasName { alias: alias.clone(), why });
        }
    }
    let missing: Vec<&str> = template
        .composed_of
        .iter()
        .flatten()
        .map(String::as_str)
        .filter(|name| {
            let ignored = template.others.get("ignore_missing_component_templates");
            let ignored = ignored.and_then(Value::as_array).into_iter().flatten();
            all.component(name).is_none() && !ignored.into_iter().any(|ignored| ignored == *name)
        })
        .collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return invalid(format!(
            "index template [{name}] specifies component templates [{missing}] that do not exist"
        ));
    }
    if key.kind == TemplateKind::Index {
        for (other, present) in all.of(TemplateKind::Index) {
            let overlaps = present.index_patterns.iter().any(|pattern| {
                template.index_patterns.iter().any(|own| globs_overlap(own, pattern))
            });
            if other != name
                && overlaps
                && present.order.unwrap_or(0) == template.order.unwrap_or(0)
            {
                return invalid(format!(
                    "index template [{name}] has index patterns [{}] matching patterns from \
                     existing templates [{other}] with patterns ({other} => [{}]) that have the \
                     same priority [{}], multiple index templates may not match during index \
                     creation, please use a different priority",
                    template.index_patterns.join(", "),
                    present.index_patterns.join(", "),
                    template.order.unwrap_or(0)
                ));
            }
        }
    }
    all.check(template)?;
    Ok(())
}

/// Refuses mappings that no index could have. Components are looked at alone, composable templates with
/// their components.
pub(super) fn check_mappings(
    kind: TemplateKind,
    template: &Template,
    all: &Templates,
    dialect: mapping::Dialect,
) -> Result<(), Error> {
    let body = match kind {
        TemplateKind::Legacy | TemplateKind::Component => template.body.clone().unwrap_or_default(),
        TemplateKind::Index => all.composed(template),
    };
    let mut mappings = body.mappings;
    if template.data_stream.is_some() {
        with_timestamp(mappings.get_or_insert_default());
        body.aliases.iter().flat_map(Aliases::values).try_for_each(check_alias)?;
    } else if kind == TemplateKind::Index && body.lifecycle.is_some() {
        let text = "lifecycle configuration can only be used in combination with a data stream";
        return Err(DataStreamError::Refused(text.to_owned()).into());
    }
    let Some(mappings) = &mappings else { return Ok(()) };
    let settings = body.settings.unwrap_or_default();
    Ok(check_definition(&settings, (body.type_name.as_deref(), mappings), dialect)?)
}

/// Whether some name could match both patterns; `*` at the end is what nearly all have.
fn globs_overlap(one: &str, other: &str) -> bool {
    let head = |glob: &str| glob.split('*').next().unwrap_or_default().to_owned();
    match (one.contains('*'), other.contains('*')) {
        (false, false) => one == other,
        (true, false) => matches_glob(one, other),
        (false, true) => matches_glob(other, one),
        (true, true) => {
            let (one, other) = (head(one), head(other));
            one.starts_with(&other) || other.starts_with(&one)
        }
    }
}

/// Refuses to remove a component that composable templates use.
pub(super) fn check_unused(component: &str, templates: &Templates) -> Result<(), Error> {
    let is_dispensable = |template: &Template| {
        let ignored = template.others.get("ignore_missing_component_templates");
        let ignored = ignored.and_then(Value::as_array);
        ignored.is_some_and(|ignored| ignored.iter().any(|name| name == component))
    };
    let uses = |template: &Template| {
        template.composed_of.iter().flatten().any(|n| n == component) && !is_dispensable(template)
    };
    let users = templates.of(TemplateKind::Index).iter().filter(|(_, template)| uses(template));
    let users: Vec<String> = users.map(|(name, _)| name.clone()).collect();
    if users.is_empty() {
        return Ok(());
    }
    Err(Error::ComponentInUse { component: component.to_owned(), users })
}
