//! The log of the service, on standard output.

use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, Logging};

/// Begins to write the log. Only our own modules speak below the level of a warning: libraries tell
/// headers and bodies there.
pub(crate) fn start(logging: Logging) {
    let level = logging.level;
    let filter = EnvFilter::new(format!("warn,lionrocket={level},tracing_actix_web={level}"));
    let log = tracing_subscriber::fmt().with_env_filter(filter);
    // A second call finds the log begun already, which is as good.
    let _ = match logging.format {
        LogFormat::Text => log.with_ansi(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}
