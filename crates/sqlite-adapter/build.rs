//! Builds the crate anew when a migration changes: the compiler does not see that they are embedded.

fn main() {
    println!("cargo::rerun-if-changed=../../migrations/sqlite");
}
