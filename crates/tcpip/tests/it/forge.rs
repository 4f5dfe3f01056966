//! A peer played by hand: one host, and packets written field by field.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use edgeway_base::Instant;
use edgeway_tcpip::tcp::{ListenerId, ListenerSettings, State, TcpId, TcpSettings};
use edgeway_tcpip::wire::ipv4::{Ipv4Header, protocol};
use edgeway_tcpip::wire::sequence::SequenceNumber;
use edgeway_tcpip::wire::tcp::{Flags, TcpHeader};
use edgeway_tcpip::wire::tcp_options::TcpOptions;
use edgeway_tcpip::{Host, InterfaceSettings, Packet};

use crate::world::{LINK, host, ip};

pub(crate) const ACK: Flags = Flags::ACK;
pub(crate) const SYN: Flags = Flags::SYN;
pub(crate) const FIN: Flags = Flags::FIN;
pub(crate) const RST: Flags = Flags::RST;

/// 10.0.0.1 under test, against 10.0.0.2 by hand. Numbers count from each side's SYN.
pub(crate) struct Bench {
    pub(crate) now: Instant,
    pub(crate) host: Host,
    pub(crate) ours: u32,
    pub(crate) theirs: u32,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) options: TcpOptions,
    pub(crate) listener: Option<ListenerId>,
}

/// A segment the host sent.
#[derive(Clone, Debug)]
pub(crate) struct Out {
    pub(crate) header: TcpHeader,
    pub(crate) payload: Bytes,
    pub(crate) traffic_class: u8,
}

pub(crate) fn ipv4(source: IpAddr, destination: IpAddr, protocol: u8, class: u8, body: &[u8]) -> Packet {
    let (IpAddr::V4(source), IpAddr::V4(destination)) = (source, destination) else { panic!("IPv4 only") };
    let header = Ipv4Header {
        traffic_class: class,
        total_length: (20 + body.len()) as u16,
        identification: 1,
        dont_fragment: true,
        more_fragments: false,
        fragment_offset: 0,
        time_to_live: 64,
        protocol,
        source,
        destination,
        header_length: 20,
        source_routed: false,
    };
    let mut bytes = header.encode().to_vec();
    bytes.extend(body);
    Packet::from_bytes(bytes.into())
}

impl Bench {
    pub(crate) fn new() -> Self {
        let now = Instant::from_millis(1_000_000);
        Self {
            now,
            host: host(now, 1, InterfaceSettings::ip()),
            ours: 0,
            theirs: 7_000_000,
            local: SocketAddr::new(ip(1), 80),
            remote: SocketAddr::new(ip(2), 5000),
            options: TcpOptions::default(),
            listener: None,
        }
    }

    pub(crate) fn listening(settings: TcpSettings) -> Self {
        let mut bench = Self::new();
        let settings = ListenerSettings { port: Some(80), tcp: settings, ..ListenerSettings::default() };
        bench.listener = Some(bench.host.tcp_listen(settings).unwrap());
        bench
    }

    /// A passive connection, established; our sequence numbers are learnt from the SYN-ACK.
    pub(crate) fn established(settings: TcpSettings) -> (Self, TcpId) {
        Self::established_with(settings, TcpOptions::default(), 65_535)
    }

    pub(crate) fn established_with(settings: TcpSettings, options: TcpOptions, window: u16) -> (Self, TcpId) {
        let mut bench = Self::listening(settings);
        bench.options = options;
        bench.send(SYN, 0, 0, b"");
        bench.options = TcpOptions { timestamps: options.timestamps, ..TcpOptions::default() };
        let answer = bench.one();
        assert_eq!(answer.header.flags.without(Flags::ECE), SYN | ACK);
        bench.ours = answer.header.sequence.0;
        bench.send_window(ACK, 1, 1, b"", window);
        let id = bench.host.tcp_accept(bench.listener.unwrap()).unwrap();
        assert!(bench.all().is_empty());
        (bench, id)
    }

    /// SYN-SENT.
    pub(crate) fn connecting(settings: TcpSettings) -> (Self, TcpId, Out) {
        let mut bench = Self::new();
        bench.remote = SocketAddr::new(ip(2), 80);
        let id = bench.host.tcp_connect(bench.now, bench.remote, None, settings).unwrap();
        let syn = bench.one();
        bench.local = SocketAddr::new(ip(1), syn.header.source_port);
        bench.ours = syn.header.sequence.0;
        (bench, id, syn)
    }

