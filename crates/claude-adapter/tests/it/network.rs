//! Where connections go, and what they show on the way.

use std::{env, io, process::Command, sync::Arc};

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use tokio::{io::AsyncReadExt, net::TcpListener};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        AlertDescription, Error as TlsError, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use crate::{
    stage::{BLOCK, END, START, STREAM, Stage, Step, answer, text},
    support::{model, read, request},
};

/// Set in the process that [`a_proxy_of_the_environment_is_not_used`] starts.
const CHILD_URL: &str = "LIONROCKET_TEST_UPSTREAM";

#[tokio::test]
async fn a_proxy_of_the_environment_is_not_used() {
    if let Some(url) = env::var_os(CHILD_URL) {
        let outcome = read(&model(&url.to_string_lossy()), request(&["Hi"])).await;
        assert_eq!(outcome.text(), "Hi.");
        return;
    }
    let mut proxy = Stage::start(vec![answer(500, "", "")]).await;
    let reply = [STREAM, START, BLOCK, &text("Hi."), END].concat();
    let mut upstream = Stage::start(vec![vec![Step::Send(reply)]]).await;
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", "network::a_proxy_of_the_environment_is_not_used"]);
    child.env(CHILD_URL, &upstream.url);
    for name in [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "all_proxy",
        "ALL_PROXY",
    ] {
        child.env(name, &proxy.url);
    }
    for name in ["no_proxy", "NO_PROXY"] {
        child.env_remove(name);
    }
    let output = tokio::task::spawn_blocking(move || child.output());
    let output = output.await.unwrap().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!((proxy.requests(), upstream.requests()), (0, 1));
}

#[tokio::test]
async fn nothing_is_told_to_a_server_that_does_not_speak_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let model = model(&url);
    let listen = async {
        let mut heard = Vec::new();
        for _ in 0..3 {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut bytes = vec![0; 4096];
            let length = connection.read(&mut bytes).await.unwrap();
            heard.push(bytes[..length].to_vec());
        }
        heard
    };
    let (outcome, heard) = tokio::join!(read(&model, request(&["my secret wish"])), listen);
    assert_eq!(outcome.code(), "upstream_failed");
    for bytes in heard {
        assert_eq!(bytes.first(), Some(&0x16), "a TLS handshake");
        let words = String::from_utf8_lossy(&bytes);
        assert!(!words.contains("sk-test-key") && !words.contains("secret"));
    }
}

/// A certificate for a name that nobody but itself vouches for, and its key.
fn certificate(name: &str, last_year: i32) -> ServerConfig {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(last_year, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap()
}

/// Why the client broke off the handshake.
fn alert(refusal: &io::Error) -> Option<AlertDescription> {
    match refusal.get_ref()?.downcast_ref::<TlsError>()? {
        TlsError::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

#[tokio::test]
async fn a_server_whose_certificate_is_not_vouched_for_is_told_nothing() {
    for (name, last_year) in [
        ("localhost", 2100),
        ("localhost", 2021),
        ("elsewhere", 2100),
    ] {
        let acceptor = TlsAcceptor::from(Arc::new(certificate(name, last_year)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let model = model(&format!("https://localhost:{port}"));
        let listen = async {
            for _ in 0..3 {
                let (connection, _) = listener.accept().await.unwrap();
                let refusal = match acceptor.accept(connection).await {
                    Ok(mut connection) => {
                        let mut bytes = [0; 1];
                        // The client looks at the certificate after the server's part is done.
                        connection.read_exact(&mut bytes).await.unwrap_err()
                    }
                    Err(refusal) => refusal,
                };
                assert!(alert(&refusal).is_some(), "{name} {last_year}: {refusal}");
            }
        };
        let (outcome, ()) = tokio::join!(read(&model, request(&["my secret wish"])), listen);
        assert_eq!(outcome.code(), "upstream_failed", "{name} {last_year}");
    }
}
