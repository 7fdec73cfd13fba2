//! A generated sheet of listings, messy and as wide as one likes, synced into a table of its own. What that table must hold
//! comes from the generator, which knows nothing of the product.

use anyhow::Result;
use serde_json::json;
use sheetsync_demo::{Checksum, Fate, Options, Sheet, TAB, TABLE, checksum_sql};

use crate::Sync;

const DEFINITION: &str = include_str!("../../sheetsync.toml");

/// Which file the document is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A workbook, in which numbers are numbers and dates are dates.
    Workbook,
    /// Text; a tenth of the work for a sheet of millions of cells.
    Csv,
}

/// A sync of a generated sheet.
pub struct Listings {
    /// The sync.
    pub sync: Sync,
    /// The sheet.
    pub sheet: Sheet,
    /// The table, with a column for each of the sheet's.
    pub table: String,
}

impl Listings {
    /// Creates document, table and definition.
    ///
    /// # Errors
    /// When there is no stack, or it refuses.
    pub async fn create(name: &str, options: Options, source: Source) -> Result<Self> {
        let sheet = Sheet::new(options);
        let sync = Sync::named(name).create().await?;
        let table = format!("{}_listings", sync.table);
        let wider = sheet.further_columns_sql().replace(TABLE, &table);
        sync.database
            .batch_execute(&format!(
                "create table public.{table} (like public.{TABLE} including all); {wider}
                 grant select, insert, update, delete on public.{table} to service_role;"
            ))
            .await?;
        let folder = tempfile::tempdir()?;
        let document = match source {
            Source::Workbook => {
                let file = folder.path().join("listings.xlsx");
                sheetsync_demo::write_xlsx(&sheet, &file)?;
                json!({"xlsx": file})
            }
            Source::Csv => {
                let file = folder.path().join("listings.csv");
                sheetsync_demo::write_csv(&sheet, std::io::BufWriter::new(std::fs::File::create(&file)?))?;
                json!({"tabs": [{"title": TAB, "csv": file}]})
            }
        };
        sync.sheet.load(document).await?;
        let definition = format!("{DEFINITION}{}", sheet.further_definition())
            .replace("name = \"listings\"", &format!("name = {:?}", sync.name))
            .replace("spreadsheet = \"demo-listings\"", &format!("spreadsheet = {:?}", sync.sheet.id))
            .replace(&format!("table = \"{TABLE}\""), &format!("table = {table:?}"));
        sync.define(&definition)?;
        Ok(Self { sync, sheet, table })
    }

    /// Number and content of the table's rows, as Postgres computes them.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn checksum(&self) -> Result<Checksum> {
        let row = self.sync.database.query_one(&checksum_sql(&self.table, self.sheet.columns(), "true"), &[]).await?;
        Ok(Checksum { rows: row.get::<_, i64>("rows").unsigned_abs(), sha256: row.get("sha256") })
    }

    /// How many rows of the sheet must come to this end.
    #[must_use]
    pub fn fates(&self, fate: Fate) -> i64 {
        self.sheet.rows().filter(|row| row.fate == fate).count() as i64
    }
}
