//! Values of the rarer types.

use std::sync::Arc;

use crate::{
    error::MappingError,
    field::rule::Rule,
    json::Event,
    node::Leaf,
    settings::Dialect,
    value::{binary, number::not_numeric, shape, structured, suggestion, vector},
};

use super::{
    super::{
        FieldSink, FieldValue,
        walk::{Step, Walk},
    },
    Input,
};

impl<'a, S: FieldSink> Walk<'_, 'a, S> {
    /// Takes a value of one of the rarer types.
    pub(super) fn uncommon(&mut self, leaf: &Leaf, input: &Input<'a, '_>) -> Step {
        let path = &*leaf.path;
        let modern = self.mapping.settings().dialect == Dialect::Eight;
        match &leaf.rule {
            Rule::Constant(value) => return self.constant(leaf, input, value.as_ref()),
            Rule::GeoShape { ignore_malformed } => {
                if let Err(error) = shape::check(&input.tree()) {
                    return self.malformed_anyhow(leaf, *ignore_malformed, error);
                }
            }
            Rule::Binary { decoded } => self.binary(input, *decoded)?,
            Rule::Completion { contexts } => suggestion::check(&input.tree(), path, contexts)?,
            Rule::Join(relations) => {
                structured::join(&input.tree(), path, relations, self.routing)?;
            }
            Rule::Percolator => {
                let place = self.reader.place(input.at + 1);
                structured::query(&input.tree(), (place.line, place.column), modern)?;
            }
            Rule::RankFeature => self.rank_feature(leaf, input)?,
            Rule::RankFeatures => {
                if input.event != Event::Object {
                    let reason = format!(
                        "[rank_features] fields must be json objects, expected a START_OBJECT but \
                         got: {}",
                        input.event.token()
                    );
                    return Err(MappingError::argument(reason));
                }
                vector::features(input.raw, path, &mut self.single)?;
            }
            Rule::DenseVector(dimensions) => self.dense_vector(leaf, input, *dimensions)?,
            Rule::SparseVector => {
                if input.event != Event::Object {
                    return Err(vector::expecting("START_OBJECT", input.event.token()));
                }
                vector::sparse(input.raw, path)?;
            }
            Rule::Flattened(depth) => {
                if input.event != Event::Object {
                    return Err(vector::expecting("START_OBJECT", input.event.token()));
                }
                structured::flattened(&input.tree(), path, *depth)?;
            }
            Rule::Histogram => structured::histogram(&input.tree(), path)?,
            Rule::Text
            | Rule::Keyword { .. }
            | Rule::Number { .. }
            | Rule::Boolean { .. }
            | Rule::Date { .. }
            | Rule::Ip { .. }
            | Rule::Range(_)
            | Rule::GeoPoint { .. }
            | Rule::Unread => {}
        }
        if self.sink.wants(Self::field_ref(leaf)) {
            let json = input.json();
            self.tell(leaf, FieldValue::Json(&json));
        }
        Ok(())
    }

    /// A value of a field that has the same in all documents; the first one fixes it.
    fn constant(&mut self, leaf: &Leaf, input: &Input<'a, '_>, value: Option<&Arc<str>>) -> Step {
        let text = self.scalar(input)?;
        match value {
            Some(value) if **value == *text => self.tell(leaf, FieldValue::Keyword(&text)),
            Some(value) => {
                let reason = format!(
                    "[constant_keyword] field [{}] only accepts values that are equal to the value \
                     defined in the mappings [{value}], but got [{text}]",
                    leaf.path
                );
                return Err(MappingError::argument(reason));
            }
            None => self.fix_constant(leaf, &text)?,
        }
        Ok(())
    }

    /// Bytes in base 64, looked at only where they are kept beside the source.
    fn binary(&mut self, input: &Input<'a, '_>, decoded: bool) -> Step {
        if input.event == Event::Object && !decoded && input.name.is_some() {
            let reason = "Malformed content, found extra data after parsing: END_OBJECT";
            return Err(MappingError::argument(reason));
        }
        if decoded {
            binary::check(&input.event)?;
        }
        Ok(())
    }

    /// A feature, of which a document has one.
    fn rank_feature(&mut self, leaf: &Leaf, input: &Input<'a, '_>) -> Step {
        if matches!(input.event, Event::Object | Event::Array) {
            return Err(not_numeric(&input.event));
        }
        let path = &*leaf.path;
        vector::feature(&input.event, path, "_feature").and_then(|_| {
            if self.single.iter().any(|own| own == path) {
                let reason = format!(
                    "[rank_feature] fields do not support indexing multiple values for the same field \
                     [{path}] in the same document"
                );
                return Err(MappingError::argument(reason));
            }
            self.single.push(path.to_owned());
            Ok(())
        })
    }

    /// A vector with as many numbers as the field has dimensions.
    fn dense_vector(
        &mut self,
        leaf: &Leaf,
        input: &Input<'a, '_>,
        dimensions: Option<usize>,
    ) -> Step {
        if !matches!(input.event, Event::Array | Event::Object) {
            let token = self.reader.following_token();
            return Err(vector::expecting("VALUE_NUMBER", token));
        }
        let count = vector::dense(input.raw)?;
        let Some(dimensions) = dimensions.filter(|dimensions| *dimensions != count) else {
            return Ok(());
        };
        let (path, id) = (&leaf.path, self.id);
        let field = format!("The [dense_vector] field [{path}] in doc [document with id '{id}']");
        Err(MappingError::argument(if count > dimensions {
            format!("{field} has more dimensions than defined in the mapping [{dimensions}]")
        } else {
            format!(
                "{field} has a different number of dimensions [{count}] than defined in the mapping \
                 [{dimensions}]"
            )
        }))
    }
}
