//! `lionrocket openapi`.

use super::print_line;
use crate::Failure;

/// Prints the description of the HTTP API.
pub(crate) fn run() -> Result<(), Failure> {
    print_line(lionrocket_http::openapi_json().trim_end())
}
