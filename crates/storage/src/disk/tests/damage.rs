//! Every byte changed, every file cut short at every length, every file removed: every operation is
//! shown as it was written, or with an error when it is read, or its stream says that it may be
//! missing, or the log refuses to open. Whatever it is names the file.

mod heads;
mod open_segment;

use shard::log::LogError;

use super::{
    survey::{Outcome, Survey, SurveyedOperation},
    world::{STREAMS, World},
};
use crate::file::simulated::{Image, SimulatedFileSystem};

/// After every so many damages the log is opened once more.
const REOPEN_EVERY: usize = 13;

/// Some segments that a clean stop closed, with checkpoints of all of them.
fn stopped() -> Image {
    let mut world = some_appends();
    assert!(world.checkpoint() > 1);
    world.close();
    world.files.image()
}

/// Some segments, the last of them open, and a process that was killed.
fn killed() -> Image {
    let world = some_appends();
    assert!(world.checkpoint() > 1);
    world.files.image()
}

/// A start after a kill, which wrote the tail again and the new terms, and another kill.
fn killed_after_the_start() -> Image {
    let mut world = some_appends();
    world.open();
    world.files.image()
}

/// The open segment of an image, how long it is, and where what was written to it ends. Behind that
/// are zeros and the trailer.
fn open_segment(image: &Image) -> (String, usize, usize) {
    let (name, length) = files(image).into_iter().rfind(|(name, _)| is_segment(name)).unwrap();
    let written = &image.files[&name][..length - 512];
    let end = written.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    (name, length, end)
}

fn some_appends() -> World {
    let mut world = all_but_the_last_append();
    world.append(&[(STREAMS[1], &[10])]);
    world
}

fn all_but_the_last_append() -> World {
    let [one, two, _] = STREAMS;
    let mut world = World::new();
    world.open();
    world.append(&[(one, &[600]), (two, &[3])]);
    world.append(&[(two, &[500])]);
    world.append(&[(two, &[700, 20, 900, 600, 5])]);
    world.append(&[(one, &[1]), (two, &[30, 2, 2])]);
    world.append(&[(one, &[4]), (two, &[300])]);
    // So long that the last group does not begin in the sector where this one ends: a disk that loses
    // that one takes the proof along.
    world.append(&[(one, &[425])]);
    world
}

fn without_checkpoints(mut image: Image) -> Image {
    image.files.retain(|name, _| !is_checkpoint(name));
    image
}

fn is_checkpoint(name: &str) -> bool {
    name.starts_with("checkpoint-")
}

fn is_segment(name: &str) -> bool {
    name.starts_with("segment-")
}

/// What became of a log that was damaged in many ways, one at a time.
#[derive(Debug, Default)]
struct Tally {
    refused: usize,
    whole: usize,
    /// Everything is known, but not everything can be read.
    unreadable: usize,
    /// Something is missing, and the stream says so.
    lost: usize,
    /// Nothing that anybody reads was changed, and the stream says that something was.
    harmless: usize,
}

/// The damages of one log and what became of it.
struct Examination {
    image: Image,
    whole: Survey,
    damages: usize,
}

impl Examination {
    fn of(image: Image) -> Self {
        let whole = Survey::of_image(&image).unwrap();
        assert!(whole.streams.values().all(|stream| stream.damage.is_none()));
        assert!(whole.len() > 8);
        Self { image, whole, damages: 0 }
    }

    /// The names of the files and how long they are.
    fn files(&self) -> Vec<(String, usize)> {
        files(&self.image)
    }

