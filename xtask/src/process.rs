//! Programs that run beside this one: started with their words in a file, waited for, ended when dropped.
//! Called by [`crate::bench`] and [`crate::interop`].

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take until it accepts connections.
const START_MAX: Duration = Duration::from_secs(20);

/// How long a server may take to stop when it is asked to, before it is ended.
const STOP_MAX: Duration = Duration::from_secs(5);

/// Between two looks at another program.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A running program. Ended when dropped.
pub(crate) struct Service {
    child: Child,
    words: PathBuf,
}

impl Service {
    /// Starts a program; what it prints goes to a file.
    pub(crate) fn start(command: &mut Command, words: &Path) -> Result<Self> {
        let file = std::fs::File::create(words).with_context(|| format!("cannot make {}", words.display()))?;
        let shown = format!("{command:?}");
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {shown}"))?;
        Ok(Self { child, words: words.to_path_buf() })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The last lines that the program printed.
    pub(crate) fn last_words(&self) -> String {
        let bytes = std::fs::read(&self.words).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let last: Vec<&str> = text.lines().rev().take(12).collect();
        last.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// All that the program printed so far.
    pub(crate) fn words(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.words).unwrap_or_default()).into_owned()
    }

    /// Waits until the program accepts connections there.
    pub(crate) fn wait_for(&mut self, address: SocketAddr) -> Result<()> {
        self.wait_until(&format!("{address} accepts connections"), |_| {
            TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok().then_some(())
        })
    }

    /// Waits until `look` finds what it looks for; an end of the program is an error.
    pub(crate) fn wait_until<T>(&mut self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> Result<T> {
        let until = Instant::now() + START_MAX;
        loop {
            if let Some(found) = look(self) {
                return Ok(found);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("ended with {status} before {what}:\n{}", self.last_words());
            }
            if Instant::now() > until {
                bail!("not so after {START_MAX:?}: {what}\n{}", self.last_words());
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("a process id is positive")?;
        kill_process(pid, signal).with_context(|| format!("cannot signal {}", self.child.id()))
    }

    /// Asks the program to stop, then ends it. Its children are its own duty; those that remain are ended too.
    pub(crate) fn stop(&mut self) {
        let family = family(self.child.id());
        if self.has_ended() || self.signal(Signal::TERM).is_err() {
            return;
        }
        let until = Instant::now() + STOP_MAX;
        while !self.has_ended() && Instant::now() < until {
            std::thread::sleep(LOOK_EVERY);
        }
        // A process id may have been given to a stranger meanwhile, but not within these few milliseconds.
        if !self.has_ended() {
            for pid in family.iter().filter_map(|pid| i32::try_from(*pid).ok().and_then(Pid::from_raw)) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        let _ = self.child.wait();
    }

    /// Ends the program at once, as a loss of power would.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A process that a service started and left behind to go on in its place. Ended when dropped.
pub(crate) struct Heir(Pid);

impl Heir {
    /// Waits until the service has exactly one child.
    pub(crate) fn of(service: &mut Service) -> Result<Self> {
        service.wait_until("it has started another process", |service| {
            let family = family(service.id());
            let [_, child] = family[..] else { return None };
            i32::try_from(child).ok().and_then(Pid::from_raw).map(Self)
        })
    }

    fn is_alive(&self) -> bool {
        rustix::process::test_kill_process(self.0).is_ok()
    }
}

impl Drop for Heir {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::TERM);
        let until = Instant::now() + STOP_MAX;
        while self.is_alive() {
            if Instant::now() > until {
                let _ = kill_process(self.0, Signal::KILL);
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

/// The ids of a process and of all its descendants.
pub(crate) fn family(ancestor: u32) -> Vec<u32> {
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // proc(5): "pid (name) state ppid ...", and the name may contain anything.
        if let Some(parent) = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok()) {
            pairs.push((pid, parent));
        }
    }
    let mut found: Vec<u32> = vec![ancestor];
    let mut at = 0;
    while at < found.len() {
        let parent = found[at];
        found.extend(pairs.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    found
}

/// A loopback port that was free a moment ago, for programs that cannot say which one they were given.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr()?)
}
