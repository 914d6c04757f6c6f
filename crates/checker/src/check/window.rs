//! What may come next in an order of operations: a list of beginnings and ends by time, from which
//! operations are taken and put back.
//!
//! Whatever begins before the first end in the list may come next: nothing that is still in the list
//! was over before it began.

/// The beginning or the end of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// It begins.
    Begin(usize),
    /// It is over.
    End(usize),
}

/// The list. Node 0 is before all others.
pub(super) struct Window {
    edges: Vec<Edge>,
    next: Vec<usize>,
    previous: Vec<usize>,
    /// The nodes of each operation: its beginning, and its end if it has one.
    nodes: Vec<(usize, usize)>,
}

impl Window {
    /// A list of operations from their first and last moments; those that never end have no end in it.
    pub(super) fn new(spans: &[(u64, u64)]) -> Self {
        let mut edges = Vec::with_capacity(2 * spans.len());
        for (op, (from, to)) in spans.iter().enumerate() {
            edges.push((*from, 0, Edge::Begin(op)));
            if *to != super::timeline::NEVER {
                edges.push((*to, 1, Edge::End(op)));
            }
        }
        edges.sort_by_key(|(moment, kind, _)| (*moment, *kind));
        let mut nodes = vec![(0, 0); spans.len()];
        for (node, (_, _, edge)) in (1..).zip(&edges) {
            match edge {
                Edge::Begin(op) => {
                    if let Some(known) = nodes.get_mut(*op) {
                        known.0 = node;
                    }
                }
                Edge::End(op) => {
                    if let Some(known) = nodes.get_mut(*op) {
                        known.1 = node;
                    }
                }
            }
        }
        let count = edges.len() + 1;
        let first = Edge::End(usize::MAX);
        let edges = std::iter::once(first).chain(edges.into_iter().map(|(_, _, edge)| edge));
        Self {
            edges: edges.collect(),
            next: (1..=count).collect(),
            previous: (0..=count).map(|node| node.saturating_sub(1)).collect(),
            nodes,
        }
    }

    /// The edges in the list, by time.
    pub(super) fn iter(&self) -> impl Iterator<Item = Edge> + '_ {
        let mut node = 0;
        std::iter::from_fn(move || {
            node = *self.next.get(node)?;
            self.edges.get(node).copied()
        })
    }

    /// Takes an operation out.
    pub(super) fn take(&mut self, op: usize) {
        let Some((begin, end)) = self.nodes.get(op).copied() else { return };
        self.unlink(begin);
        if end > 0 {
            self.unlink(end);
        }
    }

    /// Puts back what was taken out last.
    pub(super) fn put_back(&mut self, op: usize) {
        let Some((begin, end)) = self.nodes.get(op).copied() else { return };
        if end > 0 {
            self.relink(end);
        }
        self.relink(begin);
    }

    fn neighbours(&self, node: usize) -> (usize, usize) {
        let of = |links: &[usize]| links.get(node).copied().unwrap_or(0);
        (of(&self.previous), of(&self.next))
    }

    fn unlink(&mut self, node: usize) {
        let (before, after) = self.neighbours(node);
        self.link(before, after);
    }

    fn relink(&mut self, node: usize) {
        let (before, after) = self.neighbours(node);
        self.link(before, node);
        self.link(node, after);
    }

    fn link(&mut self, before: usize, after: usize) {
        if let Some(next) = self.next.get_mut(before) {
            *next = after;
        }
        if let Some(previous) = self.previous.get_mut(after) {
            *previous = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Edge, Window};

    #[test]
    fn what_is_taken_out_comes_back_where_it_was() {
        let mut window = Window::new(&[(0, 5), (1, u64::MAX), (2, 3)]);
        let all: Vec<Edge> = window.iter().collect();
        let expected = [Edge::Begin(0), Edge::Begin(1), Edge::Begin(2), Edge::End(2), Edge::End(0)];
        assert_eq!(all, expected);
        window.take(2);
        window.take(0);
        assert_eq!(window.iter().collect::<Vec<_>>(), [Edge::Begin(1)]);
        window.put_back(0);
        window.put_back(2);
        assert_eq!(window.iter().collect::<Vec<_>>(), all);
    }
}
