//! The admin address: metrics, health, the configuration in force, reload. Serves with the same driver as every site; what it may be asked is
//! decided by [`crate::admin`].

use std::rc::Rc;

use edgeway_http::semantics::{FieldName, RequestHead, Status};
use edgeway_net::drive::{Answer, Answering, Body, Handler, Request, Response, Sent};
use tokio::sync::{mpsc, oneshot};

use super::shared::Shared;
use crate::admin::{Asked, Reply, Wish, decide};
use std::sync::{Arc, Mutex};

/// What the admin address asks of the control thread.
pub struct ReloadWish {
    /// Takes what came of it: all is well, or what to show.
    pub done: oneshot::Sender<Result<String, String>>,
}

/// Answers the admin address; lives on the control thread.
pub struct AdminHandler {
    shared: Arc<Shared>,
    shown: Arc<Mutex<serde_json::Value>>,
    reload: mpsc::Sender<ReloadWish>,
}

impl AdminHandler {
    /// `shown` is the configuration in force as `/config` shows it.
    pub fn new(shared: Arc<Shared>, shown: Arc<Mutex<serde_json::Value>>, reload: mpsc::Sender<ReloadWish>) -> Rc<Self> {
        Rc::new(Self { shared, shown, reload })
    }

    async fn reload(self: Rc<Self>) -> Reply {
        let (done, outcome) = oneshot::channel();
        if self.reload.send(ReloadWish { done }).await.is_err() {
            return Reply::text(Status::SERVICE_UNAVAILABLE, "the server is stopping\n");
        }
        match outcome.await {
            Ok(Ok(text)) => Reply::text(Status::OK, text),
            Ok(Err(text)) => Reply::text(Status::UNPROCESSABLE_CONTENT, text),
            Err(_) => Reply::text(Status::SERVICE_UNAVAILABLE, "the server is stopping\n"),
        }
    }

    fn reply_now(&self, wish: &Wish) -> Reply {
        match wish {
            Wish::Metrics => {
                let workers = self.shared.metrics.iter().map(|worker| &**worker);
                Reply::metrics(edgeway_serve::stages::record::metrics::prometheus(workers))
            }
            Wish::Config => {
                let shown = self.shown.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                Reply::json(&shown)
            }
            Wish::Answered(reply) => reply.clone(),
            // Asked of the control thread by `reload`.
            Wish::Reload => Reply::text(Status::ACCEPTED, ""),
        }
    }
}

fn answer(head: Box<RequestHead>, reply: Reply) -> Answer<Box<RequestHead>> {
    let mut response = Response::new(reply.status);
    response.head.fields.append(FieldName::ContentType, reply.content_type);
    response.head.fields.append(FieldName::CacheControl, "no-store");
    if let Some(allow) = reply.allow {
        response.head.fields.append(FieldName::Allow, allow);
    }
    response.body = Body::from(reply.body);
    Answer { response, ticket: head }
}

impl Handler for AdminHandler {
    type Ticket = Box<RequestHead>;

    fn handle(self: &Rc<Self>, request: Request) -> Answering<Self::Ticket> {
        let head = request.head;
        let asked = Asked {
            method: head.method,
            path: head.path(),
            host: head.host(),
            origin: head.fields.get_str(FieldName::Origin),
            peer: &request.connection.peer,
        };
        match decide(&asked) {
            Wish::Reload => {
                let admin = Rc::clone(self);
                Answering::Later(Box::pin(async move { answer(head, admin.reload().await) }))
            }
            wish => {
                let reply = self.reply_now(&wish);
                Answering::Now(answer(head, reply))
            }
        }
    }

    fn refuse(self: &Rc<Self>, request: Request, status: Status, reason: &'static str) -> Answer<Self::Ticket> {
        answer(request.head, Reply::text(status, format!("{reason}\n")))
    }

    fn finished(&self, ticket: Self::Ticket, _: Sent) -> Option<Box<RequestHead>> {
        Some(ticket)
    }
}
