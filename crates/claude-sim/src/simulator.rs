//! Starting and stopping the simulator.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::{App, HttpServer, web};
use tokio::sync::oneshot;

use crate::bill::Bill;
use crate::clock::{Clock, SystemClock};
use crate::record::RecordedRequest;
use crate::server::{self, Peer, Settings, Shared};

/// Longer than any client keeps an idle connection, so that none is closed while a request is on its way.
const KEEP_ALIVE: Duration = Duration::from_mins(5);
const DEFAULT_MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// How a simulator shall behave. Begin with [`Simulator::builder`].
#[derive(Clone)]
#[must_use]
pub struct SimulatorBuilder {
    address: String,
    workers: usize,
    settings: Settings,
}

impl SimulatorBuilder {
    /// Sets the number that, with the conversation, decides what the models say. Default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Sets the real time before an answer begins. Default zero.
    pub fn first_token_delay(mut self, delay: Duration) -> Self {
        self.settings.timing.first_token = delay;
        self
    }

    /// Sets the real time between two text deltas. Default zero.
    pub fn pace(mut self, pace: Duration) -> Self {
        self.settings.timing.pace = pace;
        self
    }

    /// Sets the clock by which cache entries expire. Default: the machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.settings.clock = clock;
        self
    }

    /// Sets whether scenarios are obeyed. Default true.
    pub fn triggers(mut self, on: bool) -> Self {
        self.settings.triggers = on;
        self
    }

    /// Sets whether the latest 1,000 requests are kept. Default true.
    pub fn record(mut self, on: bool) -> Self {
        self.settings.record = on;
        self
    }

    /// Accepts this key, and from now on only keys that were named. Default: any key that is not empty.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.settings.keys.push(key.into());
        self
    }

    /// Sets the largest body in bytes. Default 32 MiB.
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_body_bytes = bytes;
        self
    }

    /// Sets where to listen, as `host:port`; port 0 takes a free one. Default `127.0.0.1:0`.
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }

    /// Sets the number of threads that serve. Default 1.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// Starts the simulator on a thread of its own. It accepts requests when this returns.
    ///
    /// # Errors
    ///
    /// Fails if the address cannot be bound or no thread can be started.
    pub async fn start(self) -> io::Result<Simulator> {
        let listener = TcpListener::bind(&self.address)?;
        let address = listener.local_addr()?;
        let shared = web::Data::new(Shared::new(self.settings));
        let (ready, started) = oneshot::channel();
        let state = shared.clone();
        let workers = self.workers;
        let thread = std::thread::Builder::new()
            .name("claude-sim".to_owned())
            .spawn(move || {
                actix_web::rt::System::new().block_on(async move {
                    let server = serve(listener, state, workers);
                    let handle = server.as_ref().map(Server::handle);
                    // Nobody waits any more if the start was given up.
                    let _ = ready.send(
                        handle.map_err(|error| io::Error::new(error.kind(), error.to_string())),
                    );
                    match server {
                        Ok(server) => server.await,
                        Err(_) => Ok(()),
                    }
                })
            })?;
        let handle = started
            .await
            .map_err(|_| io::Error::other("the simulator's thread ended at once"))??;
        Ok(Simulator {
            address,
            shared,
            handle,
            thread: Some(thread),
        })
    }
}

fn serve(listener: TcpListener, shared: web::Data<Shared>, workers: usize) -> io::Result<Server> {
    let app = move || {
        App::new()
            .app_data(shared.clone())
            .wrap(from_fn(server::identify))
            .configure(server::routes)
    };
    let server = HttpServer::new(app)
        .workers(workers)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(1)
        .disable_signals()
        .on_connect(|connection, data| {
            if let Some(stream) = connection.downcast_ref::<TcpStream>() {
                // Small events must not wait for the acknowledgement of earlier ones; without it they are only late.
                let _ = stream.set_nodelay(true);
                data.insert(Peer::of(stream));
            }
        })
        .listen(listener)?;
    Ok(server.run())
}

/// A running simulator. It stops when it is dropped, or in an orderly way with [`stop`](Self::stop).
pub struct Simulator {
    address: SocketAddr,
    shared: web::Data<Shared>,
    handle: ServerHandle,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Simulator {
    /// Begins to describe a simulator.
    pub fn builder() -> SimulatorBuilder {
        SimulatorBuilder {
            address: "127.0.0.1:0".to_owned(),
            workers: 1,
            settings: Settings {
                seed: 0,
                timing: crate::script::Timing::default(),
                triggers: true,
                record: true,
                clock: Arc::new(SystemClock),
                keys: Vec::new(),
                max_body_bytes: DEFAULT_MAX_BODY_BYTES,
            },
        }
    }

    /// Returns what clients use as the base URL: scheme, host and port, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Reads what was charged so far.
    #[must_use]
    pub fn bill(&self) -> Bill {
        self.shared.book.bill()
    }

    /// Reads the latest 1,000 requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.recorder.requests()
    }

    /// Forgets bill, requests, cached prompts and counted failures.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Stops: running answers are cut, then the port is free.
    pub async fn stop(mut self) {
        self.handle.stop(false).await;
        if let Some(thread) = self.thread.take() {
            // The thread has nothing left to do, so this wait is short; its result would only repeat the end.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // The order is given at once; only its confirmation would have to be awaited.
        drop(self.handle.stop(false));
    }
}
