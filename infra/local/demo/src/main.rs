//! Writes demo sheets to files. Prints nothing but errors and one line of what it wrote.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use sheetsync_demo::{FileError, Options, Sheet, write_csv, write_manifest, write_xlsx};

/// Makes a sheet of Japanese property listings, messy as real ones are, the same for the same seed on every machine.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Rows below the headers.
    #[arg(long, default_value_t = 1_000)]
    rows: u32,
    /// Equal seeds make equal sheets.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Columns in all; more than 22 adds notes, flags, areas, dates and prices.
    #[arg(long, default_value_t = 22)]
    columns: usize,
    /// Where to write the sheet as CSV; `-` for the standard output.
    #[arg(long, required_unless_present_any = ["xlsx", "manifest", "definition", "sql"])]
    csv: Option<PathBuf>,
    /// Where to write the sheet as a workbook.
    #[arg(long)]
    xlsx: Option<PathBuf>,
    /// Where to write, a JSON object a line, what is wrong in the sheet and where.
    #[arg(long)]
    manifest: Option<PathBuf>,
    /// Where to write the [[sync.columns]] of the columns beyond the 22, to stand behind those of sheetsync.toml.
    #[arg(long)]
    definition: Option<PathBuf>,
    /// Where to write the SQL that adds the columns beyond the 22 to the table.
    #[arg(long)]
    sql: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match write(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo-listings: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(arguments: &Arguments) -> Result<(), FileError> {
    let &Arguments { seed, rows, columns, .. } = arguments;
    let sheet = Sheet::new(Options { seed, rows, columns });
    if let Some(path) = &arguments.csv {
        write_csv(&sheet, writer(path)?)?;
    }
    if let Some(path) = &arguments.xlsx {
        write_xlsx(&sheet, path)?;
    }
    if let Some(path) = &arguments.manifest {
        write_manifest(&sheet, writer(path)?)?;
    }
    if let Some(path) = &arguments.definition {
        writer(path)?.write_all(sheet.further_definition().as_bytes())?;
    }
    if let Some(path) = &arguments.sql {
        writer(path)?.write_all(sheet.further_columns_sql().as_bytes())?;
    }
    eprintln!("{rows} rows of {} columns from the seed {seed}", sheet.columns().len());
    Ok(())
}

fn writer(path: &Path) -> Result<Box<dyn Write>, FileError> {
    Ok(if path == Path::new("-") {
        Box::new(std::io::stdout().lock())
    } else {
        Box::new(BufWriter::new(File::create(path)?))
    })
}
