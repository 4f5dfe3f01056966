//! The name service at the boundary: the program itself, started on ports of the system's choice, asked by datagrams and streams
//! with messages of our own making, and by its own client.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use edgeway_dns::wire::{Class, Composer, Compressor, Flags, Message, Name, Rcode, RecordType};

const EDGEWAY: &str = env!("CARGO_BIN_EXE_edgeway");

const ZONE: &str = r#"
$TTL 300
@        SOA   ns root 7 3600 900 604800 60
@        NS    ns
ns       A     192.0.2.1
www      CNAME web
web      CNAME host
host     A     192.0.2.10
         AAAA  2001:db8::10
*.wild   A     192.0.2.20
a.b.deep A     192.0.2.30
sub      NS    ns.sub
ns.sub   A     192.0.2.40
$GENERATE 1-60 big TXT "record number $ of an answer that fits into no datagram"
"#;

/// A server and the folder of its configuration; both go with it.
struct Server {
    process: Child,
    folder: PathBuf,
    names: SocketAddr,
    pages: Option<SocketAddr>,
}

impl Server {
    fn start(title: &str, zone: &str, more: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("edgeway-names-{title}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("example.zone"), zone).unwrap();
        let text = format!("{more}\n[log]\naccess = \"off\"\n[zone.\"example.com\"]\nfile = \"example.zone\"\n");
        let text = if more.contains("[listen]") { text } else { format!("[listen]\ndns = [\"127.0.0.1:0\"]\n{text}") };
        fs::write(folder.join("edgeway.toml"), text).unwrap();
        let mut process = Command::new(EDGEWAY)
            .args(["serve", "--json", "--workers", "2", "--state", "state", "edgeway.toml"])
            .current_dir(&folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&line).expect("one line of JSON");
        let address = |what: &str| {
            let listening = ready["listening"].as_array().unwrap();
            let found = listening.iter().find(|one| one["what"] == what)?;
            found["address"].as_str().unwrap().parse().ok()
        };
        Self { process, folder, names: address("dns").expect("it says where it is asked"), pages: address("http") }
    }

    fn by_datagram(&self, message: &[u8]) -> Option<Vec<u8>> {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(self.names).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        socket.send(message).unwrap();
        // What is not answered is followed by a question that is, so that nobody waits.
        let marker = query("marker.example.com", RecordType::A, |composer| composer.header_mut().id = 0xffff);
        socket.send(&marker).unwrap();
        let mut buffer = vec![0; 65_535];
        let length = socket.recv(&mut buffer).expect("an answer in time");
        buffer.truncate(length);
        (buffer[..2] != [0xff, 0xff]).then_some(buffer)
    }

    fn by_stream(&self, messages: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut stream = TcpStream::connect(self.names).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let all: Vec<u8> =
            messages.iter().flat_map(|m| [&(m.len() as u16).to_be_bytes(), m.as_slice()].concat()).collect();
        stream.write_all(&all).unwrap();
        messages.iter().map(|_| one_message(&mut stream)).collect()
    }

    fn resolve(&self, words: &[&str]) -> Output {
        Command::new(EDGEWAY).arg("resolve").args(words).arg("--server").arg(self.names.to_string()).output().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn one_message(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).unwrap();
    message
}

fn query(name: &str, record_type: RecordType, change: impl FnOnce(&mut Composer<'_>)) -> Vec<u8> {
    let mut buffer = vec![0; 512];
    let mut compressor = Compressor::new();
    let mut composer = Composer::new(&mut buffer, &mut compressor).unwrap();
    composer.header_mut().id = 0x1234;
    composer.question(name.parse::<Name>().unwrap().borrowed(), record_type, Class::IN).unwrap();
    change(&mut composer);
    let length = composer.finish();
    buffer.truncate(length);
    buffer
}

fn plain(name: &str, record_type: RecordType) -> Vec<u8> {
    query(name, record_type, |_| {})
}

/// Outcome, AA, and each record of the three sections as text.
fn read(answer: &[u8]) -> (Rcode, bool, [Vec<String>; 3]) {
    let message = Message::decode(answer).expect("a sound answer");
    let lines = |records: edgeway_dns::wire::Records<'_>| {
        let records = records.filter(|record| record.record_type() != RecordType::OPT);
        records.map(|record| record.to_record().unwrap().to_string().replace('\t', " ")).collect()
    };
    let sections = [lines(message.answers()), lines(message.authority()), lines(message.additional())];
    (message.rcode(), message.header().flags.contains(Flags::AUTHORITATIVE), sections)
}

#[test]
fn zones_are_answered_from_over_datagrams_and_streams() {
    let server = Server::start("answers", ZONE, "");
    const SOA: &str = "example.com. 60 IN SOA ns.example.com. root.example.com. 7 3600 900 604800 60";
    for (name, record_type, rcode, authoritative, answer, authority, additional) in [
        (
            "www.example.com",
            RecordType::A,
            Rcode::NOERROR,
            true,
            &[
                "www.example.com. 300 IN CNAME web.example.com.",
                "web.example.com. 300 IN CNAME host.example.com.",
                "host.example.com. 300 IN A 192.0.2.10",
            ][..],
            &[][..],
            &[][..],
        ),
        (
            "x.y.wild.example.com",
            RecordType::A,
            Rcode::NOERROR,
            true,
            &["x.y.wild.example.com. 300 IN A 192.0.2.20"],
            &[],
            &[],
        ),
        ("none.example.com", RecordType::A, Rcode::NXDOMAIN, true, &[], &[SOA], &[]),
        // A name that only has names below it exists (RFC 4592 §2.2.2).
        ("b.deep.example.com", RecordType::A, Rcode::NOERROR, true, &[], &[SOA], &[]),
        ("host.example.com", RecordType::MX, Rcode::NOERROR, true, &[], &[SOA], &[]),
        (
            "x.sub.example.com",
            RecordType::A,
            Rcode::NOERROR,
            false,
            &[],
            &["sub.example.com. 300 IN NS ns.sub.example.com."],
            &["ns.sub.example.com. 300 IN A 192.0.2.40"],
        ),
        ("example.org", RecordType::A, Rcode::REFUSED, false, &[], &[], &[]),
    ] {
        let question = plain(name, record_type);
        let expected = (
            rcode,
            authoritative,
            [answer, authority, additional].map(|s| s.iter().map(ToString::to_string).collect()),
        );
        assert_eq!(read(&server.by_datagram(&question).unwrap()), expected, "{name} by datagram");
        assert_eq!(read(&server.by_stream(&[question])[0]), expected, "{name} by stream");
    }
}

#[test]
fn hostile_035_what_fits_no_datagram_comes_by_stream() {
    let server = Server::start("large", ZONE, "");
    let question = plain("big.example.com", RecordType::TXT);
    let cut = server.by_datagram(&question).unwrap();
    let message = Message::decode(&cut).unwrap();
    assert!(cut.len() <= 512 && message.header().flags.contains(Flags::TRUNCATED));
    assert_eq!(message.header().counts[1], 0, "no part of a set");
    let [first, second] = &server.by_stream(&[question, plain("host.example.com", RecordType::A)])[..] else {
        panic!("two answers")
    };
    assert_eq!(read(first).2[0].len(), 60);
    assert_eq!(read(second).2[0].len(), 1);
    // Our own client does the same by itself.
    let output = server.resolve(&["big.example.com", "TXT", "--short"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.lines().count() == 60 && text.contains("\"record number 7 of"), "{text}");
}

#[test]
fn hostile_001_to_032_garbage_is_dropped_or_told() {
    let server = Server::start("garbage", ZONE, "");
    let good = plain("host.example.com", RecordType::A);
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut message = good.clone();
        change(&mut message);
        server.by_datagram(&message).map(|answer| Message::decode(&answer).unwrap().rcode())
    };
    for (what, expected, change) in [
        ("001 a header that is none", None, &(|m: &mut Vec<u8>| m.truncate(11)) as &dyn Fn(&mut Vec<u8>)),
        ("002 an answer", None, &|m| m[2] |= 0x80),
        ("003 an unknown opcode", Some(Rcode::NOTIMP), &|m| m[2] |= 2 << 3),
        ("004 no question", Some(Rcode::FORMERR), &|m| m[5] = 0),
        ("005 two questions", Some(Rcode::FORMERR), &|m| {
            m[5] = 2;
            m.extend_from_within(12..);
        }),
        ("007 more promised than there is", Some(Rcode::FORMERR), &|m| m[11] = 9),
        ("008 something behind", Some(Rcode::FORMERR), &|m| m.push(0)),
        ("009 a pointer to itself", Some(Rcode::FORMERR), &|m| m[12..14].copy_from_slice(&[0xc0, 12])),
        ("015 a label type that is none", Some(Rcode::FORMERR), &|m| m[12] = 0x44),
        ("018 cut in the name", Some(Rcode::FORMERR), &|m| m.truncate(15)),
        ("023 another class", Some(Rcode::REFUSED), &|m| *m.last_mut().unwrap() = 4),
        ("024 a transfer by datagram", Some(Rcode::REFUSED), &|m| {
            let place = m.len() - 3;
            m[place] = 252;
        }),
        ("none of it", Some(Rcode::NOERROR), &|_| {}),
    ] {
        assert_eq!(with(change), expected, "{what}");
    }
    let badvers = query("host.example.com", RecordType::A, |composer| {
        composer.opt(1_232, Rcode::NOERROR, false, |_| Ok(())).unwrap();
    });
    let version_at = badvers.len() - 5;
    let answer = server.by_datagram(&[&badvers[..version_at], &[1], &badvers[version_at + 1..]].concat()).unwrap();
    assert_eq!(Message::decode(&answer).unwrap().rcode(), Rcode::BADVERS, "028");
}

#[test]
fn a_changed_zone_is_served_and_a_broken_one_is_not() {
    let server = Server::start("reload", ZONE, "");
    let serial = || {
        let (_, _, [answer, ..]) = read(&server.by_datagram(&plain("example.com", RecordType::SOA)).unwrap());
        answer[0].split(' ').nth(6).unwrap().parse::<u32>().unwrap()
    };
    let reload = || {
        Command::new("kill").args(["-HUP", &server.process.id().to_string()]).status().unwrap();
    };
    assert_eq!(serial(), 7);
    let until = Duration::from_secs(20);
    let wait_for = |wanted: u32| {
        let mut waited = Duration::ZERO;
        while serial() != wanted && waited < until {
            // The server reads its files; asking again is all the waiting there is.
            waited += Duration::from_millis(1);
        }
        assert_eq!(serial(), wanted);
    };
    fs::write(server.folder.join("example.zone"), ZONE.replace("root 7", "root 8")).unwrap();
    reload();
    wait_for(8);
    fs::write(server.folder.join("example.zone"), "@ SOA ns root 9 1 1 1 1\n@ NS ns\nbad A 1.2.3\n").unwrap();
    reload();
    let check = Command::new(EDGEWAY).args(["check", "edgeway.toml"]).current_dir(&server.folder).output().unwrap();
    let said = String::from_utf8_lossy(&check.stderr);
    assert!(!check.status.success() && said.contains("example.zone:3:7"), "{said}");
    assert_eq!(serial(), 8, "the old zone stays");
}

#[test]
fn a_signed_zone_proves_what_it_says() {
    let more = "[listen]\ndns = [\"127.0.0.1:0\"]\n[zone.\"example.net\"]\nsign = true\n\
        records = \"\"\"\n@ 300 SOA ns root 1 3600 900 604800 60\n@ 300 NS ns.example.com.\nwww 300 A 192.0.2.1\n\"\"\"\n";
    let server = Server::start("signed", ZONE, more);
    let output = server.resolve(&["www.example.net", "--dnssec"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("status: NOERROR") && text.contains("\tRRSIG\tA 13 "), "{text}");
    let output = server.resolve(&["none.example.net", "--dnssec"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("status: NXDOMAIN") && text.contains("\tNSEC\t") && text.contains("\tRRSIG\tSOA 13 "),
        "{text}"
    );
    let key = server.folder.join("state/zones/example.net/key");
    assert!(fs::read_to_string(key).unwrap().starts_with("Private-key-format: v1.3"));
}

#[test]
fn a_route_answers_over_https() {
    let more = "[listen]\ndns = [\"127.0.0.1:0\"]\nhttp = [\"127.0.0.1:0\"]\n[site.\"localhost\"]\ndefault = true\n\
        http = \"serve\"\n[[site.\"localhost\".route]]\npath = \"/dns-query\"\ndns = true\n";
    let server = Server::start("doh", ZONE, more);
    let question = plain("host.example.com", RecordType::A);
    let ask = |head: &str, content: &[u8]| {
        let mut stream = TcpStream::connect(server.pages.unwrap()).unwrap();
        stream.write_all(&[head.as_bytes(), content].concat()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
        (String::from_utf8_lossy(&answer[..end]).to_lowercase(), answer[end..].to_vec())
    };
    let post = |content_type: &str, length: usize| {
        format!(
            "POST /dns-query HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {content_type}\r\n\
             Content-Length: {length}\r\n\r\n"
        )
    };
    let (head, content) = ask(&post("application/dns-message", question.len()), &question);
    assert!(head.starts_with("http/1.1 200") && head.contains("cache-control: max-age=300\r\n"), "{head}");
    assert!(head.contains("content-type: application/dns-message\r\n"), "{head}");
    assert_eq!(read(&content).2[0], ["host.example.com. 300 IN A 192.0.2.10"]);
    let (head, _) = ask(&post("text/plain", question.len()), &question);
    assert!(head.starts_with("http/1.1 415"), "{head}");
    // `www.example.com. A` of RFC 8484 §4.1.1.
    let target = "/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB";
    let (_, content) = ask(&format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), b"");
    assert_eq!(read(&content).2[0].len(), 3);
    let (head, _) = ask("GET /dns-query?dns=A= HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", b"");
    assert!(head.starts_with("http/1.1 400"), "{head}");
}

#[test]
fn the_client_shows_what_people_paste() {
    let server = Server::start("client", ZONE, "");
    let output = server.resolve(&["www.example.com", "AAAA"]);
    let text = String::from_utf8_lossy(&output.stdout);
    for line in
        [";; flags: qr aa rd; QUERY: 1, ANSWER: 3, AUTHORITY: 0, ADDITIONAL: 1", ";www.example.com.\t\tIN\tAAAA"]
    {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    let output = server.resolve(&["www.example.com", "--json"]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer["status"], &answer["answer"][2]["data"]), (&"NOERROR".into(), &"192.0.2.10".into()));
    let wrong = Command::new(EDGEWAY).args(["resolve", "a..b"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}
