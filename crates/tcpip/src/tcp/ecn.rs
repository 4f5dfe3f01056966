//! Explicit congestion notification (RFC 3168 §6.1). Owned by the connection.

/// Both directions of ECN.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ecn {
    /// Both sides agreed.
    pub enabled: bool,
    /// Say ECE on every segment until the peer says CWR.
    pub echo: bool,
    /// Say CWR on the next new data.
    pub reduced: bool,
    /// React to echoes only beyond this position: once per window.
    pub reacted_until: i64,
}

impl Ecn {
    /// A segment arrived: its mark, and whether the peer says it reduced.
    pub const fn received(&mut self, marked: bool, peer_reduced: bool) {
        if !self.enabled {
            return;
        }
        if peer_reduced {
            self.echo = false;
        }
        if marked {
            self.echo = true;
        }
    }

    /// An acknowledgement of `position` with ECE: whether to reduce the window now. RFC 3168 §6.1.2.
    pub const fn echoed(&mut self, position: i64, sent: i64) -> bool {
        if !self.enabled || position < self.reacted_until {
            return false;
        }
        self.reacted_until = sent;
        self.reduced = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_054_echoes_for_ever_reduce_once_per_window() {
        let mut ecn = Ecn { enabled: true, ..Ecn::default() };
        let reductions = (0..100).filter(|index| ecn.echoed(index * 10, index * 10 + 500)).count();
        assert_eq!(reductions, 2);
        assert!(!Ecn::default().echoed(1000, 2000), "not agreed, not heard");
    }

    #[test]
    fn a_mark_is_echoed_until_the_peer_reduced() {
        let mut ecn = Ecn { enabled: true, ..Ecn::default() };
        ecn.received(true, false);
        ecn.received(false, false);
        assert!(ecn.echo, "a lost CWR keeps it up");
        ecn.received(false, true);
        assert!(!ecn.echo);
    }
}
