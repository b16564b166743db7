//! The HTTP API: routes, views, errors, event streams, OpenAPI and the web application's files.
