//! Tables, rows and conversions that every SQL adapter shares.
