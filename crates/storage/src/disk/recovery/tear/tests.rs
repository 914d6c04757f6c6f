//! One last group after every loss of some of its sectors, wherever it begins.

use super::*;
use crate::disk::format::{Group, GroupKind, NewGroup, group_start};
use bytes::Bytes;

const SEGMENT: SegmentIdentity = SegmentIdentity { number: 1, generation: 7 };

/// A segment that ends with one group, of which nothing knows whether it is durable.
struct LastGroup {
    extent: GroupExtent,
    contents: Vec<u8>,
}

impl LastGroup {
    fn new(kind: GroupKind, end: u64, payload_bytes: u64) -> Self {
        let extent = GroupExtent { start: group_start(end), payload_bytes };
        let durable = Place { segment: SEGMENT.number, offset: end };
        let group = NewGroup { segment: SEGMENT, kind, extent, durable };
        let payload: Vec<u8> = (1..=u8::MAX).cycle().take(in_memory(payload_bytes)).collect();
        let mut bytes = Vec::new();
        group.encode([payload.as_slice()].into_iter(), &mut bytes);
        let mut contents = vec![1; in_memory(end)];
        contents.resize(in_memory(extent.start), 0);
        contents.extend(bytes);
        Self { extent, contents }
    }

    /// Its parts that lie in one sector each.
    fn sectors(&self) -> Vec<Range<usize>> {
        let part = |sector: u64| {
            let start = (sector * SECTOR_BYTES).max(self.extent.start);
            in_memory(start)..in_memory((sector + 1) * SECTOR_BYTES).min(self.contents.len())
        };
        sectors(self.extent.start..self.extent.end()).map(part).collect()
    }

    /// The contents without those sectors whose bit in `lost` is set.
    fn without(&self, lost: u32) -> Vec<u8> {
        let mut contents = self.contents.clone();
        for (number, sector) in self.sectors().into_iter().enumerate() {
            if lost & (1 << number) != 0 {
                contents[sector].fill(0);
            }
        }
        contents
    }

    fn judge(&self, contents: &[u8]) -> Judgement {
        judge(SEGMENT, contents, self.extent.start)
    }
}

/// Groups that begin anywhere in a sector, with few and with many sectors. From 960 on the checksums
/// of the longest lie in two sectors, from 981 on there is no room for the header.
fn groups() -> impl Iterator<Item = LastGroup> {
    [GroupKind::Data, GroupKind::DataAsync].into_iter().flat_map(groups_of)
}

fn groups_of(kind: GroupKind) -> impl Iterator<Item = LastGroup> {
    let group =
        move |end| [0, 1, 300, 1_700].map(|payload_bytes| LastGroup::new(kind, end, payload_bytes));
    (512..960).step_by(41).chain(960..982).flat_map(group)
}

#[test]
fn any_lost_sectors_are_a_tear() {
    for group in groups() {
        for lost in 1..1 << group.sectors().len() {
            let mut contents = group.without(lost);
            assert_eq!(group.judge(&contents), Judgement::Tear);
            // The same, with the file ending where nothing was written.
            while contents.ends_with(&[0]) {
                contents.pop();
            }
            if contents.len() > in_memory(group.extent.start) {
                assert_eq!(group.judge(&contents), Judgement::Tear);
            }
        }
    }
}

#[test]
fn a_group_cut_anywhere_is_a_tear() {
    for group in groups() {
        for length in in_memory(group.extent.start) + 1..group.contents.len() {
            assert_eq!(group.judge(&group.contents[..length]), Judgement::Tear);
        }
    }
}

#[test]
fn a_changed_byte_is_damage_whatever_else_was_lost() {
    for group in groups() {
        let sectors = group.sectors();
        let payload = in_memory(group.extent.payload().start);
        for lost in 0..1 << sectors.len() {
            let is_lost = |number: usize| lost & (1 << number) != 0;
            let checked_by_lost = sectors
                .iter()
                .enumerate()
                .any(|(number, sector)| is_lost(number) && sector.start < payload);
            for (_, sector) in sectors.iter().enumerate().filter(|(number, _)| !is_lost(*number)) {
                let mut contents = group.without(lost);
                let at = sector.end - 1;
                contents[at] ^= 0x80;
                // With the checksums lost, a part of the payload may be anything.
                if !checked_by_lost && contents[sector.clone()].iter().any(|byte| *byte != 0) {
                    let judgement = group.judge(&contents);
                    assert!(matches!(judgement, Judgement::Damage(_)), "byte {at}, lost {lost:b}");
                }
            }
        }
    }
}

