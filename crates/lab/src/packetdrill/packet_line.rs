//! One packet of a script: `S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>`, or an ICMP error about one. Called by
//! [`super::script`].

use edgeway_tcpip::wire::tcp::Flags;

/// A packet as written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PacketLine {
    /// A TCP segment.
    Tcp(TcpLine),
    /// An ICMP error that quotes a segment.
    Icmp(IcmpLine),
}

/// A TCP segment; numbers are the script's own.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TcpLine {
    /// `(hlim 4)` or `(ttl 4)`.
    pub hop_limit: Option<u8>,
    /// `[ect0]`, `[ce]`, `[noecn]`.
    pub ecn: Option<u8>,
    /// `(tos 0x28)`: DSCP and ECN.
    pub traffic_class: Option<u8>,
    /// Words about IP that are not understood.
    pub strange: Option<String>,
    /// Flags; `None`: do not compare.
    pub flags: Flags,
    /// First sequence number; `None` (`...`): do not compare.
    pub sequence: Option<u32>,
    /// The sequence number is the wire's own.
    pub absolute: bool,
    /// Payload bytes.
    pub length: usize,
    /// Acknowledgement number.
    pub acknowledgement: Option<u32>,
    /// Window field.
    pub window: Option<u16>,
    /// Urgent pointer.
    pub urgent: Option<u16>,
    /// Options; `None` (`<...>`): do not compare.
    pub options: Option<Vec<OptionWord>>,
    /// `/udp(1 > 9811)`: carried in UDP.
    pub in_udp: bool,
}

/// One option, as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OptionWord {
    /// `mss n`
    MaximumSegmentSize(u16),
    /// `wscale n`
    WindowScale(u8),
    /// `sackOK`
    SackPermitted,
    /// `sack a:b`, one word each
    Sack(u32, u32),
    /// `TS val n ecr n`
    Timestamps(u32, u32),
    /// `nop`
    NoOperation,
    /// `eol`
    End,
    /// `FO`
    FastOpenRequest,
    /// `FO cookie`
    FastOpenCookie([u8; 8]),
    /// Something this stack has no word for.
    Unknown,
}

/// An ICMP error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IcmpLine {
    /// `unreachable`, `time_exceeded`...
    pub kind: String,
    /// `port_unreachable`, `frag_needed`...
    pub code: String,
    /// `mtu n`
    pub mtu: u32,
    /// The quoted sequence number.
    pub sequence: u32,
}

/// Reads what follows `<` or `>`.
pub fn parse(text: &str) -> Result<PacketLine, String> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix("icmp ") {
        return parse_icmp(rest).map(PacketLine::Icmp);
    }
    parse_tcp(text).map(PacketLine::Tcp)
}

fn parse_icmp(text: &str) -> Result<IcmpLine, String> {
    let (words, quoted) = text.split_once('[').ok_or("an ICMP message without a quoted segment")?;
    let mut words = words.split_whitespace();
    let kind = words.next().unwrap_or_default().to_owned();
    let mut line = IcmpLine { kind, code: String::new(), mtu: 0, sequence: 0 };
    while let Some(word) = words.next() {
        match word {
            "mtu" => line.mtu = words.next().and_then(|value| value.parse().ok()).ok_or("mtu without a number")?,
            word => line.code = word.to_owned(),
        }
    }
    let start = quoted.split(':').next().unwrap_or_default();
    line.sequence = start.trim().parse().map_err(|_| format!("`{quoted}` has no sequence number"))?;
    Ok(line)
}

fn parse_tcp(text: &str) -> Result<TcpLine, String> {
    let mut line = TcpLine::default();
    let mut rest = parse_ip(text, &mut line)?;
    if let Some((before, _)) = rest.split_once("/udp") {
        line.in_udp = true;
        rest = before;
    }
    let (head, options) = match rest.split_once('<') {
        Some((head, options)) => (head, options.rsplit_once('>').ok_or("options without an end")?.0),
        None => (rest, ""),
    };
    let mut words = head.split_whitespace();
    line.flags = parse_flags(words.next().ok_or("a packet without flags")?)?;
    let range = words.next().ok_or("a packet without a sequence number")?;
    parse_range(range, &mut line)?;
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("`{word}` without a number"))?;
        let number: u32 = value.parse().map_err(|_| format!("`{value}` is no number"))?;
        match word {
            "ack" => line.acknowledgement = Some(number),
            "win" => line.window = Some(number.min(65_535) as u16),
            "urg" => line.urgent = Some(number as u16),
            other => return Err(format!("`{other}` is not understood")),
        }
    }
    line.options = if options.trim() == "..." { None } else { Some(parse_options(options)?) };
    Ok(line)
}

