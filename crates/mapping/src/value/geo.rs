//! Points on earth, in all the forms in which they may be written.

use serde_json::Value;

use crate::{
    error::{ErrorType, MappingError},
    java::{double_text, parse_double},
    json::{Event, Malformed, Reader},
};

use super::{geohash, number::not_numeric, wkt};

/// A point on earth, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeoPoint {
    /// North of the equator.
    pub lat: f64,
    /// East of Greenwich.
    pub lon: f64,
}

/// How points are read.
#[derive(Clone, Copy)]
pub(crate) struct PointForm {
    /// Whether a third coordinate is left out.
    pub(crate) ignore_z: bool,
    /// Whether the forms that version 7.5 and 8 added are taken.
    pub(crate) modern: bool,
}

/// What reading gives, or what is wrong.
type Checked<T> = Result<T, MappingError>;

/// What takes the points that are found.
type Found<'a> = &'a mut dyn FnMut(GeoPoint) -> Checked<()>;

impl GeoPoint {
    /// A point as a mapping keeps it.
    pub(crate) fn of_json(value: &Value) -> Option<Self> {
        Some(Self { lat: value.get("lat")?.as_f64()?, lon: value.get("lon")?.as_f64()? })
    }

    /// The same point with coordinates that exist.
    pub(crate) fn normalized(self) -> Self {
        let lat = (self.lat + 180.0).rem_euclid(360.0) - 180.0;
        let (lat, turn) = if lat > 90.0 {
            (180.0 - lat, 180.0)
        } else if lat < -90.0 {
            (-180.0 - lat, 180.0)
        } else {
            (lat, 0.0)
        };
        Self { lat, lon: (self.lon + turn + 180.0).rem_euclid(360.0) - 180.0 }
    }

    /// Fails unless the coordinates exist.
    pub(crate) fn check(self, field: &str) -> Checked<()> {
        for (name, value, limit) in [("latitude", self.lat, 90.0), ("longitude", self.lon, 180.0)] {
            if value.is_nan() {
                let reason =
                    format!("invalid {name} NaN; must be between -{limit:?} and {limit:?}");
                return Err(MappingError::argument(reason));
            }
            if value.abs() > limit {
                let value = double_text(value);
                let reason = format!("illegal {name} value [{value}] for {field}");
                return Err(MappingError::argument(reason));
            }
        }
        Ok(())
    }
}

/// Text that does not fit the grammar of points.
fn refused(reason: &str) -> MappingError {
    MappingError::new(ErrorType::Parse, reason)
}

/// Text that was JSON a moment ago and is none.
fn broken(malformed: Malformed) -> MappingError {
    malformed.into_error("")
}

/// One point from the JSON of one.
pub(crate) fn read_point(json: &str, ignore_z: bool) -> Checked<GeoPoint> {
    let mut last = None;
    read_points(json, PointForm { ignore_z, modern: true }, &mut |point| {
        last = Some(point);
        Ok(())
    })?;
    last.ok_or_else(|| refused("geo_point expected"))
}

/// All points in the JSON of one or of several.
pub(crate) fn read_points(json: &str, form: PointForm, found: Found<'_>) -> Checked<()> {
    let mut reader = Reader::new(json);
    let event = reader.value().map_err(broken)?;
    if event != Event::Array {
        return found(form.one(&mut reader, event)?);
    }
    let mut first = true;
    if !reader.element(&mut first).map_err(broken)? {
        return Ok(());
    }
    let event = reader.value().map_err(broken)?;
    if matches!(event, Event::Number(_)) {
        return found(form.coordinates(&mut reader, event, "geo_point expected", coordinate)?);
    }
    let mut event = event;
    loop {
        found(form.one(&mut reader, event)?)?;
        if !reader.element(&mut first).map_err(broken)? {
            return Ok(());
        }
        event = reader.value().map_err(broken)?;
    }
}

/// A coordinate in an array within an array.
fn inner_coordinate(event: Event<'_>) -> Checked<f64> {
    match event {
        Event::Number(text) => Ok(text.parse().unwrap_or(f64::NAN)),
        Event::Text(_) | Event::Object | Event::Array | Event::Boolean(_) | Event::Null => {
            Err(refused("numeric value expected"))
        }
    }
}

/// A number where a coordinate should be.
fn coordinate(event: Event<'_>) -> Checked<f64> {
    match event {
        Event::Number(text) => Ok(text.parse().unwrap_or(f64::NAN)),
        Event::Text(text) => parse_double(&text.decode()),
        Event::Object | Event::Array | Event::Boolean(_) | Event::Null => Err(not_numeric(&event)),
    }
}

impl PointForm {
    /// One point that is no array of the outermost level.
    fn one(self, reader: &mut Reader<'_>, event: Event<'_>) -> Checked<GeoPoint> {
        match event {
            Event::Text(text) => self.text(&text.decode()),
            Event::Object => self.object(reader),
            Event::Array => {
                let mut first = true;
                if !reader.element(&mut first).map_err(broken)? {
                    return Err(refused("geo_point expected"));
                }
                let event = reader.value().map_err(broken)?;
                self.coordinates(reader, event, "only two values expected", inner_coordinate)
            }
            Event::Number(_) | Event::Boolean(_) | Event::Null => {
                Err(refused("geo_point expected"))
            }
        }
    }

