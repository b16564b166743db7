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
    /// When the next event must be there at the latest.
    next_due: Instant,
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
            next_due: first_due,
            between_events,
            deadline,
        }
    }

    /// The next event that means something to the port.
    pub(crate) async fn next(&mut self) -> Result<ModelEvent, Failure> {
        let next = self.read().await;
        // The time that the caller takes is not upstream's silence.
        self.next_due = Instant::now() + self.between_events;
        next.map_err(|mut failure| {
            if self.reply.has_started() {
                failure.retry = Retry::Never;
            }
            failure
        })
    }

    async fn read(&mut self) -> Result<ModelEvent, Failure> {
        loop {
            while let Some(event) = self
                .parser
                .next_event()
                .map_err(|error| Failure::unreadable(Fault::Limit(error)))?
            {
                self.next_due = Instant::now() + self.between_events;
                let event = StreamEvent::decode(&event)
                    .map_err(|error| Failure::unreadable(Fault::json(&error)))?;
                if let Some(event) = self.reply.take(event)? {
                    return Ok(event);
                }
            }
            let due = self.next_due.min(self.deadline);
            let chunk = timeout_at(due, self.response.chunk())
                .await
                .map_err(|_| Failure::silence())?;
            match chunk {
                Ok(Some(bytes)) => self.parser.push(&bytes),
                Ok(None) | Err(_) => return Err(Failure::cut()),
            }
        }
    }
}
