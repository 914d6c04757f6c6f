//! One walk over a source, along the mapping.

use std::sync::Arc;

use crate::{
    error::{ErrorType, MappingError},
    json::{Event, Malformed, Name, Reader},
    mapping::{FieldRef, Mapping},
    node::{Dynamic, Leaf, Node, ObjectNode},
    settings::Dialect,
};

use super::{
    Accepted, Document, FieldSink, FieldValue, Fit, NoSink, accept::Input, pending::Pending,
};

/// What a step of the walk gives, or why it ends.
pub(super) type Step<T = ()> = Result<T, MappingError>;

/// A walk over one source.
pub(super) struct Walk<'w, 'a, S> {
    /// The mapping.
    pub(super) mapping: &'w Mapping,
    /// The document's id, which errors tell.
    pub(super) id: &'w str,
    /// The document's routing value.
    pub(super) routing: Option<&'w str>,
    /// The source.
    pub(super) text: &'a str,
    /// The place in the source.
    pub(super) reader: Reader<'a>,
    /// What takes the values.
    pub(super) sink: &'w mut S,
    /// What the mapping lacks; `None` where nothing is to be added.
    pub(super) pending: Option<Pending>,
    /// The fields with values that were left out.
    pub(super) ignored: Vec<Arc<str>>,
    /// How many nested documents there are.
    nested: u64,
    /// Fields and features that may have one value only, and have it.
    pub(super) single: Vec<String>,
    /// Whether a value is being copied, which copies no further.
    pub(super) is_copying: bool,
    /// The field that must have one value, as documents of data streams do.
    timestamp: Option<&'w Leaf>,
    /// How many values it has.
    timestamps: u64,
}

/// Checks a document.
pub(crate) fn check(mapping: &Mapping, document: &Document<'_>) -> Result<Fit, MappingError> {
    let dialect = mapping.settings().dialect;
    check_unspoken(mapping, document).map_err(|error| error.spoken(dialect))
}

/// Checks a document; errors are in the words of version 7.
pub(crate) fn check_unspoken(
    mapping: &Mapping,
    document: &Document<'_>,
) -> Result<Fit, MappingError> {
    let text = object_text(document.source)?;
    let mut sink = NoSink;
    let mut walk = Walk {
        mapping,
        id: document.id,
        routing: document.routing,
        text,
        reader: Reader::new(text),
        sink: &mut sink,
        pending: Some(Pending::default()),
        ignored: Vec::new(),
        nested: 0,
        single: Vec::new(),
        is_copying: false,
        timestamp: mapping.timestamp(),
        timestamps: 0,
    };
    walk.document()?;
    let Walk { pending, ignored, .. } = walk;
    match pending.and_then(|pending| pending.into_update(&mapping.root().object)) {
        Some(update) => Ok(Fit::NeedsUpdate(Box::new(update?))),
        None => Ok(Fit::Fits(Accepted { ignored })),
    }
}

/// Tells the values of a source.
pub(crate) fn fields<S: FieldSink>(mapping: &Mapping, source: &[u8], sink: &mut S) {
    let Ok(text) = object_text(source) else { return };
    let mut walk = Walk {
        mapping,
        id: "",
        routing: Some(""),
        text,
        reader: Reader::new(text),
        sink,
        pending: None,
        ignored: Vec::new(),
        nested: 0,
        single: Vec::new(),
        is_copying: false,
        timestamp: None,
        timestamps: 0,
    };
    // What does not fit was written under another mapping: the values before it are still told.
    let _ = walk.document();
}

/// The paths of the fields of which values of a source are left out.
pub(crate) fn ignored(mapping: &Mapping, source: &[u8]) -> Vec<Arc<str>> {
    let mut sink = Ignored { dialect: mapping.settings().dialect, paths: Vec::new() };
    fields(mapping, source, &mut sink);
    sink.paths
}

/// Takes the paths of fields of which values are left out.
struct Ignored {
    dialect: Dialect,
    paths: Vec<Arc<str>>,
}

impl FieldSink for Ignored {
    fn wants(&self, field: FieldRef<'_>) -> bool {
        field.leaf.rule.least_left_out(self.dialect).is_some()
    }

    fn value(&mut self, _: FieldRef<'_>, _: FieldValue<'_>) {}

    fn ignored(&mut self, field: FieldRef<'_>) {
        if !self.paths.contains(&field.leaf.path) {
            self.paths.push(Arc::clone(&field.leaf.path));
        }
    }
}

