//! The kernel's counters: how busy a core was, how much time a process tree took, how much memory it holds.
//! Read by [`super::rounds`] before and after each load.

use crate::process::family;
use anyhow::{Context as _, Result};
use std::ops::Sub;

/// Microseconds in one tick of /proc/stat and /proc/PID/stat: Linux reports 100 ticks a second to user space on every
/// architecture (USER_HZ), whatever its own timer does.
const TICK_US: u64 = 10_000;

/// Counters at one moment, or what was added between two.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counters {
    /// Core 0 not idle: user, nice, system, interrupts. Microseconds.
    pub(crate) core0_us: u64,
    /// Core 1 likewise.
    pub(crate) core1_us: u64,
    /// The server's processes, in user mode. Microseconds.
    pub(crate) user_us: u64,
    /// The server's processes, in the kernel. Microseconds.
    pub(crate) system_us: u64,
}

impl Counters {
    /// Reads them now, for the process tree under `server`.
    pub(crate) fn now(server: u32) -> Result<Self> {
        let stat = std::fs::read_to_string("/proc/stat").context("/proc/stat")?;
        let mut counters =
            Self { core0_us: busy_us(&stat, "cpu0 ")?, core1_us: busy_us(&stat, "cpu1 ")?, ..Self::default() };
        for pid in family(server) {
            // A process may end between the listing and the reading.
            let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
            let Some((_, fields)) = stat.rsplit_once(')') else { continue };
            // proc(5): state is field 3, utime 14, stime 15.
            let mut times = fields.split_whitespace().skip(11).map_while(|field| field.parse::<u64>().ok());
            counters.user_us += times.next().unwrap_or(0) * TICK_US;
            counters.system_us += times.next().unwrap_or(0) * TICK_US;
        }
        Ok(counters)
    }
}

impl Sub for Counters {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            core0_us: self.core0_us.saturating_sub(before.core0_us),
            core1_us: self.core1_us.saturating_sub(before.core1_us),
            user_us: self.user_us.saturating_sub(before.user_us),
            system_us: self.system_us.saturating_sub(before.system_us),
        }
    }
}

fn busy_us(stat: &str, core: &str) -> Result<u64> {
    let line = stat.lines().find(|line| line.starts_with(core)).with_context(|| format!("{core}in /proc/stat"))?;
    let ticks: Vec<u64> = line.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    // proc(5): user nice system idle iowait irq softirq steal ...; stolen time is the host's, not the server's.
    let busy = [0, 1, 2, 5, 6].iter().filter_map(|at| ticks.get(*at)).sum::<u64>();
    Ok(busy * TICK_US)
}

/// Memory of a process tree.
#[derive(Clone, Copy, Default)]
pub(crate) struct Memory {
    /// Resident, shared pages counted in each process. Bytes.
    pub(crate) resident: u64,
    /// Anonymous and resident: what the processes asked for, without files and libraries. Bytes.
    pub(crate) anonymous: u64,
}

impl Memory {
    pub(crate) fn now(server: u32) -> Self {
        let mut memory = Self::default();
        for pid in family(server) {
            let Ok(rollup) = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else { continue };
            memory.resident += kilobytes(&rollup, "Rss:") * 1024;
            memory.anonymous += kilobytes(&rollup, "Anonymous:") * 1024;
        }
        memory
    }
}

fn kilobytes(rollup: &str, key: &str) -> u64 {
    let line = rollup.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[test]
fn busy_time_leaves_out_idle_waiting_and_stolen() {
    let stat = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 4 1000 1000 8 16 1000 0 0\ncpu1 0 0 0 5 0 0 0 0 0 0\n";
    assert_eq!(busy_us(stat, "cpu0 ").unwrap(), 31 * TICK_US);
    assert_eq!(busy_us(stat, "cpu1 ").unwrap(), 0);
}