    /// Opens the image with this file damaged: what became of it, or nothing if it is refused.
    #[track_caller]
    fn check(&mut self, damaged: &Image, name: &str, what: &str) -> Option<Outcome> {
        self.damages += 1;
        let files = SimulatedFileSystem::new(damaged.clone());
        let survey = match Survey::of(&files) {
            Ok(survey) => survey,
            Err(LogError::Damaged(message)) => {
                assert!(message.contains(name), "{what}: {message} does not name {name}");
                return None;
            }
            Err(error) => panic!("{what} of {name}: {error}"),
        };
        let outcome = survey.check(&self.whole, name, what);
        if self.damages.is_multiple_of(REOPEN_EVERY) {
            let again = Survey::of_image(&files.image()).unwrap();
            assert_eq!(again, survey, "{what} of {name}: the next opening finds the same");
        }
        Some(outcome)
    }

    /// Every byte of the files of some name, changed in several ways.
    fn change_every_byte(&mut self, is_meant: fn(&str) -> bool) -> Tally {
        let mut tally = Tally::default();
        for (name, length) in self.files().into_iter().filter(|(name, _)| is_meant(name)) {
            for at in 0..length {
                for bits in [0x01, 0x20, 0x80, 0xff] {
                    let changed = with(&self.image, &name, |contents| contents[at] ^= bits);
                    let what = format!("a change of byte {at}");
                    tally.count(self.check(&changed, &name, &what));
                }
            }
        }
        tally
    }

    /// The files of some name, cut short at every length.
    fn cut_everywhere(&mut self, is_meant: fn(&str) -> bool) -> Tally {
        let mut tally = Tally::default();
        for (name, length) in self.files().into_iter().filter(|(name, _)| is_meant(name)) {
            for shorter in 0..length {
                let cut = with(&self.image, &name, |contents| contents.truncate(shorter));
                let what = format!("the end behind byte {shorter}");
                tally.count(self.check(&cut, &name, &what));
            }
        }
        tally
    }

    /// The files of some name, removed one at a time.
    fn remove_each(&mut self, is_meant: fn(&str) -> bool) -> Tally {
        let mut tally = Tally::default();
        for (name, _) in self.files().into_iter().filter(|(name, _)| is_meant(name)) {
            let mut without = self.image.clone();
            without.files.remove(&name);
            tally.count(self.check(&without, &name, "the removal"));
        }
        tally
    }
}

impl Tally {
    fn count(&mut self, outcome: Option<Outcome>) {
        match outcome {
            None => self.refused += 1,
            Some(Outcome { unreadable: 0, lost: 0, damaged_streams: 0 }) => self.whole += 1,
            Some(Outcome { unreadable: 0, lost: 0, .. }) => self.harmless += 1,
            Some(Outcome { lost: 0, .. }) => self.unreadable += 1,
            Some(_) => self.lost += 1,
        }
    }

    #[track_caller]
    fn check_all_refused(&self) {
        let served = self.whole + self.unreadable + self.lost + self.harmless;
        assert!(self.refused > 0 && served == 0, "{self:?}");
    }

    #[track_caller]
    fn check_all_whole(&self) {
        let harmed = self.refused + self.unreadable + self.lost + self.harmless;
        assert!(self.whole > 0 && harmed == 0, "{self:?}");
    }
}

/// That the image does not open, for damage to this file.
#[track_caller]
fn check_refused(image: &Image, name: &str, what: &str) {
    match Survey::of_image(image) {
        Err(LogError::Damaged(message)) => {
            assert!(message.contains(name), "{what}: {message} does not name {name}");
        }
        Err(error) => panic!("{what} of {name}: {error}"),
        Ok(_) => panic!("{what} of {name} went unnoticed"),
    }
}

