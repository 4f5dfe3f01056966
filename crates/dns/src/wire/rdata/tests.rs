//! Record data: text both ways, shapes, canonical form, hostile lengths.

use super::*;
use crate::error::WireError;
use crate::wire::presentation::{base64_decode, hex_decode, hex_encode};
use crate::wire::{Message, Name, RecordType};

fn origin() -> Name {
    "example.com.".parse().unwrap()
}

fn read(record_type: &str, text: &str) -> Result<RecordData, crate::error::TextError> {
    let record_type = RecordType::from_text(record_type.as_bytes()).unwrap();
    RecordData::from_text(record_type, text, origin().borrowed())
}

#[test]
fn text_both_ways_for_every_type() {
    for (record_type, text, shown) in [
        ("A", "192.0.2.1", ""),
        ("AAAA", "2001:DB8::1", "2001:db8::1"),
        ("NS", "ns1", "ns1.example.com."),
        ("CNAME", "other.example.", ""),
        ("PTR", "@", "example.com."),
        ("DNAME", "example.net.", ""),
        ("ALIAS", "edge.example.net.", ""),
        ("SOA", "ns root ( 1 1h 15m ; retry\n 1w 5m )", "ns.example.com. root.example.com. 1 3600 900 604800 300"),
        ("MX", "10 mail", "10 mail.example.com."),
        ("TXT", "plain \"with blank\" \"q\\\"uote\" \\065\\000", "\"plain\" \"with blank\" \"q\\\"uote\" \"A\\000\""),
        ("HINFO", "RFC8482 \"\"", "\"RFC8482\" \"\""),
        ("RP", "mail. text.", "mail. text."),
        ("SRV", "1 2 443 host.", ""),
        ("NAPTR", "100 50 \"s\" \"z3950+I2L+I2C\" \"\" _z3950._tcp.gatech.edu.", ""),
        ("CERT", "PKIX 1 RSASHA1 AQID", "1 1 5 AQID"),
        ("APL", "1:192.168.32.0/21 !1:192.168.38.0/28 2:ff00::/8", "1:192.168.32.0/21 !1:192.168.38.0/28 2:ff00::/8"),
        ("APL", "", ""),
        (
            "DS",
            "60485 5 1 ( 2BB183AF5F22588179A53B0A 98631FAD1A292118 )",
            "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
        ),
        ("CDS", "0 0 0 00", ""),
        ("SSHFP", "2 1 123456789abcdef67890123456789abcdef67890", "2 1 123456789ABCDEF67890123456789ABCDEF67890"),
        ("IPSECKEY", "10 1 2 192.0.2.38 AQID", ""),
        ("IPSECKEY", "10 0 2 . AQID", ""),
        ("IPSECKEY", "10 3 2 mygateway.example.com. AQID", ""),
        (
            "RRSIG",
            "A 5 3 86400 20030322173103 20030220173103 2642 example.com. oJB1W6WNGv+ldvQ3WDG0MQkg5IEhjRip8WTr",
            "",
        ),
        ("NSEC", "host.example.com. A MX RRSIG NSEC TYPE1234", ""),
        ("DNSKEY", "256 3 ECDSAP256SHA256 AQPSKmynfzW4", "256 3 13 AQPSKmynfzW4"),
        (
            "NSEC3",
            "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG",
            "1 1 12 AABBCCDD 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA MX RRSIG DNSKEY NSEC3PARAM",
        ),
        ("NSEC3", "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr", ""),
        ("NSEC3PARAM", "1 0 0 -", ""),
        ("TLSA", "3 1 1 0B9FA5A59EED715C26C1020C711B4F6EC42D58B0015E14337A39DAD301C5AFC3", ""),
        ("OPENPGPKEY", "AQID", ""),
        ("CSYNC", "66 3 A NS AAAA", ""),
        ("ZONEMD", "2018031500 1 1 616C6C6F776564206275742069676E6F7265642E20616C6C6F776564", ""),
        ("CAA", "0 issue \"ca.example.net; policy=ev\"", ""),
        ("CAA", "128 tbs ca", "128 tbs \"ca\""),
        ("URI", "10 1 \"ftp://ftp1.example.com/public\"", ""),
        ("EUI48", "00-00-5e-00-53-2a", ""),
        ("EUI64", "00-00-5e-ef-10-00-00-2a", ""),
        ("NID", "10 0014:4fff:ff20:ee64", ""),
        ("L32", "10 10.1.2.0", ""),
        ("LP", "10 l64.example.com.", ""),
        ("LOC", "42 21 54 N 71 06 18 W -24m 30m", "42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m"),
        ("LOC", "52 S 0 E 2.5m", "52 0 0.000 S 0 0 0.000 E 2.50m 1.00m 10000.00m 10.00m"),
        ("TSIG", "hmac-sha256. 1700000000 300 4 AQIDBA== 7 0 0", "hmac-sha256. 1700000000 300 4 AQIDBA== 7 0 0"),
        ("TYPE731", "\\# 6 abcd ef 012345", "\\# 6 ABCDEF012345"),
        ("TYPE62347", "\\# 0", ""),
        ("A", "\\# 4 0A000001", "10.0.0.1"),
        ("SVCB", "0 foo.example.com.", ""),
        ("HTTPS", "1 . alpn=h2,h3 port=8443 ipv4hint=192.0.2.1", "1 . alpn=\"h2,h3\" port=8443 ipv4hint=192.0.2.1"),
        ("HTTPS", "1 . no-default-alpn alpn=h3 ech=\"AQID\"", "1 . alpn=\"h3\" no-default-alpn ech=\"AQID\""),
        ("SVCB", "1 . alpn=dot dohpath=/dns-query{?dns}", "1 . alpn=\"dot\" dohpath=\"/dns-query{?dns}\""),
    ] {
        let data = read(record_type, text).unwrap_or_else(|error| panic!("{record_type} {text}: {error}"));
        let expected = if shown.is_empty() { text } else { shown };
        assert_eq!(data.to_string(), expected, "{record_type} {text}");
        assert_eq!(read(record_type, &data.to_string()).as_ref(), Ok(&data), "{record_type} {text}");
        let generic = format!("\\# {} {}", data.wire().len(), hex_encode(data.wire()));
        assert_eq!(read(record_type, &generic).as_ref(), Ok(&data), "{record_type} {text}");
    }
}

