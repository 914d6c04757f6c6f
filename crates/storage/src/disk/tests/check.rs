//! The offline check and salvage: of whole directories, of what crashes leave, and of damaged ones.

mod damaged;
mod salvaged;

use std::sync::Arc;

use super::{
    super::check::{CheckError, FileKind, FileState, Report, check},
    lifetimes::Lifetime,
    world::{STREAMS, World, eventful_life, open},
};
use crate::file::{
    DiskFileSystem, FileSystem,
    simulated::{Image, SimulatedFileSystem},
};

/// Checks an image, and that this changes nothing.
#[track_caller]
fn report(image: &Image) -> Report {
    let files = SimulatedFileSystem::new(image.clone());
    let mut done = 0;
    let report = check(Arc::new(files.clone()), &mut |progress| {
        assert!(progress.done_bytes >= done && progress.done_bytes <= progress.total_bytes);
        done = progress.done_bytes;
    });
    assert_eq!(files.changes(), 0, "a check only reads");
    report.unwrap()
}

#[track_caller]
fn check_whole(image: &Image, what: &str) -> Report {
    let report = report(image);
    assert!(report.is_whole(), "{what}: {:#?}", report.findings);
    report
}

fn some_appends() -> World {
    let [one, two, _] = STREAMS;
    let mut world = World::new();
    world.open();
    world.append(&[(one, &[600]), (two, &[3])]);
    world.append(&[(two, &[700, 20, 900, 600, 5])]);
    world.append(&[(one, &[1]), (two, &[30, 2, 2])]);
    world.append(&[(one, &[425])]);
    world.append(&[(two, &[10])]);
    world
}

fn killed() -> Image {
    let world = some_appends();
    assert!(world.checkpoint() > 1);
    world.files.image()
}

fn stopped() -> Image {
    let mut world = some_appends();
    world.close();
    world.files.image()
}

fn collected() -> Image {
    let mut life = Lifetime::new(&STREAMS[..2]);
    life.write(STREAMS[0], &[("a", Some(300)), ("b", Some(300))]);
    life.write(STREAMS[1], &[("a", Some(200)), ("c", Some(10))]);
    life.write(STREAMS[0], &[("a", Some(320)), ("d", Some(9))]);
    life.write(STREAMS[0], &[("b", None)]);
    life.roll();
    life.collect_all();
    life.write(STREAMS[1], &[("c", None), ("e", Some(500))]);
    life.stop();
    life.start();
    life.write(STREAMS[1], &[("e", Some(40))]);
    life.roll();
    life.collect(&[0]);
    life.stop();
    life.files.image()
}

fn without_checkpoints(mut image: Image) -> Image {
    image.files.retain(|name, _| !name.starts_with("checkpoint-"));
    image
}

#[test]
fn nothing_is_found_in_a_whole_directory() {
    for (what, image) in [("stopped", stopped()), ("killed", killed()), ("collected", collected())]
    {
        let checked = check_whole(&image, what);
        let without = check_whole(&without_checkpoints(image), what);
        assert_eq!(checked.totals, without.totals);
        assert!(checked.totals.documents > 1 && checked.totals.deletes > 0, "{checked:#?}");
        assert_eq!(checked.totals.unreadable, 0);
        let of_kind = |kind| checked.files.iter().filter(move |file| file.kind == kind);
        assert!(of_kind(FileKind::Checkpoint).count() > 0, "{what}");
        assert!(of_kind(FileKind::Segment).map(|file| file.groups).sum::<u64>() > 0);
        assert!(checked.files.iter().all(|file| file.state == FileState::Whole), "{checked:#?}");
    }
}

#[test]
fn nothing_is_found_in_what_crashes_leave() {
    let world = eventful_life();
    let mut torn = 0;
    for changes in (0..=world.files.changes()).step_by(3) {
        for image in world.files.crash_images(changes) {
            let files = SimulatedFileSystem::new(image.clone());
            match check(Arc::new(files), &mut |_| {}) {
                Ok(report) => {
                    assert!(report.is_whole(), "after {changes}: {:#?}", report.findings);
                    let is_torn = |state| matches!(state, FileState::Torn { .. });
                    torn += report.files.iter().filter(|file| is_torn(file.state)).count();
                }
                Err(CheckError::NoLog(_)) => assert!(image.files.is_empty() || changes < 9),
                Err(error) => panic!("after {changes}: {error}"),
            }
        }
    }
    assert!(torn > 2, "{torn}");
}

