//! `edgeway resolve NAME [TYPE]`: asks a name server and shows the answer as people paste it. `ask.rs` is the exchange,
//! `show.rs` the page.

mod ask;
mod server;
mod show;

use clap::Args;
use edgeway_dns::wire::{Flags, Name, RecordType};
use edgeway_net::os::Kernel;

use super::Failure;
use super::terminal::Terminal;
use ask::{Answer, Wanted};
use server::Server;

/// Asks a name server.
///
/// Over UDP, and again over TCP where the answer is cut short. The answer must come from the server that was asked, to the
/// port that asked, with the random number and the question that were sent.
#[derive(Args, Debug)]
pub struct ResolveArguments {
    /// The name to ask about; an address asks for its name (PTR).
    name: String,
    /// The type of records [default: A].
    #[arg(value_name = "TYPE", value_parser = |text: &str| text.parse::<RecordType>())]
    record_type: Option<RecordType>,
    /// The server: an address with or without a port, or tcp://ADDRESS [default: the first of /etc/resolv.conf].
    #[arg(long, value_name = "ADDRESS", value_parser = |text: &str| text.parse::<Server>())]
    server: Option<Server>,
    /// Asks for DNSSEC records, too.
    #[arg(long)]
    dnssec: bool,
    /// Does not ask the server to ask others.
    #[arg(long)]
    no_recursion: bool,
    /// The answer as JSON.
    #[arg(long, conflicts_with = "short")]
    json: bool,
    /// Only what was asked for, one record each line.
    #[arg(long)]
    short: bool,
}

/// Does it.
pub fn run(arguments: &ResolveArguments, terminal: &mut Terminal) -> Result<(), Failure> {
    let (name, usual_type) = subject(&arguments.name)?;
    let server = match &arguments.server {
        Some(server) => server.clone(),
        None => server::of_system().map_err(Failure::new)?,
    };
    let wanted = Wanted {
        name,
        record_type: arguments.record_type.unwrap_or(usual_type),
        dnssec: arguments.dnssec,
        recursion: !arguments.no_recursion,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .map_err(|error| Failure::new(format!("the runtime cannot start: {error}")))?;
    let answer = runtime.block_on(ask::ask(&Kernel::new(), &server, &wanted)).map_err(Failure::new)?;
    tell(&answer, arguments, terminal)
}

fn tell(answer: &Answer, arguments: &ResolveArguments, terminal: &mut Terminal) -> Result<(), Failure> {
    // Decoded once already: the exchange looked at it.
    let message = answer.message().map_err(|error| Failure::new(format!("the answer is malformed: {error}")))?;
    match (arguments.json, arguments.short) {
        (true, _) => terminal.print_json(&show::json(answer, &message))?,
        (_, true) => terminal.print(&show::short(&message))?,
        _ => terminal.print(&show::page(answer, &message))?,
    }
    if message.header().flags.contains(Flags::TRUNCATED) {
        return Err(Failure::new("the answer is cut short, and TCP did not bring the whole one"));
    }
    Ok(())
}

/// What to ask about: a name, or the reverse name of an address (RFC 1035 §3.5, RFC 3596 §2.5).
fn subject(text: &str) -> Result<(Name, RecordType), Failure> {
    let reverse = match text.parse() {
        Ok(std::net::IpAddr::V4(four)) => {
            let [a, b, c, d] = four.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        Ok(std::net::IpAddr::V6(six)) => {
            let nibbles: Vec<_> =
                six.octets().iter().rev().map(|byte| format!("{:x}.{:x}", byte & 15, byte >> 4)).collect();
            format!("{}.ip6.arpa", nibbles.join("."))
        }
        Err(_) => {
            let name = text.parse().map_err(|error: edgeway_dns::error::TextError| {
                Failure::wrong_words(format!("\"{text}\" is no name: {}", error.message))
            })?;
            return Ok((name, RecordType::A));
        }
    };
    // Made of digits and dots: always a name.
    let name = reverse.parse().map_err(|_| Failure::new("the address has no reverse name"))?;
    Ok((name, RecordType::PTR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_asked_about_in_reverse() {
        for (text, name, record_type) in [
            ("www.example.com", "www.example.com.", RecordType::A),
            ("192.0.2.7", "7.2.0.192.in-addr.arpa.", RecordType::PTR),
            (
                "2001:db8::5",
                "5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
                RecordType::PTR,
            ),
        ] {
            let (found, usual) = subject(text).unwrap();
            assert_eq!((found.to_string().as_str(), usual), (name, record_type));
        }
        assert!(subject("a..b").is_err());
    }
}
