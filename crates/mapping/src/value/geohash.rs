//! Geohashes: names of cells of the earth's surface.

use crate::error::{ErrorType, MappingError};

use super::geo::GeoPoint;

/// The digits, five bits each.
const DIGITS: &str = "0123456789bcdefghjkmnpqrstuvwxyz";

/// So many digits are all that a coordinate's precision can hold.
const LENGTH_MAX: usize = 12;

/// The southwestern corner of a cell.
pub(crate) fn decode(hash: &str) -> Result<GeoPoint, MappingError> {
    if hash.is_empty() {
        return Err(refused("empty geohash".to_owned()));
    }
    let mut low = (-180.0_f64, -90.0_f64);
    let mut size = (360.0_f64, 180.0_f64);
    let mut is_longitude = true;
    for (place, symbol) in hash.chars().enumerate() {
        let Some(value) = DIGITS.find(symbol) else {
            return Err(refused(format!("unsupported symbol [{symbol}] in geohash [{hash}]")));
        };
        if place >= LENGTH_MAX {
            continue;
        }
        for bit in (0..5).rev() {
            let (low, size) =
                if is_longitude { (&mut low.0, &mut size.0) } else { (&mut low.1, &mut size.1) };
            *size /= 2.0;
            if value >> bit & 1 == 1 {
                *low += *size;
            }
            is_longitude = !is_longitude;
        }
    }
    Ok(GeoPoint { lat: low.1, lon: low.0 })
}

/// The error about a text that is no geohash.
fn refused(reason: String) -> MappingError {
    MappingError::new(ErrorType::Parse, reason.clone()).because(MappingError::argument(reason))
}
