//! Connections: how many there may be, and how long each may take.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long the server waits after it could not accept a connection, for example because all file
/// descriptors are in use. Without a pause it would try again as fast as it can.
const PAUSE: Duration = Duration::from_millis(100);

/// Limits on clients.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Maximum connections at a time. One more closes the oldest.
    pub max_connections: usize,
    /// Maximum time from the acceptance of a connection to the end of its answer.
    pub max_time: Duration,
}

impl Limits {
    /// A browser opens some six connections at a time; the largest file takes seconds in a slow
    /// network.
    pub const DEFAULT: Self = Self { max_connections: 64, max_time: Duration::from_secs(60) };
}

/// A connection that must be finished by a deadline.
#[derive(Debug)]
pub struct Timed<S> {
    stream: S,
    deadline: Instant,
}

impl Timed<TcpStream> {
    /// The time that is left.
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

impl Read for Timed<TcpStream> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer)
    }
}

impl Write for Timed<TcpStream> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// The connections that are open, the oldest first, each with its number.
type Open = Arc<Mutex<VecDeque<(u64, TcpStream)>>>;

/// Calls `answer` with each connection, in a thread of its own, until the listener is closed.
pub fn serve(
    listener: &TcpListener,
    limits: Limits,
    answer: impl Fn(Timed<TcpStream>) + Clone + Send + 'static,
) {
    let open = Open::default();
    for (number, stream) in (0..).zip(listener.incoming()) {
        let accepted = stream.and_then(|stream| Ok((stream.try_clone()?, stream)));
        let Ok((handle, stream)) = accepted else {
            thread::sleep(PAUSE);
            continue;
        };
        {
            let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
            while open.len() >= limits.max_connections.max(1) {
                if let Some((_, oldest)) = open.pop_front() {
                    // Its thread notices. One that is closed already needs no closing.
                    let _ = oldest.shutdown(Shutdown::Both);
                }
            }
            open.push_back((number, handle));
        }
        let (answer, open) = (answer.clone(), Arc::clone(&open));
        let timed = Timed { stream, deadline: Instant::now() + limits.max_time };
        thread::spawn(move || {
            answer(timed);
            let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
            open.retain(|(other, _)| *other != number);
        });
    }
}
