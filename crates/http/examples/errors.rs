//! Prints docs/ERRORS.md.

fn main() {
    print!("{}", lionrocket_http::table_as_markdown());
}
