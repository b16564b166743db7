//! What was asked of the simulator.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Requests kept.
const KEPT_REQUESTS: usize = 1_000;
/// Larger bodies are not kept.
const LARGEST_BODY_BYTES: usize = 256 * 1024;

/// A request as it arrived, without its key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedRequest {
    /// The `request-id` of the response.
    pub request_id: String,
    /// Method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers with lower-case names; `x-api-key`, `authorization` and `cookie` are left out.
    pub headers: BTreeMap<String, String>,
    /// The body; null if there is none, if it is not JSON, or if it is larger than 256 KiB.
    pub body: Value,
    /// Size of the body in bytes.
    pub body_bytes: usize,
    /// Status of the response; none while it is being prepared.
    pub status: Option<u16>,
}

#[derive(Debug)]
struct Entry {
    request: RecordedRequest,
    /// Zero while there is no response.
    status: AtomicU16,
}

/// The latest requests.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    entries: Mutex<VecDeque<Arc<Entry>>>,
}

/// Notes the status of a recorded request.
#[derive(Debug)]
pub(crate) struct StatusNote(Arc<Entry>);

impl StatusNote {
    pub(crate) fn set(&self, status: u16) {
        self.0.status.store(status, Ordering::Release);
    }
}

impl Recorder {
    pub(crate) fn add(&self, mut request: RecordedRequest) -> StatusNote {
        if request.body_bytes > LARGEST_BODY_BYTES {
            request.body = Value::Null;
        }
        let entry = Arc::new(Entry {
            request,
            status: AtomicU16::new(0),
        });
        let mut entries = crate::lock(&self.entries);
        if entries.len() >= KEPT_REQUESTS {
            entries.pop_front();
        }
        entries.push_back(Arc::clone(&entry));
        StatusNote(entry)
    }

    /// Reads the latest requests, oldest first.
    pub(crate) fn requests(&self) -> Vec<RecordedRequest> {
        let entries = crate::lock(&self.entries).clone();
        let read = |entry: &Arc<Entry>| RecordedRequest {
            status: Some(entry.status.load(Ordering::Acquire)).filter(|status| *status != 0),
            ..entry.request.clone()
        };
        entries.iter().map(read).collect()
    }

    /// Forgets everything.
    pub(crate) fn reset(&self) {
        crate::lock(&self.entries).clear();
    }
}