#[test]
fn a_torn_end_is_reported_and_is_no_damage() {
    let image = killed();
    let last = image.files.keys().filter(|name| name.starts_with("segment-")).max().unwrap();
    let mut torn = image.clone();
    let contents = torn.files.get_mut(last).unwrap();
    let trailer = contents.len() - 512;
    let end = contents[..trailer].iter().rposition(|byte| *byte != 0).unwrap() + 1;
    // The last of the group's sectors was never written.
    let kept = (end - 1) / 512 * 512;
    contents[kept..end].fill(0);
    let report = check_whole(&torn, "torn");
    let file = report.files.iter().find(|file| file.name == *last).unwrap();
    let FileState::Torn { offset, bytes } = file.state else { panic!("{file:?}") };
    assert!((1..512).contains(&(kept as u64 - offset - bytes)) || offset + bytes == kept as u64);
}

#[test]
fn what_counts_no_more_and_what_is_not_ours_is_listed() {
    let mut image = stopped();
    for name in ["MANIFEST.new", "checkpoint-00000099", "checkpoint-00000001.new", "notes.txt"] {
        image.files.insert(name.to_owned(), b"anything".to_vec());
    }
    image.files.insert("segment-00000077.log".to_owned(), b"anything".to_vec());
    let report = check_whole(&image, "with strays");
    let state = |name| report.files.iter().find(|file| file.name == name).unwrap().state;
    assert_eq!(state("notes.txt"), FileState::Unknown);
    for leftover in ["MANIFEST.new", "checkpoint-00000099", "segment-00000077.log"] {
        assert_eq!(state(leftover), FileState::Leftover);
    }
}

#[test]
fn a_checkpoint_that_says_something_else_is_found() {
    // The checkpoints of two worlds whose segments differ in one source only.
    let made_of = |bytes| {
        let mut world = World::new();
        world.open();
        world.append(&[(STREAMS[0], &[bytes])]);
        world.close();
        world.files.image()
    };
    let (mut image, other) = (made_of(22), made_of(33));
    let mut of_others = 0;
    for (name, contents) in &other.files {
        if name.starts_with("checkpoint-") {
            let theirs = without_end(contents);
            of_others += usize::from(theirs != without_end(&image.files[name]));
            image.files.insert(name.clone(), contents.clone());
        }
    }
    assert!(of_others > 0);
    let found = report(&image).findings;
    assert!(found.iter().any(|finding| finding.file.starts_with("checkpoint-")), "{found:?}");
}

fn without_end(checkpoint: &[u8]) -> &[u8] {
    &checkpoint[36..]
}

#[test]
fn a_directory_in_use_is_not_checked() {
    let files = SimulatedFileSystem::new(stopped());
    let _opened = open(&files).unwrap();
    match check(Arc::new(files.clone()), &mut |_| {}) {
        Err(CheckError::Log(error)) => assert!(error.to_string().contains("another process")),
        found => panic!("{found:?}"),
    }
}

#[test]
fn a_directory_without_a_log_is_not_called_whole() {
    let files = Arc::new(SimulatedFileSystem::default());
    assert!(matches!(check(files, &mut |_| {}), Err(CheckError::NoLog(_))));
    let parent = tempfile::tempdir().unwrap();
    let missing = parent.path().join("missing");
    let error = check(Arc::new(DiskFileSystem::new(&missing)), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains(missing.to_str().unwrap()), "{error}");
    assert!(!missing.exists());
}

#[test]
fn a_directory_that_cannot_be_written_is_checked() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let files = DiskFileSystem::new(directory.path());
    drop(files.lock().unwrap());
    for (name, contents) in stopped().files {
        files.create(&name).unwrap().write_at(&contents, 0).unwrap();
        let read_only = std::fs::Permissions::from_mode(0o444);
        std::fs::set_permissions(files.path(&name), read_only).unwrap();
    }
    let permit = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(directory.path(), permissions).unwrap();
    };
    permit(0o555);
    let before = files.list().unwrap().len();
    let report = check(Arc::new(DiskFileSystem::new(directory.path())), &mut |_| {});
    let after = files.list().unwrap().len();
    permit(0o755);
    assert!(report.unwrap().is_whole());
    assert_eq!(before, after);
}
