//! Who the client is behind a chain of proxies: Forwarded (RFC 7239), X-Forwarded-* and the list of peers that are
//! believed. Called by the chain for every request and by `proxy` for the fields it sends on; hands on to nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::field_name::FieldName;
use super::fields::Fields;
use super::head::Scheme;
use super::limits::FORWARDED_HOPS_MAX;
use super::media_type::unquote;

/// A block of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AddressBlock {
    network: u128,
    /// Bits that have to agree, counted in IPv6 terms (an IPv4 /8 is 96 + 8).
    prefix_bits: u8,
}

impl AddressBlock {
    /// Whether `address` lies in it. IPv4 and IPv4-mapped IPv6 are the same address.
    pub fn contains(&self, address: IpAddr) -> bool {
        (as_number(address) ^ self.network) & mask(self.prefix_bits) == 0
    }
}

impl FromStr for AddressBlock {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || format!("expected an address or a block like \"10.0.0.0/8\" or \"fd00::/8\", found \"{text}\"");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_| expected())?;
        let (widest, offset) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
        let bits = match bits {
            Some(bits) => bits.trim().parse::<u8>().ok().filter(|bits| *bits <= widest).ok_or_else(expected)?,
            None => widest,
        };
        let prefix_bits = bits + offset;
        let network = as_number(address);
        if network & !mask(prefix_bits) != 0 {
            return Err(format!("\"{text}\" has bits set beyond its prefix; write the first address of the block"));
        }
        Ok(Self { network, prefix_bits })
    }
}

fn as_number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => u128::from(four.to_ipv6_mapped()),
        IpAddr::V6(six) => u128::from(six),
    }
}

const fn mask(prefix_bits: u8) -> u128 {
    if prefix_bits == 0 { 0 } else { u128::MAX << (128 - prefix_bits) }
}

/// The peers whose word about a request's origin is taken.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrustedPeers {
    blocks: Vec<AddressBlock>,
}

impl TrustedPeers {
    /// Trusts these blocks and nobody else. Without any, every forwarding field that comes in is overwritten.
    pub const fn new(blocks: Vec<AddressBlock>) -> Self {
        Self { blocks }
    }

    /// Whether a peer is believed.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.blocks.iter().any(|block| block.contains(address))
    }
}

/// What is believed about where a request began.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The client's address: the nearest one that no trusted peer vouches for.
    pub client: IpAddr,
    /// The scheme the client used, when a trusted peer told it.
    pub scheme: Option<Scheme>,
    /// The host the client asked for, when a trusted peer told it.
    pub host: Option<String>,
    /// Whether the request came from a trusted peer, so that its forwarding fields may be kept and extended.
    pub trusted: bool,
}

/// Finds the origin of a request that came from `peer`. Fields from others than trusted peers are not looked at.
/// Forwarded is preferred to X-Forwarded-*; the chain is walked from our side while its hops are trusted.
pub fn origin(fields: &Fields, peer: IpAddr, trusted: &TrustedPeers) -> Origin {
    let peer = canonical(peer);
    if !trusted.contains(peer) {
        return Origin { client: peer, scheme: None, host: None, trusted: false };
    }
    let hops = if fields.contains(FieldName::Forwarded) { forwarded_hops(fields) } else { x_forwarded_hops(fields) };
    let mut origin = Origin { client: peer, scheme: None, host: None, trusted: true };
    for hop in hops.iter().rev().take(FORWARDED_HOPS_MAX) {
        origin.scheme = hop.scheme.or(origin.scheme);
        origin.host = hop.host.clone().or(origin.host);
        // An obfuscated or unknown node (RFC 7239 §6.2, §6.3) ends what can be said.
        let Some(address) = hop.client else { break };
        origin.client = address;
        if !trusted.contains(address) {
            break;
        }
    }
    origin
}

#[derive(Clone, Default, Debug)]
struct Hop {
    client: Option<IpAddr>,
    scheme: Option<Scheme>,
    host: Option<String>,
}

/// Elements in order. A line with a mistake tells nothing at all, from its beginning on: half of what a proxy says
/// is not what it says.
fn forwarded_hops(fields: &Fields) -> Vec<Hop> {
    let mut hops = Vec::new();
    for line in fields.get_all(FieldName::Forwarded) {
        match str::from_utf8(line).ok().and_then(parse_forwarded) {
            Some(elements) => hops.extend(elements),
            None => hops.push(Hop::default()),
        }
    }
    hops
}

/// RFC 7239 §4: `for=192.0.2.60;proto=http;by=203.0.113.43, for="[2001:db8::1]:4711"`.
fn parse_forwarded(line: &str) -> Option<Vec<Hop>> {
    let mut hops = vec![Hop::default()];
    let mut rest = line;
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Some(hops);
        }
        if let Some(after) = rest.strip_prefix(',') {
            hops.push(Hop::default());
            rest = after;
            continue;
        }
        if let Some(after) = rest.strip_prefix(';') {
            rest = after;
            continue;
        }
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = after.find([',', ';', ' ', '\t']).unwrap_or(after.len());
                (after[..end].into(), &after[end..])
            }
        };
        let hop = hops.last_mut()?;
        match name.to_ascii_lowercase().as_str() {
            "for" => hop.client = parse_node(&value),
            "proto" => hop.scheme = parse_scheme(&value),
            "host" => hop.host = Some(value.into_owned()),
            _ => {}
        }
        rest = after;
    }
}

