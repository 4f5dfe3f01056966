//! A UDP socket that receives and sends many datagrams with one system call each (recvmmsg, sendmmsg). Opened by
//! [`super::listen`], adopted by a worker, driven by [`crate::drive::datagrams`].
//!
//! An answer leaves from the address its query came to, also on a host with several (IP_PKTINFO).
#![allow(unsafe_code)] // recvmmsg(2), sendmmsg(2) and IP_PKTINFO, which no safe library offers.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;
use std::task::{Context, Poll, ready};

use socket2::Socket;
use tokio::io::unix::AsyncFd;

use crate::drive::datagrams::{Answer, Batches};
use crate::limits::{DATAGRAM_ANSWER_BYTES, DATAGRAM_BATCH, DATAGRAM_BYTES, DATAGRAM_QUEUE_BYTES};

/// A bound UDP socket and the memory for one batch.
#[derive(Debug)]
pub struct BatchSocket {
    socket: AsyncFd<UdpSocket>,
    local: SocketAddr,
    batch: Batch,
}

/// What was received, and the answers to it that have not been sent.
struct Batch {
    input: Vec<u8>,
    output: Vec<u8>,
    /// Who sent each datagram.
    names: Vec<libc::sockaddr_storage>,
    /// To which of our addresses each was sent.
    controls: Vec<Control>,
    received: Vec<Received>,
    answers: Vec<Composed>,
    /// Answers before this one are sent.
    sent: usize,
    slices: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
}

/// Room for one `in6_pktinfo` with its header, aligned as cmsg(3) wants it.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; 64]);

#[derive(Clone, Copy)]
struct Received {
    bytes: usize,
    name_bytes: u32,
    control_bytes: usize,
}

/// An answer: to which datagram of the batch, and how long. It stands in the output slot of its own number.
#[derive(Clone, Copy)]
struct Composed {
    to: usize,
    bytes: usize,
}

// SAFETY: the raw pointers in `slices` and `headers` are written before each system call and read only by it.
unsafe impl Send for Batch {}

impl std::fmt::Debug for Batch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Batch({} received, {} answers)", self.received.len(), self.answers.len())
    }
}

impl BatchSocket {
    /// Takes over a bound UDP socket: one just opened, or one handed over by the process before us.
    pub fn adopt(socket: Socket) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        // A burst waits in the kernel while a batch is answered. Without the right to more, the system's limit holds.
        if rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, DATAGRAM_QUEUE_BYTES).is_err() {
            let _ = socket.set_recv_buffer_size(DATAGRAM_QUEUE_BYTES);
        }
        let local = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::InvalidInput)?;
        // RFC 9715 §3.1 R1: our answers carry no path MTU that a forged ICMP message could have shrunk. Where the
        // kernel does not know it, its own rule holds.
        let _ = match local {
            SocketAddr::V4(_) => set_option(&socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT),
            SocketAddr::V6(_) => {
                set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_OMIT)
            }
        };
        if local.ip().is_unspecified() {
            match local {
                SocketAddr::V4(_) => set_option(&socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?,
                SocketAddr::V6(_) => set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?,
            }
        }
        // SAFETY: a `UdpSocket` owns its descriptor, always names the same one, and closes it only when it is dropped.
        let socket = unsafe { AsyncFd::register(socket.into()) }?;
        Ok(Self { socket, local, batch: Batch::new() })
    }

    /// Where it is bound.
    pub const fn local_address(&self) -> SocketAddr {
        self.local
    }
}

impl Batches for BatchSocket {
    fn poll_batch(&mut self, context: &mut Context<'_>, answer: &mut Answer<'_>) -> Poll<io::Result<usize>> {
        ready!(self.poll_send(context))?;
        loop {
            let mut guard = ready!(self.socket.poll_read_ready(context))?;
            match guard.try_io(|socket| self.batch.receive(socket.get_ref())) {
                Ok(received) => {
                    received?;
                    break;
                }
                Err(_would_block) => {}
            }
        }
        self.batch.answer(answer);
        let count = self.batch.received.len();
        // What cannot leave now leaves before the next batch is received.
        match self.poll_send(context) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Ready(Ok(count)),
        }
    }
}

