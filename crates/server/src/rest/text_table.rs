//! Tables as `_cat` prints them: padded columns, chosen, sorted and headed as asked, or as JSON (spec
//! index-and-cluster-api §3).

use std::cmp::Ordering;
use std::fmt::Write;

use hyper::StatusCode;
use node::matches_glob;

use super::api::Call;
use super::error::Error;
use super::json::JsonWriter;
use super::response::Answer;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Its name.
    name: &'static str,
    /// Shorter names for it.
    aliases: &'static [&'static str],
    /// To which side its cells lean.
    align: Align,
    /// Whether it is shown only when it is asked for.
    on_request: bool,
    /// Whether the help leaves it out: it is none of Elasticsearch's.
    undocumented: bool,
}

/// To which side cells lean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Align {
    /// To the left: words.
    Left,
    /// To the right: numbers.
    Right,
}

impl Column {
    /// A column of words.
    pub(crate) const fn words(name: &'static str, aliases: &'static [&'static str]) -> Self {
        Self { name, aliases, align: Align::Left, on_request: false, undocumented: false }
    }

    /// A column of numbers.
    pub(crate) const fn numbers(name: &'static str, aliases: &'static [&'static str]) -> Self {
        Self { name, aliases, align: Align::Right, on_request: false, undocumented: false }
    }

    /// This column, shown only when it is asked for.
    pub(crate) const fn on_request(self) -> Self {
        Self { on_request: true, ..self }
    }

    /// This column, left out of the help.
    pub(crate) const fn undocumented(self) -> Self {
        Self { undocumented: true, ..self }
    }

    /// Its name.
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    fn is_called(&self, name: &str) -> bool {
        matches_glob(name, self.name) || self.aliases.contains(&name)
    }
}

/// A table, and how it is wanted.
#[derive(Debug)]
pub(crate) struct TextTable {
    columns: &'static [Column],
    /// The columns shown: their place, and the name they were asked by.
    shown: Vec<(usize, String)>,
    headed: bool,
    help: bool,
    /// The columns sorted by, the first first, and whether downwards.
    sorted: Vec<(usize, bool)>,
    rows: Vec<Vec<String>>,
}

impl TextTable {
    /// Takes the parameters `v`, `h`, `s` and `help`.
    pub(crate) fn take(columns: &'static [Column], call: &mut Call<'_>) -> Result<Self, Error> {
        let headed = call.parameters.take_switch("v")?.unwrap_or(false);
        let help = call.parameters.take_switch("help")?.unwrap_or(false);
        let places = |name: &str| {
            let name = name.to_owned();
            let named = move |(_, column): &(usize, &Column)| column.is_called(&name);
            columns.iter().enumerate().filter(named).map(|(place, _)| place)
        };
        let shown = match call.parameters.take_list("h") {
            None => columns
                .iter()
                .enumerate()
                .filter(|(_, column)| !column.on_request)
                .map(|(place, column)| (place, column.name.to_owned()))
                .collect(),
            Some(names) => names
                .iter()
                .flat_map(|name| {
                    let shown_as = |place: usize| match columns.get(place) {
                        Some(column) if name.contains('*') => column.name.to_owned(),
                        Some(_) | None => name.clone(),
                    };
                    places(name).map(move |place| (place, shown_as(place)))
                })
                .fold(Vec::new(), |mut shown: Vec<(usize, String)>, column| {
                    // A column asked for twice is shown once.
                    if !shown.contains(&column) {
                        shown.push(column);
                    }
                    shown
                }),
        };
        let mut sorted = Vec::new();
        for wish in call.parameters.take_list("s").unwrap_or_default() {
            let (name, direction) = wish.split_once(':').unwrap_or((&wish, "asc"));
            let place = places(name).next().ok_or_else(|| {
                Error::illegal_argument(format!("Unable to sort by unknown sort key `{name}`"))
            })?;
            sorted.push((place, direction == "desc"));
        }
        Ok(Self { columns, shown, headed, help, sorted, rows: Vec::new() })
    }

    /// Adds a row, one cell per column.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The answer, as text unless JSON is asked for.
    pub(crate) fn answer(mut self, call: &Call<'_>) -> Answer {
        if self.help {
            return Answer::text(StatusCode::OK, self.help_text());
        }
        for (place, downwards) in self.sorted.iter().rev() {
            self.rows.sort_by(|one, other| {
                let order = compare(one.get(*place), other.get(*place));
                if *downwards { order.reverse() } else { order }
            });
        }
        if call.rendering.format.is_some() {
            Answer::json(StatusCode::OK, self.json())
        } else {
            Answer::text(StatusCode::OK, self.text())
        }
    }

    fn json(&self) -> Vec<u8> {
        let mut writer = JsonWriter::new();
        writer.array(|rows| {
            for row in &self.rows {
                rows.object(|o| {
                    for (place, name) in &self.shown {
                        o.string(name, row.get(*place).map_or("", String::as_str));
                    }
                });
            }
        });
        writer.finish()
    }

    fn text(&self) -> String {
        let header = self.shown.iter().map(|(_, name)| name.as_str());
        let mut lines: Vec<Vec<&str>> = Vec::new();
        if self.headed {
            lines.push(header.collect());
        }
        for row in &self.rows {
            let cells = self.shown.iter();
            lines
                .push(cells.map(|(place, _)| row.get(*place).map_or("", String::as_str)).collect());
        }
        let width = |column: usize| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.shown.len()).map(width).collect();
        let mut text = String::new();
        for line in &lines {
            let mut padded = String::new();
            let last = line.len().saturating_sub(1);
            for (number, ((cell, width), (place, _))) in
                line.iter().zip(&widths).zip(&self.shown).enumerate()
            {
                let align = self.columns.get(*place).map_or(Align::Left, |column| column.align);
                // Writing to a string cannot fail.
                let _ = match align {
                    Align::Left if number == last => write!(padded, "{cell} "),
                    Align::Left => write!(padded, "{cell:<width$} "),
                    Align::Right => write!(padded, "{cell:>width$} "),
                };
            }
            padded.pop();
            text.push_str(&padded);
            text.push('\n');
        }
        text
    }

    fn help_text(&self) -> String {
        let line = |column: &Column| {
            format!("{:<16}| {:<8}| {}\n", column.name, column.aliases.join(","), column.name)
        };
        self.columns.iter().filter(|column| !column.undocumented).map(line).collect()
    }
}

/// The value of a number or of a size with its unit, in hundredths.
fn size(cell: &str) -> Option<u128> {
    let units = [("kb", 10), ("mb", 20), ("gb", 30), ("tb", 40), ("b", 0), ("%", 0), ("", 0)];
    let (digits, shift) =
        units.into_iter().find_map(|(unit, shift)| Some((cell.strip_suffix(unit)?, shift)))?;
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let part: u128 = format!("{part:0<2}").get(..2)?.parse().ok()?;
    let hundredths = whole.parse::<u128>().ok()?.checked_mul(100)?.checked_add(part)?;
    hundredths.checked_shl(shift)
}

/// What is empty first, then numbers and sizes by value, then everything else by letters.
fn compare(one: Option<&String>, other: Option<&String>) -> Ordering {
    let number = |cell: Option<&String>| cell.and_then(|cell| size(cell));
    let is_empty = |cell: Option<&String>| cell.is_none_or(String::is_empty);
    match (is_empty(one), is_empty(other)) {
        (true, false) => return Ordering::Less,
        (false, true) => return Ordering::Greater,
        (_, _) => {}
    }
    match (number(one), number(other)) {
        (Some(one), Some(other)) => one.cmp(&other),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => one.cmp(&other),
    }
}
