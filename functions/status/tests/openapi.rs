//! The description of the API that is checked in is that of this code.

use anyhow::Result;

#[test]
fn the_description_in_docs_is_up_to_date() -> Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let checked_in = std::fs::read_to_string(path)?;
    assert!(
        checked_in.trim_end() == status::openapi().to_pretty_json()?,
        "docs/openapi.json is stale: cargo run -p status --example openapi > docs/openapi.json"
    );
    Ok(())
}

#[test]
fn every_closed_route_documents_that_it_needs_a_token() -> Result<()> {
    let description = serde_json::to_value(status::openapi())?;
    for (path, methods) in description["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let is_open = ["/health", "/config.json", "/openapi.json"].contains(&path.as_str());
            assert_eq!(operation["security"].is_array(), !is_open, "{method} {path}");
            assert_eq!(operation["responses"]["401"].is_object(), !is_open, "{method} {path}");
        }
    }
    Ok(())
}
