//! Reads the stream of an accepted request.

use std::time::Duration;

use lionrocket_claude_wire::{SseParser, StreamEvent};
use lionrocket_ports::model::ModelEvent;
use reqwest::Response;
use tokio::time::{Instant, timeout_at};

use crate::{
    failure::{Failure, Fault, Retry},
    reply::Reply,
};

/// The stream of an accepted request. Dropping it closes the request.
pub(crate) struct Reader {
    response: Response,
    parser: SseParser,
    reply: Reply,
    /// When the first event must be there at the latest; `None` once it was waited for.
    first_due: Option<Instant>,
    between_events: Duration,
    deadline: Instant,
}

impl Reader {
    /// Reads a response whose first event must come until `first_due` and whose last one until
    /// `deadline`.
    pub(crate) fn new(
        response: Response,
        first_due: Instant,
        between_events: Duration,
        deadline: Instant,
    ) -> Self {
        Self {
            response,
            parser: SseParser::default(),
            reply: Reply::default(),
            first_due: Some(first_due),
            between_events,
            deadline,
        }
    }

    /// The next event that means something to the port.
    pub(crate) async fn next(&mut self) -> Result<ModelEvent, Failure> {
        // Counted from here: the time that the caller took is not upstream's silence.
        let due = self.first_due.take().unwrap_or_else(|| self.next_due());
        self.read(due).await.map_err(|mut failure| {
            if self.reply.has_output() {
                failure.retry = Retry::Never;
            }
            failure
        })
    }

    fn next_due(&self) -> Instant {
        Instant::now() + self.between_events
    }

    async fn read(&mut self, mut due: Instant) -> Result<ModelEvent, Failure> {
        loop {
            while let Some(event) = self
                .parser
                .next_event()
                .map_err(|error| Failure::unreadable(Fault::Limit(error)))?
            {
                due = self.next_due();
                let event = StreamEvent::decode(&event)
                    .map_err(|error| Failure::unreadable(Fault::json(&error)))?;
                if let Some(event) = self.reply.take(event)? {
                    return Ok(event);
                }
            }
            let chunk = timeout_at(due.min(self.deadline), self.response.chunk())
                .await
                .map_err(|_| Failure::silence())?;
            match chunk {
                Ok(Some(bytes)) => self.parser.push(&bytes),
                Ok(None) | Err(_) => return Err(Failure::cut()),
            }
        }
    }
}
