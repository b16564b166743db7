//! The `lionrocket` binary. See `lionrocket --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    lionrocket_server::run()
}
