//! STUB
use super::{
    directory::{Directory, DiskError},
    segments::Segment,
};
pub(super) fn write(_directory: &Directory, _segment: &Segment) -> Result<(), DiskError> {
    Ok(())
}
