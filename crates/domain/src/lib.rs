//! Entities, ids, checked values and the pure rules of LionRocket.
//!
//! Nothing here waits, reads a clock, opens a file or knows a database: time and randomness are
//! arguments. That keeps every rule testable by itself and usable from other services.
//!
//! ```
//! use lionrocket_domain::text::{MessageText, TextError};
//!
//! // Characters are counted as code points after NFC, so decomposed Hangul counts by syllable.
//! let decomposed = "\u{1112}\u{1161}\u{11ab}".repeat(200);
//! assert_eq!(MessageText::parse(&decomposed, 200).unwrap().as_str().chars().count(), 200);
//!
//! let error = MessageText::parse(&"가".repeat(201), 200).unwrap_err();
//! assert_eq!(error, TextError::TooLong { limit: 200, actual: 201 });
//! ```

pub mod access;
pub mod account;
pub mod audit;
pub mod budget;
pub mod calendar;
pub mod catalog;
pub mod character;
pub mod chat;
pub mod ids;
pub mod macros;
pub mod page;
pub mod prompt;
pub mod statistics;
pub mod summary;
pub mod text;
pub mod turn;
pub mod usage;
pub mod window;
