//! What counts as the packet the script expects. Called by [`super::runner`].

use std::time::Duration;

use edgeway_tcpip::wire::tcp::{Flags, TcpHeader};

use super::flow::Flow;
use super::packet_line::{OptionWord, TcpLine};

/// How strictly to compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// Flags but PSH, sequence numbers, length, acknowledgement, MSS, SACK blocks in order, and which options there
    /// are; not the window, the scale, or the order of options.
    #[default]
    Semantic,
    /// All of that, and window, scale and timestamps.
    Strict,
}

/// A segment that our host sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Its header.
    pub header: TcpHeader,
    /// Bytes of its payload.
    pub length: usize,
    /// Its hop limit.
    pub hop_limit: u8,
    /// Its DSCP and ECN field.
    pub traffic_class: u8,
}

/// The first difference between what was sent and what was expected.
pub fn difference(expected: &TcpLine, sent: &Sent, flow: &Flow, mode: Mode, tolerance: Duration) -> Option<String> {
    let header = &sent.header;
    let ignored = if mode == Mode::Strict { Flags::NONE } else { Flags::PSH };
    let flags = (expected.flags.without(ignored), header.flags.without(ignored));
    if flags.0 != flags.1 {
        return differs("flags", flags.0, flags.1);
    }
    let sequence = if expected.absolute { header.sequence.0 } else { flow.local_to_script(header.sequence.0) };
    if expected.sequence.is_some_and(|wanted| wanted != sequence) {
        return differs("sequence number", expected.sequence.unwrap_or(0), sequence);
    }
    if expected.length != sent.length {
        return differs("length", expected.length, sent.length);
    }
    let acknowledgement = Flow::remote_to_script(header.acknowledgement.0);
    if header.flags.has(Flags::ACK) && expected.acknowledgement.is_some_and(|wanted| wanted != acknowledgement) {
        return differs("acknowledgement", expected.acknowledgement.unwrap_or(0), acknowledgement);
    }
    if expected.hop_limit.is_some_and(|wanted| wanted != sent.hop_limit) {
        return differs("hop limit", expected.hop_limit.unwrap_or(0), sent.hop_limit);
    }
    let ecn = sent.traffic_class & 3;
    if expected.ecn.is_some_and(|wanted| wanted != ecn) {
        return differs("ECN field", expected.ecn.unwrap_or(0), ecn);
    }
    if expected.traffic_class.is_some_and(|wanted| wanted != sent.traffic_class) {
        return differs("traffic class", expected.traffic_class.unwrap_or(0), sent.traffic_class);
    }
    if mode == Mode::Strict && expected.window.is_some_and(|wanted| wanted != header.window) {
        return differs("window", expected.window.unwrap_or(0), header.window);
    }
    compare_options(expected.options.as_deref()?, header, flow, mode, tolerance)
}

fn compare_options(
    expected: &[OptionWord],
    header: &TcpHeader,
    flow: &Flow,
    mode: Mode,
    tolerance: Duration,
) -> Option<String> {
    let options = &header.options;
    let size = find(expected, |word| if let OptionWord::MaximumSegmentSize(size) = word { Some(*size) } else { None });
    if size != options.maximum_segment_size {
        return differs("MSS", Shown(size), Shown(options.maximum_segment_size));
    }
    let scale = find(expected, |word| if let OptionWord::WindowScale(scale) = word { Some(*scale) } else { None });
    let scales = (scale.is_some(), options.window_scale.is_some());
    if scales.0 != scales.1 || mode == Mode::Strict && scale != options.window_scale {
        return differs("window scale", Shown(scale), Shown(options.window_scale));
    }
    let permitted = expected.contains(&OptionWord::SackPermitted);
    if permitted != options.sack_permitted {
        return differs("SACK permitted", permitted, options.sack_permitted);
    }
    let wanted: Vec<(u32, u32)> = expected
        .iter()
        .filter_map(|word| if let OptionWord::Sack(start, end) = word { Some((*start, *end)) } else { None })
        .collect();
    let blocks = options.sack_blocks.as_slice();
    let blocks: Vec<(u32, u32)> =
        blocks.iter().map(|(start, end)| (Flow::remote_to_script(start.0), Flow::remote_to_script(end.0))).collect();
    if wanted != blocks {
        return differs("SACK blocks", format!("{wanted:?}"), format!("{blocks:?}"));
    }
    let stamps =
        find(
            expected,
            |word| if let OptionWord::Timestamps(value, echo) = word { Some((*value, *echo)) } else { None },
        );
    compare_timestamps(stamps, options.timestamps, flow, mode, tolerance)
}

fn compare_timestamps(
    expected: Option<(u32, u32)>,
    sent: Option<(u32, u32)>,
    flow: &Flow,
    mode: Mode,
    tolerance: Duration,
) -> Option<String> {
    match (expected, sent) {
        (None, None) => None,
        (Some((value, echo)), Some((sent_value, sent_echo))) => {
            let sent_value = flow.clock_to_script(sent_value);
            let apart = u128::from(value.abs_diff(sent_value)) > tolerance.as_millis() + 1;
            let differ = echo != sent_echo || mode == Mode::Strict && apart;
            differ.then(|| format!("timestamps: expected {value} echo {echo}, sent {sent_value} echo {sent_echo}"))
        }
        (expected, sent) => differs("timestamps", expected.is_some(), sent.is_some()),
    }
}

fn find<T>(words: &[OptionWord], pick: impl Fn(&OptionWord) -> Option<T>) -> Option<T> {
    words.iter().find_map(pick)
}

fn differs(what: &str, expected: impl std::fmt::Display, sent: impl std::fmt::Display) -> Option<String> {
    Some(format!("{what}: expected {expected}, sent {sent}"))
}

struct Shown<T>(Option<T>);

impl<T: std::fmt::Display> std::fmt::Display for Shown<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(formatter),
            None => formatter.write_str("none"),
        }
    }
}
