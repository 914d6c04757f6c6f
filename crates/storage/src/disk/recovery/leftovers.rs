//! What crashes leave in the directory, and what collection did.

use shard::log::LogError;

use super::{
    super::{
        appender::recycle,
        checkpoint,
        directory::{Directory, DiskError},
        format::{SegmentIdentity, in_memory, segment_number},
        manifest::Manifest,
    },
    tear::was_in_use,
};

/// The manifest of a directory that holds nothing any more but what the manifest lists.
pub(super) fn open_manifest(directory: &Directory) -> Result<Manifest, LogError> {
    let names = directory.list()?;
    let is_ours = |name: &String| segment_number(name).is_some() || checkpoint::is_checkpoint(name);
    let mut manifest = Manifest::open(directory, names.iter().any(is_ours))?;
    remove_dropped(directory, &manifest)?;
    remove_leftovers(directory, &mut manifest)?;
    checkpoint::remove_strays(directory, |number| manifest.lists(number))?;
    // The next edition is stored after the directory was synced, so the removals are durable by then.
    manifest.forget_dropped();
    Ok(manifest)
}

/// Removes what is left of segments that collection gave up.
fn remove_dropped(directory: &Directory, manifest: &Manifest) -> Result<(), DiskError> {
    for dropped in &manifest.dropped {
        directory.remove(&dropped.file_name())?;
        directory.remove(&checkpoint::file_name(dropped.number))?;
    }
    Ok(())
}

/// Removes the segments that the manifest does not list: crashes left them of creating one. One
/// that was written to stays, and nothing is opened: then the manifest is older than the log.
fn remove_leftovers(directory: &Directory, manifest: &mut Manifest) -> Result<(), LogError> {
    let names = directory.list()?;
    for number in names.iter().filter_map(|name| segment_number(name)) {
        if manifest.lists(number) {
            continue;
        }
        let name = SegmentIdentity { number, generation: 0 }.file_name();
        if !manifest.segments.is_empty()
            && let Some(file) = directory.open(&name)?
        {
            let contents = file.read(0, in_memory(file.length()?))?;
            let identity = SegmentIdentity::decode(&contents);
            if identity.is_some_and(|identity| was_in_use(identity, &contents)) {
                let what = "it was written to, but the manifest does not list it: is that older?";
                return Err(LogError::Damaged(file.damage(0, what)));
            }
        }
        tracing::info!(
            file = %directory.path(&name).display(),
            "removing a segment that a crash left before it held anything"
        );
        if !recycle(directory, &name)? {
            directory.remove(&name)?;
        }
        manifest.next_segment = manifest.next_segment.max(number.saturating_add(1));
    }
    Ok(())
}
