//! Figures for Prometheus, on a listener of their own that the public never reaches.

use std::net::TcpListener;

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::Server,
    http::header,
    web::{self, Data},
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::{Failure, settings::Listen};

/// Bounds of the histograms of times, in seconds.
const SECONDS: [f64; 12] = [
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 10.0, 60.0,
];

/// The listener and what it shows.
pub(crate) struct Metrics {
    server: Server,
    figures: PrometheusHandle,
}

impl Metrics {
    /// Begins to count, and serves the figures at `/metrics`.
    pub(crate) fn start(listen: &Listen) -> Result<Self, Failure> {
        let Listen { host, port } = listen;
        let listener = TcpListener::bind((host.as_str(), *port)).map_err(|error| {
            Failure::Failed(format!(
                "cannot listen on {host}:{port} for figures ({error}): set METRICS_PORT to another \
                 number, or METRICS_HOST to an address of this machine"
            ))
        })?;
        let refused =
            |error| Failure::because("figures cannot be kept", &error as &dyn std::error::Error);
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .map_err(refused)?
            .build_recorder();
        let figures = recorder.handle();
        // A second one in this process finds the first, which counts as well.
        let _ = metrics::set_global_recorder(recorder);
        if let Ok(address) = listener.local_addr() {
            tracing::info!("figures for Prometheus are at http://{address}/metrics");
        }
        let shown = figures.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::new(shown.clone()))
                .route("/metrics", web::get().to(show))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .map_err(|error| Failure::because("the listener for figures cannot start", &error))?
        .run();
        Ok(Self { server, figures })
    }

    /// Serves until the end of the process, and keeps what was counted small.
    pub(crate) async fn serve(self) {
        let Self { server, figures } = self;
        let tidy = async {
            let mut tick = tokio::time::interval(std::time::Duration::from_secs(5));
            loop {
                tick.tick().await;
                figures.run_upkeep();
            }
        };
        tokio::select! {
            ended = server => {
                if let Err(error) = ended {
                    tracing::error!(%error, "the listener for figures failed");
                }
            }
            () = tidy => {}
        }
    }
}

async fn show(figures: Data<PrometheusHandle>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        ))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(figures.render())
}
