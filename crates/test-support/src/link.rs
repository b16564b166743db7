//! A network that fails on request.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    task::JoinSet,
    time::sleep,
};

/// As much as is carried at a time.
const PIECE_BYTES: usize = 16 * 1024;

/// How bytes are passed on.
#[derive(Clone, Copy, Debug, Default)]
pub enum Pace {
    /// As they come.
    #[default]
    Straight,
    /// So much later than they come.
    Late(Duration),
    /// Each by itself, with this wait in between.
    Bytewise(Duration),
}

/// How a connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// Both sides are hung up on, as if the other had done so.
    Close,
    /// Both sides get a reset.
    Reset,
    /// Both sides stay connected and hear nothing more, nor is anything taken from them.
    Silence,
}

/// What becomes of the bytes that go one way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Course {
    /// How they are passed on.
    pub pace: Pace,
    /// So many get through; when there is one more, the connection breaks.
    pub end: Option<(usize, Break)>,
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disturbance {
    /// From the client to the server.
    pub request: Course,
    /// From the server to the client.
    pub answer: Course,
}

impl Disturbance {
    /// Only so many bytes get to the server.
    #[must_use]
    pub fn of_request(after: usize, how: Break) -> Self {
        let request = Course {
            end: Some((after, how)),
            ..Course::default()
        };
        Self {
            request,
            ..Self::default()
        }
    }

    /// Only so many bytes get back from the server.
    #[must_use]
    pub fn of_answer(after: usize, how: Break) -> Self {
        let answer = Course {
            end: Some((after, how)),
            ..Course::default()
        };
        Self {
            answer,
            ..Self::default()
        }
    }

    /// Everything gets through, but like this.
    #[must_use]
    pub const fn of_pace(pace: Pace) -> Self {
        let course = Course { pace, end: None };
        Self {
            request: course,
            answer: course,
        }
    }
}

/// A way to a server. Connections over it break when it is dropped.
#[derive(Debug)]
pub struct FaultyLink {
    address: SocketAddr,
    disturbances: Arc<Mutex<VecDeque<Disturbance>>>,
    connections: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl FaultyLink {
    /// Lays a way to the server at `http://ADDRESS`. Nothing is disturbed yet.
    ///
    /// # Panics
    /// There is no address in the URL, or nothing can be listened on.
    #[expect(clippy::expect_used, reason = "a test without its link has failed")]
    pub async fn to(url: &str) -> Self {
        let server = url.trim_start_matches("http://").trim_end_matches('/');
        let server: SocketAddr = server.parse().expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let disturbances: Arc<Mutex<VecDeque<Disturbance>>> = Arc::default();
        let connections: Arc<AtomicUsize> = Arc::default();
        let mut task = JoinSet::new();
        task.spawn(listen(
            listener,
            server,
            Arc::clone(&disturbances),
            Arc::clone(&connections),
        ));
        Self {
            address,
            disturbances,
            connections,
            _task: task,
        }
    }

    /// Where the way begins, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Disturbs the next connection that is not yet spoken for.
    pub fn disturb(&self, disturbance: Disturbance) {
        let mut disturbances = self
            .disturbances
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        disturbances.push_back(disturbance);
    }

    /// Disturbs nothing more.
    pub fn calm(&self) {
        self.disturbances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

    /// How many connections there were.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn listen(
    listener: TcpListener,
    server: SocketAddr,
    disturbances: Arc<Mutex<VecDeque<Disturbance>>>,
    connections: Arc<AtomicUsize>,
) {
    let mut carried = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        connections.fetch_add(1, Ordering::SeqCst);
        let next = disturbances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        carried.spawn(async move {
            // A side that is gone has ended the connection by itself.
            let _ = carry(client, server, next.unwrap_or_default()).await;
        });
    }
}

/// Carries one connection to its end.
async fn carry(
    mut client: TcpStream,
    server: SocketAddr,
    disturbance: Disturbance,
) -> io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let broken = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let request = pass(from_client, to_server, disturbance.request);
        let answer = pass(from_server, to_client, disturbance.answer);
        tokio::pin!(request, answer);
        tokio::select! {
            broken = &mut request => match broken? {
                Some(broken) => Some(broken),
                None => answer.await?,
            },
            broken = &mut answer => match broken? {
                Some(broken) => Some(broken),
                None => request.await?,
            },
        }
    };
    match broken {
        None | Some(Break::Close) => {}
        Some(Break::Reset) => {
            client.set_zero_linger()?;
            server.set_zero_linger()?;
        }
        Some(Break::Silence) => std::future::pending().await,
    }
    Ok(())
}

