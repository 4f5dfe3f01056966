//! The application's side of a script: sockets by number, calls with expected results. Called by
//! [`super::runner`].

use edgeway_base::Instant;
use edgeway_tcpip::tcp::{ListenerId, ListenerSettings, State, TcpError, TcpId, TcpSettings};

use super::flow::{Flow, LOCAL_PORT};
use super::personality::Personality;
use super::runner::{Player, Stop};
use super::script::Call;

/// A socket.
#[derive(Clone, Debug)]
pub struct File {
    settings: TcpSettings,
    defaults: Personality,
    nonblocking: bool,
    bound: bool,
    listener: Option<ListenerId>,
    pub(super) connection: Option<TcpId>,
    error_told: bool,
}

/// A call that blocks.
#[derive(Clone, Debug)]
pub struct Pending {
    file: i64,
    expected: Call,
    ends: Instant,
    ended: Option<(Instant, i64, Option<&'static str>)>,
}

type Outcome = (i64, Option<&'static str>);

const fn done(value: i64) -> Outcome {
    (value, None)
}

const fn failed(error: &'static str) -> Outcome {
    (-1, Some(error))
}

const fn errno(error: TcpError) -> &'static str {
    match error {
        TcpError::Refused => "ECONNREFUSED",
        TcpError::Reset => "ECONNRESET",
        TcpError::TimedOut => "ETIMEDOUT",
        TcpError::Unreachable => "EHOSTUNREACH",
        TcpError::Aborted => "ECONNABORTED",
    }
}

impl Player {
    /// Makes a call and compares its result.
    pub(super) fn call(&mut self, call: &Call, ends: Option<Instant>) -> Result<(), Stop> {
        self.finish_pending()?;
        if let Some(ends) = ends {
            return self.block(call, ends);
        }
        let (value, error) = self.perform(call)?;
        self.collect();
        judge(call, value, error)
    }

    fn perform(&mut self, call: &Call) -> Result<Outcome, Stop> {
        let file = call.arguments.first().and_then(|text| text.parse::<i64>().ok()).unwrap_or(-1);
        match call.name.as_str() {
            "socket" => Ok(self.socket(call.result)),
            "bind" => self.with_file(file, |file| {
                file.bound = true;
                done(0)
            }),
            "fcntl" => self.fcntl(file, call),
            "setsockopt" => self.set_option(file, call),
            "getsockopt" => self.get_option(file, call),
            "listen" => self.listen(file, call),
            "accept" => self.accept(file, call.result),
            "connect" => self.connect(file),
            "recv" | "read" => self.receive(file, call),
            "send" | "write" => self.send(file, call),
            "shutdown" => self.shutdown(file, call),
            "close" => self.close(file),
            other => Err(Stop::Skipped(format!("needs the call {other}"))),
        }
    }

    fn file(&mut self, number: i64) -> Result<&mut File, Stop> {
        self.files.get_mut(&number).ok_or_else(|| Stop::Failed(format!("there is no socket {number}")))
    }

    fn with_file(&mut self, number: i64, act: impl FnOnce(&mut File) -> Outcome) -> Result<Outcome, Stop> {
        self.file(number).map(act)
    }

    fn socket(&mut self, number: i64) -> Outcome {
        // A new socket begins a new conversation.
        self.flow = None;
        self.flows += 1;
        let file = self.new_file(None);
        self.files.insert(number, file);
        done(number)
    }

    fn new_file(&self, connection: Option<TcpId>) -> File {
        File {
            settings: self.personality.tcp.clone(),
            defaults: self.personality.clone(),
            nonblocking: false,
            bound: false,
            listener: None,
            connection,
            error_told: false,
        }
    }

    fn fcntl(&mut self, number: i64, call: &Call) -> Result<Outcome, Stop> {
        let set = call.arguments.iter().any(|word| word == "F_SETFL");
        let nonblocking = call.arguments.iter().any(|word| word.contains("O_NONBLOCK"));
        self.with_file(number, |file| {
            if set {
                file.nonblocking = nonblocking;
                return done(0);
            }
            done(if file.nonblocking { 6 } else { 2 })
        })
    }

    fn listen(&mut self, number: i64, call: &Call) -> Result<Outcome, Stop> {
        let backlog = call.arguments.get(1).and_then(|text| text.parse().ok()).unwrap_or(1_usize) + 1;
        let tcp = self.file(number)?.settings.clone();
        let settings = ListenerSettings { port: Some(LOCAL_PORT), backlog, tcp, ..ListenerSettings::default() };
        let Ok(listener) = self.host.tcp_listen(settings) else { return Ok(failed("EADDRINUSE")) };
        self.file(number)?.listener = Some(listener);
        Ok(done(0))
    }

