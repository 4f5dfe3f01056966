//! Carries work to the authority: one order, or one question about a renewal, over HTTPS with our own client. What the ACME machine
//! ([`edgeway_tls::acme::client`]) wants to say is sent, what it wants to show is shown. Called by [`super::agent`].

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use edgeway_http::semantics::Method;
use edgeway_tls::CertificateError;
use edgeway_tls::acme::client::{self, Client, ClientSettings, Event, Proof, ProofKind};
use edgeway_tls::acme::exchange;
use edgeway_tls::acme::key::AccountKey;
use edgeway_tls::acme::renewal::RenewalWindow;
use edgeway_tls::certificate::{Certificate, CertificateName, Facts};
use edgeway_tls::server::{Memory, challenge_certificate};

use super::proofs::Proofs;
use super::supply::Supply;
use crate::config::checked::certificates::Acme;
use crate::fetch::{Fetcher, Place, Request};

/// Everything an order needs.
pub struct Account {
    /// Speaks to the directory.
    pub fetcher: Fetcher,
    /// The directory and who we are to it.
    pub acme: Acme,
    /// Keeps the account and what comes.
    pub supply: Rc<Supply>,
    /// Shows proofs on port 80.
    pub proofs: Arc<Proofs>,
    /// Shows proofs on port 443.
    pub memory: Arc<Memory>,
}

/// Why nothing came.
#[derive(Debug)]
pub enum AccountError {
    /// The authority's word, or what is wrong with it.
    Authority(client::Failure),
    /// These names cannot be ordered.
    Names(CertificateError),
    /// Our own files.
    Own(String),
}

impl AccountError {
    /// When the authority wants us back, if it says.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Authority(client::Failure::Refused(problem) | client::Failure::NotProved(_, problem)) => {
                problem.retry_after
            }
            _ => None,
        }
    }
}

impl fmt::Display for AccountError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority(failure) => failure.fmt(formatter),
            Self::Names(error) => error.fmt(formatter),
            Self::Own(error) => formatter.write_str(error),
        }
    }
}

impl std::error::Error for AccountError {}

impl Account {
    /// Gets a certificate for `names` and keeps it. `ways` to prove them, best first.
    ///
    /// # Errors
    /// Nothing came.
    pub async fn order(
        &self,
        names: Vec<CertificateName>,
        replaces: Option<&Facts>,
        ways: Vec<ProofKind>,
    ) -> Result<Certificate, AccountError> {
        let mut client = self.client(ways)?;
        client.issue(names, replaces).map_err(AccountError::Names)?;
        match self.drive(&mut client).await? {
            Event::Issued { certificate, chain_pem, key_pem } => {
                if let Err(error) = self.supply.keep((*certificate).clone(), &chain_pem, &key_pem) {
                    tracing::error!(%error, "a certificate came but cannot be written to the state folder");
                }
                Ok(*certificate)
            }
            _ => Err(AccountError::Authority(client::Failure::Senseless("an order that ends without a certificate"))),
        }
    }

    /// Asks when a certificate should be renewed; `None` where the authority has no way to ask.
    ///
    /// # Errors
    /// No answer came.
    pub async fn ask_renewal(&self, facts: &Facts) -> Result<Option<(RenewalWindow, Duration)>, AccountError> {
        let mut client = self.client(Vec::new())?;
        if !client.ask_renewal(facts) {
            return Ok(None);
        }
        match self.drive(&mut client).await? {
            Event::Renewal { window, ask_again_after, .. } => Ok(Some((window, ask_again_after))),
            _ => Ok(None),
        }
    }

    fn client(&self, proofs: Vec<ProofKind>) -> Result<Client, AccountError> {
        let account = self.supply.account().map_err(AccountError::Own)?;
        let key = AccountKey::from_pem(account.key_pem.as_bytes())
            .map_err(|error| AccountError::Own(format!("the ACME account's key cannot be used: {error}")))?;
        Ok(Client::new(ClientSettings {
            directory: self.acme.directory.clone(),
            key,
            account: account.url,
            contacts: self.acme.contact.clone(),
            terms_agreed: self.acme.agreed,
            external_account: None,
            proofs,
        }))
    }

