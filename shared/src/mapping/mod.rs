//! From cells as people type them to typed rows, and to rejections that say what to do about a cell. Pure: no I/O, no clock.
//! Whether a row changed, and who wins where the table changed too, is not decided here.
//!
//! A definition's columns ([`Column`]) are checked before anything is read ([`Mapping::check`]), found in the header row
//! ([`Mapping::bind`]) and then applied row by row ([`Mapping::row`]). docs/MAPPING.md explains every rule; its examples are
//! the tests of this module.

mod affix;
mod blank;
mod cell;
mod check;
mod column;
mod date;
mod double;
mod duration;
mod era;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod faults;
mod fold;
mod header;
mod invisible;
mod json;
mod key_form;
#[cfg(test)]
mod laws;
mod limit;
mod locale;
mod look_alike;
mod number;
mod number_words;
#[cfg(test)]
mod page;
mod problem;
mod rejection;
mod rule;
mod scan;
mod serial;
mod shown;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod timestamp;
#[cfg(test)]
mod trial;
mod value;
mod words;

pub use cell::{Cell, CellRef, column_letters};
pub use column::{
    Authority, Blank, ClockChange, Column, Errors, Floats, Normalize, NumberAs, Order, Partial, Scalar, TimeOfDay,
    Type, Values,
};
pub use header::{HeaderProblem, MovedHeader, normalize_header};
pub use key_form::KeyForm;
pub use limit::{Form, Limit, Limits};
pub use locale::Locale;
pub use look_alike::look;

pub use problem::DefinitionProblem;
pub use rejection::{Code, Rejection};
pub use value::Value;

use rejection::Refusal;
use rule::{Outcome, Rule};
use shown::Needs;

/// What a mapping is made from.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// The columns of the definition.
    pub columns: &'a [Column],
    /// The columns of the table that identify a row.
    pub key: &'a [String],
    /// How the texts of each of them are compared, as the database answers; of those that are missing as texts.
    pub key_forms: &'a [KeyForm],
    /// What the columns of the table can hold, as the database answers.
    pub limits: &'a Limits,
    /// The row of the headers, counted from 1.
    pub header_row: u32,
    /// The column of the first cell of each row, counted from 0; not 0 where a range is read that begins further right.
    pub first_column: u32,
    /// The spreadsheet's time zone, as the API names it.
    pub time_zone: &'a str,
    /// The spreadsheet's locale, which says how numbers in texts are written.
    pub locale: Locale,
}

/// The columns of a definition, bound to the header row of one tab.
pub struct Mapping {
    fields: Vec<Field>,
    /// Indices of the key's fields, in the order of the key.
    key: Vec<usize>,
    first_column: u32,
    unmapped: Vec<(String, CellRef)>,
}

/// One column of the table and the cells that feed it.
struct Field {
    column: String,
    /// Indices into the cells of a row, and the headers above them. There is at least one.
    sources: Vec<(usize, String)>,
    rule: Rule,
    /// Of a column of the key: how its texts are compared.
    key_form: Option<KeyForm>,
    /// What the column of the table can hold, where that is not everything.
    limit: Option<Limit>,
}

/// What became of a row of the sheet.
#[derive(Debug, Clone, PartialEq)]
pub enum Mapped {
    /// There is nothing in the cells that are mapped; the row counts nowhere. Checkboxes that are not ticked are nothing
    /// where the key is blank, because Sheets puts one into every row of a column of checkboxes.
    Blank,
    /// It can be synced.
    Row(Row),
    /// It has content but no key.
    Skipped(Rejection),
    /// It cannot be used.
    Rejected {
        /// The row key, when that much could be read: the row is in the sheet, so it did not vanish.
        key: Option<String>,
        /// Everything that is wrong with it.
        rejections: Vec<Rejection>,
    },
}

/// A row of typed values.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The row key (docs/PROTOCOL.md, "Hashes").
    pub key: String,
    /// One value per column, in the order of the definition.
    pub values: Vec<Value>,
    /// Indices of the values whose cell leaves alone what the table has.
    pub keep: Vec<u32>,
}

/// The row key of these texts of the key columns: the text itself, or of several the compact JSON array.
#[must_use]
pub fn row_key(mut texts: Vec<String>) -> String {
    match texts.as_mut_slice() {
        [text] => std::mem::take(text),
        _ => Value::Array(texts).to_json(),
    }
}

impl Row {
    /// Appends the values to `out` as a JSON array.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        value::write_array(&self.values, out);
    }
}

