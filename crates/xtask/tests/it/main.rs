//! Tests of the whole repository.

use std::path::Path;

use cargo_metadata::MetadataCommand;
use lionrocket_xtask::{
    crate_graph::{self, PREFIX, RULES, Rule},
    sources,
};

fn manifest() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
}

#[test]
fn no_crate_uses_another_that_the_table_does_not_allow() {
    let violations = crate_graph::violations(manifest()).unwrap();
    assert_eq!(violations, Vec::<String>::new());
}

#[test]
fn an_arrow_that_is_not_in_the_table_is_named() {
    let metadata = MetadataCommand::new()
        .manifest_path(manifest())
        .no_deps()
        .exec()
        .unwrap();
    let name = format!("{PREFIX}app");
    let app = metadata.packages.iter().find(|p| *p.name == name).unwrap();
    let strict = Rule {
        name: "app",
        uses: &["domain"],
        tests_use: &[],
        never: &["sha2"],
    };

    let found = crate_graph::check(app, &[strict]);

    let ports = "lionrocket-app must not use lionrocket-ports";
    let digest = "lionrocket-app must not use sha2";
    assert!(found.iter().any(|line| line == ports), "{found:?}");
    assert!(found.iter().any(|line| line == digest), "{found:?}");
    let unknown = crate_graph::check(app, &[]);
    assert_eq!(unknown, ["lionrocket-app is not in the table of crates"]);
}

#[test]
fn no_arrow_in_the_table_points_both_ways() {
    let uses = |name: &str| RULES.iter().find(|rule| rule.name == name).map(|r| r.uses);
    for rule in RULES {
        for used in rule.uses {
            let back = uses(used).unwrap_or_else(|| panic!("{used} is used but not in the table"));
            assert!(!back.contains(&rule.name), "{} and {used}", rule.name);
        }
    }
}

fn crates() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

#[test]
fn no_text_of_sql_is_put_together_from_values() {
    let found = sources::assembled_sql(crates()).unwrap();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn sql_that_is_put_together_from_values_is_found() {
    for bad in [
        r#"sql_query(format!("DROP TABLE {name}"))"#,
        "let value = sql::<Text>(&text);",
        r#"let text = format!("SELECT {column} FROM users");"#,
    ] {
        assert!(sources::assembles_sql(bad), "{bad}");
    }
    assert!(!sources::assembles_sql(
        r#"let value = sql::<Text>("PRAGMA journal_mode = WAL");"#
    ));
}

#[test]
fn no_crate_matches_texts_with_backtracking() {
    let found = sources::backtracking_matchers(crates()).unwrap();
    assert_eq!(found, Vec::<String>::new());
}
