//! The checker against histories of which it is known whether they are right.

mod histories;
mod reference;
mod rules;
mod world;
