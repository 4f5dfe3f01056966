//! The application behind the proxy: small, slow where asked to be, and honest about what it received. Started by
//! the cases that proxy. One thread for each connection; the strangers of one case are few.
//!
//! | path | answer |
//! |---|---|
//! | `/seen` | JSON: the request line, fields and body length that arrived |
//! | `/echo` | the body that arrived |
//! | `/chunked` | five chunks with a pause between them |
//! | `/trailers` | a chunked body with a trailer field `X-Checksum` |
//! | `/hints` | 103 with a Link, then 200 |
//! | `/size/N` | N bytes |
//! | `/silent` | nothing for a minute |

use crate::process;
use anyhow::Result;
use std::io::{BufRead as _, BufReader, Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where the application listens. Its threads end with the process.
pub(crate) struct Application {
    pub(crate) address: SocketAddr,
    arrived: Arrived,
}

/// The request lines that arrived, in order.
type Arrived = Arc<Mutex<Vec<String>>>;

impl Application {
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let arrived = Arrived::default();
        let application = Self { address, arrived: Arc::clone(&arrived) };
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let arrived = Arc::clone(&arrived);
                // A broken connection is the client's choice; the next one is served all the same.
                std::thread::spawn(move || converse(socket, &arrived));
            }
        });
        Ok(application)
    }

    /// The request lines that arrived since this was last asked.
    pub(crate) fn take_arrived(&self) -> Vec<String> {
        std::mem::take(&mut *self.arrived.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// An address where nobody listens.
    pub(crate) fn nobody() -> Result<SocketAddr> {
        process::free_address()
    }
}

struct Request {
    line: String,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or("/")
    }
}

fn converse(socket: TcpStream, arrived: &Arrived) -> std::io::Result<()> {
    socket.set_nodelay(true)?;
    let mut writer = socket.try_clone()?;
    let mut reader = BufReader::new(socket);
    while let Some(request) = read_request(&mut reader, &mut writer)? {
        arrived.lock().unwrap_or_else(PoisonError::into_inner).push(request.line.clone());
        answer(&request, &mut writer)?;
        if request.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            break;
        }
    }
    Ok(())
}

fn read_request(reader: &mut BufReader<TcpStream>, writer: &mut TcpStream) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let fields = read_fields(reader)?;
    let mut request = Request { line: line.trim_end().to_owned(), fields, body: Vec::new() };
    if request.field("expect").is_some() {
        writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    if request.field("transfer-encoding").is_some() {
        request.body = read_chunks(reader)?;
    } else if let Some(length) = request.field("content-length").and_then(|value| value.parse::<u64>().ok()) {
        let mut body = Vec::new();
        reader.take(length).read_to_end(&mut body)?;
        request.body = body;
    }
    Ok(Some(request))
}

fn read_fields(reader: &mut BufReader<TcpStream>) -> std::io::Result<Vec<(String, String)>> {
    let mut fields = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => fields.push((name.to_ascii_lowercase(), value.trim().to_owned())),
            None => return Ok(fields),
        }
    }
}

fn read_chunks(reader: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = line.trim_end().split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(size, 16).map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
        if size == 0 {
            read_fields(reader)?;
            return Ok(body);
        }
        reader.by_ref().take(size).read_to_end(&mut body)?;
        reader.read_line(&mut line)?;
    }
}

fn answer(request: &Request, writer: &mut TcpStream) -> std::io::Result<()> {
    let path = request.path().split('?').next().unwrap_or_default();
    match path {
        "/seen" => plain(writer, "application/json", seen(request).as_bytes()),
        "/echo" => plain(writer, "application/octet-stream", &request.body),
        "/chunked" => {
            writer.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            for part in 1..=5 {
                write!(writer, "7\r\npart {part}\n\r\n")?;
                std::thread::sleep(Duration::from_millis(50));
            }
            writer.write_all(b"0\r\n\r\n")
        }
        "/trailers" => writer.write_all(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Checksum\r\n\r\n\
              5\r\nhello\r\n0\r\nX-Checksum: 5d41402a\r\n\r\n",
        ),
        "/hints" => {
            writer.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\n")?;
            std::thread::sleep(Duration::from_millis(50));
            plain(writer, "text/plain", b"after the hints\n")
        }
        "/silent" => {
            std::thread::sleep(Duration::from_secs(60));
            Ok(())
        }
        _ => match path.strip_prefix("/size/").and_then(|size| size.parse().ok()) {
            Some(size) => plain(writer, "application/octet-stream", &vec![b'x'; size]),
            None => writer.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        },
    }
}

fn plain(writer: &mut impl Write, media_type: &str, body: &[u8]) -> std::io::Result<()> {
    write!(writer, "HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n", body.len())?;
    writer.write_all(body)
}

fn seen(request: &Request) -> String {
    let fields: Vec<serde_json::Value> =
        request.fields.iter().map(|(name, value)| serde_json::json!([name, value])).collect();
    serde_json::json!({ "line": request.line, "fields": fields, "body": request.body.len() }).to_string()
}
