//! What `sysctl` lines and shell commands of scripts mean for our settings. Called by [`super::runner`].

use std::time::Duration;

use edgeway_tcpip::tcp::{EcnMode, KeepAlive, State, TcpSettings};

/// What the system under test is set to.
#[derive(Clone, Debug)]
pub struct Personality {
    /// What new sockets start with.
    pub tcp: TcpSettings,
    /// Keep-alive defaults, which sockets may be asked for without keep-alive being on.
    pub keep_alive: KeepAlive,
}

/// What a command asks for beside settings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Settings changed.
    Settings,
    /// Forget path MTUs.
    ForgetPaths,
    /// Forget TIME-WAITs.
    ForgetTimeWaits,
    /// Succeeds when the number of connections in this state, at this port, is (not) printed with this digit.
    Count {
        /// State.
        state: State,
        /// Local port.
        port: Option<u16>,
        /// The digits looked for.
        digits: String,
    },
    /// Nothing to do.
    Nothing,
}

impl Personality {
    /// BSD's numbers, as data: the same code runs.
    pub fn bsd() -> Self {
        Self {
            tcp: TcpSettings {
                receive_buffer: 65_536,
                receive_buffer_max: 2_097_152,
                receive_whole_segments: true,
                send_buffer: 32_768,
                rto_min: Duration::from_millis(230),
                rto_max: Duration::from_secs(64),
                syn_timeout: Duration::from_secs(75),
                syn_timeout_slop: Duration::from_millis(200),
                time_wait_reuse: false,
                drop_syn_fin: false,
                ..TcpSettings::default()
            },
            keep_alive: KeepAlive { probes: 8, ..KeepAlive::default() },
        }
    }

    /// Does what a shell line says; `Err` names what is missing here.
    pub fn shell(&mut self, line: &str) -> Result<Effect, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["sysctl", "-w", setting] => {
                let (name, value) = setting.split_once('=').ok_or("sysctl without a value")?;
                self.sysctl(name, value.parse().map_err(|_| format!("`{value}` is no number"))?)
            }
            ["tcpdrop", "-s", "TIME_WAIT"] => Ok(Effect::ForgetTimeWaits),
            ["sockstat", ..] => count(&words).ok_or_else(|| format!("needs `{line}`")),
            _ => Err(format!("needs `{line}`")),
        }
    }

    fn sysctl(&mut self, name: &str, value: u64) -> Result<Effect, String> {
        let tcp = &mut self.tcp;
        let milliseconds = Duration::from_millis(value);
        match name.strip_prefix("net.inet.tcp.").unwrap_or(name) {
            "sack.enable" => tcp.selective_acknowledgements = value != 0,
            "rfc1323" => {
                tcp.window_scaling = value != 0;
                tcp.timestamps = value != 0;
            }
            "ecn.enable" => {
                tcp.ecn = match value {
                    0 => EcnMode::Off,
                    1 => EcnMode::Active,
                    _ => EcnMode::Passive,
                };
            }
            "ecn.maxretries" => tcp.ecn_syn_retries = value.min(255) as u8,
            "rexmit_initial" => tcp.rto_initial = milliseconds,
            "rexmit_slop" => tcp.syn_timeout_slop = milliseconds,
            "rexmit_drop_options" => tcp.plain_syn_after = (value != 0).then_some(2),
            "keepinit" => tcp.syn_timeout = milliseconds,
            "keepidle" => self.keep_alive.idle = milliseconds,
            "keepintvl" => self.keep_alive.interval = milliseconds,
            "keepcnt" => self.keep_alive.probes = value.min(255) as u8,
            "recvspace" => tcp.receive_buffer = value as usize,
            "sendspace" => tcp.send_buffer = value as usize,
            "kern.ipc.maxsockbuf" => tcp.receive_buffer_max = value as usize,
            "icmp_may_rst" => tcp.icmp_may_reset = value != 0,
            "drop_synfin" => tcp.drop_syn_fin = value != 0,
            "delacktime" => tcp.delayed_ack = milliseconds,
            "hostcache.purgenow" => return Ok(Effect::ForgetPaths),
            // What these would switch on is not there to be switched on.
            "insecure_rst" | "insecure_syn" | "blackhole" if value == 0 => return Ok(Effect::Nothing),
            _ => return Err(format!("needs sysctl {name}={value}")),
        }
        Ok(Effect::Settings)
    }
}

/// `sockstat -4 -P tcp -s -p 8080 | grep -c SYN_RCVD | grep 1`
fn count(words: &[&str]) -> Option<Effect> {
    let after = |wanted: &str| words.windows(2).find(|pair| pair[0] == wanted).map(|pair| pair[1]);
    let state = match after("-c")? {
        "TIME_WAIT" => State::TimeWait,
        "SYN_RCVD" => State::SynReceived,
        _ => return None,
    };
    let port = after("-p").and_then(|port| port.parse().ok());
    Some(Effect::Count { state, port, digits: (*words.last()?).to_owned() })
}
