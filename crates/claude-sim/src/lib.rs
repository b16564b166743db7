//! An Anthropic-compatible server for tests and demonstrations: deterministic replies, exact billing, faults on request.
