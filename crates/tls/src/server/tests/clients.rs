//! Client certificates: shown, missing, unknown, withdrawn, too many.

use super::*;

fn identity(authority: &Authority) -> Certificate {
    authority.issue(&[name("client.test")], Usage::Client, NOW, limits::LEAF_LIFETIME_MAX).unwrap().certificate
}

#[test]
fn client_certificates_are_checked() {
    let place = Place::new();
    let ours = Authority::create("clients", NOW).unwrap();
    let theirs = Authority::create("strangers", NOW).unwrap();
    use ClientCertificates::{Optional, Required};
    for (mode, shown, alert) in [
        (Required, Some(identity(&ours)), None),
        (Required, Some(identity(&theirs)), Some(AlertDescription::UnknownCA)),
        (Required, None, Some(AlertDescription::CertificateRequired)),
        (Optional, Some(identity(&ours)), None),
        (Optional, None, None),
        (Optional, Some(identity(&theirs)), Some(AlertDescription::UnknownCA)),
    ] {
        let front = place.front(vec![guarded(&place, &["a.test"], mode, &ours)], place.settings());
        let settings = ClientSettings { identity: shown.clone(), ..place.client_settings(&[]) };
        let mut pair = Pair::new(&front, &settings.build(&place.clock).unwrap(), "a.test");
        let (told, error) = pair.run();
        assert_eq!(error.as_ref().and_then(SessionError::alert), alert, "{mode:?}");
        assert_eq!(
            told,
            alert.map(|alert| SessionError::Tls { error: rustls::Error::AlertReceived(alert), server: false })
        );
        if alert.is_none() {
            assert_eq!(pair.server.peer_certificates().is_some(), shown.is_some());
        }
    }
}

#[test]
fn hostile_056_revoked_clients_and_stale_lists() {
    let place = Place::new();
    let authority = Authority::create("clients", NOW).unwrap();
    let root_pem = authority.root_pem();
    let (good, revoked) = (identity(&authority), identity(&authority));
    let days = |count: u64| Duration::from_secs(count * 86_400);
    let list = |made_days_ago: u64| {
        let withdrawn = [(revoked.facts().serial.clone(), NOW, 1)];
        authority.revocation_list(withdrawn, 1, NOW.earlier(days(made_days_ago)), days(10)).unwrap()
    };
    for (shown, made_days_ago, alert) in [
        (&good, 0, None),
        (&revoked, 0, Some(AlertDescription::CertificateRevoked)),
        (&good, 11, Some(AlertDescription::UnknownCA)),
    ] {
        let clients = ClientRule::from_pem(
            ClientCertificates::Required,
            root_pem.as_bytes(),
            Some(list(made_days_ago).as_bytes()),
        );
        let site = Site { clients: clients.unwrap(), ..place.site(&["a.test"]) };
        let front = place.front(vec![site], place.settings());
        let settings = ClientSettings { identity: Some(shown.clone()), ..place.client_settings(&[]) };
        let (_, error) = Pair::new(&front, &settings.build(&place.clock).unwrap(), "a.test").run();
        assert_eq!(error.as_ref().and_then(SessionError::alert), alert, "{error:?}");
    }
    assert!(ClientRule::from_pem(ClientCertificates::Required, root_pem.as_bytes(), Some(b"")).is_err());
}

#[test]
fn hostile_056_client_chains_beyond_measure() {
    let place = Place::new();
    let front = place
        .front(vec![guarded(&place, &["a.test"], ClientCertificates::Required, &place.authority)], place.settings());
    let own = identity(&place.authority);
    for (extra, admitted) in [(0, true), (10, true), (300, false)] {
        let mut chained = (**own.certified_key()).clone();
        let filler = place.authority.root_der();
        chained.cert.extend(std::iter::repeat_n(filler.clone(), extra));
        let mut config = (*place.client(&[])).clone();
        config.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(chained));
        let mut pair = Pair::new(&front, &Arc::new(config), "a.test");
        let (_, error) = pair.run();
        assert_eq!(error.is_none(), admitted, "{extra} more certificates: {error:?}");
        assert!(pair.server.buffered_bytes() <= 2 * 128 * 1024);
    }
}

/// QUIC takes one configuration for all names, so sites that ask for client certificates are not
/// served by it.
#[test]
fn guarded_sites_are_not_served_over_quic() {
    let place = Place::new();
    let guarded = guarded(&place, &["guarded.test"], ClientCertificates::Optional, &place.authority);
    let front = place.front(vec![place.site(&["open.test"]), guarded], place.settings());
    let config = Arc::new(front.quic_config(vec![b"h3".to_vec()]).unwrap());
    for (host, served) in [("open.test", true), ("guarded.test", false)] {
        let mut server = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let host = rustls_pki_types::ServerName::try_from(host).unwrap();
        let client = Session::connect(place.client(&["h3"]), host.clone()).unwrap();
        server.read_tls(&mut client.output()).unwrap();
        assert_eq!(server.process_new_packets().is_ok(), served, "{host:?}");
    }
}