/// Where checksums lie in two sectors and the second is lost, the first ones still say what they check.
#[test]
fn a_changed_byte_is_damage_as_long_as_its_own_checksum_is_there() {
    for end in 961..970 {
        for kind in [GroupKind::Data, GroupKind::DataAsync] {
            let group = LastGroup::new(kind, end, 1_700);
            let left = (2 * SECTOR_BYTES - group.extent.checksums().start) / 4;
            let sectors = group.sectors();
            // The second sector holds the first part of the payload, too.
            for (portion, sector) in (1..).zip(sectors.iter().skip(2)) {
                let mut contents = group.without(1 << 1);
                contents[sector.start] ^= 0x80;
                let is_damage = matches!(group.judge(&contents), Judgement::Damage(_));
                assert_eq!(is_damage, portion < left, "part {portion} of a group at {end}");
            }
        }
    }
}

#[test]
fn something_behind_a_torn_group_is_damage_unless_the_group_says_otherwise() {
    for (kind, is_last) in [(GroupKind::Data, true), (GroupKind::DataAsync, false)] {
        for group in groups_of(kind) {
            let last = group.sectors().len() - 1;
            if last == 0 {
                // Its header is what is lost, and with it where it ends.
                continue;
            }
            let mut contents = group.without(1 << last);
            contents.extend([0, 1]);
            let end = group.extent.end();
            let what = "there is something behind a torn group";
            let judgement = if is_last { Judgement::Damage((end, what)) } else { Judgement::Tear };
            assert_eq!(group.judge(&contents), judgement);
        }
    }
}

#[test]
fn a_group_that_a_later_one_knows_is_damage_even_if_nothing_is_left_of_it() {
    for group in groups() {
        let start = group_start(group.extent.end());
        let durable = Place { segment: SEGMENT.number, offset: group.extent.end() };
        let extent = GroupExtent { start, payload_bytes: 0 };
        let later = NewGroup { segment: SEGMENT, kind: GroupKind::EndMark, extent, durable };
        let mut mark = Vec::new();
        later.encode(std::iter::empty(), &mut mark);
        for lost in 1..1 << group.sectors().len() {
            let mut contents = group.without(lost);
            contents.resize(in_memory(start), 0);
            contents.extend(&mark);
            let judgement = group.judge(&contents);
            assert!(matches!(judgement, Judgement::Damage((at, _)) if at == group.extent.start));
        }
    }
}

#[test]
fn these_groups_are_whole() {
    for group in groups() {
        let bytes = Bytes::copy_from_slice(&group.contents[in_memory(group.extent.start)..]);
        assert!(Group::verify(&bytes, SEGMENT, group.extent.start).is_ok());
    }
}

/// Groups that were written one after the other behind a synced one, and no sync since.
struct Unsynced {
    extents: Vec<GroupExtent>,
    /// What the file held after each of them, from none to all.
    versions: Vec<Vec<u8>>,
}

impl Unsynced {
    /// Groups of these kinds, with so many bytes each.
    fn new(end: u64, groups: &[(GroupKind, u64)]) -> Self {
        let durable = Place { segment: SEGMENT.number, offset: end };
        let mut contents = vec![1; in_memory(end)];
        let mut extents = Vec::new();
        let mut versions = vec![contents.clone()];
        for &(kind, payload_bytes) in groups {
            let start = group_start(contents.len() as u64);
            let extent = GroupExtent { start, payload_bytes };
            let group = NewGroup { segment: SEGMENT, kind, extent, durable };
            let payload: Vec<u8> = (1..=u8::MAX).cycle().take(in_memory(payload_bytes)).collect();
            let mut bytes = Vec::new();
            group.encode([payload.as_slice()].into_iter(), &mut bytes);
            contents.resize(in_memory(start), 0);
            contents.extend(bytes);
            extents.push(extent);
            versions.push(contents.clone());
        }
        for version in &mut versions {
            version.resize(contents.len(), 0);
        }
        Self { extents, versions }
    }