    /// A setting changed that listeners hand on.
    pub(super) fn change_listeners(&mut self) {
        let settings = self.personality.tcp.clone();
        for file in self.files.values() {
            if let Some(listener) = file.listener {
                self.host.tcp_mut().configure_listener(listener, |tcp| *tcp = settings.clone());
            }
        }
        // What a connection attempt reads anew each time.
        let reset = settings.icmp_may_reset;
        let connections: Vec<TcpId> = self.files.values().filter_map(|file| file.connection).collect();
        for id in connections {
            self.host.tcp_configure(self.now, id, |tcp| tcp.icmp_may_reset = reset);
        }
    }

    fn accept(&mut self, number: i64, expected: i64) -> Result<Outcome, Stop> {
        let file = self.file(number)?;
        let Some(listener) = file.listener else { return Ok(failed("EINVAL")) };
        let latest = self.now + self.tolerance;
        let mut accepted = self.host.tcp_accept(listener);
        while accepted.is_none() && self.step(latest) {
            accepted = self.host.tcp_accept(listener);
        }
        let Some(id) = accepted else { return Ok(failed("EWOULDBLOCK")) };
        let file = self.new_file(Some(id));
        self.files.insert(expected, file);
        Ok(done(expected))
    }

    fn connect(&mut self, number: i64) -> Result<Outcome, Stop> {
        let (now, local, remote) = (self.now, self.local, self.remote);
        let file = self.file(number)?;
        let (settings, nonblocking) = (file.settings.clone(), file.nonblocking);
        let port = if file.bound { LOCAL_PORT } else { 0 };
        let peer = Flow::peer(remote);
        let local = std::net::SocketAddr::new(local, port);
        let id = match self.host.tcp_connect(now, peer, Some(local), settings) {
            Ok(id) => id,
            Err(why) => return Err(Stop::Failed(why.to_string())),
        };
        let local = self.host.tcp_connection(id).map_or(local, |connection| connection.pair().local);
        self.flow = Some(Flow::active(local, peer));
        self.file(number)?.connection = Some(id);
        self.collect();
        Ok(if nonblocking { failed("EINPROGRESS") } else { done(0) })
    }

    // ---- blocking ----

    fn block(&mut self, call: &Call, ends: Instant) -> Result<(), Stop> {
        if call.name != "connect" {
            return Err(Stop::Skipped(format!("needs {} to block", call.name)));
        }
        let number = call.arguments.first().and_then(|text| text.parse::<i64>().ok()).unwrap_or(-1);
        self.connect(number)?;
        self.pending = Some(Pending { file: number, expected: call.clone(), ends, ended: None });
        Ok(())
    }

    /// Notes when the blocked call ends.
    pub(super) fn watch_pending(&mut self) {
        let Some(pending) = self.pending.as_mut().filter(|pending| pending.ended.is_none()) else { return };
        let id = self.files.get(&pending.file).and_then(|file| file.connection);
        let Some(connection) = id.and_then(|id| self.host.tcp_connection(id)) else { return };
        match connection.state() {
            State::SynSent | State::SynReceived => {}
            State::Closed => {
                let error = connection.error().map(errno);
                pending.ended = Some((self.now, -1, error));
            }
            _ => pending.ended = Some((self.now, 0, None)),
        }
    }

    /// The blocked call must have ended at its time.
    pub(super) fn finish_pending(&mut self) -> Result<(), Stop> {
        let Some(pending) = self.pending.take() else { return Ok(()) };
        let Some((at, value, error)) = pending.ended else {
            return Err(Stop::Failed(format!("{} still blocks", pending.expected.name)));
        };
        let apart = (at - pending.ends).max(pending.ends - at);
        if apart > self.tolerance {
            return Err(Stop::Failed(format!("{} ended {apart:?} off its time", pending.expected.name)));
        }
        judge(&pending.expected, value, error)
    }

    // ---- data ----

    fn connection_of(&mut self, number: i64) -> Result<TcpId, Stop> {
        self.file(number)?.connection.ok_or_else(|| Stop::Failed(format!("socket {number} is not connected")))
    }

    fn receive(&mut self, number: i64, call: &Call) -> Result<Outcome, Stop> {
        let id = self.connection_of(number)?;
        let nonblocking = self.file(number)?.nonblocking;
        let most = call.arguments.get(2).and_then(|text| text.parse().ok()).unwrap_or(0_usize);
        let peek = call.arguments.get(3).is_some_and(|flags| flags.contains("MSG_PEEK"));
        let mut buffer = vec![0; most];
        let latest = self.now + self.tolerance;
        loop {
            let read = match peek {
                true => self.host.tcp_peek(self.now, id, &mut buffer),
                false => self.host.tcp_read(self.now, id, &mut buffer),
            };
            match read {
                Ok(Some(count)) => return Ok(done(count as i64)),
                Err(error) => return Ok(failed(errno(error))),
                Ok(None) if !nonblocking && self.step(latest) => {}
                Ok(None) => return Ok(failed("EWOULDBLOCK")),
            }
        }
    }

