//! Everything that a browser loads: the web application, and the page that shows the API.

mod docs_page;
mod files;
mod spa;

pub(crate) use docs_page::configure as configure_docs;
pub(crate) use spa::{answer as web_app, method_not_allowed};
