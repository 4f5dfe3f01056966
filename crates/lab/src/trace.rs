//! What was seen: every packet a host sent, where it arrived or was lost, and the states on both sides. Written by
//! [`super::world`], read by [`super::drawing`].

use std::net::{IpAddr, SocketAddr};

use edgeway_base::Instant;
use edgeway_tcpip::tcp::connection::Pair;
use edgeway_tcpip::wire::arp::{ArpOperation, ArpPacket};
use edgeway_tcpip::wire::ethernet::{EtherType, EthernetHeader, MacAddress};
use edgeway_tcpip::wire::icmpv4::Icmpv4Message;
use edgeway_tcpip::wire::igmp::IgmpMessage;
use edgeway_tcpip::wire::ipv4::{Ipv4Header, protocol};
use edgeway_tcpip::wire::ipv6::Ipv6Header;
use edgeway_tcpip::wire::tcp::TcpHeader;
use edgeway_tcpip::wire::udp::UdpHeader;

use super::world::NodeId;

/// One packet of one host.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Who sent it.
    pub from: NodeId,
    /// When it left.
    pub sent_at: Instant,
    /// The sender's state afterwards (TCP).
    pub sender_state: String,
    /// What it was.
    pub what: What,
    /// Where it arrived.
    pub arrivals: Vec<Arrival>,
    /// Where it was lost.
    pub losses: Vec<(Instant, &'static str)>,
    /// Somebody injected it by hand.
    pub forged: bool,
}

/// One arrival.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// At whom.
    pub at: NodeId,
    /// When.
    pub time: Instant,
    /// The receiver's state afterwards (TCP).
    pub state: String,
}

/// What a packet was.
#[derive(Clone, PartialEq, Debug)]
pub enum What {
    /// A TCP segment.
    Tcp {
        /// From the sender's view.
        pair: Pair,
        /// Its header.
        header: TcpHeader,
        /// Bytes of its payload.
        payload: usize,
    },
    /// Anything else, in words.
    Other {
        /// `ARP`, `UDP`, `ICMP`...
        protocol: &'static str,
        /// In words.
        text: String,
    },
}

impl What {
    /// Reads a frame.
    pub fn of_frame(frame: &[u8]) -> Self {
        Self::read(frame).unwrap_or_else(|| other("?", format!("{} bytes", frame.len())))
    }

    fn read(frame: &[u8]) -> Option<Self> {
        let header = EthernetHeader::decode(frame).ok()?;
        let rest = frame.get(EthernetHeader::LENGTH..)?;
        match header.kind {
            EtherType::Arp => Some(arp(&ArpPacket::decode(rest).ok()?)),
            EtherType::Ipv4 => ipv4(rest, header.destination),
            EtherType::Ipv6 => ipv6(rest),
            EtherType::Other(kind) => Some(other("?", format!("ethertype {kind:#06x}"))),
        }
    }
}

const fn other(protocol: &'static str, text: String) -> What {
    What::Other { protocol, text }
}

fn arp(packet: &ArpPacket) -> What {
    let text = match packet.operation {
        ArpOperation::Request if packet.sender == packet.target => {
            format!("announcement: {} is at {}", packet.sender, packet.sender_hardware)
        }
        ArpOperation::Request => format!("who has {}? tell {}", packet.target, packet.sender),
        ArpOperation::Reply => format!("{} is at {}", packet.sender, packet.sender_hardware),
    };
    other("ARP", text)
}

fn ipv4(bytes: &[u8], to: MacAddress) -> Option<What> {
    let header = Ipv4Header::decode(bytes).ok()?;
    let body = bytes.get(header.header_length..usize::from(header.total_length))?;
    if header.is_fragment() {
        let end = header.fragment_offset as usize + body.len();
        let more = if header.more_fragments { ", more follow" } else { ", the last" };
        let text =
            format!("fragment of #{}: bytes {}-{}{more}", header.identification, header.fragment_offset, end - 1);
        return Some(other("IPv4", text));
    }
    let ends = (IpAddr::V4(header.source), IpAddr::V4(header.destination));
    let kind = match to {
        MacAddress::BROADCAST => " to all",
        to if to.is_group() => " to a group",
        _ => "",
    };
    upper(header.protocol, ends, body, kind)
}

fn ipv6(bytes: &[u8]) -> Option<What> {
    let header = Ipv6Header::decode(bytes).ok()?;
    let body = bytes.get(Ipv6Header::LENGTH..Ipv6Header::LENGTH + usize::from(header.payload_length))?;
    upper(header.next_header, (header.source.into(), header.destination.into()), body, "")
}

fn upper(protocol: u8, ends: (IpAddr, IpAddr), body: &[u8], kind: &str) -> Option<What> {
    match protocol {
        protocol::TCP => {
            let (header, length) = TcpHeader::decode(body).ok()?;
            let pair = Pair {
                local: SocketAddr::new(ends.0, header.source_port),
                remote: SocketAddr::new(ends.1, header.destination_port),
            };
            Some(What::Tcp { pair, header, payload: body.len() - length })
        }
        protocol::UDP => {
            let header = UdpHeader::decode(body, body.len()).ok()?;
            let bytes = usize::from(header.length) - UdpHeader::LENGTH;
            Some(other("UDP", format!("{} bytes to {}:{}{kind}", bytes, ends.1, header.destination_port)))
        }
        protocol::ICMP => Some(other("ICMP", icmp(&Icmpv4Message::decode(body).ok()?))),
        protocol::IGMP => {
            let text = match IgmpMessage::decode(body).ok()? {
                IgmpMessage::Query { group, .. } => format!("who listens to {group}?"),
                IgmpMessage::Report { group } => format!("I listen to {group}"),
                IgmpMessage::Leave { group } => format!("I leave {group}"),
            };
            Some(other("IGMP", text))
        }
        other_protocol => Some(other("IP", format!("protocol {other_protocol}, {} bytes", body.len()))),
    }
}

fn icmp(message: &Icmpv4Message<'_>) -> String {
    match message {
        Icmpv4Message::EchoRequest { sequence, .. } => format!("echo request {sequence}"),
        Icmpv4Message::EchoReply { sequence, .. } => format!("echo reply {sequence}"),
        Icmpv4Message::DestinationUnreachable { code: 4, next_hop_mtu, .. } => {
            format!("too large: the next link carries {next_hop_mtu}")
        }
        Icmpv4Message::DestinationUnreachable { code: 3, .. } => "port unreachable".to_owned(),
        Icmpv4Message::DestinationUnreachable { code, .. } => format!("unreachable, code {code}"),
        Icmpv4Message::TimeExceeded { code: 0, .. } => "time to live exceeded".to_owned(),
        Icmpv4Message::TimeExceeded { .. } => "reassembly time exceeded".to_owned(),
        message => format!("{message:?}"),
    }
}
