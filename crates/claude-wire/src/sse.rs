//! An incremental parser of `text/event-stream`.

use std::{borrow::Cow, collections::VecDeque};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// One server-sent event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SseEvent {
    /// Value of the last `event:` line, empty without one.
    pub name: String,
    /// The `data:` lines, joined by line feeds.
    pub data: String,
}

/// How much a stream may ask of memory. All in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SseLimits {
    /// Longest line, without its end.
    pub max_line_bytes: usize,
    /// Most data of one event.
    pub max_event_bytes: usize,
    /// Longest stream.
    pub max_total_bytes: usize,
}

impl Default for SseLimits {
    /// A line of 64 KiB, an event of 256 KiB, a stream of 1 MiB.
    fn default() -> Self {
        Self {
            max_line_bytes: 64 * 1024,
            max_event_bytes: 256 * 1024,
            max_total_bytes: 1024 * 1024,
        }
    }
}

/// A stream went over one of its [`SseLimits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// A line is too long.
    #[error("a line of the event stream exceeds {limit} bytes")]
    LineTooLong {
        /// Bytes allowed.
        limit: usize,
    },
    /// An event is too large.
    #[error("an event of the event stream exceeds {limit} bytes")]
    EventTooLarge {
        /// Bytes allowed.
        limit: usize,
    },
    /// The stream is too long.
    #[error("the event stream exceeds {limit} bytes")]
    StreamTooLong {
        /// Bytes allowed.
        limit: usize,
    },
}

/// Turns pieces of a byte stream into events, wherever the pieces are cut.
///
/// Lines end with `\n`, `\r\n` or `\r`; a leading byte order mark, comments and the fields `id` and `retry` are
/// skipped; several `data:` lines make one event. Bytes that are not UTF-8 become U+FFFD. An event without its closing
/// blank line is never given out.
///
/// ```
/// use lionrocket_claude_wire::SseParser;
///
/// let mut parser = SseParser::default();
/// parser.push(b"event: ping\r");
/// assert_eq!(parser.next_event(), Ok(None));
/// parser.push(b"\ndata: {}\r\n\r\n");
/// let event = parser.next_event().unwrap().unwrap();
/// assert_eq!((event.name.as_str(), event.data.as_str()), ("ping", "{}"));
/// ```
#[derive(Debug, Default)]
pub struct SseParser {
    limits: SseLimits,
    total_bytes: usize,
    /// The unfinished line.
    line: Vec<u8>,
    /// The last line ended with `\r`: a `\n` that follows belongs to it.
    skip_line_feed: bool,
    /// A byte order mark can only stand before the first line.
    past_first_line: bool,
    event: SseEvent,
    /// The event has at least one `data:` line, be it empty.
    has_data: bool,
    ready: VecDeque<SseEvent>,
    failure: Option<SseError>,
}

impl SseParser {
    /// Makes a parser with its own limits.
    #[must_use]
    pub fn new(limits: SseLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Takes the next piece of the stream. Fetch the events with [`next_event`](Self::next_event).
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failure.is_some() {
            return;
        }
        let room = self.limits.max_total_bytes - self.total_bytes;
        if let Some(allowed) = bytes.get(..room).filter(|_| bytes.len() > room) {
            // What still fits counts, so that the outcome does not depend on where the stream was cut.
            self.total_bytes += allowed.len();
            self.consume(allowed);
            self.fail(SseError::StreamTooLong {
                limit: self.limits.max_total_bytes,
            });
        } else {
            self.total_bytes += bytes.len();
            self.consume(bytes);
        }
    }

    /// Returns the next complete event, or `None` when more bytes are needed.
    ///
    /// # Errors
    ///
    /// Fails, from then on always, when the stream went over a limit. Events before that are given out first.
    pub fn next_event(&mut self) -> Result<Option<SseEvent>, SseError> {
        match (self.ready.pop_front(), self.failure) {
            (Some(event), _) => Ok(Some(event)),
            (None, Some(failure)) => Err(failure),
            (None, None) => Ok(None),
        }
    }

    fn consume(&mut self, mut bytes: &[u8]) {
        while self.failure.is_none() && !bytes.is_empty() {
            if std::mem::take(&mut self.skip_line_feed)
                && let [b'\n', rest @ ..] = bytes
            {
                bytes = rest;
                continue;
            }
            let mut parts = bytes.splitn(2, |byte| matches!(byte, b'\n' | b'\r'));
            let head = parts.next().unwrap_or_default();
            let tail = parts.next();
            if self.line.len() + head.len() > self.limits.max_line_bytes {
                self.fail(SseError::LineTooLong {
                    limit: self.limits.max_line_bytes,
                });
                return;
            }
            let Some(tail) = tail else {
                self.line.extend_from_slice(head);
                return;
            };
            self.skip_line_feed = bytes.get(head.len()) == Some(&b'\r');
            if self.line.is_empty() {
                self.end_line(head);
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(head);
                self.end_line(&line);
                line.clear();
                self.line = line;
            }
            bytes = tail;
        }
    }

    fn end_line(&mut self, mut line: &[u8]) {
        if !std::mem::replace(&mut self.past_first_line, true) {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        if line.is_empty() {
            self.end_event();
            return;
        }
        let mut parts = line.splitn(2, |&byte| byte == b':');
        let field = parts.next().unwrap_or_default();
        let value = parts.next().unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => self.event.name = readable(value).into_owned(),
            b"data" => self.add_data(&readable(value)),
            // `id` and `retry` serve reconnecting, which a paid request must never do by itself. An empty field
            // is a comment.
            _ => {}
        }
    }

    fn add_data(&mut self, value: &str) {
        if self.event.data.len() + value.len() >= self.limits.max_event_bytes {
            self.fail(SseError::EventTooLarge {
                limit: self.limits.max_event_bytes,
            });
            return;
        }
        if std::mem::replace(&mut self.has_data, true) {
            self.event.data.push('\n');
        }
        self.event.data.push_str(value);
    }

    fn end_event(&mut self) {
        let event = std::mem::take(&mut self.event);
        if std::mem::take(&mut self.has_data) {
            self.ready.push_back(event);
        }
    }

    fn fail(&mut self, failure: SseError) {
        // A line that broke its limit inside the last allowed bytes is the earlier failure.
        self.failure.get_or_insert(failure);
        self.line = Vec::new();
        self.event = SseEvent::default();
    }
}

/// The text of a field. What is UTF-8 is looked at only once, and much faster.
fn readable(value: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(value).map_or_else(|_| String::from_utf8_lossy(value), Cow::Borrowed)
}
