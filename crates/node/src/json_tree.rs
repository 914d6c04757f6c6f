//! A JSON text taken apart: its values by their place in one list, each still as it was written.
//!
//! Numbers keep their form, names that would mean something to serde_json are only names, and nothing
//! here calls itself: depth costs no stack. The text is known to be JSON.

use std::borrow::Cow;

use indexmap::IndexMap;

use crate::json_text::{JsonText, content};

/// The values of one text; the first is the whole.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    nodes: Vec<Node<'a>>,
}

/// Whether a tree has the elements of arrays too, or arrays as they are written only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrays {
    /// Taken apart.
    Open,
    /// Left whole.
    Whole,
}

/// A value's place in its tree.
pub(crate) type Place = usize;

#[derive(Debug)]
struct Node<'a> {
    text: &'a [u8],
    shape: Shape<'a>,
}

#[derive(Debug)]
enum Shape<'a> {
    Object(Box<Members<'a>>),
    Array(Box<Vec<Place>>),
    Scalar,
}

/// An object's members by what their names say, in their order. Of a name given twice the last counts.
pub(crate) type Members<'a> = IndexMap<Cow<'a, [u8]>, Member<'a>>;

/// A member of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'a> {
    /// The name as written.
    pub(crate) name: &'a [u8],
    /// Where the value is.
    pub(crate) value: Place,
}

impl<'a> Tree<'a> {
    /// The place of the whole.
    pub(crate) const ROOT: Place = 0;

    /// Takes a text apart.
    pub(crate) fn parse(text: &'a [u8], arrays: Arrays) -> Option<Self> {
        let mut text = JsonText::new(text);
        let mut tree = Self { nodes: Vec::new() };
        let mut open = Vec::new();
        tree.add(&mut text, arrays, &mut open)?;
        while !open.is_empty() {
            match text.peek()? {
                closing @ (b'}' | b']') => {
                    text.take(closing)?;
                    let (place, start): (Place, JsonText<'a>) = open.pop()?;
                    tree.nodes.get_mut(place)?.text = start.until(&text)?;
                }
                b',' => text.take(b',')?,
                _ => tree.add(&mut text, arrays, &mut open)?,
            }
        }
        Some(tree)
    }

    /// The value at a place, as written.
    pub(crate) fn text(&self, place: Place) -> &'a [u8] {
        self.nodes.get(place).map_or(&[], |node| node.text)
    }

    /// The members of the value at a place, if it is an object.
    pub(crate) fn members(&self, place: Place) -> Option<&Members<'a>> {
        match self.shape(place) {
            Shape::Object(members) => Some(members),
            Shape::Array(_) | Shape::Scalar => None,
        }
    }

    /// Whether two values are equal: `1` is not `1.0`, but `1.0` is `1.00`.
    pub(crate) fn equals(&self, other: &Tree<'_>) -> bool {
        let mut pairs = vec![(Self::ROOT, Tree::ROOT)];
        while let Some((mine, theirs)) = pairs.pop() {
            match (self.shape(mine), other.shape(theirs)) {
                (Shape::Object(mine), Shape::Object(theirs)) if mine.len() == theirs.len() => {
                    for (name, member) in mine.iter() {
                        let Some(twin) = theirs.get(name) else { return false };
                        pairs.push((member.value, twin.value));
                    }
                }
                (Shape::Array(mine), Shape::Array(theirs)) if mine.len() == theirs.len() => {
                    pairs.extend(mine.iter().copied().zip(theirs.iter().copied()));
                }
                (Shape::Scalar, Shape::Scalar)
                    if equal_scalars(self.text(mine), other.text(theirs)) => {}
                (Shape::Object(_) | Shape::Array(_) | Shape::Scalar, _) => return false,
            }
        }
        true
    }

    fn shape(&self, place: Place) -> &Shape<'a> {
        self.nodes.get(place).map_or(&Shape::Scalar, |node| &node.shape)
    }

    /// Adds the next value, under the last of those that are open.
    fn add(
        &mut self,
        text: &mut JsonText<'a>,
        arrays: Arrays,
        open: &mut Vec<(Place, JsonText<'a>)>,
    ) -> Option<()> {
        let place = self.nodes.len();
        if let Some((parent, _)) = open.last() {
            match &mut self.nodes.get_mut(*parent)?.shape {
                Shape::Object(members) => {
                    let name = text.name()?;
                    members.insert(content(name), Member { name, value: place });
                }
                Shape::Array(elements) => elements.push(place),
                Shape::Scalar => return None,
            }
        }
        let first = text.peek()?;
        let start = text.clone();
        let shape = match first {
            b'{' => Shape::Object(Box::default()),
            b'[' if arrays == Arrays::Open => Shape::Array(Box::default()),
            _ => {
                self.nodes.push(Node { text: text.value()?, shape: Shape::Scalar });
                return Some(());
            }
        };
        text.take(first)?;
        self.nodes.push(Node { text: &[], shape });
        open.push((place, start));
        Some(())
    }
}

fn equal_scalars(one: &[u8], other: &[u8]) -> bool {
    if one == other {
        return true;
    }
    match (one.first(), other.first()) {
        (Some(b'"'), Some(b'"')) => content(one) == content(other),
        (Some(b'-' | b'0'..=b'9'), Some(b'-' | b'0'..=b'9')) => {
            matches!((fraction(one), fraction(other)), (Some(one), Some(other)) if one == other)
        }
        _ => false,
    }
}

/// The value of a number that is not written as an integer.
fn fraction(number: &[u8]) -> Option<f64> {
    let is_integer = !number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
    if is_integer { None } else { std::str::from_utf8(number).ok()?.parse().ok() }
}
