//! The lionrocket binary.
fn main() {}