impl BatchSocket {
    /// Until every answer has left.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.batch.sent < self.batch.answers.len() {
            let mut guard = ready!(self.socket.poll_write_ready(context))?;
            if let Ok(sent) = guard.try_io(|socket| self.batch.send(socket.get_ref())) {
                sent?;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Batch {
    fn new() -> Self {
        // SAFETY: these are plain C structures for which all bytes zero is a value ("nothing").
        let (name, slice, header) = unsafe { (std::mem::zeroed(), std::mem::zeroed(), std::mem::zeroed()) };
        Self {
            input: vec![0; DATAGRAM_BATCH * DATAGRAM_BYTES],
            output: vec![0; DATAGRAM_BATCH * DATAGRAM_ANSWER_BYTES],
            names: vec![name; DATAGRAM_BATCH],
            controls: vec![Control([0; 64]); DATAGRAM_BATCH],
            received: Vec::with_capacity(DATAGRAM_BATCH),
            answers: Vec::with_capacity(DATAGRAM_BATCH),
            sent: 0,
            slices: vec![slice; DATAGRAM_BATCH],
            headers: vec![header; DATAGRAM_BATCH],
        }
    }

    /// Receives what is there, up to a batch.
    fn receive(&mut self, socket: &UdpSocket) -> io::Result<()> {
        self.received.clear();
        self.answers.clear();
        self.sent = 0;
        for (index, room) in self.input.chunks_exact_mut(DATAGRAM_BYTES).enumerate() {
            self.slices[index] = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: DATAGRAM_BYTES };
            let header = &mut self.headers[index].msg_hdr;
            header.msg_name = (&raw mut self.names[index]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as u32;
            header.msg_iov = &raw mut self.slices[index];
            header.msg_iovlen = 1;
            header.msg_control = (&raw mut self.controls[index]).cast();
            header.msg_controllen = size_of::<Control>();
            header.msg_flags = 0;
        }
        // SAFETY: every header points at a name, a slice and a control buffer of this batch that live through the call,
        // with their true lengths; the descriptor is open.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                DATAGRAM_BATCH as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        self.received.extend(self.headers[..count].iter().map(|header| Received {
            bytes: header.msg_len as usize,
            name_bytes: header.msg_hdr.msg_namelen,
            control_bytes: header.msg_hdr.msg_controllen,
        }));
        Ok(())
    }

    /// Has every received datagram answered into an output slot of its own.
    fn answer(&mut self, answer: &mut Answer<'_>) {
        for (index, received) in self.received.iter().enumerate() {
            let Some(from) = socket_address(&self.names[index]) else { continue };
            let datagram = &self.input[index * DATAGRAM_BYTES..][..received.bytes.min(DATAGRAM_BYTES)];
            let room = &mut self.output[self.answers.len() * DATAGRAM_ANSWER_BYTES..][..DATAGRAM_ANSWER_BYTES];
            if let Some(bytes) = answer(datagram, from, room) {
                self.answers.push(Composed { to: index, bytes: bytes.min(DATAGRAM_ANSWER_BYTES) });
            }
        }
    }

    /// Sends as many answers as the kernel takes.
    fn send(&mut self, socket: &UdpSocket) -> io::Result<()> {
        let first = self.sent;
        for (number, composed) in self.answers.iter().enumerate().skip(first) {
            let room = &mut self.output[number * DATAGRAM_ANSWER_BYTES..][..composed.bytes];
            self.slices[number] = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: composed.bytes };
            let received = self.received[composed.to];
            let header = &mut self.headers[number].msg_hdr;
            header.msg_name = (&raw mut self.names[composed.to]).cast();
            header.msg_namelen = received.name_bytes;
            header.msg_iov = &raw mut self.slices[number];
            header.msg_iovlen = 1;
            header.msg_control = (&raw mut self.controls[composed.to]).cast();
            header.msg_controllen = received.control_bytes;
            header.msg_flags = 0;
            forget_interface(header);
        }
        let count = self.answers.len() - first;
        // SAFETY: as in `receive`; the control buffers hold what the kernel wrote there.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.headers[first..].as_mut_ptr(),
                count as libc::c_uint,
                (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as _,
            )
        };
        match usize::try_from(sent) {
            Ok(sent) => self.sent += sent,
            Err(_) => {
                let error = io::Error::last_os_error();
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) {
                    return Err(error);
                }
                // This one cannot be sent (no route, a firewall's refusal): the others can.
                tracing::trace!(%error, "an answer could not be sent");
                self.sent += 1;
            }
        }
        Ok(())
    }
}

/// The route decides through which interface an answer leaves; only its source address is kept. Link-local addresses mean
/// nothing without their interface.
fn forget_interface(header: &mut libc::msghdr) {
    if header.msg_controllen == 0 {
        return;
    }
    // SAFETY: the control buffer holds `msg_controllen` bytes that the kernel wrote as whole control messages, aligned
    // as they must be; each is read as the structure that its level and type say.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while let Some(control) = message.as_ref() {
            match (control.cmsg_level, control.cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    (*libc::CMSG_DATA(message).cast::<libc::in_pktinfo>()).ipi_ifindex = 0;
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info = &mut *libc::CMSG_DATA(message).cast::<libc::in6_pktinfo>();
                    if !Ipv6Addr::from(info.ipi6_addr.s6_addr).is_unicast_link_local() {
                        info.ipi6_ifindex = 0;
                    }
                }
                _ => {}
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
}

fn socket_address(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match i32::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that it is a `sockaddr_in`, for which the storage has size and alignment.
            let four = unsafe { &*std::ptr::from_ref(storage).cast::<libc::sockaddr_in>() };
            let address = Ipv4Addr::from(u32::from_be(four.sin_addr.s_addr));
            Some(SocketAddrV4::new(address, u16::from_be(four.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: the family says that it is a `sockaddr_in6`, for which the storage has size and alignment.
            let six = unsafe { &*std::ptr::from_ref(storage).cast::<libc::sockaddr_in6>() };
            let address = Ipv6Addr::from(six.sin6_addr.s6_addr);
            Some(SocketAddrV6::new(address, u16::from_be(six.sin6_port), six.sin6_flowinfo, six.sin6_scope_id).into())
        }
        _ => None,
    }
}

fn set_option(socket: &Socket, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: the option's value is an int that lives through the call, and its size is told.
    let done = unsafe {
        let size = size_of::<libc::c_int>() as libc::socklen_t;
        libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), size)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