impl Mapping {
    /// The columns of the table that it feeds, in the order of the definition.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.column.as_str())
    }

    /// Checks what a definition says about its columns, before anything is read.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(columns: &[Column], key: &[String]) -> Result<(), Vec<DefinitionProblem>> {
        let problems = check::problems(columns, key);
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Finds the columns in the header row of a tab.
    ///
    /// # Errors
    /// Headers that are missing or that are there twice, an unknown time zone, a definition that [`Self::check`]
    /// refuses.
    pub fn bind(settings: Settings, header_cells: &[Cell]) -> Result<Self, Vec<HeaderProblem>> {
        let Settings { columns, key, key_forms, limits, header_row, first_column, time_zone, locale } = settings;
        Self::check(columns, key)
            .map_err(|problems| problems.into_iter().map(HeaderProblem::from).collect::<Vec<_>>())?;
        let zone = timestamp::zone(time_zone)
            .ok_or_else(|| vec![HeaderProblem::UnknownTimeZone { name: time_zone.to_owned() }])?;
        let bound = header::bind(columns, header_cells, CellRef { column: first_column, row: header_row })?;
        let mut fields = Vec::with_capacity(columns.len());
        for (column, sources) in columns.iter().zip(bound.sources) {
            let rule = Rule::new(column, &zone, locale, key.contains(&column.column))
                .map_err(|problems| problems.into_iter().map(HeaderProblem::from).collect::<Vec<_>>())?;
            let sources = sources.into_iter().map(|index| (index, bound.headers[index].clone())).collect();
            let place = key.iter().position(|name| *name == column.column);
            let key_form = place.map(|place| key_forms.get(place).copied().unwrap_or_default());
            let limit = limits.get(&column.column).cloned();
            fields.push(Field { column: column.column.clone(), sources, rule, key_form, limit });
        }
        let key = key.iter().filter_map(|name| columns.iter().position(|column| column.column == *name)).collect();
        Ok(Self { fields, key, first_column, unmapped: bound.unmapped })
    }

    /// The headers that feed no column, and where they stand.
    #[must_use]
    pub fn unmapped_headers(&self) -> &[(String, CellRef)] {
        &self.unmapped
    }

    /// Per column of the definition, in its order: the header that feeds it, and the column of the sheet that stands under,
    /// counted from 0. Of several headers the first.
    pub fn sources(&self) -> impl Iterator<Item = (&str, u32)> {
        self.fields.iter().map(|field| {
            let (index, header) = &field.sources[0];
            (header.as_str(), self.first_column + u32::try_from(*index).unwrap_or(u32::MAX))
        })
    }

    /// The headers of this mapping that stand elsewhere in `later`, the same row of the sheet read again; none when every
    /// column is still fed by the cells under its header.
    #[must_use]
    pub fn moved_headers(&self, later: &[Cell]) -> Vec<MovedHeader> {
        let headers = self.fields.iter().flat_map(|field| &field.sources);
        header::moved(headers.map(|(index, header)| (*index, header.as_str())), later, self.first_column)
    }

    /// The cells of a row of which it is not known what they show, although a column needs that: their places in the rows,
    /// each once.
    #[must_use]
    pub fn unseen(&self, rows: &[Vec<Cell>]) -> Vec<usize> {
        let needy = self.fields.iter().map(|field| (field.rule.needs(), &field.sources));
        let mut places: Vec<usize> = needy
            .filter(|(needs, _)| *needs != Needs::Nothing)
            .flat_map(|(needs, sources)| sources.iter().map(move |(place, _)| (needs, *place)))
            .filter(|(needs, place)| rows.iter().any(|row| row.get(*place).is_some_and(|cell| needs.include(cell))))
            .map(|(_, place)| place)
            .collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Gives the numbers at `place` in consecutive rows what their cells show; blank ones at the end of `shown` are left
    /// out. `false` when the two cannot be of the same moment, or a format shows something else than its number.
    #[must_use]
    pub fn see(&self, rows: &mut [Vec<Cell>], place: usize, shown: &[String]) -> bool {
        shown::attach(rows, place, shown)
    }

    /// Whether a column of the table belongs to the key.
    #[must_use]
    pub fn is_key(&self, column: &str) -> bool {
        self.key.iter().any(|&index| self.fields[index].column == column)
    }

    /// Per column of the definition, in its order: its name, and whether its cell in this row is blank.
    pub fn blanks<'a>(&'a self, cells: &'a [Cell]) -> impl Iterator<Item = (&'a str, bool)> {
        self.fields.iter().map(|field| (field.column.as_str(), field.rule.is_blank(field.cell(cells).1)))
    }

    /// Maps the row `row_number`; cells past the end of `cells` are blank.
    #[must_use]
    pub fn row(&self, row_number: u32, cells: &[Cell]) -> Mapped {
        if let Some(field) = self.blank_key_field(cells) {
            if self.is_empty(cells) {
                return Mapped::Blank;
            }
            let refusal = Refusal::new(Code::BlankKey, "the row has content but no key, so it is left out");
            return Mapped::Skipped(self.rejection(field, row_number, cells, refusal));
        }
        let mut values = Vec::with_capacity(self.fields.len());
        let mut keep = Vec::new();
        let mut rejections = Vec::new();
        let mut key_refused = false;
        for (index, field) in self.fields.iter().enumerate() {
            let value = match field.read(field.cell(cells).1) {
                Ok(Outcome::Value(value)) => {
                    // A key that the table cannot hold is known all the same: its row is in the sheet.
                    if let Some(Err(refusal)) = field.limit.as_ref().map(|limit| limit.check(&value)) {
                        rejections.push(self.rejection(field, row_number, cells, refusal));
                    }
                    value
                }
                Ok(Outcome::Keep) => {
                    keep.extend(u32::try_from(index));
                    Value::Null
                }
                Err(refusal) => {
                    key_refused |= field.key_form.is_some();
                    rejections.push(self.rejection(field, row_number, cells, refusal));
                    Value::Null
                }
            };
            values.push(value);
        }
        if rejections.is_empty() {
            return Mapped::Row(Row { key: self.row_key(&values), values, keep });
        }
        let key = (!key_refused).then(|| self.row_key(&values));
        for rejection in &mut rejections {
            rejection.row_key.clone_from(&key);
        }
        Mapped::Rejected { key, rejections }
    }

    /// The address of the cell that holds the key in a row; of several columns the first one's.
    #[must_use]
    pub fn key_cell(&self, row: u32) -> String {
        let (place, _) = &self.fields[self.key[0]].sources[0];
        CellRef { column: self.first_column + u32::try_from(*place).unwrap_or(u32::MAX), row }.to_string()
    }

    /// The rejection of a row that was mapped, for a reason that is not in its cells; it points to the cell of the key.
    #[must_use]
    pub fn reject_row(&self, code: Code, key: &str, row_number: u32, message: String) -> Rejection {
        let refusal = Refusal::new(code, message);
        let field = &self.fields[self.key[0]];
        let mut rejection = self.rejection(field, row_number, &[], refusal);
        rejection.row_key = Some(key.to_owned());
        rejection.raw = Some(key.to_owned());
        rejection
    }

    /// A row key as a person types it (`ＡＡ１２３`), in the form that the rows have it: read by the rules of the key's
    /// columns. What they do not take stays as it is, and is no row's key.
    #[must_use]
    pub fn row_key_of(&self, named: &str) -> String {
        let read = |index: usize, text: &str| match self.fields[index].read(&Cell::from(text)) {
            Ok(Outcome::Value(value)) if value != Value::Null => value.key_text(),
            _ => text.to_owned(),
        };
        match self.key.as_slice() {
            [index] => read(*index, named),
            indices => match serde_json::from_str::<Vec<String>>(named) {
                Ok(parts) if parts.len() == indices.len() => {
                    row_key(indices.iter().zip(&parts).map(|(index, part)| read(*index, part)).collect())
                }
                _ => named.to_owned(),
            },
        }
    }

    /// The first field of the key that is blank and has no default.
    fn blank_key_field(&self, cells: &[Cell]) -> Option<&Field> {
        self.key
            .iter()
            .map(|&index| &self.fields[index])
            .find(|field| field.rule.is_blank(field.cell(cells).1) && !field.rule.has_default())
    }

    fn is_empty(&self, cells: &[Cell]) -> bool {
        let is_nothing = |cell: &Cell| *cell == Cell::Bool(false) || cell.is_blank();
        self.fields.iter().flat_map(|field| &field.sources).all(|(index, _)| cells.get(*index).is_none_or(is_nothing))
    }

    fn row_key(&self, values: &[Value]) -> String {
        row_key(self.key.iter().map(|index| values[*index].key_text()).collect())
    }

    fn rejection(&self, field: &Field, row_number: u32, cells: &[Cell], refusal: Refusal) -> Rejection {
        let ((index, header), cell) = field.cell(cells);
        let column = self.first_column + u32::try_from(*index).unwrap_or(u32::MAX);
        Rejection {
            row_key: None,
            row_number,
            column: Some(field.column.clone()),
            header: Some(header.clone()),
            cell: Some(CellRef { column, row: row_number }.to_string()),
            code: refusal.code,
            message: refusal.message.into_owned(),
            raw: rejection::raw(cell),
        }
    }
}

impl Field {
    /// What a cell gives; of a key column in the one spelling that its key has.
    fn read(&self, cell: &Cell) -> Result<Outcome, Refusal> {
        match (self.rule.apply(cell)?, self.key_form) {
            (Outcome::Value(value), Some(form)) => match value.in_key_form(form) {
                Some(value) => Ok(Outcome::Value(value)),
                None => Err(Refusal::new(
                    Code::KeyForm,
                    format!("expected {}, because that is what the table's key column holds", form.expected()),
                )),
            },
            (outcome, _) => Ok(outcome),
        }
    }

    /// The cell that feeds the column in this row: the first that is not blank, else the first.
    fn cell<'a>(&'a self, cells: &'a [Cell]) -> (&'a (usize, String), &'a Cell) {
        const BLANK: &Cell = &Cell::Blank;
        let at = |source: &'a (usize, String)| (source, cells.get(source.0).unwrap_or(BLANK));
        let first = at(&self.sources[0]);
        if self.sources.len() == 1 {
            return first;
        }
        self.sources.iter().map(at).find(|(_, cell)| !self.rule.is_blank(cell)).unwrap_or(first)
    }
}
