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

/// The operations that need no account.
const PUBLIC: [&str; 6] = [
    "get_config",
    "livez",
    "login",
    "readyz",
    "register",
    "reset_password",
];

fn described() -> Value {
    serde_json::to_value(openapi()).unwrap()
}

/// Every operation with its place (`get /auth/me`).
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap();
        methods
            .iter()
            .map(move |(method, operation)| (format!("{method} {path}"), operation))
    });
    operations.collect()
}

#[test]
fn every_operation_says_what_it_does_and_what_every_answer_means() {
    for (place, operation) in operations(&described()) {
        for member in ["operationId", "summary"] {
            let text = operation[member].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{place} {member}");
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            let description = response["description"].as_str().unwrap_or_default();
            assert!(!description.is_empty(), "{place} {status}");
        }
    }
}

#[test]
fn every_operation_says_who_may_call_it() {
    let document = described();
    let schemes = &document["components"]["securitySchemes"];
    let mut public: Vec<_> = Vec::new();
    for (place, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        let ways = operation["security"].as_array();
        if ways.is_none_or(Vec::is_empty) {
            public.push(id);
        }
        for scheme in ways.into_iter().flatten() {
            for name in scheme.as_object().unwrap().keys() {
                assert!(schemes[name].is_object(), "{place} {name}");
            }
        }
    }
    public.sort_unstable();
    assert_eq!(public, PUBLIC);
}

#[test]
fn everything_that_is_sent_and_answered_as_json_has_an_example() {
    let document = described();
    for (place, operation) in operations(&document) {
        let answers = operation["responses"].as_object().unwrap().values();
        for part in answers.chain([&operation["requestBody"]]) {
            for (kind, content) in part["content"].as_object().into_iter().flatten() {
                let is_json = kind.ends_with("json");
                assert!(
                    !is_json || has_example(&document, content, &mut Vec::new()),
                    "{place} {kind} {content}"
                );
            }
        }
    }
}

/// Whether there is an example in a part of the document or in a schema that it names.
fn has_example(document: &Value, part: &Value, seen: &mut Vec<String>) -> bool {
    match part {
        Value::Object(members) => members.iter().any(|(name, value)| match name.as_str() {
            "example" | "examples" => true,
            "$ref" => {
                let place = value.as_str().unwrap().to_owned();
                let named = document.pointer(place.trim_start_matches('#'));
                let named = named.unwrap_or_else(|| panic!("{place} is not there"));
                !seen.contains(&place) && {
                    seen.push(place);
                    has_example(document, named, seen)
                }
            }
            _ => has_example(document, value, seen),
        }),
        Value::Array(items) => items.iter().any(|item| has_example(document, item, seen)),
        _ => false,
    }
}

#[test]
fn every_operation_lists_the_problems_that_follow_from_what_it_takes() {
    for (place, operation) in operations(&described()) {
        let id = operation["operationId"].as_str().unwrap();
        let has_parameter = |found_in: &str| {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            parameters
                .filter(|parameter| parameter["in"] == found_in)
                .count()
                > 0
        };
        let takes_body = operation["requestBody"].is_object();
        let is_administration = place.contains(" /admin/");
        let needs_token = operation["security"].is_array() && id != "logout";
        let expected = [
            (true, &["421"][..]),
            (!matches!(id, "livez" | "readyz"), &["400", "429"]),
            (needs_token, &["401"]),
            (is_administration, &["403"]),
            (has_parameter("path"), &["404"]),
            (has_parameter("query"), &["422"]),
            (takes_body, &["408", "413", "415", "422"]),
        ];
        for (applies, statuses) in expected {
            for status in statuses.iter().filter(|_| applies) {
                let problem = &operation["responses"][status]["content"];
                let problem = &problem["application/problem+json"];
                assert!(problem["schema"].is_object(), "{place} {status}");
                assert!(problem["examples"].is_object(), "{place} {status}");
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
    visit(&described());
}
