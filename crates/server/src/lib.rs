//! The lionrocket binary: settings, wiring, lifecycle and commands.