    /// What may be found after a power cut: each sector as it was after any of the groups.
    fn images(&self) -> Vec<Vec<u8>> {
        let mut images = vec![Vec::new()];
        for start in (0..self.versions[0].len()).step_by(in_memory(SECTOR_BYTES)) {
            let end = (start + in_memory(SECTOR_BYTES)).min(self.versions[0].len());
            let mut sectors: Vec<_> =
                self.versions.iter().map(|version| &version[start..end]).collect();
            sectors.dedup();
            let longer = |image: &Vec<u8>| {
                let image = image.clone();
                let with = move |sector: &&[u8]| [image.as_slice(), sector].concat();
                sectors.iter().map(with).collect::<Vec<_>>()
            };
            images = images.iter().flat_map(longer).collect();
        }
        images
    }

    /// What the first group says that is not whole, and which one that is.
    fn judge(&self, contents: &[u8]) -> Option<(usize, Judgement)> {
        let is_bad = |extent: &GroupExtent| {
            let bytes = contents.get(in_memory(extent.start)..).unwrap_or_default();
            Group::verify(&Bytes::copy_from_slice(bytes), SEGMENT, extent.start).is_err()
        };
        let bad = self.extents.iter().position(is_bad)?;
        Some((bad, judge(SEGMENT, contents, self.extents[bad].start)))
    }
}

/// The last of them may be one that waited for its sync.
#[test]
fn of_groups_that_were_not_synced_any_sectors_may_be_lost() {
    use GroupKind::{Data, DataAsync, EndMark};
    let mut count = 0;
    for end in [512, 700, 960, 975, 990] {
        for payloads in [[1, 1, 1], [300, 20, 900], [700, 600, 5], [5, 1_100, 420]] {
            for last in [Data, DataAsync, EndMark] {
                let [first, second, third] = payloads;
                let groups = [(DataAsync, first), (DataAsync, second), (last, third)];
                let unsynced = Unsynced::new(end, &groups);
                for mut contents in unsynced.images() {
                    let whole = unsynced.versions.last() == Some(&contents);
                    let judged = unsynced.judge(&contents);
                    assert_eq!(judged.is_none(), whole);
                    assert!(judged.is_none_or(|(_, judgement)| judgement == Judgement::Tear));
                    // The same, with the file ending where nothing was written.
                    while contents.ends_with(&[0]) {
                        contents.pop();
                    }
                    let judged = unsynced.judge(&contents);
                    assert!(judged.is_none_or(|(_, judgement)| judgement == Judgement::Tear));
                    count += 1;
                }
            }
        }
    }
    println!("{count} images");
}

/// A sync that was awaited between them rules out that a later group is there and an earlier is not,
/// as long as the later one's header can be read.
#[test]
fn a_lost_sector_before_an_awaited_sync_is_damage() {
    use GroupKind::{Data, DataAsync};
    for end in [512, 700, 960] {
        for kind in [Data, DataAsync] {
            let before = Unsynced::new(end, &[(kind, 700), (Data, 30)]);
            let synced = before.versions.last().unwrap();
            let later = LastGroup::new(DataAsync, synced.len() as u64, 600);
            for (number, extent) in before.extents.iter().enumerate() {
                for sector in sectors(extent.start..extent.end()) {
                    let mut contents = later.contents.clone();
                    contents[..synced.len()].copy_from_slice(synced);
                    let part = in_memory((sector * SECTOR_BYTES).max(extent.start))
                        ..in_memory(sector_after(sector * SECTOR_BYTES).min(extent.end()));
                    contents[part].fill(0);
                    let (bad, judgement) = before.judge(&contents).unwrap();
                    assert_eq!(bad, number);
                    assert!(matches!(judgement, Judgement::Damage(_)));
                }
            }
        }
    }
}