    fn send(&mut self, number: i64, call: &Call) -> Result<Outcome, Stop> {
        let id = self.connection_of(number)?;
        let count = call.arguments.get(2).and_then(|text| text.parse().ok()).unwrap_or(0_usize);
        match self.host.tcp_write(self.now, id, &vec![0; count]) {
            Ok(written) => Ok(done(written as i64)),
            Err(error) => Ok(failed(errno(error))),
        }
    }

    fn shutdown(&mut self, number: i64, call: &Call) -> Result<Outcome, Stop> {
        let id = self.connection_of(number)?;
        if call.arguments.get(1).is_some_and(|how| how != "SHUT_RD") {
            self.host.tcp_shutdown(self.now, id);
        }
        Ok(done(0))
    }

    fn close(&mut self, number: i64) -> Result<Outcome, Stop> {
        let Some(file) = self.files.remove(&number) else { return Ok(failed("EBADF")) };
        if let Some(listener) = file.listener {
            self.host.tcp_stop_listening(self.now, listener);
        }
        if let Some(id) = file.connection {
            self.host.tcp_close(self.now, id);
        }
        Ok(done(0))
    }

    // ---- options ----

    fn set_option(&mut self, number: i64, call: &Call) -> Result<Outcome, Stop> {
        let name = call.arguments.get(2).map(String::as_str).unwrap_or_default();
        let text = call.arguments.get(3).map(|text| text.trim_matches(['[', ']'])).unwrap_or_default();
        let value = text.parse().unwrap_or_else(|_| dscp(text)) as u64;
        let seconds = std::time::Duration::from_secs(value);
        let apply: Box<dyn Fn(&mut TcpSettings)> = match name {
            "SO_REUSEADDR" => Box::new(|_| {}),
            "TCP_KEEPINIT" => Box::new(move |tcp| tcp.syn_timeout = seconds),
            "TCP_NODELAY" => Box::new(move |tcp| tcp.no_delay = value != 0),
            "IP_TTL" | "IPV6_UNICAST_HOPS" => Box::new(move |tcp| tcp.hop_limit = value as u8),
            "IP_TOS" | "IPV6_TCLASS" => Box::new(move |tcp| tcp.dscp = (value >> 2) as u8),
            "TCP_KEEPIDLE" => {
                self.file(number)?.defaults.keep_alive.idle = seconds;
                return Ok(done(0));
            }
            other => return Err(Stop::Skipped(format!("needs socket option {other}"))),
        };
        let now = self.now;
        let file = self.file(number)?;
        apply(&mut file.settings);
        if let Some(id) = file.connection {
            self.host.tcp_configure(now, id, |tcp| apply(tcp));
        }
        Ok(done(0))
    }

    fn get_option(&mut self, number: i64, call: &Call) -> Result<Outcome, Stop> {
        let name = call.arguments.get(2).map(String::as_str).unwrap_or_default();
        let expected = call.arguments.get(3).map(|text| text.trim_matches(['[', ']'])).unwrap_or_default();
        let file = self.file(number)?.clone();
        let value = match name {
            "SO_ERROR" => self.take_error(number)?.to_owned(),
            "SO_RCVBUF" => {
                let info = file.connection.and_then(|id| self.host.tcp_info(id));
                info.map_or(file.settings.receive_buffer as u64, |info| info.rcv_space).to_string()
            }
            "TCP_KEEPINIT" => file.settings.syn_timeout.as_secs().to_string(),
            "TCP_KEEPIDLE" => file.defaults.keep_alive.idle.as_secs().to_string(),
            "TCP_KEEPINTVL" => file.defaults.keep_alive.interval.as_secs().to_string(),
            "TCP_KEEPCNT" => file.defaults.keep_alive.probes.to_string(),
            other => return Err(Stop::Skipped(format!("needs socket option {other}"))),
        };
        if value != expected {
            return Err(Stop::Failed(format!("{name}: expected {expected}, is {value}")));
        }
        Ok(done(0))
    }

    fn take_error(&mut self, number: i64) -> Result<&'static str, Stop> {
        let id = self.file(number)?.connection;
        let error = id.and_then(|id| self.host.tcp_connection(id)).and_then(|connection| connection.error());
        let file = self.file(number)?;
        match error {
            Some(error) if !file.error_told => {
                file.error_told = true;
                Ok(errno(error))
            }
            _ => Ok("0"),
        }
    }
}

/// `IPTOS_DSCP_CS4` as the traffic class it stands for.
fn dscp(name: &str) -> i64 {
    let class = name.strip_prefix("IPTOS_DSCP_CS").and_then(|class| class.parse::<i64>().ok());
    class.map_or(0, |class| class << 5)
}

fn judge(call: &Call, value: i64, error: Option<&'static str>) -> Result<(), Stop> {
    if value == call.result && (value >= 0 || call.error.as_deref() == error) {
        return Ok(());
    }
    let expected = (call.result, call.error.as_deref().unwrap_or(""));
    Err(Stop::Failed(format!("{}: expected {expected:?}, was {:?}", call.name, (value, error.unwrap_or("")))))
}
