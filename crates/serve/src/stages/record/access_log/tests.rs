//! Lines as they come out, with what clients put in to break them.

use std::sync::mpsc::{Receiver, sync_channel};

use edgeway_base::Instant;
use edgeway_http::semantics::{RequestHead, Status};

use super::*;
use crate::exchange::Notes;

fn line(format: Format, change: impl FnOnce(&mut Ticket)) -> String {
    let (sender, receiver): (_, Receiver<Vec<u8>>) = sync_channel(1);
    let mut log = AccessLog::new(format, sender, Arc::default());
    let mut head = Box::<RequestHead>::default();
    head.set_target(b"/a?b");
    head.set_authority(b"Example.com").unwrap();
    let mut ticket = Ticket { head, peer: [192, 0, 2, 7].into(), received: Instant::ZERO, notes: Notes::default() };
    change(&mut ticket);
    let sent = Sent { status: Status::OK, body_bytes: 12, complete: true, at: Instant::from_millis(1) };
    log.write(&ticket, &sent, Duration::from_micros(1_234), WallTime::from_seconds(1_700_000_000));
    log.flush();
    String::from_utf8(receiver.recv().unwrap()).unwrap()
}

#[test]
fn json_lines_tell_the_request() {
    assert_eq!(
        line(Format::Json, |_| ()),
        "{\"time\":\"2023-11-14T22:13:20.000Z\",\"client\":\"192.0.2.7\",\"method\":\"GET\",\"scheme\":\"http\",\
         \"host\":\"example.com\",\"target\":\"/a?b\",\"protocol\":\"HTTP/1.1\",\"status\":200,\"bytes\":12,\
         \"duration_us\":1234}\n"
    );
}

#[test]
fn a_rewritten_request_is_logged_as_it_was_asked() {
    let text = line(Format::Json, |ticket| ticket.notes.rewritten_from = Some("/asked?c".into()));
    assert!(text.contains("\"target\":\"/asked?c\""), "{text}");
}

#[test]
fn combined_lines_are_what_tools_expect() {
    let text = line(Format::Combined, |ticket| ticket.head.fields.append(FieldName::UserAgent, "curl/8"));
    assert_eq!(text, "192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] \"GET /a?b HTTP/1.1\" 200 12 \"-\" \"curl/8\"\n");
}

#[test]
fn hostile_066_no_client_forges_a_line_or_colours_a_terminal() {
    for format in [Format::Json, Format::Combined] {
        let text = line(format, |ticket| {
            ticket.head.fields.append(FieldName::UserAgent, b"a\"b\\c\x1b[31m\xff\td");
        });
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        assert!(text.contains("a\\\"b\\\\c\\u001b[31m\\u00ff\\u0009d"), "{text}");
    }
}

#[test]
fn a_full_writer_costs_lines_and_is_counted() {
    let (sender, _receiver) = sync_channel(0);
    let metrics = Arc::<WorkerMetrics>::default();
    let mut log = AccessLog::new(Format::Json, sender, Arc::clone(&metrics));
    log.buffer.extend_from_slice(b"x");
    log.flush();
    assert_eq!(metrics.log_dropped.get(), 1);
    assert!(log.buffer.is_empty());
}