/// A source as text, if it may be an object.
fn object_text(source: &[u8]) -> Step<&str> {
    let failed = || MappingError::parsing("failed to parse");
    let place = |at| crate::json::place("", at);
    let text = std::str::from_utf8(source).map_err(|error| {
        let reason = format!("Invalid UTF-8: {error}");
        failed().because(MappingError::new(ErrorType::JsonParse, reason)).at(place(0))
    })?;
    if text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('{') {
        return Ok(text);
    }
    if text.is_empty() {
        return Err(MappingError::parsing("failed to parse, document is empty").at(place(0)));
    }
    let reason = "Compressor detection can only be called on some xcontent bytes or compressed \
                  xcontent bytes";
    Err(failed().because(MappingError::new(ErrorType::NotXContent, reason)).at(place(0)))
}

impl<'a, S: FieldSink> Walk<'_, 'a, S> {
    /// The whole document.
    fn document(&mut self) -> Step {
        let root = &*self.mapping.root().object;
        let event = self.read(Reader::value)?;
        if root.enabled {
            self.object(root, root.dynamic.unwrap_or(Dynamic::True))?;
        } else {
            self.skip(&event)?;
        }
        if self.reader.peek().is_none() {
            return self.check_timestamp();
        }
        let at = self.reader.at();
        let event = self.read(Reader::value)?;
        let token = event.token();
        let reason = format!("Malformed content, found extra data after parsing: {token}");
        Err(self.failed(MappingError::argument(reason), at))
    }

    /// Refuses where the field that must have one value has none or several.
    fn check_timestamp(&self) -> Step {
        let Some(timestamp) = self.timestamp else { return Ok(()) };
        let path = &timestamp.path;
        // What is left out because it is malformed is none.
        let is_left_out = self.ignored.iter().any(|ignored| ignored == path);
        let reason = match self.timestamps {
            1 if !is_left_out => return Ok(()),
            1 => format!("data stream timestamp field [{path}] is missing"),
            0 => format!("data stream timestamp field [{path}] is missing"),
            _ => format!("data stream timestamp field [{path}] encountered multiple values"),
        };
        Err(self.failed(MappingError::argument(reason), self.reader.at()))
    }

    /// Counts a value of the field that must have one.
    fn count_timestamp(&mut self, leaf: &Leaf, event: &Event<'a>) {
        if self.timestamp.is_some_and(|timestamp| std::ptr::eq(timestamp, leaf))
            && !matches!(event, Event::Null | Event::Array)
        {
            self.timestamps += 1;
        }
    }

    /// The members of an object that was opened.
    pub(super) fn object(&mut self, object: &ObjectNode, dynamic: Dynamic) -> Step {
        let mut members = self.reader.members();
        while let Some(name) = self.read(|reader| reader.member(&mut members))? {
            self.reader.peek();
            let at = self.reader.at();
            let event = self.read(Reader::value)?;
            match object.children.get_hashed(&name.text, name.hash) {
                Some(node) => self.mapped(node, dynamic, &name.text, event, at)?,
                None => self.unmapped(object, dynamic, &name, event, at)?,
            }
        }
        Ok(())
    }

    /// The value of a field that is mapped.
    pub(super) fn mapped(
        &mut self,
        node: &Node,
        dynamic: Dynamic,
        name: &str,
        event: Event<'a>,
        at: usize,
    ) -> Step {
        if let Node::Leaf(leaf) = node {
            self.count_timestamp(leaf, &event);
        }
        match node {
            Node::Leaf(leaf) if !S::WANTS_VALUES && leaf.takes_unseen(&event) => Ok(()),
            Node::Leaf(leaf) => self.values(leaf, name, event, at),
            Node::Object(object) => self.objects(object, dynamic, name, event, at),
            Node::Alias(alias, _) => {
                if event == Event::Array && !self.read(|reader| reader.element(&mut true))? {
                    return Ok(());
                }
                let reason = format!("Cannot write to a field alias [{alias}].");
                Err(self.failed(MappingError::argument(reason), at))
            }
        }
    }

    /// The values of a field: arrays of any depth are as many values.
    fn values(&mut self, leaf: &Leaf, name: &str, event: Event<'a>, at: usize) -> Step {
        if event != Event::Array || leaf.kind.takes_arrays() {
            let input = self.input(event, at, Some(name))?;
            return self.leaf(leaf, &input);
        }
        self.elements(|walk, event, at| {
            walk.count_timestamp(leaf, &event);
            let input = walk.input(event, at, None)?;
            walk.leaf(leaf, &input)
        })
    }

    /// A value of an object: itself, null, or an array of such.
    pub(super) fn objects(
        &mut self,
        object: &ObjectNode,
        dynamic: Dynamic,
        name: &str,
        event: Event<'a>,
        at: usize,
    ) -> Step {
        if !object.enabled {
            return self.skip(&event);
        }
        let own = object.dynamic.unwrap_or(dynamic);
        if event != Event::Array {
            return self.one_object(object, own, name, event, at);
        }
        self.elements(|walk, event, at| walk.one_object(object, own, "null", event, at))
    }

    /// One object, or null, which is none.
    fn one_object(
        &mut self,
        object: &ObjectNode,
        dynamic: Dynamic,
        name: &str,
        event: Event<'a>,
        at: usize,
    ) -> Step {
        match event {
            Event::Object => {
                if object.nested.is_some() {
                    self.count_nested(at)?;
                }
                self.object(object, dynamic)
            }
            Event::Null => Ok(()),
            Event::Array | Event::Text(_) | Event::Number(_) | Event::Boolean(_) => {
                let path = &object.path;
                let reason = format!(
                    "object mapping for [{path}] tried to parse field [{name}] as object, but found a \
                     concrete value"
                );
                Err(self.refused(reason, at))
            }
        }
    }

    /// Counts a nested document.
    fn count_nested(&mut self, at: usize) -> Step {
        self.nested += 1;
        let limit = self.mapping.settings().nested_objects_limit;
        if self.nested <= limit || self.pending.is_none() {
            return Ok(());
        }
        let reason = format!(
            "The number of nested documents has exceeded the allowed limit of [{limit}]. This limit can \
             be set by changing the [index.mapping.nested_objects.limit] index level setting."
        );
        Err(self.refused(reason, at))
    }

    /// The elements of an array that was opened, those of arrays within it included.
    pub(super) fn elements(
        &mut self,
        mut each: impl FnMut(&mut Self, Event<'a>, usize) -> Step,
    ) -> Step {
        let (mut depth, mut first) = (1_usize, true);
        while depth > 0 {
            if !self.read(|reader| reader.element(&mut first))? {
                depth -= 1;
                first = false;
                continue;
            }
            self.reader.peek();
            let at = self.reader.at();
            match self.read(Reader::value)? {
                Event::Array => {
                    depth += 1;
                    first = true;
                }
                event @ (Event::Object
                | Event::Text(_)
                | Event::Number(_)
                | Event::Boolean(_)
                | Event::Null) => each(self, event, at)?,
            }
        }
        Ok(())
    }

    /// A value as fields take it; of an object or an array the whole text is read.
    pub(super) fn input<'n>(
        &mut self,
        event: Event<'a>,
        at: usize,
        name: Option<&'n str>,
    ) -> Step<Input<'a, 'n>> {
        let raw = match event {
            Event::Object | Event::Array => self.read(|reader| reader.rest(&event, at))?,
            Event::Text(_) | Event::Number(_) | Event::Boolean(_) | Event::Null => "",
        };
        Ok(Input { event, raw, at, name })
    }

    /// Reads on, or says why the text is no JSON.
    pub(super) fn read<T>(
        &mut self,
        step: impl FnOnce(&mut Reader<'a>) -> Result<T, Malformed>,
    ) -> Step<T> {
        step(&mut self.reader).map_err(|malformed| malformed.into_error(self.text))
    }

    /// Passes over the rest of a value.
    pub(super) fn skip(&mut self, event: &Event<'a>) -> Step {
        self.read(|reader| reader.skip(event))
    }

    /// The error about a structure that does not fit.
    pub(super) fn refused(&self, reason: String, at: usize) -> MappingError {
        MappingError::parsing(reason).at(self.reader.place(at))
    }

    /// The error about anything else that went wrong in a document.
    pub(super) fn failed(&self, cause: MappingError, at: usize) -> MappingError {
        MappingError::parsing("failed to parse").because(cause).at(self.reader.place(at))
    }

    /// A field as sinks see it.
    pub(super) fn field_ref<'l>(leaf: &'l Leaf) -> FieldRef<'l> {
        FieldRef { leaf }
    }
}

/// A name that stands for itself.
pub(super) fn plain_name(name: &Name<'_>) -> bool {
    !name.text.is_empty() && !name.text.contains('.')
}
