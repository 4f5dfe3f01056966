//! A WebSocket echo server on threads and blocking sockets: the smallest driver of the HTTP/1.x and WebSocket machines,
//! and the one that test suites such as Autobahn's are pointed at.
//!
//! `cargo run -p edgeway-http --example websocket_echo -- 127.0.0.1:9001`

use std::io::{self, IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};

use bytes::{Bytes, BytesMut};
use edgeway_base::Instant;
use edgeway_http::h1::machine::{ServerConnection, ServerEvent, ServerLimits};
use edgeway_http::semantics::{BodyLength, RequestHead, ResponseHead, Status};
use edgeway_http::websocket::deflate::MessageDeflater;
use edgeway_http::websocket::handshake;
use edgeway_http::websocket::machine::{WebSocketConnection, WebSocketEvent, WebSocketLimits};

/// Blocking sockets know no deadline, so time stands still here; a real driver passes its clock.
const NOW: Instant = Instant::ZERO;

/// Autobahn's largest message has 16 MB.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(&address)?;
    println!("echo on ws://{}/", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || match serve(stream) {
            Ok(()) => {}
            Err(error) => eprintln!("{error}"),
        });
    }
    Ok(())
}

/// One connection: requests until one of them is a handshake, then messages.
fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut server = ServerConnection::new(ServerLimits::default(), NOW);
    let mut head = RequestHead::default();
    loop {
        match server.poll_event(NOW, &mut head) {
            Some(ServerEvent::Request) => answer(&mut server, &head),
            Some(ServerEvent::Refused(refusal)) => {
                server.send_head(&ResponseHead::new(refusal.status), BodyLength::None);
            }
            Some(ServerEvent::Data(_) | ServerEvent::End(_)) => {}
            Some(ServerEvent::Closed) | None => {
                let written = write(&mut stream, |slices| server.output(slices))?;
                server.consume_output(NOW, written);
                if let Some(leftover) = server.take_tunnel() {
                    let compressed =
                        handshake::accept(&head, |_| false).is_ok_and(|head| handshake::is_compressed(&head));
                    return echo(stream, leftover, compressed);
                }
                if server.wants_close() {
                    return Ok(());
                }
                if server.output_length() == 0 && !read(&mut stream, server.input())? {
                    server.handle_end_of_input(NOW);
                }
                server.handle_input(NOW);
            }
        }
    }
}

fn answer(server: &mut ServerConnection, head: &RequestHead) {
    let response = if handshake::is_asked(head) {
        handshake::accept(head, |_| false).unwrap_or_else(handshake::refusal_head)
    } else {
        ResponseHead::new(Status::UPGRADE_REQUIRED)
    };
    server.send_head(&response, BodyLength::None);
}

fn echo(mut stream: TcpStream, leftover: Bytes, compressed: bool) -> io::Result<()> {
    let limits = WebSocketLimits { message_bytes_max: MESSAGE_BYTES_MAX, ..WebSocketLimits::default() };
    let mut socket = WebSocketConnection::server(limits, compressed, NOW);
    let mut deflater = MessageDeflater::new();
    let mut send = |socket: &mut WebSocketConnection, is_text, message: Bytes| match compressed {
        true => socket.send_deflated(is_text, deflater.deflate(&message)),
        false => socket.send_shared(is_text, message),
    };
    socket.input().extend_from_slice(&leftover);
    loop {
        match socket.poll_event(NOW) {
            Some(WebSocketEvent::Text(message)) => send(&mut socket, true, message),
            Some(WebSocketEvent::Binary(message)) => send(&mut socket, false, message),
            Some(_) => {}
            None => {
                while socket.output_length() > 0 {
                    let written = write(&mut stream, |slices| socket.output(slices))?;
                    socket.consume_output(written);
                }
                if socket.wants_close() {
                    return Ok(());
                }
                if !read(&mut stream, socket.input())? {
                    socket.handle_end_of_input();
                }
                socket.handle_input(NOW);
            }
        }
    }
}

/// Writes what `output` fills in, once; says how much.
fn write<'a>(stream: &mut TcpStream, output: impl FnOnce(&mut [IoSlice<'a>]) -> usize) -> io::Result<usize> {
    let mut slices = [IoSlice::new(&[]); 16];
    match output(&mut slices) {
        0 => Ok(0),
        filled => stream.write_vectored(&slices[..filled]),
    }
}

/// Reads once; says whether there was anything.
fn read(stream: &mut TcpStream, input: &mut BytesMut) -> io::Result<bool> {
    let before = input.len();
    input.resize(before + 64 * 1024, 0);
    let count = stream.read(&mut input[before..])?;
    input.truncate(before + count);
    Ok(count > 0)
}
