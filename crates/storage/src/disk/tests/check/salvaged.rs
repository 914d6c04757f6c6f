//! What is salvaged of damaged directories: every document whose newest operation can be read, no
//! older one in its place, and a log that opens.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use document::{Effect, Operation, PrimaryTerm, SeqNo};
use shard::log::StreamId;

use super::{
    super::super::check::{CheckError, FileKind, Salvaged, salvage},
    super::world::{STREAMS, open},
    check_whole, collected, killed, stopped, without_checkpoints,
};
use crate::file::simulated::{Image, SimulatedFileSystem};

/// The newest operation on each document, and where each stream is.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    documents: BTreeMap<(StreamId, String), Operation>,
    next: BTreeMap<StreamId, SeqNo>,
    terms: BTreeMap<StreamId, PrimaryTerm>,
}

impl Held {
    #[track_caller]
    fn by(image: &Image) -> Self {
        let opened = open(&SimulatedFileSystem::new(image.clone())).unwrap();
        let next = |id| (id, opened.appender.shared.streams.open(id).unwrap().end.next_seq_no);
        let next = STREAMS.into_iter().map(next).collect();
        let mut held = Self { documents: BTreeMap::new(), next, terms: opened.terms };
        for (stream, entries) in opened.entries {
            for entry in entries {
                for operation in entry.operations {
                    let Some((id, _)) = operation.target() else { continue };
                    let key = (stream, id.as_str().to_owned());
                    let known = held.documents.get(&key);
                    if known.is_none_or(|known| known.seq_no <= operation.seq_no) {
                        held.documents.insert(key, operation);
                    }
                }
            }
        }
        held
    }
}

/// Salvages an image; the new directory is whole.
#[track_caller]
fn salvaged(image: &Image, what: &str) -> (Salvaged, Image) {
    let (from, to) = (SimulatedFileSystem::new(image.clone()), SimulatedFileSystem::default());
    let salvaged = salvage(Arc::new(from.clone()), Arc::new(to.clone()), &mut |_| {});
    let salvaged = salvaged.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(from.changes(), 0, "what is salvaged stays as it is");
    // What a power cut leaves is all of it.
    let durable = to.crash_images(to.changes());
    assert_eq!(durable, [to.image()], "{what}");
    let report = check_whole(&to.image(), what);
    assert_eq!(report.totals.documents, salvaged.documents);
    (salvaged, to.image())
}

/// That what is salvaged of a damaged image is what `whole` held but for what is listed.
///
/// Where operations on unknown documents are lost, documents of those streams may be older.
#[track_caller]
fn check_salvaged(whole: &Held, damaged: &Image, what: &str) -> Salvaged {
    let (salvaged, new) = salvaged(damaged, what);
    let held = Held::by(&new);
    let mut left_out = BTreeSet::new();
    let mut doubtful = BTreeSet::new();
    for lost in &salvaged.lost {
        match (lost.stream, &lost.id) {
            (Some(stream), Some(id)) => {
                left_out.insert((stream, id.clone()));
            }
            (Some(stream), None) => {
                doubtful.insert(stream);
            }
            (None, _) => doubtful.extend(STREAMS),
        }
    }
    for (key, operation) in &held.documents {
        assert!(!left_out.contains(key), "{what}: {key:?} is there and listed");
        if whole.documents.get(key) != Some(operation) {
            assert!(doubtful.contains(&key.0), "{what}: {key:?} is not the newest");
        }
    }
    for key in whole.documents.keys() {
        let is_explained = left_out.contains(key) || doubtful.contains(&key.0);
        assert!(held.documents.contains_key(key) || is_explained, "{what}: {key:?} is missing");
    }
    for (stream, next) in &whole.next {
        assert!(held.next[stream] >= *next || doubtful.contains(stream), "{what}: stream {stream}");
    }
    salvaged
}

#[test]
fn everything_is_salvaged_of_a_whole_directory() {
    for image in [stopped(), killed(), collected()] {
        for image in [without_checkpoints(image.clone()), image] {
            let whole = Held::by(&image);
            let (salvaged, new) = salvaged(&image, "whole");
            let held = Held::by(&new);
            assert_eq!(held.documents, whole.documents);
            assert_eq!(salvaged.lost, []);
            for (stream, term) in &whole.terms {
                // Each opening begins one; that of the copy is the same one.
                assert!(held.terms[stream] >= *term, "stream {stream}");
            }
        }
    }
}

