//! Names of headers and the API versions that exist.

/// Request: the API key. `authorization: Bearer KEY` is the other way to send it.
pub const API_KEY: &str = "x-api-key";
/// Request: the API version, required.
pub const VERSION: &str = "anthropic-version";
/// Response: the id of the request, equal to `request_id` of an error body.
pub const REQUEST_ID: &str = "request-id";
/// Response: seconds (fractions allowed) or an HTTP date to wait for.
pub const RETRY_AFTER: &str = "retry-after";
/// Response: milliseconds to wait for; goes before [`RETRY_AFTER`].
pub const RETRY_AFTER_MS: &str = "retry-after-ms";
/// Response: `true` or `false`; goes before what the status says about retrying.
pub const SHOULD_RETRY: &str = "x-should-retry";

/// The version that refuses sampling parameters.
pub const VERSION_2026_10_21: &str = "2026-10-21";
/// The first version.
pub const VERSION_2023_06_01: &str = "2023-06-01";
