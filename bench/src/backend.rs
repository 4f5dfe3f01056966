//! The application behind the proxies: one thread, one epoll, answers made once. Started by `cargo xtask bench
//! http1 proxy1k proxy1m`, pinned beside the load. What it costs is not measured, but what it cannot deliver would
//! be: so it does nothing per request except find the end of the head and write a slice.

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use std::io::{ErrorKind, Read as _, Result, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;

/// Events taken from the kernel at once.
const EVENTS_MAX: usize = 512;

/// Bytes of one request head; a proxy's head is a few hundred.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// The token of the listener; connections count from zero.
const LISTENER: u64 = u64::MAX;

/// Prints `{"address":"127.0.0.1:PORT"}`, then answers for ever.
pub(crate) fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    println!("{}", serde_json::json!({ "address": listener.local_addr()?.to_string() }));
    std::io::stdout().flush()?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, epoll::EventData::new_u64(LISTENER), epoll::EventFlags::IN)?;
    let mut backend = Backend { epoll, listener, connections: Vec::new(), free: Vec::new(), answers: Answers::new() };
    let mut events = Vec::with_capacity(EVENTS_MAX);
    loop {
        events.clear();
        match epoll::wait(&backend.epoll, spare_capacity(&mut events), None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            backend.handle(event.data.u64())?;
        }
    }
}

struct Backend {
    epoll: OwnedFd,
    listener: TcpListener,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    answers: Answers,
}

impl Backend {
    fn handle(&mut self, token: u64) -> Result<()> {
        if token == LISTENER {
            return self.accept();
        }
        // A token is an index made below, and this program runs on 64 bits.
        let index = usize::try_from(token).unwrap_or(usize::MAX);
        let Some(Some(connection)) = self.connections.get_mut(index) else { return Ok(()) };
        if connection.advance(&self.answers).is_err() {
            // Dropping the socket takes it out of the epoll set.
            self.connections[index] = None;
            self.free.push(index);
        }
        Ok(())
    }

    fn accept(&mut self) -> Result<()> {
        loop {
            let (socket, _) = match self.listener.accept() {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            socket.set_nonblocking(true)?;
            socket.set_nodelay(true)?;
            let index = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.connections.len() - 1
            });
            let wanted = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
            epoll::add(&self.epoll, &socket, epoll::EventData::new_u64(index as u64), wanted)?;
            self.connections[index] = Some(Connection::new(socket));
        }
    }
}

/// Whole answers, head and body.
struct Answers {
    small: Vec<u8>,
    large: Vec<u8>,
}

impl Answers {
    fn new() -> Self {
        Self { small: answer(1024), large: answer(1024 * 1024) }
    }

    fn whole(&self, size: Size) -> &[u8] {
        match size {
            Size::Small => &self.small,
            Size::Large => &self.large,
        }
    }
}

#[derive(Clone, Copy)]
enum Size {
    Small,
    Large,
}

impl Size {
    /// `/1m` within the request line asks for the large one; an edge may have put a prefix before it.
    fn asked_by(head: &[u8]) -> Self {
        if head.windows(4).take(32).any(|window| window == b"/1m ") { Self::Large } else { Self::Small }
    }
}

fn answer(length: usize) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n");
    let mut whole = head.into_bytes();
    whole.extend((0..length).map(|at| b'a' + u8::try_from(at % 26).unwrap_or(0)));
    whole
}

struct Connection {
    socket: TcpStream,
    received: Vec<u8>,
    /// What is still to be written: which answer and from where.
    writing: Option<Writing>,
}

struct Writing {
    size: Size,
    from: usize,
}

impl Connection {
    fn new(socket: TcpStream) -> Self {
        Self { socket, received: Vec::with_capacity(1024), writing: None }
    }

    /// Does all that the socket allows now. An error means that the connection is over, whoever ended it.
    fn advance(&mut self, answers: &Answers) -> Result<()> {
        loop {
            if !self.write(answers)? {
                return Ok(());
            }
            if let Some(end) = head_end(&self.received) {
                let size = Size::asked_by(&self.received[..end]);
                self.received.drain(..end);
                self.writing = Some(Writing { size, from: 0 });
            } else if !self.read()? {
                return Ok(());
            }
        }
    }

    /// False where the socket takes no more for now.
    fn write(&mut self, answers: &Answers) -> Result<bool> {
        while let Some(writing) = &mut self.writing {
            let whole = answers.whole(writing.size);
            match self.socket.write(&whole[writing.from..]) {
                Ok(count) => writing.from += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
            if writing.from == whole.len() {
                self.writing = None;
            }
        }
        Ok(true)
    }

    /// False where nothing more is there for now.
    fn read(&mut self) -> Result<bool> {
        if self.received.len() > HEAD_BYTES_MAX {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut buffer = [0; 4096];
        match self.socket.read(&mut buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.received.extend_from_slice(&buffer[..count]);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Where the first request head ends; bodies are not sent to this backend.
fn head_end(received: &[u8]) -> Option<usize> {
    received.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}
