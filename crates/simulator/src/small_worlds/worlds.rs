//! The worlds that are explored.

use super::program::{Act, Allowed, World};

/// What two clients do at the same time: every kind of operation.
const EVERY_ACT: [Act; 15] = [
    Act::Get,
    Act::Index,
    Act::Create,
    Act::Delete,
    Act::Update,
    Act::UpdateLong,
    Act::Upsert,
    Act::Restore,
    Act::IndexIf,
    Act::DeleteIf,
    Act::UpdateIf,
    Act::IndexVersion,
    Act::External(3),
    Act::ExternalGte(2),
    Act::DeleteExternal(3),
];
/// What three clients do at the same time, or two one after the other.
const FEW_ACTS: [Act; 6] =
    [Act::Get, Act::Create, Act::Delete, Act::IndexIf, Act::External(3), Act::Update];
/// What is there before: nothing, a document, a deleted one.
const BEFORE: [&[Act]; 3] = [&[], &[Act::Index], &[Act::Index, Act::Delete]];

/// Everything that may go wrong once.
const ALL: Allowed = Allowed { crashes: 1, faults: 1, hang_ups: 1, clock_steps: 0, moves: 0 };
/// A crash.
const CRASH: Allowed = Allowed { crashes: 1, faults: 0, hang_ups: 0, clock_steps: 0, moves: 0 };

/// Every pair that can be drawn from these, in no order.
fn pairs<T: Copy>(of: &[T]) -> Vec<[T; 2]> {
    let rest = |place: usize| of.iter().skip(place);
    let with =
        |(place, one): (usize, &T)| rest(place).map(|other| [*one, *other]).collect::<Vec<_>>();
    of.iter().enumerate().flat_map(with).collect()
}

/// Each client sends one request of one operation.
fn at_once(before: &[Act], acts: &[Act], allowed: Allowed) -> World {
    let programs = acts.iter().map(|act| vec![vec![*act]]).collect();
    World { before: before.to_vec(), programs, allowed, ..World::default() }
}

/// Two clients with an operation each, where everything may go wrong once.
fn two_at_once() -> impl Iterator<Item = World> {
    let worlds = |before: &'static [Act]| {
        pairs(&EVERY_ACT).into_iter().map(move |acts| at_once(before, &acts, ALL))
    };
    BEFORE.into_iter().flat_map(worlds)
}

/// The same where reads take their time, of a document that is there.
fn slow_reads() -> impl Iterator<Item = World> {
    let acts = [Act::Get, Act::Update, Act::UpdateIf, Act::Restore, Act::Index, Act::Delete];
    pairs(&acts)
        .into_iter()
        .map(|acts| World { slow_reads: true, ..at_once(&[Act::Index], &acts, CRASH) })
}

/// The same while collection moves an operation.
fn moved() -> impl Iterator<Item = World> {
    let allowed = Allowed { moves: 1, ..CRASH };
    let worlds = move |before: &'static [Act]| {
        pairs(&FEW_ACTS).into_iter().map(move |acts| at_once(before, &acts, allowed))
    };
    BEFORE.into_iter().skip(1).flat_map(worlds)
}

/// The same while deletes are forgotten, and collection moves an operation.
fn forgotten(crashes: u8) -> impl Iterator<Item = World> {
    let allowed = Allowed { crashes, clock_steps: 1, moves: 1, ..CRASH };
    let acts = [Act::External(3), Act::IndexIf, Act::Create, Act::Delete, Act::DeleteExternal(2)];
    let worlds = move |before: &'static [Act]| {
        pairs(&acts).into_iter().map(move |acts| at_once(before, &acts, allowed))
    };
    BEFORE.into_iter().skip(1).flat_map(worlds)
}

/// Two crashes.
fn crash_after_crash() -> impl Iterator<Item = World> {
    let allowed = Allowed { crashes: 2, ..CRASH };
    pairs(&FEW_ACTS).into_iter().map(move |acts| at_once(&[Act::Index], &acts, allowed))
}

/// A bulk about the one document, and somebody else.
fn bulks() -> impl Iterator<Item = World> {
    let bulks = pairs(&[Act::Create, Act::Delete, Act::IndexIf, Act::Update, Act::External(3)]);
    let others = [Act::Get, Act::IndexIf, Act::Delete, Act::UpdateIf];
    bulks.into_iter().flat_map(move |bulk| {
        others.into_iter().map(move |other| World {
            before: vec![Act::Index],
            programs: vec![vec![bulk.to_vec()], vec![vec![other]]],
            allowed: ALL,
            ..World::default()
        })
    })
}

/// Two clients with two operations each.
fn two_after_two() -> impl Iterator<Item = World> {
    let allowed = Allowed { faults: 1, ..CRASH };
    let few = FEW_ACTS.into_iter();
    let programs: Vec<[Act; 2]> =
        few.flat_map(|one| FEW_ACTS.into_iter().map(move |other| [one, other])).collect();
    pairs(&programs).into_iter().map(move |both| World {
        before: vec![Act::Index],
        programs: both.iter().map(|acts| acts.iter().map(|act| vec![*act]).collect()).collect(),
        allowed,
        ..World::default()
    })
}

/// Three clients with an operation each.
fn three_at_once() -> impl Iterator<Item = World> {
    let acts: Vec<[Act; 3]> = FEW_ACTS
        .into_iter()
        .enumerate()
        .flat_map(|(place, third)| {
            let rest: Vec<Act> = FEW_ACTS.into_iter().skip(place).collect();
            pairs(&rest).into_iter().map(move |[one, other]| [third, one, other])
        })
        .collect();
    let worlds = move |before: &'static [Act]| {
        acts.clone().into_iter().map(move |acts| at_once(before, &acts, ALL))
    };
    BEFORE.into_iter().flat_map(worlds)
}

/// Three clients, one of which has two operations, while reads take their time or collection moves
/// what is stored.
fn three_and_more() -> impl Iterator<Item = World> {
    let acts = [Act::Update, Act::Delete, Act::IndexIf, Act::Get];
    let mixed = [(true, CRASH), (false, Allowed { moves: 1, ..CRASH })];
    let programs = move |(slow_reads, allowed)| {
        let with = move |[one, other]: [Act; 2]| World {
            before: vec![Act::Index],
            programs: vec![
                vec![vec![one], vec![Act::UpdateIf]],
                vec![vec![other]],
                vec![vec![Act::Update]],
            ],
            slow_reads,
            allowed,
            ..World::default()
        };
        pairs(&acts).into_iter().map(with)
    };
    mixed.into_iter().flat_map(programs)
}

/// All of them.
#[must_use]
pub fn all() -> Vec<World> {
    let more = two_after_two().chain(three_at_once()).chain(three_and_more());
    some().into_iter().chain(forgotten(1)).chain(more).collect()
}

/// Those that take no time to speak of.
#[must_use]
pub fn some() -> Vec<World> {
    let two = two_at_once().chain(slow_reads()).chain(moved()).chain(forgotten(0));
    two.chain(crash_after_crash()).chain(bulks()).collect()
}