fn parse_ip<'a>(text: &'a str, line: &mut TcpLine) -> Result<&'a str, String> {
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let (inside, after) = if let Some(open) = rest.strip_prefix('(') {
            open.split_once(')').ok_or("`(` without an end")?
        } else if let Some(open) = rest.strip_prefix('[') {
            open.split_once(']').ok_or("`[` without an end")?
        } else {
            return Ok(rest);
        };
        for part in inside.split(',') {
            match part.split_whitespace().collect::<Vec<_>>()[..] {
                ["hlim" | "ttl", number] => line.hop_limit = number.parse().ok(),
                ["tos" | "tclass", number] if number.starts_with("0x") => {
                    line.traffic_class = u8::from_str_radix(number.trim_start_matches("0x"), 16).ok();
                }
                ["ce"] => line.ecn = Some(3),
                ["ect0"] => line.ecn = Some(2),
                ["ect1"] => line.ecn = Some(1),
                ["noecn"] => line.ecn = Some(0),
                _ => line.strange = Some(part.trim().to_owned()),
            }
        }
        rest = after;
    }
}

fn parse_flags(text: &str) -> Result<Flags, String> {
    let mut flags = Flags::NONE;
    for letter in text.chars() {
        flags |= match letter {
            'S' => Flags::SYN,
            'F' => Flags::FIN,
            'R' => Flags::RST,
            'P' => Flags::PSH,
            '.' => Flags::ACK,
            'E' => Flags::ECE,
            'W' => Flags::CWR,
            'U' => Flags::URG,
            '-' => Flags::NONE,
            other => return Err(format!("`{other}` is no flag")),
        };
    }
    Ok(flags)
}

/// `1:101(100)`, `...(0)`, with `!` for the wire's own numbers.
fn parse_range(text: &str, line: &mut TcpLine) -> Result<(), String> {
    let wrong = || format!("`{text}` is no range of sequence numbers");
    let (range, length) = text.split_once('(').ok_or_else(wrong)?;
    let (length, after) = length.split_once(')').ok_or_else(wrong)?;
    line.length = length.parse().map_err(|_| wrong())?;
    line.absolute = after.contains('!');
    if range != "..." {
        let start = range.split(':').next().ok_or_else(wrong)?;
        line.sequence = Some(start.parse().map_err(|_| wrong())?);
    }
    Ok(())
}

fn parse_options(text: &str) -> Result<Vec<OptionWord>, String> {
    let mut options = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let words: Vec<&str> = part.split_whitespace().collect();
        let number = |text: &str| text.parse::<u32>().map_err(|_| format!("`{text}` is no number"));
        options.push(match words[..] {
            ["nop"] => OptionWord::NoOperation,
            ["eol"] => OptionWord::End,
            ["sackOK"] => OptionWord::SackPermitted,
            ["mss", size] => OptionWord::MaximumSegmentSize(number(size)? as u16),
            ["wscale", scale] => OptionWord::WindowScale(number(scale)? as u8),
            ["TS", "val", value, "ecr", echo] => OptionWord::Timestamps(number(value)?, number(echo)?),
            ["FO"] => OptionWord::FastOpenRequest,
            ["FO", cookie] => {
                let value =
                    u64::from_str_radix(cookie, 16).map_err(|_| format!("`{cookie}` is no cookie of 8 bytes"))?;
                OptionWord::FastOpenCookie(value.to_be_bytes())
            }
            ["sack", ref blocks @ ..] => {
                for block in blocks {
                    let (start, end) = block.split_once(':').ok_or("a SACK block without `:`")?;
                    options.push(OptionWord::Sack(number(start)?, number(end)?));
                }
                continue;
            }
            _ => OptionWord::Unknown,
        });
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_and_errors() {
        let PacketLine::Tcp(line) =
            parse("(hlim 4) [ect0] SEW. 1:101(100) ack 7 win 9 <nop,nop,TS val 1 ecr 2,sack 5:6 8:9>").unwrap()
        else {
            panic!("a segment")
        };
        assert_eq!((line.hop_limit, line.ecn, line.sequence, line.length), (Some(4), Some(2), Some(1), 100));
        assert_eq!((line.acknowledgement, line.window), (Some(7), Some(9)));
        assert_eq!(line.options.unwrap().len(), 5);
        let PacketLine::Icmp(line) = parse("icmp unreachable frag_needed mtu 1200 [5:6(1)]").unwrap() else {
            panic!("an error")
        };
        assert_eq!((line.code.as_str(), line.mtu, line.sequence), ("frag_needed", 1200, 5));
    }
}
