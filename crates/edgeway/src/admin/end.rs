//! The admin address as the end of a plan.

use std::rc::Rc;

use bytes::Bytes;
use edgeway_http::semantics::{FieldName, Method, Status};
use edgeway_net::drive::outside::Boxed;
use edgeway_net::drive::{Body, Response};
use edgeway_serve::exchange::Exchange;
use edgeway_serve::plan::{End, Plan, Route, Site};
use edgeway_serve::routes::{Matcher, PathPattern};
use edgeway_serve::stages::headers::Edits;

use super::{Answer, Facts, Question, Reply, answer};

/// What the admin address needs of the process: what to tell, and how to reload.
pub trait Process: Facts + 'static {
    /// Reads the configuration again and puts it in force: a sentence about it, or what is wrong with it.
    fn reload(&self) -> Boxed<'_, Result<String, String>>;
}

/// The plan of the admin listener: every host and path leads to the one end.
pub fn plan(process: Rc<dyn Process>) -> Plan {
    let route = Route {
        name: "admin".into(),
        matcher: Matcher { paths: PathPattern::parse("/*").into_iter().collect(), ..Matcher::default() },
        body_limit: Some(edgeway_base::ByteCount(0)),
        trace: false,
        early_data: false,
        rewrite: None,
        request_edits: Edits::default(),
        response_edits: Edits::default(),
        stages: Vec::new(),
        end: Rc::new(Admin { process }),
    };
    let mut plan = Plan::default();
    plan.add("*", Rc::new(Site { name: "admin".into(), routes: vec![route], ..Site::default() }));
    plan
}

struct Admin {
    process: Rc<dyn Process>,
}

impl Admin {
    fn answer_to(&self, exchange: &Exchange) -> Answer {
        let field = |name| exchange.head.fields.get_single(name).and_then(|value| std::str::from_utf8(value).ok());
        let question = Question {
            method: exchange.head.method.as_str(),
            path: exchange.path.as_str(),
            host: exchange.head.authority(),
            origin: field(FieldName::Origin),
            fetch_site: exchange
                .head
                .fields
                .get_named("sec-fetch-site")
                .and_then(|value| std::str::from_utf8(value).ok()),
            // The socket's own other side: a PROXY header cannot make a stranger local.
            peer: &exchange.connection.socket_peer,
        };
        answer(&question, &*self.process)
    }
}

impl End for Admin {
    fn answer_now(&self, exchange: &mut Exchange) -> Option<Response> {
        match self.answer_to(exchange) {
            Answer::Reply(reply) => Some(respond(exchange, reply)),
            Answer::Reload => None,
        }
    }

    fn answer<'a>(&'a self, exchange: &'a mut Exchange) -> Boxed<'a, Response> {
        Box::pin(async move {
            let reply = match self.answer_to(exchange) {
                Answer::Reply(reply) => reply,
                Answer::Reload => Reply::of_reload(self.process.reload().await),
            };
            respond(exchange, reply)
        })
    }

    fn methods(&self, _: &Exchange) -> &'static [Method] {
        &[]
    }
}

fn respond(exchange: &mut Exchange, reply: Reply) -> Response {
    let status = Status::new(reply.status).unwrap_or(Status::INTERNAL_SERVER_ERROR);
    let mut response = exchange.respond(status);
    response.head.fields.append(FieldName::ContentType, reply.content_type);
    // Numbers and configurations are of this moment, and nobody's to keep.
    response.head.fields.append(FieldName::CacheControl, "no-store");
    if let Some(allow) = reply.allow {
        response.head.fields.append(FieldName::Allow, allow);
    }
    response.body = Body::Full(Bytes::from(reply.content));
    response
}