/// With checkpoints everything is known: what is left out is what was changed, document by document.
#[test]
fn with_checkpoints_what_is_left_out_is_known_by_name() {
    for image in [stopped(), collected()] {
        let whole = Held::by(&image);
        let mut left_out = 0;
        for (name, contents) in &image.files {
            if !name.starts_with("segment-") {
                continue;
            }
            for at in (0..contents.len()).step_by(7) {
                for bits in [0x01, 0xff] {
                    let mut changed = image.clone();
                    changed.files.get_mut(name).unwrap()[at] ^= bits;
                    let what = format!("a change of byte {at} of {name}");
                    let salvaged = check_salvaged(&whole, &changed, &what);
                    assert!(salvaged.lost.len() <= 1, "{what}: {:?}", salvaged.lost);
                    for lost in &salvaged.lost {
                        assert!(lost.id.is_some() && lost.file == *name, "{what}: {lost:?}");
                    }
                    left_out += salvaged.lost.len();
                }
            }
        }
        assert!(left_out > 20, "{left_out}");
    }
}

#[test]
fn without_checkpoints_no_older_operation_passes_unlisted() {
    let mut life = super::Lifetime::new(&STREAMS[..1]);
    for _ in 0..2 {
        life.write(STREAMS[0], &["a", "b", "c"].map(|id| (id, Some(900))));
    }
    let mut by_name = 0;
    for image in [stopped(), killed(), collected(), life.files.image()].map(without_checkpoints) {
        let whole = Held::by(&image);
        for (name, contents) in &image.files {
            for at in (0..contents.len()).step_by(21) {
                let mut changed = image.clone();
                changed.files.get_mut(name).unwrap()[at] ^= 0x40;
                let what = format!("a change of byte {at} of {name}");
                let salvaged = check_salvaged(&whole, &changed, &what);
                by_name += salvaged.lost.iter().filter(|lost| lost.id.is_some()).count();
            }
        }
    }
    assert!(by_name > 30, "{by_name}");
}

#[test]
fn what_is_left_of_a_file_that_is_cut_short_is_salvaged() {
    for image in [stopped(), collected()] {
        for image in [without_checkpoints(image.clone()), image] {
            let whole = Held::by(&image);
            for (name, contents) in &image.files {
                for shorter in (0..contents.len()).step_by(61) {
                    let mut cut = image.clone();
                    cut.files.get_mut(name).unwrap().truncate(shorter);
                    check_salvaged(&whole, &cut, &format!("the end behind {shorter} of {name}"));
                }
            }
        }
    }
}

#[test]
fn a_missing_file_costs_what_was_in_it_and_nothing_else() {
    for image in [stopped(), killed(), collected()] {
        for image in [without_checkpoints(image.clone()), image] {
            let whole = Held::by(&image);
            for name in image.files.keys() {
                let mut without = image.clone();
                without.files.remove(name);
                let salvaged = check_salvaged(&whole, &without, &format!("without {name}"));
                if !name.starts_with("segment-") {
                    assert_eq!(salvaged.lost, [], "without {name}");
                }
            }
        }
    }
}

#[test]
fn a_log_without_a_whole_manifest_is_salvaged_by_its_segments() {
    for image in [stopped(), killed(), collected()] {
        for mut image in [without_checkpoints(image.clone()), image] {
            let whole = Held::by(&image);
            image.files.get_mut("MANIFEST").unwrap()[30] ^= 1;
            let (salvaged, new) = salvaged(&image, "a changed manifest");
            assert_eq!(Held::by(&new).documents, whole.documents);
            assert_eq!(salvaged.lost, []);
            let kinds = salvaged.report.findings.iter().map(|found| found.file.as_str());
            assert_eq!(kinds.collect::<Vec<_>>(), ["MANIFEST"]);
        }
    }
}

/// Somebody put an old manifest back: what it does not list is found, and salvaged all the same.
#[test]
fn a_log_with_an_older_manifest_is_salvaged_by_its_segments_too() {
    let mut life = super::Lifetime::new(&STREAMS[..1]);
    life.write(STREAMS[0], &[("a", Some(300))]);
    let older = life.files.image().files["MANIFEST"].clone();
    for bytes in [900, 901, 902] {
        life.write(STREAMS[0], &[("a", Some(bytes)), ("b", Some(bytes))]);
    }
    let mut image = life.files.image();
    let whole = Held::by(&image);
    image.files.insert("MANIFEST".to_owned(), older);
    let (salvaged, new) = salvaged(&image, "an older manifest");
    assert_eq!(Held::by(&new).documents, whole.documents);
    assert!(salvaged.report.findings.len() > 1, "{:?}", salvaged.report.findings);
    assert!(salvaged.report.findings.iter().all(|found| found.file.starts_with("segment-")));
}

