//! The Claude Messages API as a language model port.
