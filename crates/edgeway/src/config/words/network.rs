//! Networks of trusted peers: `10.0.0.0/8`, `2001:db8::/32`, or one address.

use std::fmt;
use std::str::FromStr;

use edgeway_http::semantics::forwarded::AddressBlock;

use crate::config::read::Word;

/// A block of addresses and how it was written.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Network {
    /// The block.
    pub block: AddressBlock,
    text: String,
}

impl Network {
    /// Whether it holds every address there is (of IPv4, or of IPv6).
    pub fn is_everyone(&self) -> bool {
        self.text.ends_with("/0")
    }
}

impl Word for Network {
    const EXPECTED: &'static str = "a network like \"10.0.0.0/8\", \"2001:db8::/32\" or one address";
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let block = text.parse().map_err(|cause: String| {
            // "expected ..." is said at the caret already.
            if cause.starts_with("expected") { format!("\"{text}\" is not a network") } else { cause }
        })?;
        Ok(Self { block, text: text.trim().to_owned() })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad() {
        let network: Network = "10.0.0.0/8".parse().unwrap();
        assert!(network.block.contains("10.1.2.3".parse().unwrap()) && !network.is_everyone());
        assert!("::/0".parse::<Network>().unwrap().is_everyone());
        for (wrong, cause) in
            [("10.0.0.1/8", "first address"), ("10.0.0.0/33", "not a network"), ("lan", "not a network")]
        {
            let said = wrong.parse::<Network>().unwrap_err();
            assert!(said.contains(cause), "{wrong}: {said}");
        }
    }
}
