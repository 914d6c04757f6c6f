//! Damage of every kind: a check finds it, names the file, and agrees with an opening.

use shard::log::LogError;

use super::{
    super::super::check::{FileState, Report},
    super::survey::Survey,
    collected, killed, report, stopped, without_checkpoints,
};
use crate::file::simulated::Image;

/// What damage a check may pass over: what does not count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MayPass {
    Nothing,
    /// A checkpoint that is not there: not every segment has one.
    MissingCheckpoint,
}

/// That a check finds this damage to the file, and whatever an opening does.
#[track_caller]
fn check_found(damaged: &Image, name: &str, what: &str, may_pass: MayPass) {
    let report = report(damaged);
    let names_it = report.findings.iter().any(|finding| finding.file == name);
    let others = report.findings.iter().find(|finding| finding.file != name);
    // A file without which others make no sense is named first.
    assert!(others.is_none() || name == "MANIFEST", "{what} of {name}: {others:?}");
    let has_passed = report.is_whole() && may_pass != MayPass::Nothing;
    assert!(names_it || has_passed, "{what} of {name}: {report:#?}");
    agrees(&report, damaged, &format!("{what} of {name}"));
}

/// That whatever an opening refuses or calls damaged is in the report.
#[track_caller]
fn agrees(report: &Report, image: &Image, what: &str) {
    match Survey::of_image(image) {
        Ok(survey) => {
            let damaged = survey.streams.values().filter(|stream| stream.damage.is_some()).count();
            let unreadable = survey
                .streams
                .values()
                .flat_map(|stream| &stream.operations)
                .filter(|operation| operation.read.is_err())
                .count();
            assert!(!report.is_whole() || damaged + unreadable == 0, "{what}: {report:#?}");
        }
        Err(LogError::Damaged(message)) => {
            let is_named = |name: &str| message.contains(name);
            let findings = &report.findings;
            assert!(findings.iter().any(|found| is_named(&found.file)), "{what}: {message}");
        }
        Err(error) => panic!("{what}: {error}"),
    }
}

fn images() -> Vec<Image> {
    let images = [stopped(), killed(), collected()];
    let without = images.clone().map(without_checkpoints);
    let mut images: Vec<_> = images.into_iter().chain(without).collect();
    for image in &mut images {
        // They hold nothing, and are made again at each start.
        image.files.remove("RESERVE");
        image.files.remove("MANIFEST.spare");
    }
    images
}

/// How much of each file counts: behind that a killed process may have left what nobody reads.
fn counted(image: &Image) -> Vec<(String, usize)> {
    let manifest = String::from_utf8(image.files["MANIFEST"].clone()).unwrap();
    let closed_at = |name: &str| {
        let number: usize = name.strip_prefix("segment-")?.strip_suffix(".log")?.parse().ok()?;
        let line = manifest.lines().find(|line| line.starts_with(&format!("segment {number} ")))?;
        line.rsplit_once(" closed at ")?.1.parse().ok()
    };
    let length = |name: &str, contents: &[u8]| closed_at(name).unwrap_or(contents.len());
    image.files.iter().map(|(name, contents)| (name.clone(), length(name, contents))).collect()
}

#[test]
fn every_changed_byte_is_found() {
    for image in images() {
        for (name, length) in counted(&image) {
            for at in (0..length).step_by(7) {
                for bits in [0x01, 0xff] {
                    let mut changed = image.clone();
                    changed.files.get_mut(&name).unwrap()[at] ^= bits;
                    let what = format!("a change of byte {at}");
                    check_found(&changed, &name, &what, MayPass::Nothing);
                }
            }
        }
    }
}

#[test]
fn every_missing_end_is_found() {
    for image in images() {
        for (name, length) in counted(&image) {
            for shorter in (0..length).step_by(7) {
                let mut cut = image.clone();
                cut.files.get_mut(&name).unwrap().truncate(shorter);
                let what = format!("the end behind byte {shorter}");
                check_found(&cut, &name, &what, MayPass::Nothing);
            }
        }
    }
}

#[test]
fn every_missing_file_is_found() {
    for image in images() {
        for name in image.files.keys() {
            let mut without = image.clone();
            without.files.remove(name);
            let is_checkpoint = name.starts_with("checkpoint-");
            let may_pass =
                if is_checkpoint { MayPass::MissingCheckpoint } else { MayPass::Nothing };
            check_found(&without, name, "the removal", may_pass);
        }
    }
}

#[test]
fn a_change_is_found_where_it_is() {
    let image = stopped();
    let unit = b"{\"field\":1}{\"field\":1}{\"field\":1}";
    let mut changes = 0;
    for image in [without_checkpoints(image.clone()), image] {
        for (name, contents) in &image.files {
            for at in (0..contents.len()).filter(|at| contents[*at..].starts_with(unit)) {
                let mut changed = image.clone();
                changed.files.get_mut(name).unwrap()[at + 15] ^= 4;
                let found = report(&changed).findings;
                // To the sector, or to the operation.
                let is_near = |offset: u64| offset.abs_diff(at as u64) < 1_024;
                assert!(found.iter().any(|found| found.offset.is_some_and(is_near)), "{found:?}");
                changes += 1;
            }
        }
    }
    assert!(changes > 10);
}

#[test]
fn bytes_of_any_kind_are_survived() {
    let image = killed();
    let mut seed = 7_u64;
    for _ in 0..200 {
        let mut changed = image.clone();
        for contents in changed.files.values_mut() {
            for _ in 0..6 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let at = usize::try_from(seed >> 33).unwrap() % contents.len();
                contents[at] = seed.to_le_bytes()[2];
            }
        }
        let report = report(&changed);
        assert!(!report.is_whole());
        assert!(report.files.iter().any(|file| file.state == FileState::Damaged));
    }
}
