//! Where connections go, and what they show on the way.

use std::{env, process::Command};

use tokio::{io::AsyncReadExt, net::TcpListener};

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
