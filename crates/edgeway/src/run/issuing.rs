//! Issues certificates of our own authority by ACME: workers answer clients ([`IssueEnd`]); a task on the control thread visits
//! the machines that prove a name, and stores what has changed ([`Issuing`]).

use std::rc::Rc;
use std::sync::Arc;

use edgeway_base::World;
use edgeway_http::semantics::{FieldName, Method, Status};
use edgeway_net::drive::outside::Boxed;
use edgeway_net::drive::{Body, Response};
use edgeway_net::os::Kernel;
use edgeway_serve::exchange::Exchange;
use edgeway_serve::page;
use edgeway_serve::plan::End;
use edgeway_tls::SharedClock;
use edgeway_tls::acme::exchange;
use edgeway_tls::authority::Authority;
use edgeway_tls::limits::ACME_BODY_BYTES_MAX;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::authority::visit::{Visitor, WEB_PORTS};
use crate::config::checked::Checked;
use crate::config::checked::issue::Issue;
use crate::state::State;

/// What the state folder calls the server's accounts, orders and certificates.
pub const STORE: &str = "authority/acme.json";

/// One worker's end of a route that issues.
pub struct IssueEnd(pub Arc<Issue>);

impl End for IssueEnd {
    fn answer<'a>(&'a self, exchange: &'a mut Exchange) -> Boxed<'a, Response> {
        Box::pin(self.ask(exchange))
    }

    fn methods(&self, _: &Exchange) -> &'static [Method] {
        &[Method::Get, Method::Head, Method::Post]
    }
}

impl IssueEnd {
    async fn ask(&self, exchange: &mut Exchange) -> Response {
        let method = match exchange.head.method {
            Method::Get => exchange::Method::Get,
            Method::Head => exchange::Method::Head,
            Method::Post => exchange::Method::Post,
            _ => return page::error(exchange, Status::METHOD_NOT_ALLOWED),
        };
        let Ok(body) = exchange.body.collect(ACME_BODY_BYTES_MAX).await else {
            return page::error(exchange, Status::CONTENT_TOO_LARGE);
        };
        let below = exchange.path.as_str().strip_prefix(self.0.path.as_str()).unwrap_or_default();
        let content_type = exchange.head.fields.get(FieldName::ContentType);
        let request = exchange::Request {
            method,
            url: format!("{}{below}", self.0.base),
            content_type: content_type.map(|value| String::from_utf8_lossy(value).into_owned()),
            body: body.to_vec(),
        };
        let outside = Rc::clone(&exchange.edge.outside);
        let Some(answered) = self.answer_of(&request, outside.wall(), &mut *outside.entropy()) else {
            return page::error(exchange, Status::SERVICE_UNAVAILABLE);
        };
        respond(exchange, answered)
    }

    fn answer_of(
        &self,
        request: &exchange::Request,
        now: edgeway_base::WallTime,
        entropy: &mut dyn edgeway_base::Entropy,
    ) -> Option<exchange::Response> {
        let (mut server, errands) = self.0.server()?;
        let answered = server.handle_request(now, entropy, request);
        // The control thread lives as long as the workers do.
        let _ = errands.send(Arc::clone(&self.0));
        Some(answered)
    }
}

fn respond(exchange: &mut Exchange, answered: exchange::Response) -> Response {
    let status = Status::new(answered.status).unwrap_or(Status::INTERNAL_SERVER_ERROR);
    let mut response = exchange.respond(status);
    for (name, value) in &answered.fields {
        response.head.fields.append_named(name, value);
    }
    if !status.forbids_content() {
        response.body = Body::from(bytes::Bytes::from(answered.body));
    }
    response
}

/// The control thread's end: opens the server of a configuration that has one.
#[derive(Default)]
pub struct Issuing {
    errands: Option<UnboundedSender<Arc<Issue>>>,
}

impl Issuing {
    /// Opens the server of `checked`, which goes on where that of `before` stands, or the stored one.
    ///
    /// # Errors
    /// A sentence, when what is stored cannot be used.
    pub fn serve(
        &mut self,
        checked: &Checked,
        before: Option<&Checked>,
        authority: &Arc<Authority>,
        world: &Kernel,
        clock: &SharedClock,
        state: &State,
    ) -> Result<(), String> {
        let Some(issue) = checked.issues() else { return Ok(()) };
        let standing =
            before.and_then(Checked::issues).and_then(|issue| issue.server().map(|(server, _)| server.export()));
        let stored = || state.read(STORE).map_err(|error| format!("{STORE} cannot be read: {error}"));
        let exported = match standing {
            Some(standing) => Some(standing),
            None => stored()?,
        };
        let errands = match &self.errands {
            Some(errands) => errands.clone(),
            None => self.start(world, clock, state)?,
        };
        issue.open(Arc::clone(authority), exported.as_deref(), errands).map_err(|error| format!("{STORE}: {error}"))
    }

    fn start(
        &mut self,
        world: &Kernel,
        clock: &SharedClock,
        state: &State,
    ) -> Result<UnboundedSender<Arc<Issue>>, String> {
        let visitor = Visitor::new(Rc::new(world.clone()), clock, WEB_PORTS.0, WEB_PORTS.1);
        let visitor = Rc::new(visitor.map_err(|error| error.to_string())?);
        let (errands, receiver) = unbounded_channel();
        tokio::task::spawn_local(run(receiver, world.clone(), visitor, state.clone()));
        self.errands = Some(errands.clone());
        Ok(errands)
    }
}

/// Does the errands of all servers until the control thread ends: visits, and storing.
async fn run(mut errands: UnboundedReceiver<Arc<Issue>>, world: Kernel, visitor: Rc<Visitor>, state: State) {
    while let Some(issue) = errands.recv().await {
        let (validations, changed) = {
            let Some((mut server, _)) = issue.server() else { continue };
            let validations: Vec<_> = std::iter::from_fn(|| server.poll_event()).collect();
            (validations, server.take_changed().then(|| server.export()))
        };
        for validation in validations {
            let (issue, world, visitor) = (Arc::clone(&issue), world.clone(), Rc::clone(&visitor));
            tokio::task::spawn_local(async move {
                let shown = visitor.visit(&validation).await;
                if let Some((mut server, errands)) = issue.server() {
                    server.handle_validation(world.wall(), &validation.id, &shown);
                    let _ = errands.send(Arc::clone(&issue));
                }
            });
        }
        if let Some(export) = changed
            && let Err(error) = state.write(STORE, &export)
        {
            tracing::error!(%error, "what was issued cannot be stored");
        }
    }
}
