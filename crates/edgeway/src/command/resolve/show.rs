//! An answer as people paste it (in dig's form, which everyone reads), as JSON (RFC 8427's words), or in short.

use std::fmt::Write as _;

use edgeway_dns::wire::{Message, RecordType, RecordView, Records};
use serde_json::{Value, json};

use super::ask::Answer;

/// The whole answer.
pub(super) fn page(answer: &Answer, message: &Message<'_>) -> String {
    let header = message.header();
    let mut page = String::new();
    // Writing to memory cannot fail.
    let _ = writeln!(
        page,
        ";; ->>HEADER<<- opcode: {}, status: {}, id: {}\n;; flags: {}; QUERY: {}, ANSWER: {}, AUTHORITY: {}, ADDITIONAL: {}",
        header.flags.opcode(),
        message.rcode(),
        header.id,
        header.flags,
        header.counts[0],
        header.counts[1],
        header.counts[2],
        header.counts[3],
    );
    if let Some(edns) = message.edns() {
        let dnssec = if edns.dnssec_ok() { " do" } else { "" };
        let _ = writeln!(page, "\n;; EDNS: version {}, flags:{dnssec}; udp: {}", edns.version(), edns.payload_bytes());
        for (error, text) in edns.extended_errors() {
            let _ = writeln!(page, ";; EXTENDED ERROR: {} {text}", error.0);
        }
    }
    page.push_str("\n;; QUESTION SECTION:\n");
    for question in message.questions() {
        let _ = writeln!(page, ";{}\t\t{}\t{}", question.name, question.class, question.record_type);
    }
    for (title, records) in sections(message) {
        let lines: Vec<String> = records.filter(is_shown).map(|record| line(&record)).collect();
        if !lines.is_empty() {
            let _ = writeln!(page, "\n;; {title} SECTION:\n{}", lines.join("\n"));
        }
    }
    let lost = if answer.lost > 0 { format!(" (after {} without an answer)", answer.lost) } else { String::new() };
    let carrier = if answer.server.stream { "TCP" } else { "UDP" };
    let _ = writeln!(
        page,
        "\n;; Query time: {:.1} msec{lost}\n;; SERVER: {} ({carrier})\n;; MSG SIZE rcvd: {}",
        answer.took.as_secs_f64() * 1_000.0,
        answer.server.address,
        answer.bytes(),
    );
    page
}

/// The data of the answer's records.
pub(super) fn short(message: &Message<'_>) -> String {
    let records = message.answers().filter(is_shown).filter_map(|record| record.data().ok());
    records.map(|data| format!("{data}\n")).collect()
}

/// The answer for scripts.
pub(super) fn json(answer: &Answer, message: &Message<'_>) -> Value {
    let list = |records: Records<'_>| records.filter(is_shown).map(|record| record_json(&record)).collect::<Value>();
    json!({
        "server": answer.server.to_string(),
        "carrier": if answer.server.stream { "tcp" } else { "udp" },
        "milliseconds": answer.took.as_secs_f64() * 1_000.0,
        "bytes": answer.bytes(),
        "status": message.rcode().to_string(),
        "flags": message.header().flags.to_string().split_whitespace().collect::<Vec<_>>(),
        "question": message.questions().map(|question| {
            json!({"name": question.name.to_string(), "type": question.record_type.to_string()})
        }).collect::<Value>(),
        "answer": list(message.answers()),
        "authority": list(message.authority()),
        "additional": list(message.additional()),
    })
}

fn sections<'m>(message: &Message<'m>) -> [(&'static str, Records<'m>); 3] {
    [("ANSWER", message.answers()), ("AUTHORITY", message.authority()), ("ADDITIONAL", message.additional())]
}

/// OPT says how the message travels and is told apart.
fn is_shown(record: &RecordView<'_>) -> bool {
    record.record_type() != RecordType::OPT
}

fn line(record: &RecordView<'_>) -> String {
    match record.to_record() {
        Ok(record) => record.to_string(),
        Err(error) => format!("; {} {}: {error}", record.owner(), record.record_type()),
    }
}

fn record_json(record: &RecordView<'_>) -> Value {
    let data = record.data().map(|data| data.to_string());
    json!({
        "name": record.owner().to_string(),
        "type": record.record_type().to_string(),
        "ttl": record.ttl(),
        "data": data.unwrap_or_else(|error| format!("malformed: {error}")),
    })
}