/// An address with or without port: `192.0.2.43:47011`, `[2001:db8::1]:80`, `2001:db8::1`. `None` for `unknown`, `_x`.
fn parse_node(node: &str) -> Option<IpAddr> {
    let node = node.trim_ascii();
    let address = if let Some(inside) = node.strip_prefix('[') {
        IpAddr::V6(inside.split_once(']')?.0.parse::<Ipv6Addr>().ok()?)
    } else if let Ok(address) = node.parse::<IpAddr>() {
        address
    } else {
        IpAddr::V4(node.split_once(':')?.0.parse::<Ipv4Addr>().ok()?)
    };
    Some(canonical(address))
}

fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

fn parse_scheme(text: &str) -> Option<Scheme> {
    [Scheme::Http, Scheme::Https].into_iter().find(|scheme| scheme.as_str().eq_ignore_ascii_case(text.trim_ascii()))
}

/// X-Forwarded-For has a member a hop; -Proto and -Host usually one in all, which then is the client's.
fn x_forwarded_hops(fields: &Fields) -> Vec<Hop> {
    let text = |member: &[u8]| str::from_utf8(member).ok().map(str::to_owned);
    let mut hops: Vec<Hop> = fields
        .members(FieldName::XForwardedFor)
        .map(|member| Hop { client: text(member).and_then(|node| parse_node(&node)), ..Hop::default() })
        .collect();
    let scheme = fields.members(FieldName::XForwardedProto).last().and_then(text).and_then(|word| parse_scheme(&word));
    let host = fields.members(FieldName::XForwardedHost).last().and_then(text);
    if (scheme.is_some() || host.is_some()) && hops.is_empty() {
        hops.push(Hop::default());
    }
    if let Some(last) = hops.last_mut() {
        (last.scheme, last.host) = (scheme, host);
    }
    hops
}

/// An address as forwarding fields have it: IPv4 in its own form, wherever it came from.
pub fn canonical_text(address: IpAddr) -> String {
    canonical(address).to_string()
}

/// What this hop says of a request to the next.
#[derive(Clone, Copy, Debug)]
pub struct Passage<'a> {
    /// The address of our connection's peer (not of the believed client), as [`canonical_text`] writes it.
    pub peer: &'a str,
    /// The scheme as the client used it.
    pub scheme: Scheme,
    /// Host and port as the client asked for them.
    pub host: &'a str,
    /// The port the client reached.
    pub port: u16,
    /// Whether the fields that came in are to be believed and extended.
    pub trusted: bool,
}

/// Writes Forwarded and X-Forwarded-* for the next hop: extended when the peer is trusted, else overwritten. Look-alikes
/// with underscores, which CGI-like applications cannot tell apart, are always removed.
pub fn write_forwarding_fields(fields: &mut Fields, passage: &Passage<'_>) {
    let trusted = passage.trusted;
    fields.retain(|field| match field.known {
        FieldName::XRealIp => false,
        FieldName::Forwarded
        | FieldName::XForwardedFor
        | FieldName::XForwardedHost
        | FieldName::XForwardedPort
        | FieldName::XForwardedProto => trusted,
        // Others of the family (X-Forwarded-Prefix, -Server, -Ssl, -User ...) claim just as much.
        FieldName::Other => !is_look_alike(field.name) && (trusted || !starts_with(field.name, "x-forwarded-")),
        _ => true,
    });
    let peer = passage.peer.as_bytes();
    append_forwarded(fields, peer, passage);
    extend_list(fields, FieldName::XForwardedFor, &[peer]);
    for (name, value) in [
        (FieldName::XForwardedProto, passage.scheme.as_str()),
        (FieldName::XForwardedHost, passage.host),
        (FieldName::XForwardedPort, itoa::Buffer::new().format(passage.port)),
    ] {
        if !fields.contains(name) && !value.is_empty() {
            fields.append(name, value);
        }
    }
}

/// RFC 7239 §4; IPv6 addresses in brackets and quotes (§6.1), hosts quoted because of their colon.
fn append_forwarded(fields: &mut Fields, peer: &[u8], passage: &Passage<'_>) {
    let (open, close): (&[u8], &[u8]) = if peer.contains(&b':') { (b"for=\"[", b"]\"") } else { (b"for=", b"") };
    let (host, quote): (&[u8], &[u8]) = if passage.host.is_empty() { (b"", b"") } else { (b";host=\"", b"\"") };
    let scheme = passage.scheme.as_str().as_bytes();
    let pieces = [open, peer, close, host, passage.host.as_bytes(), quote, b";proto=", scheme];
    extend_list(fields, FieldName::Forwarded, &pieces);
}

/// Appends an element to a list: a field of its own where there was none, else one field with all of them, which more
/// applications read right than several lines.
fn extend_list(fields: &mut Fields, name: FieldName, element: &[&[u8]]) {
    if !fields.contains(name) {
        return fields.append_joined(name, element);
    }
    let mut list: Vec<u8> = Vec::new();
    for value in fields.get_all(name) {
        list.extend_from_slice(value);
        list.extend_from_slice(b", ");
    }
    element.iter().for_each(|piece| list.extend_from_slice(piece));
    fields.set(name, list);
}

/// `X_Forwarded_For` and its like (and `Forwarded` never has one).
fn is_look_alike(name: &str) -> bool {
    name.contains('_') && {
        let dashed = name.replace('_', "-");
        starts_with(&dashed, "x-forwarded-") || starts_with(&dashed, "x-real-ip")
    }
}

fn starts_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests;