#[test]
fn the_vectors_of_rfc_9460_appendix_d() {
    for (text, hex) in [
        ("0 foo.example.com.", "000003666f6f076578616d706c6503636f6d00"),
        ("1 .", "000100"),
        ("16 foo.example.com. port=53", "001003666f6f076578616d706c6503636f6d00000300020035"),
        ("1 foo.example.com. key667=hello", "000103666f6f076578616d706c6503636f6d00029b000568656c6c6f"),
        (
            "1 foo.example.com. key667=\"hello\\210qoo\"",
            "000103666f6f076578616d706c6503636f6d00029b000968656c6c6fd2716f6f",
        ),
        (
            "1 foo.example.com. ( ipv6hint=\"2001:db8::1,2001:db8::53:1\" )",
            "000103666f6f076578616d706c6503636f6d000006002020010db800000000000000000000000120010db8000000000000000000530001",
        ),
        (
            "16 foo.example.org. ( alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1 )",
            "001003666f6f076578616d706c65036f7267000000000400010004000100090268320568332d313900040004c0000201",
        ),
        (
            "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
            "001003666f6f076578616d706c65036f726700000100 0c08665c6f6f2c6261720268 32",
        ),
        (
            "16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2",
            "001003666f6f076578616d706c65036f726700000100 0c08665c6f6f2c6261720268 32",
        ),
    ] {
        let expected = hex_decode(hex.replace(' ', "").as_bytes()).unwrap();
        let data = read("SVCB", text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(hex_encode(data.wire()), hex_encode(&expected), "{text}");
        assert_eq!(read("SVCB", &data.to_string()).as_ref(), Ok(&data), "{text}: {data}");
    }
    for wrong in [
        "1 foo. key123=abc key123=def",
        "1 foo. mandatory",
        "1 foo. alpn",
        "1 foo. port",
        "1 foo. ipv4hint",
        "1 foo. ipv6hint",
        "1 foo. no-default-alpn=abc",
        "1 foo. mandatory=mandatory",
        "1 foo. mandatory=key123,key123",
        "1 foo. port=65536",
        "1 foo. key01=x",
    ] {
        assert!(read("SVCB", wrong).is_err(), "{wrong}");
    }
}

#[test]
fn wrong_text_is_refused_with_its_place() {
    for (record_type, text, column, words) in [
        ("A", "192.0.2.256", 1, "IPv4"),
        ("A", "192.0.2.1 extra", 11, "end of the record"),
        ("A", "", 1, "expected an IPv4"),
        ("MX", "65536 mail", 1, "0 to 65535"),
        ("MX", "10", 3, "expected a name"),
        ("TXT", "\\256", 1, "at most \\255"),
        ("DS", "1 2 3 abc", 7, "hexadecimal"),
        ("CAA", "0 is-sue x", 3, "letters and digits"),
        ("NSEC", "a. A BOGUS", 6, "record type"),
        ("A", "\\# 3 0A0000", 1, "longer or shorter"),
        ("A", "\\# 4 0A0000", 4, "3 bytes"),
        ("TYPE999", "1.2.3.4", 1, "RFC 3597"),
        ("LOC", "91 N 0 E 0m", 1, "0 to 90"),
        ("EUI48", "00-11", 1, "6 pairs"),
    ] {
        let error = read(record_type, text).unwrap_err();
        assert!(error.message.contains(words), "{record_type} {text}: {error}");
        assert_eq!(error.column, column, "{record_type} {text}: {error}");
    }
}

#[test]
fn hostile_019_data_shorter_or_longer_than_its_type() {
    for (record_type, hex, expected) in [
        ("A", "0a0000", WireError::DataLength),
        ("A", "0a00000102", WireError::DataLength),
        ("A", "", WireError::DataLength),
        ("AAAA", "20010db8000000000000000000000000ff", WireError::DataLength),
        ("MX", "000a", WireError::DataLength),
        ("MX", "000a0161", WireError::DataLength),
        ("MX", "000a01610000", WireError::DataLength),
        ("SOA", "0000000000010000000200000003000000040000", WireError::DataLength),
        ("SRV", "00010002", WireError::DataLength),
        ("TXT", "", WireError::DataLength),
        ("TXT", "0561", WireError::DataLength),
        ("NSEC", "0000", WireError::DataLength),
        ("NSEC", "00000201", WireError::DataLength),
        ("NSEC", "00000000", WireError::DataContent),
        ("NSEC", "000021", WireError::DataContent),
        ("NSEC", "00010140000140", WireError::DataContent),
        ("NSEC3", "0100000000", WireError::DataLength),
        ("SVCB", "000100000300020035000100030268 32", WireError::DataContent),
        ("SVCB", "0001000003000200", WireError::DataLength),
        ("SVCB", "000100000300010035", WireError::DataContent),
        ("CAA", "0000", WireError::DataLength),
        ("CAA", "00012d", WireError::DataContent),
        ("DS", "00010203", WireError::DataLength),
        ("RRSIG", "0001", WireError::DataLength),
    ] {
        let data = hex_decode(hex.replace(' ', "").as_bytes()).unwrap();
        let record_type = RecordType::from_text(record_type.as_bytes()).unwrap();
        let error = RecordData::from_wire(record_type, data.clone()).unwrap_err();
        assert_eq!(error, expected, "{record_type} {hex}");
        // The same bytes inside a message.
        let mut message = vec![0, 0, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0];
        message.extend(record_type.0.to_be_bytes());
        message.extend([0, 1, 0, 0, 0, 0, 0, data.len() as u8]);
        message.extend(&data);
        let message = Message::decode(&message).unwrap();
        assert!(message.answers().next().unwrap().data().is_err(), "{record_type} {hex}");
    }
}

#[test]
fn canonical_form_lowers_the_names_that_rfc_4034_section_6_2_lists() {
    for (record_type, text, canonical) in [
        ("MX", "10 MAIL.Example.", "10 mail.example."),
        ("SOA", "A. B. 1 2 3 4 5", "a. b. 1 2 3 4 5"),
        ("SRV", "1 2 3 HOST.", "1 2 3 host."),
        ("DNAME", "X.", "x."),
        ("RRSIG", "A 5 1 1 20030322173103 20030220173103 1 X. AQID", "A 5 1 1 20030322173103 20030220173103 1 x. AQID"),
        // RFC 6840 §5.1: not NSEC.
        ("NSEC", "X. A", "X. A"),
        ("HTTPS", "1 X.", "1 X."),
        ("TXT", "ABC", "\"ABC\""),
    ] {
        assert_eq!(read(record_type, text).unwrap().to_canonical().to_string(), canonical);
    }
}

#[test]
fn key_tags_are_those_of_rfc_4034_section_5_4() {
    let key = "AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==";
    let dnskey = Dnskey { flags: 256, protocol: 3, algorithm: 5, public_key: &base64_decode(key.as_bytes()).unwrap() };
    assert_eq!(key_tag(&dnskey.encode()), 60485);
    assert_eq!(key_tag(&[1, 0, 3, 1, 9, 9, 0x12, 0x34, 0x56]), 0x1234, "RSA/MD5, appendix B.1");
    assert_eq!(key_tag(&[]), 0);
}

#[test]
fn views_read_what_they_write() {
    let data = read("SOA", "ns. root. 7 1 2 3 4").unwrap();
    let soa = Soa::decode(data.wire()).unwrap();
    assert_eq!((soa.serial, soa.minimum, soa.encode()), (7, 4, data.clone()));
    let data = read("RRSIG", "MX 13 2 300 20300101000000 20200101000000 77 example. AQID").unwrap();
    assert_eq!(Rrsig::decode(data.wire()).unwrap().encode(), data.wire());
    let data = read("NAPTR", "1 2 \"u\" \"E2U+sip\" \"!^.*$!sip:info@example.com!\" r.example.").unwrap();
    assert_eq!(data.target().unwrap().to_string(), "r.example.");
    let data = read("HTTPS", "1 svc. alpn=h2 port=8").unwrap();
    let binding = ServiceBinding::decode(data.wire()).unwrap();
    assert_eq!(binding.parameter(ParameterKey::PORT), Some(&[0, 8][..]));
    let made = ServiceBinding::encode(
        RecordType::HTTPS,
        1,
        binding.target,
        vec![Parameter::port(8), Parameter::alpn([&b"h2"[..]])],
    );
    assert_eq!(made, Ok(data));
}
