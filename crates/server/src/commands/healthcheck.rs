//! `lionrocket healthcheck`: for containers, which have no other program to ask with.

use std::{
    io::{self, Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs as _},
    time::Duration,
};

use crate::{
    Failure,
    settings::{Listen, RawSettings},
};

const TIMEOUT: Duration = Duration::from_secs(3);
/// More than a status line and its headers.
const ANSWER_BYTES: u64 = 4096;

/// Asks `/readyz` of the service that the settings describe.
pub(crate) fn run(settings: &RawSettings) -> Result<(), Failure> {
    let listen = settings.listen()?;
    let what = format!("no ready service at {}:{}", listen.host, listen.port);
    let status = ask(&listen).map_err(|error| Failure::because(&what, &error))?;
    if status == 200 {
        return Ok(());
    }
    Err(Failure::Failed(format!("{what}: it answers {status}")))
}

fn ask(listen: &Listen) -> io::Result<u16> {
    // A service that listens everywhere is asked here.
    let host = match listen.host.as_str() {
        "0.0.0.0" => "127.0.0.1",
        "::" => "::1",
        host => host,
    };
    let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in (host, listen.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => return status(stream, listen.port),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn status(mut stream: TcpStream, port: u16) -> io::Result<u16> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(
        stream,
        "GET /readyz HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer)?;
    let line = String::from_utf8_lossy(&answer);
    let code = line.split(' ').nth(1).and_then(|code| code.parse().ok());
    code.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it does not speak HTTP"))
}
