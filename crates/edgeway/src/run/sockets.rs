//! The listening sockets: opened once, one for each worker, by the control thread. A reload opens what is new and forgets what is gone;
//! a handover brings them from the process before.

use std::collections::HashMap;

use edgeway_base::world::Address;
use edgeway_net::os::{ListenError, listen};
use serde::{Deserialize, Serialize};
use socket2::Socket;

use crate::config::checked::listening::Listening;

/// What is spoken on a socket.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Plain HTTP.
    Http,
    /// HTTP under TLS.
    Https,
    /// DNS by datagrams.
    Dns,
    /// DNS by streams.
    DnsStream,
    /// DNS under TLS.
    Dot,
}

impl Purpose {
    /// As the configuration says it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Dns | Self::DnsStream => "dns",
            Self::Dot => "dot",
        }
    }
}

/// Sockets by what the configuration asked for. With port 0 the address that is really bound differs.
#[derive(Default)]
pub struct Sockets {
    open: HashMap<(Purpose, Address), Vec<Socket>>,
}

/// What a change of configuration asks of the sockets.
pub struct Difference {
    /// To be listened on: sockets for all workers.
    pub new: Vec<((Purpose, Address), Vec<Socket>)>,
    /// To be listened on no more.
    pub gone: Vec<(Purpose, Address)>,
}

impl Sockets {
    /// Takes over sockets from the process before. `workers` sockets each; where it had fewer, the first is duplicated, and all
    /// that it had are kept, because connections may already wait in any of them.
    pub fn adopt(inherited: Vec<((Purpose, Address), Socket)>) -> Self {
        let mut open: HashMap<_, Vec<_>> = HashMap::new();
        for (key, socket) in inherited {
            open.entry(key).or_default().push(socket);
        }
        Self { open }
    }

    /// Opens what `listening` asks for and is not open; says what is not asked for any more. All or nothing: when one cannot be
    /// opened, nothing has changed.
    pub fn prepare(&self, listening: &Listening, workers: usize) -> Result<Difference, ListenError> {
        let wanted = wanted(listening);
        let mut new: Vec<((Purpose, Address), Vec<Socket>)> = Vec::new();
        for (key, may_be_missing) in &wanted {
            if self.open.contains_key(key) || new.iter().any(|(other, _)| other == key) {
                continue;
            }
            match open(key, workers) {
                Ok(sockets) => new.extend(sockets),
                // `localhost` and `:80` mean both families; a machine without IPv6 has only one.
                Err(error) if *may_be_missing && error.is_missing_family() => {}
                Err(error) => return Err(error),
            }
        }
        let gone = self.open.keys().filter(|key| !wanted.iter().any(|(other, _)| other == *key)).cloned().collect();
        Ok(Difference { new, gone })
    }

    /// Notes a difference that was carried out; a duplicate of every new socket is kept for a later handover.
    pub fn apply(&mut self, difference: &Difference) {
        for (key, sockets) in &difference.new {
            // A socket that cannot be duplicated is still listened on; it is only missing in a handover.
            let copies = sockets.iter().filter_map(|socket| socket.try_clone().ok()).collect();
            self.open.insert(key.clone(), copies);
        }
        for key in &difference.gone {
            self.open.remove(key);
        }
    }

    /// Duplicates of all sockets, for workers that are about to start: the n-th list is the n-th worker's.
    pub fn for_workers(&self, workers: usize) -> Vec<Vec<((Purpose, Address), Socket)>> {
        let mut shares: Vec<Vec<_>> = (0..workers).map(|_| Vec::new()).collect();
        for (key, sockets) in &self.open {
            // More sockets than workers: some workers take two. Fewer: some sockets serve two workers.
            for number in 0..sockets.len().max(workers) {
                if let Ok(copy) = sockets[number % sockets.len()].try_clone() {
                    shares[number % workers].push((key.clone(), copy));
                }
            }
        }
        shares
    }

    /// Duplicates of every socket, for a handover.
    pub fn duplicates(&self) -> Vec<((Purpose, Address), Socket)> {
        let all = self.open.iter().flat_map(|(key, sockets)| sockets.iter().map(move |socket| (key, socket)));
        all.filter_map(|(key, socket)| Some((key.clone(), socket.try_clone().ok()?))).collect()
    }

    /// What is listened on, as it is really bound, in order.
    pub fn bound(&self) -> Vec<(Purpose, Address)> {
        let mut bound: Vec<_> = self
            .open
            .iter()
            // Streams have the same address as datagrams.
            .filter(|((purpose, _), _)| *purpose != Purpose::DnsStream)
            .map(|((purpose, asked), sockets)| {
                let real = sockets.first().and_then(|socket| socket.local_addr().ok()?.as_socket());
                (*purpose, real.map_or_else(|| asked.clone(), Address::Ip))
            })
            .collect();
        bound.sort_by_key(|(purpose, address)| (*purpose, address.to_string()));
        bound
    }
}

/// A place and the sockets opened there, one for each worker.
type Opened = ((Purpose, Address), Vec<Socket>);

/// Opens what is asked for; DNS by datagrams brings its streams along.
fn open((purpose, address): &(Purpose, Address), workers: usize) -> Result<Vec<Opened>, ListenError> {
    match (purpose, address) {
        (Purpose::Dns, Address::Ip(at)) => {
            let (datagrams, streams) = listen::open_pairs_for_workers(*at, workers)?;
            let key = |purpose| (purpose, address.clone());
            Ok(vec![(key(Purpose::Dns), datagrams), (key(Purpose::DnsStream), streams)])
        }
        _ => Ok(vec![((*purpose, address.clone()), listen::open_for_workers(address, workers)?)]),
    }
}

fn wanted(listening: &Listening) -> Vec<((Purpose, Address), bool)> {
    [
        (Purpose::Http, &listening.http),
        (Purpose::Https, &listening.https),
        // The pair is opened when its first half is met.
        (Purpose::Dns, &listening.dns),
        (Purpose::DnsStream, &listening.dns),
        (Purpose::Dot, &listening.dot),
    ]
    .into_iter()
    .flat_map(|(purpose, endpoints)| Listening::sockets(endpoints).into_iter().map(move |socket| (purpose, socket)))
    .map(|(purpose, socket)| ((purpose, socket.address), socket.may_be_missing))
    .collect()
}
