//! The table as a whole; its maps are tested beside them.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use document::{GcDeletes, LastWrite, PrimaryTerm, SeqNo, Timestamp, Version};

use super::{Held, MAP_OF_CELL, MAPS, Place, SMALL_ROWS, VersionTable};
use crate::{
    log::{Outline, OutlineEffect},
    memory::Memory,
    store::Location,
};

const ROWS: u64 = SMALL_ROWS as u64;

fn last(seq_no: u64) -> LastWrite {
    let (seq_no, version) = (SeqNo::new(seq_no), Version::new(7).unwrap());
    LastWrite { seq_no, term: PrimaryTerm::new(3), version }
}

fn at(offset: u32) -> Location {
    Location { segment: 1, offset, length: 10 }
}

fn live(offset: u32) -> Place {
    Place::Live(at(offset))
}

fn deleted(millis: i64) -> Place {
    Place::Deleted(Timestamp::from_millis(millis))
}

/// Writes documents `0..count`, each at the offset of its number.
fn fill(table: &VersionTable, count: u64) {
    for number in 0..count {
        let place = live(u32::try_from(number).unwrap());
        assert_eq!(table.apply(&number.to_string(), last(number), place), None);
    }
}

/// Sweeps every map once, when whatever was deleted has expired.
fn sweep_all(table: &VersionTable) {
    for _ in 0..MAPS {
        table.sweep(Timestamp::from_millis(i64::MAX), GcDeletes::DEFAULT, None);
    }
}

#[test]
fn every_map_has_its_share_of_the_cells() {
    let cells = |map: usize| MAP_OF_CELL.iter().filter(|m| usize::from(**m) == map).count();
    let counts: Vec<usize> = (0..MAPS).map(cells).collect();
    assert!(counts.iter().all(|count| (10..=22).contains(count)), "{counts:?}");
    let (first, last): (usize, usize) = (counts[..16].iter().sum(), counts[240..].iter().sum());
    assert!(last * 10 > first * 18, "{first} {last}");
}

#[test]
fn counts_follow_what_is_applied_and_stale_operations_change_nothing() {
    let table = VersionTable::new(1);
    let live = |length| Place::Live(Location { segment: 1, offset: 0, length });
    for number in 0..1_000 {
        table.apply(number.to_string().as_str(), last(number), live(10));
    }
    table.apply("0", last(2_000), deleted(5));
    table.apply("0", last(1_999), live(10));
    table.apply("1", last(2_001), live(30));
    table.apply("1", last(2_001), live(20));
    assert_eq!((table.live(), table.tombstones(), table.live_bytes()), (999, 1, 10_000));
    assert_eq!(table.get("0"), Some(Held { last: last(2_000), place: deleted(5) }));
    assert_eq!(table.get("1"), Some(Held { last: last(2_001), place: live(20) }));
    assert_eq!(table.get("1000"), None);
}

#[test]
fn an_application_returns_the_location_that_is_of_no_use_any_more() {
    for rows in [1, ROWS + 1] {
        let table = VersionTable::new(1);
        fill(&table, rows);
        let apply = |seq_no, place| table.apply("0", last(seq_no), place);
        let steps = [
            ("replaced", 10_000, live(7), Some(at(0))),
            ("the same again, where it was", 10_000, live(7), None),
            ("the same, elsewhere", 10_000, live(8), Some(at(7))),
            ("stale", 9_999, live(3), Some(at(3))),
            ("stale, where the document is", 9_999, live(8), None),
            ("a stale delete", 9_999, deleted(1), None),
            ("deleted", 10_001, deleted(1), Some(at(8))),
            ("deleted again", 10_002, deleted(2), None),
            ("stale, after the delete", 10_001, live(4), Some(at(4))),
            ("written again", 10_003, live(5), None),
        ];
        for (step, seq_no, place, retired) in steps {
            assert_eq!(apply(seq_no, place), retired, "{step}, in a table of {rows}");
        }
    }
}

