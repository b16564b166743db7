//! Which crate of the workspace may use which. An arrow that is not in [`RULES`] is a mistake or a
//! change of the architecture; then the table changes with it.

use std::{collections::BTreeSet, path::Path};

use anyhow::Context as _;
use cargo_metadata::{Dependency, DependencyKind, MetadataCommand, Package};

/// What the names of all our packages begin with.
pub const PREFIX: &str = "lionrocket-";

/// What one crate may use. Names are without [`PREFIX`].
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The crate.
    pub name: &'static str,
    /// Crates of ours that the product code may use.
    pub uses: &'static [&'static str],
    /// Crates of ours that only its tests may use besides.
    pub tests_use: &'static [&'static str],
    /// Foreign crates that neither product code nor tests may use directly.
    pub never: &'static [&'static str],
}

/// Technologies that the inner crates know nothing of.
const TECHNOLOGIES: &[&str] = &["actix-web", "clap", "diesel", "rand", "reqwest"];
/// The same, and no waiting either.
const NO_IO: &[&str] = &["actix-web", "clap", "diesel", "rand", "reqwest", "tokio"];
/// What every crate that talks HTTP to clients leaves alone.
const NO_STORE: &[&str] = &["diesel", "libsqlite3-sys", "reqwest"];
/// What adapters without a network leave alone.
const NO_NETWORK: &[&str] = &["actix-web", "reqwest"];
/// What adapters without a network or a database leave alone.
const LOCAL_ONLY: &[&str] = &["actix-web", "diesel", "reqwest"];

const fn rule(
    name: &'static str,
    uses: &'static [&'static str],
    tests_use: &'static [&'static str],
    never: &'static [&'static str],
) -> Rule {
    Rule {
        name,
        uses,
        tests_use,
        never,
    }
}

/// The architecture as a table, innermost crate first.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    rule("domain", &[], &[], NO_IO),
    rule("claude-wire", &[], &[], NO_IO),
    rule("ports", &["domain"], &[], NO_IO),
    rule("app", &["domain", "ports"], &["test-support"], TECHNOLOGIES),
    rule("sql-model", &["domain", "ports"], &[], NO_NETWORK),
    rule("sqlite-adapter", &["domain", "ports", "sql-model"], &["app", "contract-tests", "crypto-adapter", "test-support"], NO_NETWORK),
    rule("local-adapter", &["domain", "ports"], &["contract-tests", "test-support"], LOCAL_ONLY),
    rule("crypto-adapter", &["domain", "ports"], &["test-support"], LOCAL_ONLY),
    rule("demo-model", &["domain", "ports"], &["test-support"], LOCAL_ONLY),
    rule("claude-adapter", &["claude-wire", "domain", "ports"], &["claude-sim", "test-support"], &["diesel"]),
    rule("claude-sim", &["claude-wire"], &[], &["diesel"]),
    rule("http", &["app", "domain", "ports"], &["crypto-adapter", "test-support"], NO_STORE),
    rule(
        "server",
        &[
            "app", "claude-adapter", "crypto-adapter", "demo-model", "domain", "http",
            "local-adapter", "ports", "sqlite-adapter",
        ],
        &["claude-sim", "claude-wire", "test-support"],
        &["diesel"],
    ),
    rule("contract-tests", &["domain", "ports"], &[], LOCAL_ONLY),
    rule(
        "test-support",
        &[
            "app", "claude-sim", "crypto-adapter", "demo-model", "domain", "local-adapter",
            "ports", "sqlite-adapter",
        ],
        &[],
        &["diesel"],
    ),
    rule("xtask", &[], &[], NO_IO),
    // Plays the engine against everything that can go wrong.
    rule(
        "sim",
        &[
            "app", "claude-adapter", "claude-sim", "domain", "local-adapter", "ports",
            "sqlite-adapter", "test-support",
        ],
        &[],
        &["actix-web", "diesel", "reqwest"],
    ),
    // Looks at the service from outside only: it must not share a mistake with it.
    rule("crash", &["claude-sim"], &[], &["actix-web"]),
    rule(
        "bench",
        &[
            "app", "claude-adapter", "claude-sim", "claude-wire", "crypto-adapter", "demo-model",
            "domain", "http", "local-adapter", "ports", "server", "sqlite-adapter", "test-support",
        ],
        &[],
        &[],
    ),
];

/// Reads the workspace that the manifest belongs to and names every arrow that is not allowed, and
/// every crate that the table does not know.
///
/// # Errors
/// `cargo metadata` does not work here.
pub fn violations(manifest: &Path) -> anyhow::Result<Vec<String>> {
    let metadata = MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .other_options(vec!["--offline".to_owned()])
        .exec()
        .context("cargo metadata failed")?;
    Ok(metadata
        .packages
        .iter()
        .flat_map(|package| check(package, RULES))
        .collect())
}

/// Names what is wrong with one package.
#[must_use]
pub fn check(package: &Package, rules: &[Rule]) -> Vec<String> {
    let Some(rule) = rules
        .iter()
        .find(|rule| package.name.strip_prefix(PREFIX) == Some(rule.name))
    else {
        return vec![format!("{} is not in the table of crates", package.name)];
    };
    let wrong: BTreeSet<String> = package
        .dependencies
        .iter()
        .filter_map(|dependency| objection(rule, dependency))
        .collect();
    wrong.into_iter().collect()
}

fn objection(rule: &Rule, dependency: &Dependency) -> Option<String> {
    let for_tests = dependency.kind == DependencyKind::Development;
    let allowed = match dependency.name.strip_prefix(PREFIX) {
        Some(ours) => rule.uses.contains(&ours) || (for_tests && rule.tests_use.contains(&ours)),
        None => !rule.never.contains(&dependency.name.as_str()),
    };
    let place = if for_tests { " in its tests" } else { "" };
    (!allowed).then(|| {
        format!(
            "{PREFIX}{} must not use {}{place}",
            rule.name, dependency.name
        )
    })
}
