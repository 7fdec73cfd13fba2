//! The public data set king_county_house_sales.csv: what its table must hold after a sync by `king_county.toml`, read from
//! the file itself. Used by tests and by the proof in README.md.

use std::collections::HashMap;
use std::io::Read;

use csv::StringRecord;
use jiff::civil::Date;

use crate::checksum::Expected;
use crate::listing::Column;
use crate::value::{Kind, Value};

/// The table.
pub const TABLE: &str = "king_county_house_sales";

/// The sync's name in `king_county.toml`.
pub const SYNC: &str = "king-county";

/// The definition of the sync.
pub const DEFINITION: &str = include_str!("../king_county.toml");

/// Creates the table.
pub const CREATE_TABLE: &str = include_str!("../king_county.sql");

/// Rows with the same id: what the table holds of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SharedIds {
    /// None of them, as with `duplicates = "reject"`.
    Rejected,
    /// The last of them, as with `duplicates = "last"`.
    LastWins,
}

const COLUMNS: &[(&str, &str, Kind)] = &[
    ("id", "id", Kind::Integer),
    ("date", "sold_on", Kind::Date),
    ("price", "price_usd", Kind::Integer),
    ("bedrooms", "bedrooms", Kind::Integer),
    ("bathrooms", "bathrooms", Kind::Decimal(2)),
    ("sqft_living", "living_sqft", Kind::Integer),
    ("sqft_lot", "lot_sqft", Kind::Integer),
    ("floors", "floors", Kind::Decimal(1)),
    ("waterfront", "is_waterfront", Kind::Boolean),
    ("view", "view", Kind::Text),
    ("condition", "condition", Kind::Text),
    ("grade", "grade", Kind::Text),
    ("sqft_above", "above_sqft", Kind::Integer),
    ("sqft_basement", "basement_sqft", Kind::Integer),
    ("yr_built", "built_in", Kind::Integer),
    ("yr_renovated", "renovated_in", Kind::Integer),
    ("zipcode", "zipcode", Kind::Text),
    ("lat", "latitude", Kind::Decimal(4)),
    ("long", "longitude", Kind::Decimal(4)),
    ("sqft_living15", "neighbours_sqft", Kind::Integer),
    ("sqft_lot15", "neighbours_lot_sqft", Kind::Integer),
];

/// The columns of the file and of the table.
pub fn columns() -> Vec<Column> {
    COLUMNS
        .iter()
        .map(|&(header, name, kind)| Column { header: header.to_owned(), name: name.to_owned(), kind })
        .collect()
}

/// What the table must hold once the file is in it.
///
/// # Errors
/// When the file cannot be read, or is not this data set.
pub fn expected(file: impl Read, shared_ids: SharedIds) -> Result<Expected, csv::Error> {
    let mut times: HashMap<String, u32> = HashMap::new();
    let mut rows = Vec::new();
    for record in csv::Reader::from_reader(file).records() {
        let record = record?;
        *times.entry(record[0].to_owned()).or_default() += 1;
        rows.push(record);
    }
    let mut expected = Expected::default();
    for record in rows.iter().filter(|record| shared_ids == SharedIds::LastWins || times[&record[0]] == 1) {
        expected.insert(&values(record).ok_or_else(|| not_this_data_set(record))?);
    }
    Ok(expected)
}

fn values(record: &StringRecord) -> Option<Vec<Value>> {
    COLUMNS.iter().zip(record).map(|(&(_, _, kind), field)| value(field, kind)).collect()
}

fn value(field: &str, kind: Kind) -> Option<Value> {
    if matches!(field, "" | "?") {
        return Some(Value::Null);
    }
    Some(match kind {
        Kind::Text => Value::text(field),
        // Whole numbers are written `221900.0` in some columns.
        Kind::Integer => Value::Integer(field.strip_suffix(".0").unwrap_or(field).parse().ok()?),
        Kind::Decimal(scale) => {
            let number: f64 = field.parse().ok()?;
            Value::Decimal { units: (number * 10_f64.powi(scale.cast_signed())).round() as i64, scale }
        }
        Kind::Boolean => Value::Boolean(field == "YES"),
        Kind::Date => Value::Date(Date::strptime("%m/%d/%Y", field).ok()?),
        // The data set has no others.
        Kind::Month | Kind::Timestamp | Kind::Time | Kind::Json | Kind::Texts => return None,
    })
}

fn not_this_data_set(record: &StringRecord) -> csv::Error {
    let line = record.position().map_or(0, csv::Position::line);
    std::io::Error::other(format!("line {line} is not a sale of king_county_house_sales.csv")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADERS: &str = "id,date,price,bedrooms,bathrooms,sqft_living,sqft_lot,floors,waterfront,view,condition,grade,\
        sqft_above,sqft_basement,yr_built,yr_renovated,zipcode,lat,long,sqft_living15,sqft_lot15\n";
    const SALE: &str = "10/13/2014,221900.0,3,1.0,1180,5650,1.0,,NONE,Average,7 Average,1180,?,1955,0.0,98178,\
        47.721000000000004,-122.257,1340,5650\n";

    #[test]
    fn a_sale_means_what_its_fields_say() {
        let record = StringRecord::from(format!("7129300520,{}", SALE.trim_end()).split(',').collect::<Vec<_>>());
        let texts: Vec<String> = values(&record).unwrap().iter().map(Value::canonical).collect();
        assert_eq!(
            texts.join(" "),
            "=7129300520 =2014-10-13 =221900 =3 =1.00 =1180 =5650 =1.0 - =NONE =Average =7 Average =1180 - =1955 =0 \
             =98178 =47.7210 =-122.2570 =1340 =5650"
        );
    }

    #[test]
    fn shared_ids_are_rejected_or_the_last_wins() {
        let file = format!("{HEADERS}1,{SALE}2,{SALE}1,{SALE}");
        let rows = |shared| expected(file.as_bytes(), shared).unwrap().checksum().rows;
        assert_eq!((rows(SharedIds::Rejected), rows(SharedIds::LastWins)), (1, 2));
    }
}