fn with(image: &Image, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Image {
    let mut changed = image.clone();
    change(changed.files.get_mut(name).unwrap());
    changed
}

/// The names of an image's files and how long they are. In the reserve nothing is stored.
fn files(image: &Image) -> Vec<(String, usize)> {
    let stored = image.files.iter().filter(|(name, _)| *name != "RESERVE");
    stored.map(|(name, contents)| (name.clone(), contents.len())).collect()
}

#[test]
fn every_changed_byte_of_a_manifest_is_refused() {
    for image in [stopped(), killed(), killed_after_the_start()] {
        let mut examination = Examination::of(image);
        examination.change_every_byte(|name| name == "MANIFEST").check_all_refused();
        examination.cut_everywhere(|name| name == "MANIFEST").check_all_refused();
        examination.remove_each(|name| name == "MANIFEST").check_all_refused();
    }
}

#[test]
fn no_damage_to_a_checkpoint_loses_anything() {
    for image in [stopped(), killed()] {
        let mut examination = Examination::of(image);
        examination.change_every_byte(is_checkpoint).check_all_whole();
        examination.cut_everywhere(is_checkpoint).check_all_whole();
        examination.remove_each(is_checkpoint).check_all_whole();
    }
}

/// With a checkpoint everything is known; what cannot be read is what was changed.
#[test]
fn with_checkpoints_a_changed_byte_of_a_segment_costs_one_source() {
    let mut examination = Examination::of(stopped());
    let tally = examination.change_every_byte(is_segment);
    println!("changed bytes with checkpoints: {tally:?}");
    assert!(tally.refused == 0 && tally.lost == 0 && tally.unreadable > 8_000, "{tally:?}");
    for (name, length) in examination.files().into_iter().filter(|(name, _)| is_segment(name)) {
        for at in 512..length {
            let changed = with(&examination.image, &name, |contents| contents[at] ^= 1);
            let outcome = examination.check(&changed, &name, "a change").unwrap();
            assert!(outcome.unreadable <= 1, "byte {at} of {name}: {outcome:?}");
        }
    }
}

#[test]
fn with_checkpoints_a_missing_end_or_file_costs_the_sources_in_it() {
    let mut examination = Examination::of(stopped());
    let tally = examination.cut_everywhere(is_segment);
    println!("missing ends with checkpoints: {tally:?}");
    assert!(tally.refused == 0 && tally.lost == 0 && tally.unreadable > 2_000, "{tally:?}");
    let mut unreadable = 0;
    for (name, _) in examination.files().into_iter().filter(|(name, _)| is_segment(name)) {
        let mut without = examination.image.clone();
        without.files.remove(&name);
        let outcome = examination.check(&without, &name, "the removal").unwrap();
        assert!(outcome.lost == 0 && outcome.unreadable < examination.whole.len(), "{outcome:?}");
        assert_eq!(outcome.unreadable > 0, outcome.damaged_streams > 0, "{outcome:?}");
        unreadable += outcome.unreadable;
    }
    assert_eq!(unreadable, examination.whole.len(), "each operation is in one of them");
}

/// Without one, what was read of the segment tells which operations are not known.
#[test]
fn without_checkpoints_changed_bytes_are_noticed_when_the_log_is_opened() {
    let mut examination = Examination::of(without_checkpoints(stopped()));
    let tally = examination.change_every_byte(is_segment);
    println!("changed bytes without checkpoints: {tally:?}");
    assert!(tally.whole == 0, "{tally:?}");
    assert!(tally.refused > 2_000 && tally.unreadable > 1_000 && tally.lost > 1_000, "{tally:?}");
    examination.cut_everywhere(is_segment).check_all_refused();
    examination.remove_each(is_segment).check_all_refused();
}

#[test]
fn after_a_kill_changed_bytes_are_noticed() {
    let mut examination = Examination::of(without_checkpoints(killed()));
    let tally = examination.change_every_byte(is_segment);
    println!("changed bytes after a kill: {tally:?}");
    assert!(tally.whole == 0, "{tally:?}");
    assert!(tally.refused > 2_000 && tally.unreadable > 1_000 && tally.lost > 1_000, "{tally:?}");
    examination.remove_each(is_segment).check_all_refused();
}

/// A change inside a source touches no other operation, and the stream says that all are known.
#[test]
fn a_changed_source_costs_itself_only() {
    for image in [stopped(), killed(), killed_after_the_start()] {
        for image in [without_checkpoints(image.clone()), image] {
            let mut examination = Examination::of(image);
            let (mut sources, mut refused) = (0, 0);
            for (name, _) in examination.files().into_iter().filter(|(name, _)| is_segment(name)) {
                let contents = examination.image.files[&name].clone();
                // The sources of these tests repeat this; one in the middle is inside of one.
                let unit = b"{\"field\":1}{\"field\":1}{\"field\":1}";
                for at in (0..contents.len()).filter(|at| contents[*at..].starts_with(unit)) {
                    let changed =
                        with(&examination.image, &name, |contents| contents[at + 15] ^= 4);
                    sources += 1;
                    match examination.check(&changed, &name, "a change of a source") {
                        // A head in the same sector is lost with it, or the group is the tail.
                        None => refused += 1,
                        Some(outcome) => assert!(outcome.unreadable + outcome.lost > 0),
                    }
                }
            }
            println!("{sources} changes of sources, {refused} refused");
            assert!(refused < sources);
        }
    }
}

#[test]
fn what_a_start_wrote_is_known_to_be_durable() {
    let image = killed_after_the_start();
    let mut examination = Examination::of(image.clone());
    let tally = examination.change_every_byte(is_segment);
    println!("changed bytes after a start: {tally:?}");
    let (name, length, end) = open_segment(&image);
    assert!(tally.whole <= 4 * (length - 512 - end), "{tally:?} {name}");
    assert!(tally.lost > 0 && tally.unreadable > 0, "{tally:?}");
    examination.cut_everywhere(is_segment).check_all_refused();
    let (last, _) = files(&image).pop().unwrap();
    let zeroed = with(&image, &last, |contents| contents[512..].fill(0));
    check_refused(&zeroed, &last, "the loss of every sector");
}

/// A manifest that tells of a clean stop does not stand alone.
#[test]
fn a_clean_stop_without_an_end_mark_is_noticed() {
    let world = some_appends();
    let image = world.stopped_without_end_mark();
    check_refused(&image, "segment-", "the absence of the end mark");
}

/// A sector that reads as zeros is a tear in the last group only.
#[test]
fn after_a_kill_a_lost_sector_before_the_last_group_is_noticed() {
    let mut examination = Examination::of(without_checkpoints(killed()));
    let image = examination.image.clone();
    let before = all_but_the_last_append().files.image();
    let torn = operations(&Survey::of_image(&before).unwrap());
    for (name, length) in files(&image) {
        for start in (0..length).step_by(512) {
            let changed = with(&image, &name, |contents| {
                let end = length.min(start + 512);
                contents[start..end].fill(0);
            });
            let is_no_change = changed == image;
            if is_no_change
                || Survey::of_image(&changed).is_ok_and(|left| operations(&left) == torn)
            {
                continue;
            }
            if let Some(outcome) = examination.check(&changed, &name, "a lost sector") {
                assert!(outcome.unreadable + outcome.lost > 0, "{outcome:?}");
            }
        }
    }
}

/// The operations of each stream.
fn operations(survey: &Survey) -> Vec<Vec<SurveyedOperation>> {
    survey.streams.values().map(|stream| stream.operations.clone()).collect()
}

#[test]
fn a_manifest_older_than_the_segments_beside_it_is_refused() {
    let [one, ..] = STREAMS;
    let mut world = World::new();
    world.open();
    world.append(&[(one, &[10])]);
    let older = world.files.image().files["MANIFEST"].clone();
    let segments = |world: &World| {
        let names = world.files.image().files.into_keys();
        names.filter(|name| name.starts_with("segment")).collect::<Vec<_>>()
    };
    let before = segments(&world);
    // One group in a new segment is enough.
    while segments(&world).len() == before.len() {
        world.append(&[(one, &[600])]);
    }
    let newest = segments(&world).pop().unwrap();
    let image = with(&world.files.image(), "MANIFEST", |manifest| *manifest = older.clone());
    check_refused(&image, &newest, "an older manifest");
}