#[test]
fn a_split_keeps_everything() {
    let table = VersionTable::new(1);
    fill(&table, ROWS);
    table.apply("1", last(10_000), deleted(1));
    assert!(table.large.get().is_none());
    let before: Vec<_> = (0..ROWS).map(|number| table.get(&number.to_string())).collect();
    table.apply("new", last(10_001), live(10_001));
    assert!(table.large.get().is_some());
    let after: Vec<_> = (0..ROWS).map(|number| table.get(&number.to_string())).collect();
    assert!(before == after && before.iter().all(Option::is_some));
    assert_eq!(table.get("new"), Some(Held { last: last(10_001), place: live(10_001) }));
    assert_eq!((table.live(), table.tombstones(), table.live_bytes()), (ROWS, 1, ROWS * 10));
}

#[test]
fn readers_see_every_document_during_a_split() {
    let count = ROWS + 500;
    for seed in 0..20 {
        let (table, written) = (VersionTable::new(seed), AtomicU64::new(0));
        thread::scope(|scope| {
            for start in 0..2 {
                let (table, written) = (&table, &written);
                scope.spawn(move || {
                    let mut number = start;
                    loop {
                        let there = written.load(Ordering::Acquire);
                        if there > 0 {
                            number = (number * 31 + 7) % there;
                            assert!(
                                table.get(&number.to_string()).is_some(),
                                "{number} of {there}"
                            );
                        }
                        if there == count {
                            break;
                        }
                    }
                });
            }
            for number in 0..count {
                table.apply(&number.to_string(), last(number), live(0));
                written.store(number + 1, Ordering::Release);
            }
        });
    }
}

#[test]
fn writers_lose_nothing_when_one_of_them_splits_the_table() {
    let memory = Arc::new(Memory::unlimited());
    for seed in 0..10 {
        let table = VersionTable::with_memory(seed, Arc::clone(&memory));
        thread::scope(|scope| {
            for writer in 0..4 {
                let table = &table;
                scope.spawn(move || {
                    for number in (writer..ROWS * 2).step_by(4) {
                        table.apply(&number.to_string(), last(number), live(0));
                    }
                });
            }
        });
        assert_eq!(table.live(), ROWS * 2);
        assert!((0..ROWS * 2).all(|number| table.get(&number.to_string()).is_some()));
        drop(table);
        assert_eq!(memory.used(), 0);
    }
}

#[test]
fn every_live_document_is_visited() {
    for rows in [0, 10, ROWS * 3] {
        let table = VersionTable::new(1);
        fill(&table, rows);
        for number in (0..rows).step_by(3) {
            table.apply(&number.to_string(), last(rows + number), deleted(1));
        }
        let mut seen = Vec::new();
        table.for_each_live(&mut |location| seen.push(u64::from(location.offset)));
        let expected: BTreeSet<u64> = (0..rows).filter(|number| number % 3 != 0).collect();
        assert_eq!(seen.len(), expected.len());
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
    }
}

#[test]
fn the_parts_of_a_table_have_every_live_document_once() {
    for rows in [0, 10, ROWS * 3] {
        let table = VersionTable::new(1);
        fill(&table, rows);
        for number in (0..rows).step_by(3) {
            table.apply(&number.to_string(), last(rows + number), deleted(1));
        }
        let (mut seen, mut part) = (Vec::new(), 0);
        while table.for_each_live_in_part(part, &mut |id, last, location| {
            seen.push((id.parse::<u64>().unwrap(), last, location));
        }) {
            part += 1;
        }
        for (id, last, location) in &seen {
            let held = Held { last: *last, place: Place::Live(*location) };
            assert_eq!(table.get(&id.to_string()), Some(held));
        }
        let expected: BTreeSet<u64> = (0..rows).filter(|number| number % 3 != 0).collect();
        assert_eq!(seen.len(), expected.len());
        assert_eq!(seen.into_iter().map(|(id, ..)| id).collect::<BTreeSet<_>>(), expected);
    }
}

#[test]
fn a_table_charges_what_it_allocates_and_gives_it_back() {
    let memory = Arc::new(Memory::new(1));
    let table = VersionTable::with_memory(1, Arc::clone(&memory));
    assert_eq!(memory.used(), 0);
    fill(&table, 3);
    assert!((1..700).contains(&memory.used()), "{}", memory.used());
    assert!(size_of::<VersionTable>() < 300, "{}", size_of::<VersionTable>());
    let other = VersionTable::with_memory(2, Arc::clone(&memory));
    fill(&other, ROWS * 20);
    let each = memory.used() / (ROWS * 20);
    assert!((50..75).contains(&each), "{each} bytes for each row");
    assert!(each <= VersionTable::row_cost("12345".len()));
    let before = memory.used();
    fill_again(&other, ROWS * 20);
    assert_eq!(memory.used(), before);
    drop(other);
    assert!(memory.used() < 700);
    drop(table);
    assert_eq!(memory.used(), 0);
}

