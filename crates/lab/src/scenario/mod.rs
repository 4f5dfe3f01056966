//! What there is to see: small worlds with a story each. [`list`] names them, [`run`] plays one, writes its ladder
//! and what to look at, and gives back pictures and a capture.

mod address_resolution;
mod close;
mod congestion;
mod datagrams;
mod flow_control;
mod fragment;
mod handshake;
mod loss;
mod old_syn;
pub mod stage;
mod syn_flood;
#[cfg(test)]
mod tests;
mod time_wait;

use std::fmt;
use std::io::{self, Write};
use std::path::Path;

use crate::world::Violation;

/// How to show a scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// In ANSI colours.
    pub colour: bool,
}

/// What a scenario leaves to keep.
#[derive(Clone, Debug, Default)]
pub struct Artifacts {
    /// Names and contents: `handshake.svg`, `handshake.pcapng`...
    pub files: Vec<(String, Vec<u8>)>,
}

impl Artifacts {
    /// Writes everything into `folder`, which is made when it is not there.
    pub fn write_to(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        self.files.iter().try_for_each(|(name, content)| std::fs::write(folder.join(name), content))
    }

    fn add(&mut self, name: impl Into<String>, content: impl Into<Vec<u8>>) {
        self.files.push((name.into(), content.into()));
    }
}

/// Why a scenario could not be shown.
#[derive(Debug)]
pub enum Failure {
    /// There is none of that name.
    Unknown(String),
    /// It did not go as it must: a mistake of ours, with all that is needed to see it again.
    Violation(Box<Violation>),
    /// The story did not happen.
    Story(String),
    /// It could not be written.
    Output(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => {
                write!(formatter, "there is no scenario `{name}`; there are:")?;
                list().iter().try_for_each(|(name, _)| write!(formatter, " {name}"))
            }
            Self::Violation(violation) => violation.fmt(formatter),
            Self::Story(why) => formatter.write_str(why),
            Self::Output(why) => why.fmt(formatter),
        }
    }
}

impl std::error::Error for Failure {}

impl From<Violation> for Failure {
    fn from(violation: Violation) -> Self {
        Self::Violation(Box::new(violation))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

type Play = fn(u64, Options, &mut dyn Write) -> Result<Artifacts, Failure>;

const SCENARIOS: [(&str, &str, Play); 12] = [
    ("handshake", "three segments agree on two sequence numbers, then a request and its answer", handshake::run),
    ("close", "both sides say that they are done; who says it first waits", close::run),
    (
        "time-wait",
        "why the first to close waits: stragglers, resets, and a new connection in its place",
        time_wait::run,
    ),
    ("old-syn", "a SYN from the past arrives first; the third step of the handshake defeats it", old_syn::run),
    ("syn-flood", "thousands of SYNs from nowhere; cookies let an honest client in", syn_flood::run),
    ("loss", "three ways to lose a segment and three ways to find out", loss::run),
    ("congestion", "two flows share a link: CUBIC, Reno and BBR, window by window", congestion::run),
    ("flow-control", "a slow reader closes the window; the sender asks until it opens", flow_control::run),
    ("udp", "datagrams to one, to many and to all; and to nobody", datagrams::run),
    ("arp", "who has this address? asked, answered, unanswered and contested", address_resolution::run),
    ("fragment", "a datagram too large for a link is cut; a TCP segment is made smaller instead", fragment::run),
    ("simultaneous", "both sides open at once, and close at once", handshake::run_simultaneous),
];

/// Every scenario with one line about it.
pub fn list() -> Vec<(&'static str, &'static str)> {
    SCENARIOS.iter().map(|(name, about, _)| (*name, *about)).collect()
}

/// Plays one. The same seed gives the same bytes.
pub fn run(name: &str, seed: u64, options: Options, out: &mut dyn Write) -> Result<Artifacts, Failure> {
    let found = SCENARIOS.iter().find(|(known, ..)| *known == name);
    let (_, _, play) = found.ok_or_else(|| Failure::Unknown(name.to_owned()))?;
    play(seed, options, out)
}
