//! In-process clock, ids, task spawner, reply log and event bus.
