//! Checks of the repository as a whole, for what no single crate can see.

pub mod crate_graph;
pub mod sources;
