//! Counts what the product warns of: each warning is a corner that was visited.

use std::{cell::RefCell, fmt};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::coverage::Coverage;

thread_local! {
    /// Where the simulation on this thread counts.
    static COVERAGE: RefCell<Option<Coverage>> = const { RefCell::new(None) };
}

/// Counts warnings and errors from now on, in the whole process.
pub fn listen() {
    // If somebody listens already, they do.
    let _ = tracing::subscriber::set_global_default(Counting);
}

/// Counts what happens on this thread there.
pub fn count_in(coverage: &Coverage) {
    COVERAGE.set(Some(coverage.clone()));
}

/// Keeps nothing but counts.
struct Counting;

impl Subscriber for Counting {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        let Message(text) = message;
        let level = if *event.metadata().level() == Level::ERROR { "error" } else { "warning" };
        let of = event.metadata().module_path().unwrap_or_default();
        COVERAGE.with_borrow(|coverage| {
            if let Some(coverage) = coverage {
                coverage.count(&format!("{level}: {of}: {text}"));
            }
        });
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// The text of an event, each number in it the same.
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let text = format!("{value:?}");
            let mut last_was_digit = false;
            for character in text.chars() {
                let is_digit = character.is_ascii_digit();
                if !is_digit {
                    self.0.push(character);
                } else if !last_was_digit {
                    self.0.push('#');
                }
                last_was_digit = is_digit;
            }
        }
    }
}
