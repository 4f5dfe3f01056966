//! Sessions resumed where they may be, and nowhere else.

use super::*;

/// nginx's CVE-2025-23419: a session made at an open site, resumed at a guarded one, let the
/// client in without its certificate. Here the ticket is of another family, and the name differs.
#[test]
fn hostile_054_no_session_is_resumed_across_client_rules_or_names() {
    let place = Place::new();
    let sites = vec![
        place.site(&["open.test", "other.test"]),
        guarded(&place, &["guarded.test"], ClientCertificates::Required, &place.authority),
    ];
    let front = place.front(sites, place.settings());
    let open_client = place.client(&[]);
    drop(Pair::new(&front, &open_client, "open.test").shake_hands());
    assert_ne!(front.rule_for("open.test"), front.rule_for("guarded.test"));

    // A client that offers the open site's ticket to the others: its store answers for every name.
    for (host, admitted) in [("open.test", true), ("other.test", true), ("guarded.test", false)] {
        let mut config = (*open_client).clone();
        config.resumption = rustls::client::Resumption::store(Arc::new(OneStore::default()));
        let config = Arc::new(config);
        drop(Pair::new(&front, &config, "open.test").shake_hands());
        let mut pair = Pair::new(&front, &config, host);
        let (_, error) = pair.run();
        let kind = pair.server.handshake_kind();
        assert_eq!(error.is_none(), admitted, "{host}: {error:?}");
        assert_eq!(kind == Some(HandshakeKind::Resumed), host == "open.test", "{host}: {kind:?}");
    }
}

/// A client's memory that shows the same ticket to every server.
#[derive(Debug, Default)]
struct OneStore {
    ticket: std::sync::Mutex<Option<rustls::client::Tls13ClientSessionValue>>,
}