/// Passes bytes on until they end or the connection breaks.
async fn pass(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    course: Course,
) -> io::Result<Option<Break>> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut passed = 0;
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            to.shutdown().await?;
            return Ok(None);
        }
        let (left, broken) = match course.end {
            Some((after, how)) if after - passed < length => (after - passed, Some(how)),
            _ => (length, None),
        };
        send(&mut to, &piece[..left], course.pace).await?;
        passed += left;
        if broken.is_some() {
            return Ok(broken);
        }
    }
}

async fn send(to: &mut WriteHalf<'_>, bytes: &[u8], pace: Pace) -> io::Result<()> {
    match pace {
        Pace::Straight => to.write_all(bytes).await,
        Pace::Late(time) => {
            sleep(time).await;
            to.write_all(bytes).await
        }
        Pace::Bytewise(time) => {
            for byte in bytes {
                to.write_all(&[*byte]).await?;
                if time.is_zero() {
                    tokio::task::yield_now().await;
                } else {
                    sleep(time).await;
                }
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that says the same whatever it hears, then listens to the end.
    async fn parrot(words: &'static [u8]) -> (String, JoinSet<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut task = JoinSet::new();
        task.spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let _ = connection.write_all(words).await;
            let mut heard = Vec::new();
            let _ = connection.read_to_end(&mut heard).await;
            heard.len()
        });
        (url, task)
    }

    async fn talk(disturbance: Disturbance) -> (Vec<u8>, io::Result<usize>, usize) {
        let (url, mut task) = parrot(b"hello").await;
        let link = FaultyLink::to(&url).await;
        link.disturb(disturbance);
        let mut client = TcpStream::connect(link.address).await.unwrap();
        client.write_all(b"good day").await.unwrap();
        client.shutdown().await.unwrap();
        let mut heard = Vec::new();
        let read = client.read_to_end(&mut heard).await;
        (heard, read, task.join_next().await.unwrap().unwrap())
    }

    #[tokio::test]
    async fn nothing_is_lost_unless_it_is_asked_for() {
        let fast = Pace::Bytewise(Duration::ZERO);
        for pace in [Pace::Straight, Pace::Late(Duration::from_millis(1)), fast] {
            let (heard, read, said) = talk(Disturbance::of_pace(pace)).await;
            assert!(read.is_ok());
            assert_eq!((heard.as_slice(), said), (&b"hello"[..], 8), "{pace:?}");
        }
    }

    #[tokio::test]
    async fn a_break_comes_after_so_many_bytes() {
        for after in 0..5 {
            let (heard, read, _) = talk(Disturbance::of_answer(after, Break::Close)).await;
            assert!(read.is_ok());
            assert_eq!(heard, b"hello"[..after]);
        }
        let (_, read, _) = talk(Disturbance::of_answer(2, Break::Reset)).await;
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        let (_, _, said) = talk(Disturbance::of_request(3, Break::Close)).await;
        assert_eq!(said, 3);
    }

    #[tokio::test]
    async fn silence_leaves_both_sides_connected() {
        let (url, mut task) = parrot(b"hello").await;
        let link = FaultyLink::to(&url).await;
        link.disturb(Disturbance::of_answer(2, Break::Silence));
        let mut client = TcpStream::connect(link.address).await.unwrap();
        let mut heard = [0; 2];
        client.read_exact(&mut heard).await.unwrap();
        let more = tokio::time::timeout(Duration::from_millis(50), client.read(&mut heard));
        assert!(more.await.is_err());
        assert!(task.try_join_next().is_none());
        drop(link);
        assert_eq!(client.read(&mut heard).await.unwrap_or(0), 0);
        task.join_next().await.unwrap().unwrap();
    }
}
