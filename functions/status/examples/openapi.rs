//! Prints the API's description: `cargo run -p status --example openapi > docs/openapi.json`

fn main() -> anyhow::Result<()> {
    println!("{}", status::openapi().to_pretty_json()?);
    Ok(())
}
