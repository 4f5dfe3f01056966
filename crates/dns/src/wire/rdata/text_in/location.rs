//! Places on earth in both directions (RFC 1876 §3).

use std::fmt::{self, Write};

use crate::error::TextError;
use crate::wire::presentation::Token;

use super::{Reader, parse};

/// The equator and the prime meridian, in thousandths of a second of arc. RFC 1876 §2.
const ZERO_ARC: u32 = 1 << 31;
/// The lowest altitude in centimetres below the reference. RFC 1876 §2.
const ALTITUDE_BASE: i64 = 10_000_000;

impl Reader<'_, '_, '_> {
    pub(super) fn location(&mut self, out: &mut Vec<u8>) -> Result<(), TextError> {
        let latitude = self.arc([b'N', b'S'], 90)?;
        let longitude = self.arc([b'E', b'W'], 180)?;
        let token = self.expect("an altitude in metres")?;
        let altitude = centimetres(token.text).map(|altitude| altitude + ALTITUDE_BASE);
        let altitude = altitude.and_then(|altitude| u32::try_from(altitude).ok());
        let altitude = altitude.ok_or_else(|| token.error("expected an altitude from -100000m to 42849672m"))?;
        // RFC 1876 §3: size 1 m, horizontal precision 10 km, vertical 10 m, unless written.
        let mut sizes = [0x12, 0x16, 0x13];
        for size in &mut sizes {
            let Some(token) = self.next()? else { break };
            *size = precision(token).ok_or_else(|| token.error("expected a size in metres up to 90000000"))?;
        }
        out.push(0);
        out.extend(sizes);
        for number in [latitude, longitude, altitude] {
            out.extend(number.to_be_bytes());
        }
        Ok(())
    }

    /// Degrees, perhaps minutes and seconds, and a letter for the side.
    fn arc(&mut self, [plus, minus]: [u8; 2], degrees_max: u64) -> Result<u32, TextError> {
        let degrees = self.expect("degrees")?.number(degrees_max)?;
        let mut thousandths = degrees * 3_600_000;
        for unit in [60_000, 1_000, 0] {
            let token = self.expect("a number or the side of the earth")?;
            match token.text {
                [letter] if letter.eq_ignore_ascii_case(&plus) || letter.eq_ignore_ascii_case(&minus) => {
                    let offset = thousandths as u32;
                    let north_or_east = letter.eq_ignore_ascii_case(&plus);
                    return Ok(if north_or_east { ZERO_ARC + offset } else { ZERO_ARC - offset });
                }
                text => {
                    let wrong = || token.error("expected minutes, seconds, or a letter for the side of the earth");
                    let number: f64 = parse(text).filter(|number| (0.0..60.0).contains(number)).ok_or_else(wrong)?;
                    if unit == 0 || unit == 60_000 && number.fract() != 0.0 {
                        return Err(wrong());
                    }
                    thousandths += (number * f64::from(unit)).round() as u64;
                    if thousandths > degrees_max * 3_600_000 {
                        return Err(wrong());
                    }
                }
            }
        }
        Err(self.scanner.error("expected a letter for the side of the earth"))
    }
}

fn centimetres(text: &[u8]) -> Option<i64> {
    let number = text.strip_suffix(b"m").unwrap_or(text);
    let metres: f64 = parse(number)?;
    metres.is_finite().then(|| (metres * 100.0).round() as i64)
}

/// Mantissa and exponent of centimetres.
fn precision(token: Token<'_>) -> Option<u8> {
    let mut mantissa = centimetres(token.text).filter(|size| (0..=9_000_000_000).contains(size))?;
    let mut exponent = 0;
    while mantissa > 9 {
        mantissa /= 10;
        exponent += 1;
    }
    Some((mantissa as u8) << 4 | exponent)
}

/// Writes the sixteen bytes as text.
pub(in super::super) fn write(out: &mut fmt::Formatter<'_>, content: &[u8]) -> fmt::Result {
    let number =
        |start: usize| content[start..start + 4].iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
    write_arc(out, number(4), ['N', 'S'])?;
    out.write_char(' ')?;
    write_arc(out, number(8), ['E', 'W'])?;
    let altitude = i64::from(number(12)) - ALTITUDE_BASE;
    let sign = if altitude < 0 { "-" } else { "" };
    write!(out, " {sign}{}.{:02}m", altitude.abs() / 100, altitude.abs() % 100)?;
    for size in &content[1..4] {
        // A mantissa or exponent above 9 is not defined; it is shown as the number it would be.
        let centimetres = u64::from(size >> 4) * 10_u64.pow(u32::from(size & 15));
        write!(out, " {}.{:02}m", centimetres / 100, centimetres % 100)?;
    }
    Ok(())
}

fn write_arc(out: &mut fmt::Formatter<'_>, arc: u32, [plus, minus]: [char; 2]) -> fmt::Result {
    let (offset, side) = if arc >= ZERO_ARC { (arc - ZERO_ARC, plus) } else { (ZERO_ARC - arc, minus) };
    let (degrees, minutes) = (offset / 3_600_000, offset / 60_000 % 60);
    write!(out, "{degrees} {minutes} {}.{:03} {side}", offset / 1_000 % 60, offset % 1_000)
}
