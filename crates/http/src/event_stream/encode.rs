//! Events as text. Called by the hub. Whatever the parts hold, they cannot end an event or begin another field.

use std::time::Duration;

/// A comment, which readers skip: written into a silent stream so that nobody on the way takes it for dead.
pub const KEEP_ALIVE: &[u8] = b":\n\n";

/// Appends one event to `out`. `name` is its type, `message` when empty; `id` is what the reader sends back in
/// Last-Event-ID when it connects again. Line ends in `data` (CR, LF or both) come out as LF.
pub fn encode_event(out: &mut Vec<u8>, name: &str, id: Option<&str>, data: &str) {
    if let Some(id) = id {
        // HTML Standard §9.2.6: an id with NUL is ignored by readers, so it is left away as line ends are.
        field(out, b"id", id);
    }
    if !name.is_empty() {
        field(out, b"event", name);
    }
    for line in lines(data) {
        field(out, b"data", line);
    }
    out.push(b'\n');
}

/// Appends the wish that readers wait so long before they connect again.
pub fn encode_retry(out: &mut Vec<u8>, wait: Duration) {
    field(out, b"retry", &wait.as_millis().to_string());
    out.push(b'\n');
}

fn field(out: &mut Vec<u8>, name: &[u8], value: &str) {
    out.extend_from_slice(name);
    // The one space after the colon belongs to the syntax; without it, a space of the value would be taken for it.
    out.extend_from_slice(b": ");
    out.extend(value.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)));
    out.push(b'\n');
}

fn lines(data: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(['\r', '\n']) else { return rest.take() };
        let after = if text[end..].starts_with("\r\n") { end + 2 } else { end + 1 };
        rest = Some(&text[after..]);
        Some(&text[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_lines_and_nothing_breaks_out_of_them() {
        for (name, id, data, expected) in [
            ("", None, "a", "data: a\n\n"),
            ("", None, "", "data: \n\n"),
            ("add", Some("7"), "a\nb\r\nc\rd\n", "id: 7\nevent: add\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"),
            ("x\ndata: y", Some("1\r\n\r\n2\0"), " z", "id: 12\nevent: xdata: y\ndata:  z\n\n"),
        ] {
            let mut out = Vec::new();
            encode_event(&mut out, name, id, data);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
        let mut out = Vec::new();
        encode_retry(&mut out, Duration::from_secs(3));
        assert_eq!(out, b"retry: 3000\n\n");
    }
}
