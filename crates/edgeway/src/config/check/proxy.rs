//! `proxy`: servers that exist once, TLS that is spoken, and no way back to ourselves.

use super::Check;
use crate::config::raw::{Proxy, UpstreamTls};
use crate::config::read::Located;
use crate::config::words::Upstream;
use crate::config::words::upstream::Place;

impl Check<'_> {
    pub(super) fn proxy(&mut self, proxy: &Located<Proxy>) {
        if proxy.to.is_empty() && !self.has_gaps {
            self.found.error(proxy.span.clone(), "a proxy needs a server to ask", "add `to = \"127.0.0.1:9000\"`");
        }
        for (index, server) in proxy.to.iter().enumerate() {
            if proxy.to[..index].iter().any(|other| other.value == server.value) {
                let message = format!("`{}` stands in the list twice", server.value);
                self.found.warning(server.span.clone(), message, "it will get twice its share");
            }
            self.proxy_to_ourselves(server);
        }
        for (name, period) in [
            ("connect_timeout", &proxy.connect_timeout),
            ("first_byte_timeout", &proxy.first_byte_timeout),
            ("idle_timeout", &proxy.idle_timeout),
        ] {
            self.no_time(name, period);
        }
        if let Some(tls) = &proxy.tls {
            self.upstream_tls(proxy, tls);
        }
    }

    fn proxy_to_ourselves(&mut self, server: &Located<Upstream>) {
        let address = match &server.place {
            Place::Address(address) => address.clone(),
            Place::Name(name, port) if name == "localhost" => {
                std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, *port)).into()
            }
            Place::Name(..) => return,
        };
        let listen = &self.configuration.listen;
        let own = listen.http.iter().chain(&listen.https).find(|endpoint| endpoint.hears(&address));
        if let Some(own) = own {
            let line = self.source.place(own.span.start).line;
            self.found.warning(
                server.span.clone(),
                format!("`{}` is Edgeway itself, which listens there (line {line})", server.value),
                "requests would go in circles until the loop check answers 508",
            );
        }
    }

    fn upstream_tls(&mut self, proxy: &Proxy, tls: &Located<UpstreamTls>) {
        if !proxy.to.iter().any(|server| server.tls) {
            let message = "`tls` does nothing: no server here is spoken to over TLS";
            self.found.warning(tls.span.clone(), message, "write the servers as \"https://...\"");
        }
        if tls.insecure.value {
            let message = "any certificate is accepted: whoever is between can read and change everything";
            self.found.warning(tls.insecure.span.clone(), message, "name the authority with `ca` instead");
        }
        for ca in &tls.ca {
            self.certificate_file(ca);
        }
        self.certificate_and_key(tls.cert.as_ref(), tls.key.as_ref());
    }
}
