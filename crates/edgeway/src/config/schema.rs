//! The JSON Schema of the configuration, for editors: completion, hover texts, red underlines while
//! typing. Printed by `edgeway check --schema`.

use schemars::generate::SchemaSettings;
use serde_json::Value as Json;

use super::raw::Configuration;

/// The schema, JSON Schema draft 7, which every TOML editor plugin reads.
pub fn schema() -> Json {
    let generator = SchemaSettings::draft07().into_generator();
    let mut schema = generator.into_root_schema_for::<Configuration>();
    schema.insert("title".to_owned(), "Edgeway".into());
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_closed_and_described() {
        let schema = schema();
        let definitions = schema["definitions"].as_object().unwrap();
        assert!(definitions.contains_key("Route") && definitions.contains_key("ProxyTable"));
        for (name, table) in definitions {
            assert_eq!(table["additionalProperties"], false, "{name}");
            for (key, property) in table["properties"].as_object().unwrap() {
                let described = property["description"].as_str().is_some_and(|text| !text.is_empty());
                assert!(described, "{name}.{key} has no description");
            }
        }
        assert_eq!(definitions["Tls"]["properties"]["issuer"]["default"], "internal");
        assert_eq!(definitions["Limits"]["properties"]["connections"]["default"], 65_536);
        assert_eq!(definitions["Auth"]["required"], serde_json::json!(["users"]));
    }
}
