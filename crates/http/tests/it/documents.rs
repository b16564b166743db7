//! The documents that are made from the code.

use std::{fs, path::PathBuf};

use lionrocket_http::{Code, openapi, openapi_json, table_as_markdown};
use serde_json::Value;

fn document(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_openapi_document_is_the_one_that_the_handlers_make() {
    assert!(
        document("openapi.json") == openapi_json(),
        "docs/openapi.json is out of date: just gen (cargo run -p lionrocket-http --example openapi > docs/openapi.json)"
    );
}

#[test]
fn the_page_of_errors_is_the_one_that_the_table_makes() {
    assert!(
        document("ERRORS.md") == table_as_markdown(),
        "docs/ERRORS.md is out of date: just gen (cargo run -p lionrocket-http --example errors > docs/ERRORS.md)"
    );
}

#[test]
fn codes_are_unique() {
    let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Code::ALL.len());
}

#[test]
fn every_operation_says_what_it_does_and_what_every_answer_means() {
    let document = serde_json::to_value(openapi()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let place = format!("{method} {path}");
            assert!(operation["operationId"].is_string(), "{place}");
            assert!(operation["summary"].is_string(), "{place}");
            for (status, response) in operation["responses"].as_object().unwrap() {
                let description = response["description"].as_str().unwrap_or_default();
                assert!(!description.is_empty(), "{place} {status}");
            }
        }
    }
}

#[test]
fn no_number_has_a_format_that_json_cannot_carry() {
    fn visit(value: &Value) {
        match value {
            Value::Object(members) => {
                let format = members.get("format").and_then(Value::as_str);
                assert!(
                    !format.is_some_and(|format| format.starts_with("int")),
                    "{value}"
                );
                members.values().for_each(visit);
            }
            Value::Array(items) => items.iter().for_each(visit),
            _ => {}
        }
    }
    visit(&serde_json::to_value(openapi()).unwrap());
}