/// Writes documents that are there already once more.
fn fill_again(table: &VersionTable, count: u64) {
    for number in 0..count {
        table.apply(&number.to_string(), last(count + number), live(0));
    }
}

#[test]
fn sweeps_drop_expired_tombstones_and_give_memory_back() {
    for rows in [ROWS / 2, ROWS * 20] {
        let memory = Arc::new(Memory::unlimited());
        let table = VersionTable::with_memory(1, Arc::clone(&memory));
        fill(&table, rows);
        sweep_all(&table);
        let full = memory.used();
        for number in (0..rows).filter(|number| number % 20 != 0) {
            table.apply(&number.to_string(), last(rows + number), deleted(1_000));
        }
        table.sweep(Timestamp::from_millis(1_001), GcDeletes::DEFAULT, None);
        assert_eq!((table.tombstones(), memory.used()), (rows - rows.div_ceil(20), full));
        sweep_all(&table);
        assert_eq!((table.tombstones(), table.live()), (0, rows.div_ceil(20)));
        assert!(memory.used() < full / 5, "{} of {full}", memory.used());
        for number in 0..rows {
            assert_eq!(table.get(&number.to_string()).is_some(), number % 20 == 0);
        }
        // And it grows again.
        for number in 0..rows {
            table.apply(&number.to_string(), last(rows * 2 + number), live(0));
        }
        assert_eq!(table.live(), rows);
        drop(table);
        assert_eq!(memory.used(), 0);
    }
}

#[test]
fn many_operations_at_once_do_what_each_would_alone() {
    let (together, alone) = (VersionTable::new(1), VersionTable::new(1));
    let mut expected = Vec::new();
    let mut retired = Vec::new();
    for round in 0..6 {
        // The rounds overlap, and some documents come twice in one; deletes and stale ones too.
        let numbers =
            (round * 2_000..round * 2_000 + 3_000).chain(round * 2_000..round * 2_000 + 9);
        let ids: Vec<_> = numbers.map(|number| number.to_string()).collect();
        let operation = |(place, id): (u64, &str)| {
            let seq_no = if place % 7 == 0 { place } else { round * 10_000 + place };
            let effect = match place % 5 {
                0 => OutlineEffect::Deleted(Timestamp::from_millis(5)),
                _ => OutlineEffect::Indexed,
            };
            let (last, length) = (last(seq_no), u32::try_from(place).unwrap());
            let location = Location { segment: u32::try_from(round).unwrap(), offset: 0, length };
            (id.to_owned(), last, effect, location)
        };
        let owned: Vec<_> = (0..).zip(ids.iter().map(String::as_str)).map(operation).collect();
        let operations: Vec<_> = owned
            .iter()
            .map(|(id, last, effect, location)| Outline {
                id,
                last: *last,
                effect: *effect,
                location: *location,
            })
            .collect();
        together.apply_all(&operations, &mut retired);
        for operation in &operations {
            expected.extend(alone.apply(operation.id, operation.last, operation.place()));
        }
        for id in &ids {
            assert_eq!(together.get(id), alone.get(id), "{id}");
        }
    }
    let by = |location: &Location| (location.segment, location.length);
    retired.sort_by_key(by);
    expected.sort_by_key(by);
    assert_eq!(retired, expected);
    assert_eq!(
        (together.live(), together.tombstones(), together.live_bytes()),
        (alone.live(), alone.tombstones(), alone.live_bytes())
    );
}

/// One of them is about to be given up, and an opening shows them in any order.
#[test]
fn of_two_copies_the_later_holds() {
    let (early, late) = (at(100), Location { segment: 2, ..at(7) });
    for [first, second] in [[early, late], [late, early]] {
        let table = VersionTable::new(1);
        assert_eq!(table.apply("a", last(5), Place::Live(first)), None);
        assert_eq!(table.apply("a", last(5), Place::Live(second)), Some(early));
        assert_eq!(table.get("a").map(|held| held.place), Some(Place::Live(late)));
    }
}
