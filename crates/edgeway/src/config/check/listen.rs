//! `[listen]` and `trusted`.

use super::Check;
use crate::config::read::Located;
use crate::config::words::{Endpoint, Network};

impl Check<'_> {
    pub(super) fn listen(&mut self) {
        let listen = &self.configuration.listen;
        let all: Vec<_> = {
            let streams = listen.http.iter().chain(&listen.https).chain(&listen.dns).chain(&listen.dot);
            streams.chain(&listen.admin).collect()
        };
        for (index, endpoint) in all.iter().enumerate() {
            if let Some(first) = all[..index].iter().find(|other| takes_the_same(other, endpoint)) {
                let line = self.source.place(first.span.start).line;
                self.found.error(
                    endpoint.span.clone(),
                    format!("`{}` is already taken by `{}` in line {line}", endpoint.value, first.value),
                    "each address and port can be listened on once",
                );
            }
        }
        if let Some(admin) = &listen.admin
            && !admin.is_local()
        {
            // Hostile matrix 85: who reaches the admin address can reload, and read the configuration.
            self.found.error(
                admin.span.clone(),
                format!("`admin` on `{}` could be reached by other machines", admin.value),
                "expected an address of this machine alone",
            );
            let port = admin.port().unwrap_or(7070);
            self.found.advise(format!("write \"localhost:{port}\" or \"unix:/run/edgeway/admin.sock\""));
        }
        for endpoint in &listen.dns {
            if matches!(endpoint.value, Endpoint::Unix(_)) {
                let message = format!("`{}` cannot be asked for names", endpoint.value);
                self.found.error(endpoint.span.clone(), message, "expected an address with a port");
            }
        }
        self.everyone(&listen.proxy_protocol, "may claim to be any client");
        self.everyone(&self.configuration.trusted, "is believed about who the client is");
    }

    fn everyone(&mut self, networks: &[Located<Network>], what: &str) {
        for network in networks.iter().filter(|network| network.is_everyone()) {
            self.found.warning(
                network.span.clone(),
                format!("`{}` is everyone: whoever connects {what}", network.value),
                "name the networks of your own proxies",
            );
        }
    }
}

/// Whether both cannot be listened on at once. Port 0 lets the system choose, so it is never taken.
fn takes_the_same(one: &Endpoint, other: &Endpoint) -> bool {
    one.port() != Some(0)
        && one.sockets().iter().any(|socket| other.sockets().iter().any(|s| s.address == socket.address))
}