    pub(crate) fn wait(&mut self, duration: Duration) {
        let until = self.now + duration;
        while let Some(next) = self.host.poll_timeout().filter(|next| *next <= until) {
            self.now = self.now.max(next);
            self.host.handle_timeout(self.now);
            if self.host.tcp().census().0 == 0 {
                break;
            }
        }
        self.now = until;
    }

    pub(crate) fn header(&self, flags: Flags, sequence: i64, acknowledgement: i64, window: u16) -> TcpHeader {
        TcpHeader {
            source_port: self.remote.port(),
            destination_port: self.local.port(),
            sequence: SequenceNumber(self.theirs.wrapping_add(sequence as u32)),
            acknowledgement: SequenceNumber(match flags.has(ACK) {
                true => self.ours.wrapping_add(acknowledgement as u32),
                false => 0,
            }),
            flags,
            window,
            urgent: 0,
            options: self.options,
        }
    }

    pub(crate) fn send(&mut self, flags: Flags, sequence: i64, acknowledgement: i64, payload: &[u8]) {
        self.send_window(flags, sequence, acknowledgement, payload, 65_535);
    }

    pub(crate) fn send_window(&mut self, flags: Flags, sequence: i64, ack: i64, payload: &[u8], window: u16) {
        let header = self.header(flags, sequence, ack, window);
        self.send_header(&header, payload, 0);
    }

    pub(crate) fn send_header(&mut self, header: &TcpHeader, payload: &[u8], class: u8) {
        let encoded = header.encode(self.remote.ip(), self.local.ip(), Some(payload));
        let mut body = encoded.as_slice().to_vec();
        body.extend(payload);
        let packet = ipv4(self.remote.ip(), self.local.ip(), protocol::TCP, class, &body);
        self.host.handle_input(self.now, LINK, packet);
        self.host.check().unwrap();
    }

    /// Everything the host wants to send now.
    pub(crate) fn all(&mut self) -> Vec<Out> {
        let mut out = Vec::new();
        while let Some((_, packet)) = self.host.poll_output(self.now) {
            let bytes = packet.to_bytes();
            let Ok(ip) = Ipv4Header::decode(&bytes) else { continue };
            if ip.protocol != protocol::TCP {
                continue;
            }
            let (header, length) = TcpHeader::decode(&bytes[20..]).unwrap();
            assert!(TcpHeader::verify(ip.source.into(), ip.destination.into(), &bytes[20..], b""));
            out.push(Out { header, payload: bytes.slice(20 + length..), traffic_class: ip.traffic_class });
            assert!(out.len() < 100_000, "an endless answer");
        }
        self.host.check().unwrap();
        out
    }

    pub(crate) fn one(&mut self) -> Out {
        let mut all = self.all();
        assert_eq!(all.len(), 1, "{all:#?}");
        all.remove(0)
    }

    pub(crate) fn silent(&mut self, what: &str) {
        let all = self.all();
        assert!(all.is_empty(), "{what}: {all:#?}");
    }

    /// A bare acknowledgement at these numbers.
    pub(crate) fn acknowledges(&mut self, sequence: u32, acknowledgement: u32, what: &str) {
        let out = self.one();
        assert_eq!(out.header.flags, ACK, "{what}");
        assert_eq!(self.numbers(&out), (sequence, acknowledgement), "{what}");
        assert!(out.payload.is_empty(), "{what}");
    }

    pub(crate) fn numbers(&self, out: &Out) -> (u32, u32) {
        (out.header.sequence.0.wrapping_sub(self.ours), out.header.acknowledgement.0.wrapping_sub(self.theirs))
    }

    pub(crate) fn state(&self, id: TcpId) -> State {
        self.host.tcp_connection(id).map_or(State::Closed, |connection| connection.state())
    }

    pub(crate) fn read(&mut self, id: TcpId) -> Vec<u8> {
        let mut buffer = vec![0; 200_000];
        match self.host.tcp_read(self.now, id, &mut buffer) {
            Ok(Some(count)) => buffer[..count].to_vec(),
            _ => Vec::new(),
        }
    }
}