    /// Runs the machine until its one piece of work has come to an end.
    async fn drive(&self, client: &mut Client) -> Result<Event, AccountError> {
        let mut shown = ShownProofs { account: self, proofs: Vec::new() };
        loop {
            while let Some(event) = client.poll_event() {
                match event {
                    Event::Account(url) => self.supply.keep_account_url(&url),
                    Event::Show(proof) => match shown.show(&proof) {
                        Ok(()) => client.proof_ready(&proof.name),
                        Err(reason) => client.proof_failed(&reason),
                    },
                    Event::Withdraw(proof) => shown.withdraw(&proof),
                    Event::Failed(failure) => return Err(AccountError::Authority(failure)),
                    done => return Ok(done),
                }
            }
            let now = self.fetcher.outside().now();
            if let Some(request) = client.poll_output(now) {
                self.carry(client, request).await?;
            } else if let Some(until) = client.poll_timeout() {
                tokio::time::sleep(until.saturating_since(now)).await;
            } else {
                return Err(AccountError::Authority(client::Failure::Senseless("nothing more to do")));
            }
        }
    }

    async fn carry(&self, client: &mut Client, request: exchange::Request) -> Result<(), AccountError> {
        // RFC 8555 §6.1: HTTPS, also where the directory leads us.
        let place = Place::parse(&request.url).filter(|place| place.scheme == edgeway_http::semantics::Scheme::Https);
        let Some(place) = place else {
            return Err(AccountError::Authority(client::Failure::Senseless("a URL that is not https")));
        };
        let method = match request.method {
            exchange::Method::Get => Method::Get,
            exchange::Method::Head => Method::Head,
            exchange::Method::Post => Method::Post,
        };
        let content = request.content_type.map(|media_type| (media_type, Bytes::from(request.body)));
        let content_max = edgeway_tls::limits::ACME_BODY_BYTES_MAX;
        let answer = self.fetcher.fetch(Request { method, place, content, content_max }).await;
        let outside = self.fetcher.outside();
        match answer {
            Ok(response) => {
                let fields =
                    response.head.fields.iter().filter_map(|field| {
                        Some((field.name.to_owned(), String::from_utf8(field.value.to_vec()).ok()?))
                    });
                let response = exchange::Response {
                    status: response.status().code(),
                    fields: fields.collect(),
                    body: response.content.to_vec(),
                };
                client.handle_response(outside.now(), outside.wall(), &response);
            }
            Err(error) => {
                tracing::debug!(%error, "the ACME authority was not reached");
                client.handle_failure(outside.now(), &error.to_string());
            }
        }
        Ok(())
    }
}

/// What is shown for one order; withdrawn when the order ends, however it ends.
struct ShownProofs<'a> {
    account: &'a Account,
    proofs: Vec<Proof>,
}

impl ShownProofs<'_> {
    fn show(&mut self, proof: &Proof) -> Result<(), String> {
        let fits = match proof.kind {
            ProofKind::Http => self.account.proofs.show(&proof.token, &proof.key_authorization),
            ProofKind::Tls => {
                let certificate = challenge_certificate(&proof.name, &proof.key_authorization);
                let certificate = certificate.map_err(|error| error.to_string())?;
                self.account.memory.insert_challenge(&proof.name, certificate)
            }
        };
        if !fits {
            return Err("too many proofs are shown at once".to_owned());
        }
        self.proofs.push(proof.clone());
        Ok(())
    }

    fn withdraw(&mut self, proof: &Proof) {
        self.hide(proof);
        self.proofs.retain(|shown| shown != proof);
    }

    fn hide(&self, proof: &Proof) {
        match proof.kind {
            ProofKind::Http => self.account.proofs.withdraw(&proof.token),
            ProofKind::Tls => self.account.memory.remove_challenge(&proof.name),
        }
    }
}

impl Drop for ShownProofs<'_> {
    fn drop(&mut self) {
        self.proofs.iter().for_each(|proof| self.hide(proof));
    }
}
