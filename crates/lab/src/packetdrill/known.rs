//! Where this stack differs from what a script expects, on purpose, and why. Read by whoever prints a [`super::Report`].

/// Part of a script's path, and the reason.
pub const KNOWN: [(&str, &str); 6] = [
    ("-closing/", "BSD repeats its FIN with every answer in CLOSING; RFC 9293 figure 13 shows a plain acknowledgement"),
    ("rcv-syn-ack-listen/", "BSD drops a SYN-ACK to a listener in silence; RFC 9293 section 3.10.7.2 wants a reset"),
    (
        "limit-passive",
        "BSD answers for a port that is bound but not listening with that socket's hop limit; here it is nobody's",
    ),
    ("ttl-passive", "the same, over IPv4"),
    ("tos-passive", "the same, for the traffic class"),
    (
        "hard-error-ignored-ipv6",
        "BSD announces an MSS after a packet-too-big; the MSS says what we take, not what the path takes (RFC 9293 3.7.1)",
    ),
];

/// The reason why this script is expected to differ.
pub fn reason(path: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(part, _)| path.contains(part)).map(|(_, why)| *why)
}