    /// Longitude, latitude and perhaps a height, within an array whose first element is read.
    fn coordinates(
        self,
        reader: &mut Reader<'_>,
        longitude: Event<'_>,
        too_many: &str,
        coordinate: fn(Event<'_>) -> Checked<f64>,
    ) -> Checked<GeoPoint> {
        let mut point = GeoPoint { lat: f64::NAN, lon: coordinate(longitude)? };
        let mut place = 1;
        while reader.element(&mut false).map_err(broken)? {
            let event = reader.value().map_err(broken)?;
            match place {
                1 => point.lat = coordinate(event)?,
                2 => self.height(coordinate(event)?)?,
                _ => return Err(refused(too_many)),
            }
            place += 1;
        }
        Ok(point)
    }

    /// A third coordinate.
    fn height(self, height: f64) -> Checked<()> {
        if self.ignore_z {
            return Ok(());
        }
        let height = double_text(height);
        let reason = format!(
            "Exception parsing coordinates: found Z value [{height}] but [ignore_z_value] parameter \
             is [false]"
        );
        Err(refused(&reason))
    }

    /// Coordinates with commas between them, or a geohash.
    fn text(self, text: &str) -> Checked<GeoPoint> {
        if self.modern && text.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("point")) {
            let coordinates = wkt::point(text)?;
            return Ok(GeoPoint { lat: coordinates.1, lon: coordinates.0 });
        }
        if !text.contains(',') {
            return geohash::decode(text);
        }
        // Java drops empty parts at the end.
        let parts: Vec<_> = text.trim_end_matches(',').split(',').collect();
        let [lat, others @ ..] = parts.as_slice() else { return geohash::decode(text) };
        if parts.len() > 3 {
            let count = parts.len();
            let reason =
                format!("failed to parse [{count}], expected 2 or 3 coordinates but found: [{{}}]");
            return Err(refused(&reason));
        }
        let number = |text: &str, name: &str| {
            parse_double(text.trim()).map_err(|_| refused(&format!("{name} must be a number")))
        };
        let lat = number(lat, "latitude")?;
        let Some(lon) = others.first() else {
            let reason = "Index 1 out of bounds for length 1";
            return Err(MappingError::new(ErrorType::IndexOutOfBounds, reason));
        };
        let lon = number(lon, "longitude")?;
        if let Some(height) = others.get(1) {
            self.height(number(height, "altitude")?)?;
        }
        Ok(GeoPoint { lat, lon })
    }

    /// `lat` and `lon`, or `geohash`.
    fn object(self, reader: &mut Reader<'_>) -> Checked<GeoPoint> {
        let (mut lat, mut lon, mut hash) = (None, None, None);
        let mut members = reader.members();
        while let Some(name) = reader.member(&mut members).map_err(broken)? {
            let event = reader.value().map_err(broken)?;
            match (&*name.text, event) {
                ("lat", event) => lat = Some(part(event, "latitude")?),
                ("lon", event) => lon = Some(part(event, "longitude")?),
                ("geohash", Event::Text(text)) => hash = Some(text.decode()),
                ("geohash", _) => return Err(refused("geohash must be a string")),
                ("type", _) if self.modern => {}
                ("coordinates", Event::Array) if self.modern => {
                    let point = self.one(reader, Event::Array)?;
                    (lat, lon) = (Some(Ok(point.lat)), Some(Ok(point.lon)));
                }
                _ if self.modern => {
                    return Err(refused(
                        "field must be either [lat], [lon], [geohash], [type] or [coordinates]",
                    ));
                }
                _ => return Err(refused("field must be either [lat], [lon] or [geohash]")),
            }
        }
        if let Some(hash) = hash {
            if lat.is_some() || lon.is_some() {
                return Err(refused("field must be either lat/lon or geohash"));
            }
            return geohash::decode(&hash);
        }
        let invalid = |cause| refused("[lat] and [lon] must be valid double values").because(cause);
        let lat = lat.transpose().map_err(invalid)?;
        let lon = lon.transpose().map_err(invalid)?;
        let lat = lat.ok_or_else(|| refused("field [lat] missing"))?;
        let lon = lon.ok_or_else(|| refused("field [lon] missing"))?;
        Ok(GeoPoint { lat, lon })
    }
}

/// A coordinate of an object; a text that is no number is told later.
fn part(event: Event<'_>, name: &str) -> Checked<Checked<f64>> {
    match event {
        Event::Number(_) | Event::Text(_) => Ok(coordinate(event)),
        Event::Object | Event::Array | Event::Boolean(_) | Event::Null => {
            Err(refused(&format!("{name} must be a number")))
        }
    }
}
