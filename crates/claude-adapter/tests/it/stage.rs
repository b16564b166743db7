//! A server that sends prepared bytes and tells what it hears.

use std::{collections::BTreeMap, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinSet,
};

/// The head of a stream that ends when the connection does.
pub(crate) const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nrequest-id: req_01STAGE\r\nconnection: close\r\n\r\n";
pub(crate) const START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-haiku-5-5\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":38,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":1450,\"output_tokens\":1}}}\n\n";
pub(crate) const BLOCK: &str = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
pub(crate) const PING: &str = "event: ping\ndata: {\"type\":\"ping\"}\n\n";
pub(crate) const END: &str = "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":14}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

/// The event that adds a text.
pub(crate) fn text(text: &str) -> String {
    let data = serde_json::json!({"type": "content_block_delta", "index": 0,
        "delta": {"type": "text_delta", "text": text}});
    format!("event: content_block_delta\ndata: {data}\n\n")
}

/// An answer that is not a stream.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Vec<Step> {
    let length = body.len();
    vec![Step::Send(format!(
        "HTTP/1.1 {status} Somehow\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    ))]
}

/// What the server does on one connection, after it read the request. At the end it hangs up.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Sends this.
    Send(String),
    /// Sends this byte by byte.
    Drip(String),
    /// Sends nothing for a while.
    Pause(Duration),
    /// Sends nothing more until the client hangs up.
    Stay,
}

/// What the server heard.
#[derive(Debug)]
pub(crate) enum Heard {
    /// A request.
    Request {
        line: String,
        /// By lower-case name.
        headers: BTreeMap<String, String>,
        body: String,
    },
    /// The client hung up before the answer ended.
    HungUp,
}

/// A running server.
pub(crate) struct Stage {
    pub(crate) url: String,
    heard: UnboundedReceiver<Heard>,
    _task: JoinSet<()>,
}

impl Stage {
    /// Answers the first connection with the first list, and so on; further ones are refused.
    pub(crate) async fn start(answers: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, heard) = unbounded_channel();
        let mut task = JoinSet::new();
        task.spawn(async move {
            for steps in answers {
                let (connection, _) = listener.accept().await.unwrap();
                connection.set_nodelay(true).unwrap();
                if serve(connection, steps, &tell).await.is_err() {
                    let _ = tell.send(Heard::HungUp);
                }
            }
        });
        Self {
            url,
            heard,
            _task: task,
        }
    }

    /// Waits for what is heard next.
    pub(crate) async fn hear(&mut self) -> Heard {
        tokio::time::timeout(Duration::from_secs(10), self.heard.recv())
            .await
            .expect("the server hears something")
            .expect("the server runs")
    }

    /// How many requests were heard since the last look.
    pub(crate) fn requests(&mut self) -> usize {
        let mut count = 0;
        while let Ok(heard) = self.heard.try_recv() {
            count += usize::from(matches!(heard, Heard::Request { .. }));
        }
        count
    }
}

async fn serve(
    mut connection: TcpStream,
    steps: Vec<Step>,
    tell: &UnboundedSender<Heard>,
) -> std::io::Result<()> {
    let request = read_request(&mut connection).await?;
    let _ = tell.send(request);
    for step in steps {
        match step {
            Step::Send(text) => connection.write_all(text.as_bytes()).await?,
            Step::Drip(text) => {
                for byte in text.bytes() {
                    connection.write_all(&[byte]).await?;
                    tokio::task::yield_now().await;
                }
            }
            Step::Pause(time) => tokio::time::sleep(time).await,
            Step::Stay => {
                let mut rest = [0; 64];
                while connection.read(&mut rest).await? > 0 {}
                return Err(std::io::ErrorKind::ConnectionAborted.into());
            }
        }
    }
    Ok(())
}

async fn read_request(connection: &mut TcpStream) -> std::io::Result<Heard> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if connection.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default().to_owned();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers["content-length"].parse().unwrap();
    while bytes.len() < head_end + 4 + length {
        if connection.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    let body = String::from_utf8_lossy(&bytes[head_end + 4..]).into_owned();
    Ok(Heard::Request {
        line,
        headers,
        body,
    })
}
