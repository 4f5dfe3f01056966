//! The control thread's end of the keeper: starts it when a configuration names a public authority, tells it of others, and
//! hears when there is a new certificate.

use std::rc::Rc;

use edgeway_net::os::Kernel;
use edgeway_tls::SharedClock;
use edgeway_tls::acme::client::ProofKind;
use edgeway_tls::certificate::Certificate;
use edgeway_tls::client::{ClientSettings, Trust};
use tokio::sync::{Notify, mpsc};

use super::fetch::Fetcher;
use super::kept::Kept;
use super::{Keeper, Order, Surroundings};
use crate::config::checked::Checked;
use crate::config::checked::certificates::Acme;
use crate::config::checked::listening::Listening;
use crate::config::words::Endpoint;
use crate::run::shared::Shared;
use crate::state::State;

/// Certificates from a public authority, as the control thread sees them.
pub struct Keeping {
    state: State,
    kept: Rc<Kept>,
    changed: Rc<Notify>,
    keeper: Option<(Acme, Vec<ProofKind>, mpsc::UnboundedSender<Order>)>,
}

impl Keeping {
    /// What an earlier process left in the state folder; nobody works yet.
    pub fn new(state: &State) -> Self {
        Self { state: state.clone(), kept: Rc::new(Kept::load(state)), changed: Rc::default(), keeper: None }
    }

    /// The certificates there are.
    pub fn certificates(&self) -> Vec<Certificate> {
        self.kept.all()
    }

    /// Waits until there are others.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// A client waits for the certificate of `name`.
    pub fn want(&self, name: String) {
        if let Some((.., orders)) = &self.keeper {
            // A keeper that has ended keeps nothing; the next configuration starts another.
            let _ = orders.send(Order::Want(name));
        }
    }

    /// Keeps certificates for `checked` from now on.
    ///
    /// # Errors
    /// A sentence, when the authority's roots or our account there cannot be used. Nobody keeps certificates then.
    pub fn serve(
        &mut self,
        checked: &Checked,
        world: &Kernel,
        shared: &Shared,
        clock: &SharedClock,
    ) -> Result<(), String> {
        let wanted = checked.certificates.acme.clone().filter(|_| !checked.listening.https.is_empty());
        let Some(acme) = wanted else {
            self.keeper = None;
            return Ok(());
        };
        let proofs = proofs(&checked.listening);
        let same = |(own, by, _): &&(Acme, Vec<ProofKind>, _)| *own == acme && *by == proofs;
        if let Some((.., orders)) = self.keeper.as_ref().filter(same) {
            let _ = orders.send(Order::Serve(checked.certificates.clone()));
            return Ok(());
        }
        self.keeper = None;
        let unusable =
            |error: edgeway_tls::CertificateError| format!("the roots of {} cannot be used: {error}", acme.directory);
        let trust = match &acme.roots {
            Some(roots) => Trust::from_pem(false, roots).map_err(unusable)?,
            None => Trust::default(),
        };
        let settings = ClientSettings { trust, alpn: vec![b"http/1.1".to_vec()], ..ClientSettings::default() };
        let config = settings.build(clock).map_err(unusable)?;
        let surroundings = Surroundings {
            errands: Rc::new(Fetcher::new(world.clone(), config)),
            state: self.state.clone(),
            memory: shared.memory.clone(),
            tokens: shared.tokens.clone(),
            refusals: shared.refusals.clone(),
            kept: Rc::clone(&self.kept),
            changed: Rc::clone(&self.changed),
            proofs: proofs.clone(),
        };
        let keeper = Keeper::new(surroundings, checked.certificates.clone())?;
        let (orders, receiver) = mpsc::unbounded_channel();
        tokio::task::spawn_local(keeper.run(receiver));
        self.keeper = Some((acme, proofs, orders));
        Ok(())
    }
}

/// The ports that ACME servers visit are 443 and 80 (RFC 8737 §3, RFC 8555 §8.3). A way whose port is not listened on comes
/// last and not never: a router in front may lead the port elsewhere.
fn proofs(listening: &Listening) -> Vec<ProofKind> {
    let on = |endpoints: &[Endpoint], port| endpoints.iter().any(|endpoint| endpoint.port() == Some(port));
    if !on(&listening.https, 443) && !listening.http.is_empty() {
        return vec![ProofKind::Http, ProofKind::Tls];
    }
    vec![ProofKind::Tls, ProofKind::Http]
}