/// One document is written twice, and the second time is lost.
#[test]
fn an_older_operation_does_not_take_the_place_of_a_lost_one() {
    let mut life = super::Lifetime::new(&STREAMS[..1]);
    life.write(STREAMS[0], &[("a", Some(1_400)), ("b", Some(100))]);
    life.write(STREAMS[0], &[("a", Some(1_401))]);
    life.stop();
    let image = life.files.image();
    let whole = Held::by(&image);
    let newest = &whole.documents[&(STREAMS[0], "a".to_owned())];
    let Effect::Index { source, .. } = &newest.effect else { panic!() };
    for image in [without_checkpoints(image.clone()), image] {
        let mut changed = image;
        let (file, offset) = place(&changed, source);
        changed.files.get_mut(&file).unwrap()[offset + 1_000] ^= 1;
        let salvaged = check_salvaged(&whole, &changed, "a change of the second write");
        let [lost] = salvaged.lost.as_slice() else { panic!("{:?}", salvaged.lost) };
        assert_eq!((lost.stream, lost.id.as_deref()), (Some(STREAMS[0]), Some("a")));
        assert_eq!(lost.file, file);
        assert!((1..100).contains(&(offset as u64 - lost.offset.unwrap())));
        assert_eq!(salvaged.documents, 1);
    }
}

/// Where some bytes are.
fn place(image: &Image, bytes: &Bytes) -> (String, usize) {
    let found = image.files.iter().find_map(|(name, contents)| {
        let at = contents.windows(bytes.len()).position(|window| window == bytes)?;
        Some((name.clone(), at))
    });
    found.unwrap()
}

#[test]
fn a_large_log_is_salvaged_in_several_segments_and_entries() {
    let mut life = super::Lifetime::new(&STREAMS[..2]);
    let ids: Vec<_> = (0..3_000).map(|number| format!("id-{number}")).collect();
    for part in ids.chunks(100) {
        let writes: Vec<_> = part.iter().map(|id| (id.as_str(), Some(400))).collect();
        life.write(STREAMS[1], &writes);
    }
    life.stop();
    let image = life.files.image();
    let (salvaged, new) = salvaged(&image, "large");
    assert_eq!((salvaged.documents, salvaged.lost.len()), (3_000, 0));
    let report = &salvaged.report;
    assert!(report.files.iter().filter(|file| file.kind == FileKind::Segment).count() > 20);
    assert_eq!(Held::by(&new).documents, Held::by(&image).documents);
}

#[test]
fn a_directory_that_holds_something_is_not_written_to() {
    let from = SimulatedFileSystem::new(stopped());
    let to = SimulatedFileSystem::new(stopped());
    let refused = salvage(Arc::new(from.clone()), Arc::new(to.clone()), &mut |_| {});
    assert!(matches!(refused, Err(CheckError::NotEmpty(_))));
    assert_eq!(to.changes(), 0);
    let refused = salvage(Arc::new(from.clone()), Arc::new(from.clone()), &mut |_| {});
    assert!(matches!(refused, Err(CheckError::NotEmpty(_))));
}

#[test]
fn a_salvage_that_fails_leaves_nothing_that_opens() {
    let image = killed();
    for syncs in 0..6 {
        let to = SimulatedFileSystem::default();
        to.limit_syncs(Some(syncs));
        let from = Arc::new(SimulatedFileSystem::new(image.clone()));
        if salvage(from, Arc::new(to.clone()), &mut |_| {}).is_ok() {
            continue;
        }
        assert!(to.image().files.is_empty(), "{:?}", to.image().files.keys());
        for left in to.crash_images(to.changes()) {
            if !left.files.contains_key("MANIFEST") && !left.files.is_empty() {
                let opened = open(&SimulatedFileSystem::new(left.clone()));
                let is_started = left.files.keys().any(|name| name.starts_with("segment-"));
                assert!(opened.is_err() || !is_started, "{left:?}");
            }
        }
    }
}
