//! Builders, a settable clock, seeded ids and wait helpers for tests.
