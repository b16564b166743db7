//! Notices that a client has left while nothing is being sent to it.
//!
//! The server itself only finds out when it writes. A reply that is waited for must not go on, and must not be charged
//! any further, when nobody is there.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::rt::net::TcpStream;
use actix_web::rt::time::sleep;

/// The connection is cut, by its client or by a scenario.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut")]
pub(crate) struct Cut;

/// The other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    #[cfg(unix)]
    socket: Option<Arc<std::os::fd::OwnedFd>>,
}

impl Peer {
    /// Remembers a new connection.
    pub(crate) fn of(stream: &TcpStream) -> Self {
        #[cfg(unix)]
        {
            use std::os::fd::AsFd;
            let socket = stream.as_fd().try_clone_to_owned().ok().map(Arc::new);
            Self { socket }
        }
        #[cfg(not(unix))]
        {
            let _ = stream;
            Self {}
        }
    }

    /// Returns the peer of a request's connection.
    pub(super) fn of_request(request: &HttpRequest) -> Option<Self> {
        request.conn_data::<Self>().cloned()
    }

    /// Opens a second handle on the connection, to look at it without reading from it.
    #[cfg(unix)]
    fn watch(&self) -> Option<TcpStream> {
        let socket = self.socket.as_ref()?.try_clone().ok()?;
        TcpStream::from_std(std::net::TcpStream::from(socket)).ok()
    }

    /// Waits until the client has closed its side.
    #[cfg(unix)]
    async fn gone(&self) {
        if let Some(stream) = self.watch()
            && matches!(stream.peek(&mut [0]).await, Ok(0) | Err(_))
        {
            return;
        }
        // What can be read is the next request: the client is there.
        std::future::pending::<()>().await;
    }

    #[cfg(not(unix))]
    async fn gone(&self) {
        std::future::pending::<()>().await;
    }
}

/// Waits.
///
/// # Errors
///
/// Fails as soon as the client is gone.
pub(super) async fn pause(time: Duration, peer: Option<&Peer>) -> Result<(), Cut> {
    if time.is_zero() {
        return Ok(());
    }
    let Some(peer) = peer else {
        sleep(time).await;
        return Ok(());
    };
    tokio::select! {
        () = sleep(time) => Ok(()),
        () = peer.gone() => Err(Cut),
    }
}
