//! Hands the listening sockets to a new process, so that a new version takes over without a connection refused or lost: the sockets
//! themselves go over, with every connection that waits in them. The old process then drains.
//!
//! The new process gets one end of a socket pair as its standard input, and [`VARIABLE`] set. Each message on it is JSON; a socket
//! travels with the message that names it. When the new process serves, it says so, and the old one stops accepting.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};

use edgeway_base::world::Address;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::{Deserialize, Serialize};
use socket2::Socket;

use super::sockets::Purpose;
use crate::limits::HANDOVER_MESSAGE_BYTES_MAX;

/// Set in a process that finds a handover on its standard input.
pub const VARIABLE: &str = "EDGEWAY_HANDOVER";

/// What the old process has for the new one.
pub struct Inheritance {
    /// Listening sockets.
    pub sockets: Vec<((Purpose, Address), Socket)>,
    /// Keys of session tickets, so that clients resume with the new process.
    pub tickets: Vec<u8>,
    heir: OwnedFd,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Message {
    /// A socket comes with this message.
    Socket { purpose: Purpose, address: String },
    /// That was all.
    Tickets(Vec<u8>),
    /// The new process serves.
    Ready,
}

/// Starts `program` with the words of our own command line and hands everything over. Blocks until the new process serves; an error
/// means that it does not, and that nothing has changed.
pub fn hand_over(program: &Path, sockets: &[((Purpose, Address), Socket)], tickets: &[u8]) -> io::Result<()> {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    let mut child = Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(VARIABLE, "1")
        .stdin(Stdio::from(theirs))
        .spawn()?;
    let handed = send_everything(&ours, sockets, tickets).and_then(|()| match receive(&ours)? {
        Some((Message::Ready, _)) => Ok(()),
        _ => Err(io::Error::other("the new process ended before it served")),
    });
    if handed.is_err() {
        // It holds our sockets but does not serve: connections must not wait in a process that ends.
        let _ = child.kill();
        let _ = child.wait();
    }
    handed
}

fn send_everything(channel: &OwnedFd, sockets: &[((Purpose, Address), Socket)], tickets: &[u8]) -> io::Result<()> {
    for ((purpose, address), socket) in sockets {
        let message = Message::Socket { purpose: *purpose, address: address.to_string() };
        send(channel, &message, Some(socket))?;
    }
    send(channel, &Message::Tickets(tickets.to_vec()), None)
}

/// What a process before us left; `None` when this process was started by a person.
pub fn inherit() -> io::Result<Option<Inheritance>> {
    if std::env::var_os(VARIABLE).is_none() {
        return Ok(None);
    }
    let heir = io::stdin().as_fd().try_clone_to_owned()?;
    let mut sockets = Vec::new();
    loop {
        match receive(&heir)? {
            Some((Message::Socket { purpose, address }, Some(descriptor))) => {
                sockets.push(((purpose, parse(&address)?), Socket::from(descriptor)));
            }
            Some((Message::Tickets(tickets), _)) => return Ok(Some(Inheritance { sockets, tickets, heir })),
            _ => return Err(io::Error::other("the process before broke off its handover")),
        }
    }
}

impl Inheritance {
    /// Tells the old process that we serve.
    pub fn ready(&self) -> io::Result<()> {
        send(&self.heir, &Message::Ready, None)
    }
}

fn parse(address: &str) -> io::Result<Address> {
    match address.strip_prefix("unix:") {
        Some(path) => Ok(Address::Unix(path.into())),
        None => address.parse().map(Address::Ip).map_err(io::Error::other),
    }
}

fn send(channel: &OwnedFd, message: &Message, socket: Option<&Socket>) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors = socket.map(|socket| [socket.as_fd()]);
    if let Some(descriptors) = &descriptors {
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    sendmsg(channel, &[IoSlice::new(&bytes)], &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// The next message and the socket that came with it; `None` when the other side is gone.
fn receive(channel: &OwnedFd) -> io::Result<Option<(Message, Option<OwnedFd>)>> {
    let mut bytes = vec![0; HANDOVER_MESSAGE_BYTES_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(channel, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let descriptor = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    Ok(Some((serde_json::from_slice(&bytes[..received.bytes])?, descriptor)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listening_socket_survives_the_journey() {
        let (here, there) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let socket = Socket::from(listener);
        let message = Message::Socket { purpose: Purpose::Http, address: address.to_string() };
        send(&here, &message, Some(&socket)).unwrap();
        drop(socket);
        let client = std::net::TcpStream::connect(address).expect("the socket lives in the message");
        let Some((Message::Socket { .. }, Some(descriptor))) = receive(&there).unwrap() else { panic!("no socket") };
        let listener: std::net::TcpListener = Socket::from(descriptor).into();
        assert_eq!(listener.accept().unwrap().1, client.local_addr().unwrap());
        drop(here);
        assert!(receive(&there).unwrap().is_none());
    }
}
