//! Chains of proxies, honest and not.

use super::*;

fn fields(lines: &[(&str, &str)]) -> Fields {
    let mut fields = Fields::new();
    lines.iter().for_each(|(name, value)| fields.append_named(name, value));
    fields
}

fn trusted() -> TrustedPeers {
    TrustedPeers::new(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()])
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn blocks_hold_what_they_say() {
    for (block, inside, outside) in [
        ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
        ("10.0.0.0/8", "::ffff:10.1.2.3", "::10.1.2.3"),
        ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
        ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
        ("::1", "::1", "::2"),
        ("0.0.0.0/0", "255.1.2.3", "2001:db8::1"),
    ] {
        let parsed: AddressBlock = block.parse().unwrap();
        assert!(parsed.contains(address(inside)), "{block} {inside}");
        assert!(!parsed.contains(address(outside)), "{block} {outside}");
    }
    assert!("::/0".parse::<AddressBlock>().unwrap().contains(address("1.2.3.4")));
    for wrong in ["", "10.0.0.0/33", "::/129", "10.0.0.1/8", "10.0.0/8", "a/8", "10.0.0.0/-1", "10.0.0.0/"] {
        assert!(wrong.parse::<AddressBlock>().is_err(), "{wrong}");
    }
}

#[test]
fn hostile_077_only_trusted_peers_are_believed() {
    let lines = [("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil")];
    let stranger = origin(&fields(&lines), address("203.0.113.9"), &trusted());
    assert_eq!(stranger, Origin { client: address("203.0.113.9"), scheme: None, host: None, trusted: false });
    let friend = origin(&fields(&lines), address("::ffff:10.0.0.1"), &trusted());
    assert_eq!(friend.client, address("1.1.1.1"));
    assert_eq!((friend.scheme, friend.host.as_deref()), (Some(Scheme::Https), Some("evil")));
}

#[test]
fn hostile_077_the_chain_is_walked_from_our_side() {
    for (lines, client) in [
        // The client itself wrote 6.6.6.6; the first untrusted hop from our side is what counts.
        (&[("X-Forwarded-For", "6.6.6.6, 198.51.100.1, 10.0.0.2")][..], "198.51.100.1"),
        (&[("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "198.51.100.1")], "198.51.100.1"),
        (&[("X-Forwarded-For", "10.0.0.3, 10.0.0.2")], "10.0.0.3"),
        (&[("X-Forwarded-For", "6.6.6.6, unknown, 10.0.0.2")], "10.0.0.2"),
        (&[("X-Forwarded-For", "198.51.100.1:4711")], "198.51.100.1"),
        (&[("X-Forwarded-For", "")], "10.0.0.1"),
        (
            &[("Forwarded", "for=6.6.6.6, For=\"[2001:db8:cafe::17]:4711\";proto=https, for=10.0.0.2")],
            "2001:db8:cafe::17",
        ),
        (&[("Forwarded", "for=_hidden, for=10.9.9.9")], "10.9.9.9"),
        (&[("Forwarded", "for=198.51.100.1"), ("X-Forwarded-For", "6.6.6.6")], "198.51.100.1"),
        (&[("Forwarded", "for=\"unended"), ("X-Forwarded-For", "6.6.6.6")], "10.0.0.1"),
        (&[("Forwarded", "rubbish")], "10.0.0.1"),
        (&[("X-Forwarded-For", "1.2.3.4\u{0}5")], "10.0.0.1"),
    ] {
        assert_eq!(origin(&fields(lines), address("10.0.0.1"), &trusted()).client, address(client), "{lines:?}");
    }
}

#[test]
fn hostile_077_forwarding_fields_are_overwritten_or_extended() {
    let incoming = [
        ("X-Forwarded-For", "6.6.6.6"),
        ("X_Forwarded_For", "7.7.7.7"),
        ("X-Forwarded-Prefix", "/admin"),
        ("X-Real-IP", "8.8.8.8"),
        ("Forwarded", "for=9.9.9.9"),
        ("X-Forwarded-Proto", "https"),
        ("X-Other", "kept"),
    ];
    let mut passage =
        Passage { peer: "203.0.113.9", scheme: Scheme::Http, host: "a.example:81", port: 81, trusted: false };
    let mut sent = fields(&incoming);
    write_forwarding_fields(&mut sent, &passage);
    let expected = fields(&[
        ("X-Other", "kept"),
        ("Forwarded", "for=203.0.113.9;host=\"a.example:81\";proto=http"),
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Host", "a.example:81"),
        ("X-Forwarded-Port", "81"),
    ]);
    assert_eq!(sent, expected);

    (passage.trusted, passage.peer) = (true, "fd00::1");
    let mut sent = fields(&incoming);
    write_forwarding_fields(&mut sent, &passage);
    assert_eq!(sent.get_str(FieldName::XForwardedFor), Some("6.6.6.6, fd00::1"));
    assert_eq!(sent.get_str(FieldName::XForwardedProto), Some("https"));
    let forwarded = "for=9.9.9.9, for=\"[fd00::1]\";host=\"a.example:81\";proto=http";
    assert_eq!(sent.get_str(FieldName::Forwarded), Some(forwarded));
    assert_eq!(sent.get_named("X_Forwarded_For"), None);
    assert!(sent.get_named("X-Forwarded-Prefix").is_some());
}
