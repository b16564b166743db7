//! What holds for a connection before its first request.

use std::{
    any::Any,
    collections::HashMap,
    net::{IpAddr, Shutdown},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::{dev::Extensions, rt::net::TcpStream};
use socket2::SockRef;

use crate::request::limit_key;

/// How long the other side may leave what was sent unacknowledged: a reader that has gone away, or
/// reads nothing, gives its connection back.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Counts connections by address, over all threads.
#[derive(Clone)]
pub(super) struct Connections {
    most: Option<usize>,
    open: Arc<Mutex<HashMap<String, usize>>>,
}

impl Connections {
    /// Allows at most so many of one address; `None` for any number.
    pub(super) fn new(most: Option<usize>) -> Self {
        Self {
            most,
            open: Arc::default(),
        }
    }

    /// Sets a new connection up, or closes it when its address has too many. What was counted is
    /// given back when the connection's data is dropped with it.
    pub(super) fn accept(&self, connection: &dyn Any, data: &mut Extensions) {
        let Some(stream) = connection.downcast_ref::<TcpStream>() else {
            return;
        };
        let socket = SockRef::from(stream);
        // Where a system does not know it, the connection works without.
        #[cfg(target_os = "linux")]
        let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        let Ok(peer) = stream.peer_addr() else { return };
        let Some(most) = self.most else { return };
        if let Some(place) = self.enter(peer.ip(), most) {
            data.insert(place);
        } else {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn enter(&self, address: IpAddr, most: usize) -> Option<Place> {
        let key = limit_key(address.to_canonical());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(key.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place {
            key,
            open: self.open.clone(),
        })
    }
}

/// One connection that is counted.
struct Place {
    key: String,
    open: Arc<Mutex<HashMap<String, usize>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use actix_web::{App, HttpServer};
    use tokio::sync::mpsc;

    use super::*;

    #[cfg(target_os = "linux")]
    #[actix_web::test]
    async fn a_client_that_acknowledges_nothing_is_given_up_by_the_system() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, mut told) = mpsc::unbounded_channel();
        for most in [None, Some(2)] {
            let connections = Connections::new(most);
            let tell = tell.clone();
            let server = HttpServer::new(App::new)
                .workers(1)
                .on_connect(move |connection, data| {
                    connections.accept(connection, data);
                    let stream = connection.downcast_ref::<TcpStream>().unwrap();
                    let timeout = SockRef::from(stream).tcp_user_timeout().unwrap();
                    tell.send(timeout).unwrap();
                })
                .disable_signals()
                .listen(listener.try_clone().unwrap())
                .unwrap()
                .run();
            let handle = server.handle();
            actix_web::rt::spawn(server);
            let stream = TcpStream::connect(address).await.unwrap();
            assert_eq!(told.recv().await, Some(Some(UNACKNOWLEDGED)));
            drop(stream);
            handle.stop(false).await;
        }
    }

    #[test]
    fn an_address_has_so_many_connections_and_no_more_until_one_ends() {
        let connections = Connections::new(Some(2));
        let enter = |address: &str| connections.enter(address.parse().unwrap(), 2);
        let first = enter("2001:db8::1").unwrap();
        let _second = enter("2001:db8::2").unwrap();
        assert!(enter("2001:db8::3").is_none());
        assert!(enter("192.0.2.1").is_some());
        drop(first);
        assert!(enter("2001:db8::3").is_some());
        assert_eq!(connections.open.lock().unwrap().len(), 1);
    }
}
