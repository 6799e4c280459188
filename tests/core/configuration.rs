//! docs/configuration.md has the tables that the schema makes, and examples that load.

use latchkey_core::Config;
use latchkey_core::config::schema;
use latchkey_tests::Bootstrap;
use latchkey_tests::docs::{assert_generated, page};
use serde_json::Value;

#[test]
fn the_documented_tables_are_those_of_the_schema() {
    let mut text = String::new();
    describe("", &schema(), &mut text);
    assert_generated("configuration.md", "fields", &text);
}

/// One table for each object, those inside it below.
fn describe(path: &str, object: &Value, text: &mut String) {
    let heading = if path.is_empty() {
        "Top level"
    } else {
        &format!("`{path}`")
    };
    *text +=
        &format!("\n### {heading}\n\n| field | type | default | meaning |\n|---|---|---|---|\n");
    let fields: Vec<(&String, &Value)> = object["properties"].as_object().unwrap().iter().collect();
    let required = |name: &str| {
        let required = object["required"].as_array();
        required.is_some_and(|required| required.iter().any(|one| one == name))
    };
    for (name, field) in &fields {
        let default = match &field["default"] {
            _ if required(name) => "must be there".to_owned(),
            Value::Null => String::new(),
            value => format!("`{value}`"),
        };
        let meaning = field["description"]
            .as_str()
            .expect("every field is described");
        *text += &format!("| `{name}` | {} | {default} | {meaning} |\n", kind(field));
    }
    for (name, field) in fields {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        if field.get("properties").is_some() {
            describe(&path, field, text);
        } else if field["items"].get("properties").is_some() {
            describe(&format!("{path}[]"), &field["items"], text);
        } else if field["additionalProperties"].get("properties").is_some() {
            describe(&format!("{path}.*"), &field["additionalProperties"], text);
        }
    }
}

fn kind(field: &Value) -> String {
    if let Some(words) = field["enum"].as_array() {
        let words: Vec<String> = words
            .iter()
            .filter(|word| !word.is_null())
            .map(|word| format!("`{word}`"))
            .collect();
        return words.join(" or ");
    }
    let mut either = field["anyOf"].as_array().into_iter().flatten();
    if either.any(|one| one.get("properties").is_some()) {
        return "object".to_owned();
    }
    let kinds = match &field["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        Value::String(kind) => vec![kind.as_str()],
        _ => vec!["string or list of strings"],
    };
    let kind = kinds
        .into_iter()
        .find(|kind| *kind != "null")
        .expect("a type");
    let bounds = (field["minimum"].as_u64(), field["maximum"].as_u64());
    match (kind, bounds) {
        ("integer", (Some(from), Some(to))) => format!("{from} to {to}"),
        ("array", _) => "list".to_owned(),
        _ => kind.to_owned(),
    }
}

#[test]
fn every_example_of_the_page_loads() {
    let page = page("configuration.md");
    let examples: Vec<&str> = page
        .split("```json\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(!examples.is_empty());
    for example in examples {
        load(example);
    }
}

#[test]
fn every_field_of_the_examples_for_operators_is_in_the_schema() {
    for name in ["envoy.yaml", "one-customer.yaml"] {
        let configuration = Bootstrap::parse(name).unwrap().configuration().unwrap();
        load(&configuration.to_string());
        known(name, &configuration, &schema());
    }
}

#[track_caller]
fn load(text: &str) {
    let secret = |_: &str| Some("0123456789".repeat(8));
    if let Err(error) = Config::load(text.as_bytes(), &secret) {
        panic!("{error} in {text}");
    }
}

fn known(path: &str, value: &Value, schema: &Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let field = schema["properties"].get(name);
                let field = field.or_else(|| {
                    schema
                        .get("additionalProperties")
                        .filter(|any| any.is_object())
                });
                let path = format!("{path}.{name}");
                known(
                    &path,
                    member,
                    field.unwrap_or_else(|| panic!("{path} is not in the schema")),
                );
            }
        }
        Value::Array(items) => {
            for item in items {
                known(path, item, schema.get("items").unwrap_or(&Value::Null));
            }
        }
        _ => {}
    }
}