impl rustls::client::ClientSessionStore for OneStore {
    fn set_kx_hint(&self, _: rustls_pki_types::ServerName<'static>, _: rustls::NamedGroup) {}
    fn kx_hint(&self, _: &rustls_pki_types::ServerName<'_>) -> Option<rustls::NamedGroup> {
        None
    }
    fn set_tls12_session(&self, _: rustls_pki_types::ServerName<'static>, _: rustls::client::Tls12ClientSessionValue) {}
    fn tls12_session(&self, _: &rustls_pki_types::ServerName<'_>) -> Option<rustls::client::Tls12ClientSessionValue> {
        None
    }
    fn remove_tls12_session(&self, _: &rustls_pki_types::ServerName<'static>) {}
    fn insert_tls13_ticket(
        &self,
        _: rustls_pki_types::ServerName<'static>,
        value: rustls::client::Tls13ClientSessionValue,
    ) {
        *self.ticket.lock().unwrap() = Some(value);
    }
    fn take_tls13_ticket(
        &self,
        _: &rustls_pki_types::ServerName<'static>,
    ) -> Option<rustls::client::Tls13ClientSessionValue> {
        self.ticket.lock().unwrap().take()
    }
}

#[test]
fn hostile_054_tickets_outlive_a_reload_and_an_upgrade_but_not_a_changed_rule() {
    let place = Place::new();
    let others = Authority::create("others", NOW).unwrap();
    let open = || place.front(vec![place.site(&["a.test"])], place.settings());
    let client = place.client(&[]);
    drop(Pair::new(&open(), &client, "a.test").shake_hands());
    let kind = |front: &Arc<Front>| Pair::new(front, &client, "a.test").shake_hands().server.handshake_kind();
    assert_eq!(kind(&open()), Some(HandshakeKind::Resumed), "after a reload");

    let next = Memory::new(place.clock.clone());
    next.import_tickets(&place.memory.export_tickets()).unwrap();
    let upgraded = Arc::new(Front::build(&next, vec![place.site(&["a.test"])], place.settings()).unwrap());
    assert_eq!(kind(&upgraded), Some(HandshakeKind::Resumed), "after an upgrade");

    let changed = guarded(&place, &["a.test"], ClientCertificates::Optional, &others);
    assert_eq!(kind(&place.front(vec![changed], place.settings())), Some(HandshakeKind::Full), "under a new rule");
    let bytes = place.memory.export_tickets();
    for length in 0..bytes.len() {
        assert!(Memory::new(place.clock.clone()).import_tickets(&bytes[..length]).is_err(), "{length}");
    }
}

/// Sessions of TLS 1.2 clients, by ticket and by id, under the same rules.
#[test]
fn hostile_054_tls12_resumption() {
    use rustls::client::{Resumption, Tls12Resumption};
    let place = Place::new();
    let mut guarded = guarded(&place, &["guarded.test"], ClientCertificates::Required, &place.authority);
    guarded.alpn = Some(Vec::new());
    let front = place.front(vec![place.site(&["a.test", "b.test"]), guarded], place.settings());
    for by in [Tls12Resumption::SessionIdOrTickets, Tls12Resumption::SessionIdOnly] {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(place.authority.root_der().clone()).unwrap();
        let mut config = rustls::ClientConfig::builder_with_details(crate::provider(), Arc::new(place.clock.clone()))
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let store = Arc::new(OneStore12::default());
        config.resumption = Resumption::store(store).tls12_resumption(by);
        let config = Arc::new(config);
        for (host, kind) in [
            ("a.test", Some(HandshakeKind::Full)),
            ("a.test", Some(HandshakeKind::Resumed)),
            // The same session shown for another name, and under another rule.
            ("b.test", Some(HandshakeKind::Full)),
            ("guarded.test", None),
        ] {
            let mut pair = Pair::new(&front, &config, host);
            let (_, error) = pair.run();
            assert_eq!(error.is_none(), kind.is_some(), "{host}: {error:?}");
            if kind.is_some() {
                assert_eq!(pair.server.handshake_kind(), kind, "{host}");
            }
        }
        // An upgrade carries ticket keys over, and nothing else.
        drop(Pair::new(&front, &config, "a.test").shake_hands());
        let next = Memory::new(place.clock.clone());
        next.import_tickets(&place.memory.export_tickets()).unwrap();
        let upgraded = Arc::new(Front::build(&next, vec![place.site(&["a.test"])], place.settings()).unwrap());
        let kind = Pair::new(&upgraded, &config, "a.test").shake_hands().server.handshake_kind();
        let by_ticket = matches!(by, Tls12Resumption::SessionIdOrTickets);
        assert_eq!(kind == Some(HandshakeKind::Resumed), by_ticket, "{by:?}");
    }
}

/// A client's memory that shows the same TLS 1.2 session to every server.
#[derive(Debug, Default)]
struct OneStore12 {
    session: std::sync::Mutex<Option<rustls::client::Tls12ClientSessionValue>>,
}

impl rustls::client::ClientSessionStore for OneStore12 {
    fn set_kx_hint(&self, _: rustls_pki_types::ServerName<'static>, _: rustls::NamedGroup) {}
    fn kx_hint(&self, _: &rustls_pki_types::ServerName<'_>) -> Option<rustls::NamedGroup> {
        None
    }
    fn set_tls12_session(
        &self,
        _: rustls_pki_types::ServerName<'static>,
        value: rustls::client::Tls12ClientSessionValue,
    ) {
        *self.session.lock().unwrap() = Some(value);
    }
    fn tls12_session(&self, _: &rustls_pki_types::ServerName<'_>) -> Option<rustls::client::Tls12ClientSessionValue> {
        self.session.lock().unwrap().clone()
    }
    fn remove_tls12_session(&self, _: &rustls_pki_types::ServerName<'static>) {}
    fn insert_tls13_ticket(
        &self,
        _: rustls_pki_types::ServerName<'static>,
        _: rustls::client::Tls13ClientSessionValue,
    ) {
    }
    fn take_tls13_ticket(
        &self,
        _: &rustls_pki_types::ServerName<'static>,
    ) -> Option<rustls::client::Tls13ClientSessionValue> {
        None
    }
}
