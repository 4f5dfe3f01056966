//! The properties of HTTP/1.x parsing and of its machines on a few thousand cases, each from its seed. A failure
//! names the seed; `/fuzz` runs the same properties for longer.

mod h1_properties;
mod recorder;

use edgeway_base::{Entropy, SeededEntropy};
use h1_properties::{check_head, check_operations};
use recorder::record;

const TEMPLATES: [&str; 10] = [
    "GET /a?b=c HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\nX-Custom: v w\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: example.com:81\r\nContent-Length: 5\r\n\r\nhello",
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-T: z\r\n\r\n",
    "HEAD http://example.com/a HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: [::1]\r\nConnection: keep-alive, x\r\n\r\n",
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n",
    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "PUT /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    "\r\nDELETE /a HTTP/1.1\r\nHOST:a\r\nte: trailers\r\ncookie: a=b\t\r\n\r\n",
];

/// Bytes that mean something to some parser.
const MARKS: &[u8] = b"\r\n\0 \t:;,/?#*%@[]{}|\\\"'()<>=+-_.0159afAFxXzZ\x01\x0b\x1f\x7f\x80\xa0\xff";

/// One to three templates, a few bytes of them replaced, inserted, removed or doubled.
fn case(entropy: &mut SeededEntropy) -> Vec<u8> {
    let mut pick = |bound: usize| entropy.below(bound as u32) as usize;
    let mut bytes = Vec::new();
    for _ in 0..=pick(3) {
        bytes.extend_from_slice(TEMPLATES[pick(TEMPLATES.len())].as_bytes());
    }
    for _ in 0..pick(4) {
        let at = pick(bytes.len());
        let mark = MARKS[pick(MARKS.len())];
        match pick(5) {
            0 => bytes[at] = mark,
            1 => bytes.insert(at, mark),
            2 => drop(bytes.remove(at)),
            3 => bytes.truncate(at.max(1)),
            _ => {
                let end = (at + pick(40)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = pick(bytes.len());
                bytes.splice(to..to, piece);
            }
        }
        if bytes.is_empty() {
            bytes.push(mark);
        }
    }
    bytes
}

/// Names the seed when a case fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed is {}", self.0);
        }
    }
}

#[test]
fn heads_agree_with_httparse_with_their_prefixes_and_with_what_is_written_again() {
    for seed in 0..2_000 {
        let _seed = Seed(seed);
        check_head(&case(&mut SeededEntropy::new(seed)));
    }
}

#[test]
fn the_cut_of_the_input_changes_nothing() {
    for seed in 0..3_000 {
        let _seed = Seed(seed);
        let mut entropy = SeededEntropy::new(seed);
        let bytes = case(&mut entropy);
        let whole = record([&bytes[..]]);
        for _ in 0..3 {
            let first = entropy.below(bytes.len() as u32 + 1) as usize;
            let second = first + entropy.below((bytes.len() - first) as u32 + 1) as usize;
            let parts = [&bytes[..first], &bytes[first..second], &bytes[second..]];
            assert_eq!(record(parts), whole, "cut at {first} and {second}: {}", bytes.escape_ascii());
        }
    }
}

#[test]
fn any_order_of_calls_writes_only_whole_responses() {
    for seed in 0..3_000 {
        let _seed = Seed(seed);
        let mut entropy = SeededEntropy::new(seed);
        let mut bytes = Vec::new();
        for _ in 0..4 {
            bytes.extend(case(&mut entropy));
        }
        let mut choices = vec![0; 200];
        entropy.fill(&mut choices);
        check_operations(&bytes, &choices);
    }
}
