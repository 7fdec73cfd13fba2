//! The JSON Schema of `sheetsync.toml`, for completion and validation in editors. Generated from the types, so that it
//! cannot say anything else than what is read; what depends on several options at once is checked only when it is read.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::{Value, json};

use super::Definition;

/// The schema, of draft 7, which is what editors know.
///
/// # Panics
/// Never: a schema is JSON.
#[must_use]
pub fn json_schema() -> Value {
    let settings = SchemaSettings::draft07().with_transform(RecursiveTransform(without_null));
    let mut schema = settings.into_generator().into_root_schema_for::<Definition>();
    schema.insert("title".to_owned(), json!("sheetsync.toml"));
    schema.to_value()
}

/// TOML has no null: what may be null in JSON may only be left out here.
fn without_null(schema: &mut Schema) {
    if schema.get("default") == Some(&Value::Null) {
        schema.remove("default");
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| choice["type"] != "null");
    }
}
