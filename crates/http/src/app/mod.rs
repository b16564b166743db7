//! Putting routes and layers together, and running them.

mod connections;
mod hosts;
mod layers;
mod starting;

use std::{
    collections::BTreeMap,
    io,
    net::TcpListener,
    sync::{Arc, LazyLock},
    time::Duration,
};

use actix_web::{
    App, Error, HttpRequest, HttpResponse, HttpServer,
    body::BoxBody,
    dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::from_fn,
    web,
};
use utoipa_actix_web::AppExt;

pub use starting::serve_starting;

use self::connections::Connections;
use crate::{
    ApiState,
    description::openapi,
    problem::Problem,
    routes,
    web::{configure_docs, method_not_allowed, web_app},
};

/// Bounds of the server that an operator may set.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Threads that serve requests.
    pub workers: usize,
    /// Connections that each of them holds at most.
    pub max_connections_per_worker: usize,
    /// Connections that one address holds at most; `None` for any number, as behind a proxy.
    pub max_connections_per_address: Option<usize>,
    /// Connections that may wait to be accepted.
    pub backlog: u32,
    /// How long running requests may go on after a stop was asked for.
    pub shutdown_timeout: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        let workers = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            workers,
            max_connections_per_worker: 20_000 / workers,
            max_connections_per_address: Some(100),
            backlog: 4096,
            shutdown_timeout: Duration::from_secs(25),
        }
    }
}

/// Puts the whole application together, for a server or a test.
pub fn app(
    state: ApiState,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    >,
> {
    App::new()
        .into_utoipa_app()
        .app_data(web::Data::new(state))
        .configure(routes::configure)
        .map(|app| app.configure(configure_docs))
        .default_service(web::to(anything_else))
        .into_app()
        .wrap(from_fn(layers::gate))
        .wrap(from_fn(layers::outermost))
}

/// Serves the application on a listener until it is stopped by its handle. Signals are the caller's.
///
/// # Errors
/// The listener cannot be used.
pub fn serve(state: ApiState, listener: TcpListener, limits: ServerLimits) -> io::Result<Server> {
    let state = Arc::new(state);
    let connections = Connections::new(limits.max_connections_per_address);
    let server = HttpServer::new(move || app(ApiState::clone(&state)))
        .on_connect(move |connection, data| connections.accept(connection, data))
        .workers(limits.workers)
        .max_connections(limits.max_connections_per_worker)
        .backlog(limits.backlog)
        .client_request_timeout(Duration::from_secs(5))
        .client_disconnect_timeout(Duration::from_secs(1))
        .keep_alive(Duration::from_secs(30))
        // A word of a reply must not wait until the client has acknowledged the one before it.
        .tcp_nodelay(true)
        .shutdown_timeout(limits.shutdown_timeout.as_secs())
        .disable_signals()
        .listen(listener)?;
    Ok(server.run())
}

/// Methods by pattern of address, for the `Allow` header.
static METHODS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let paths = openapi().paths.paths.into_iter();
    paths
        .map(|(path, item)| {
            let methods = [
                ("GET", item.get.is_some()),
                ("POST", item.post.is_some()),
                ("PUT", item.put.is_some()),
                ("PATCH", item.patch.is_some()),
                ("DELETE", item.delete.is_some()),
            ];
            let known: Vec<_> = methods
                .into_iter()
                .filter_map(|(name, is_known)| is_known.then_some(name))
                .collect();
            (path, known.join(", "))
        })
        .collect()
});

/// Answers what no route answers: a known address with an unknown method, or the web application.
async fn anything_else(request: HttpRequest) -> Result<HttpResponse, Problem> {
    match request.match_pattern() {
        Some(pattern) => {
            let methods = METHODS.get(&pattern).map_or("GET, HEAD", String::as_str);
            Err(method_not_allowed(methods))
        }
        None => web_app(&request),
    }
}
