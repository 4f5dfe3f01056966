//! Sends one answer on one stream: at once, or from a task that waits for the handler, pulls the content and ends with the stream.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use edgeway_base::World;
use edgeway_http::h2::error::ErrorCode;
use edgeway_http::h2::wire::StreamId;
use edgeway_http::semantics::{BodyLength, FieldName, ResponseHead, Status};

use super::shared::Shared;
use super::tunnel::StreamDuplex;
use crate::drive::body::{Body, Frame};
use crate::drive::handler::{Answer, Handler, Link, Response, Sent, Tunnel};
use crate::drive::recycle;

/// What has to be known of a request until its response has ended.
#[derive(Clone, Copy)]
pub(super) struct Answered {
    pub(super) stream: StreamId,
    /// HEAD: the response has a head only.
    pub(super) without_content: bool,
    /// Whether request content may still be coming.
    pub(super) content_wanted: bool,
}

impl Answered {
    /// Sends what is there; content that has to be pulled gets a task.
    pub(super) fn send<W: World, H: Handler>(
        self,
        shared: &Rc<Shared>,
        handler: &Rc<H>,
        world: &W,
        answer: Answer<H::Ticket>,
    ) {
        let Answer { response: Response { mut head, body, tunnel }, ticket } = answer;
        let status = prepare(&mut head, &body, self.without_content, tunnel.is_some());
        let record =
            Record { handler: Rc::clone(handler), world: world.clone(), ticket: Some(ticket), status, body_bytes: 0 };
        if let Some(tunnel) = tunnel {
            shared.machine().send_head(self.stream, &head, false);
            recycle::give_reply(head);
            return self.spawn(shared, run_tunnel(Rc::clone(shared), self.stream, tunnel, record));
        }
        let without_content = self.without_content || body.is_empty() || status.forbids_content();
        shared.machine().send_head(self.stream, &head, without_content);
        recycle::give_reply(head);
        match body {
            Body::Source(_) if !without_content => {
                self.spawn(shared, self.send_content(Rc::clone(shared), body, record));
            }
            Body::Full(bytes) if !without_content => {
                let body_bytes = bytes.len() as u64;
                {
                    let mut machine = shared.machine();
                    machine.send_data(self.stream, bytes, world.now());
                    machine.send_end(self.stream, None);
                }
                self.finish(shared, record, body_bytes);
            }
            _ => self.finish(shared, record, 0),
        }
    }

    /// Waits for the handler in a task of the stream's own.
    pub(super) fn send_later<W: World, H: Handler>(
        self,
        shared: &Rc<Shared>,
        handler: &Rc<H>,
        world: &W,
        future: Pin<Box<dyn Future<Output = Answer<H::Ticket>>>>,
    ) {
        let (own, handler, world) = (Rc::clone(shared), Rc::clone(handler), world.clone());
        self.spawn(shared, async move {
            let answer = future.await;
            self.send(&own, &handler, &world, answer);
            own.wake_connection();
        });
    }

    /// The task ends with its stream: a reset aborts it, which drops whatever it was doing.
    fn spawn(self, shared: &Rc<Shared>, future: impl Future<Output = ()> + 'static) {
        let task = tokio::task::spawn_local(future);
        shared.set_task(self.stream, task.abort_handle());
    }

    async fn send_content<W: World, H: Handler>(self, shared: Rc<Shared>, mut body: Body, mut record: Record<W, H>) {
        loop {
            let room = std::future::poll_fn(|context| shared.poll_capacity(context, self.stream)).await;
            if room.is_none() {
                return;
            }
            let mut ended = true;
            match body.frame().await {
                Some(Ok(Frame::Data(data))) => {
                    record.body_bytes += data.len() as u64;
                    shared.machine().send_data(self.stream, data, record.world.now());
                    ended = false;
                }
                Some(Ok(Frame::Trailers(trailers))) => _ = shared.machine().send_end(self.stream, Some(&trailers)),
                None => _ = shared.machine().send_end(self.stream, None),
                // The client must see that the content is cut short (RFC 9113 §8.1).
                Some(Err(_)) => {
                    shared.machine().reset(self.stream, ErrorCode::INTERNAL_ERROR);
                    shared.wake_connection();
                    return;
                }
            }
            shared.wake_connection();
            if ended {
                record.write(true);
                if self.content_wanted {
                    shared.machine().discard_content(self.stream);
                }
                return shared.close(self.stream);
            }
        }
    }

    fn finish<W: World, H: Handler>(self, shared: &Rc<Shared>, mut record: Record<W, H>, body_bytes: u64) {
        record.body_bytes = body_bytes;
        record.write(true);
        if self.content_wanted {
            // RFC 9113 §8.1: a response may be complete before the request is; the rest of that is not wanted.
            shared.machine().discard_content(self.stream);
            shared.close(self.stream);
        }
    }
}

/// Adds the length that is known, and drops what HTTP/2 has no place for (RFC 9113 §8.2.2).
fn prepare(head: &mut ResponseHead, body: &Body, without_content: bool, tunnel: bool) -> Status {
    for name in [
        FieldName::Connection,
        FieldName::KeepAlive,
        FieldName::ProxyConnection,
        FieldName::TransferEncoding,
        FieldName::Upgrade,
    ] {
        head.fields.remove(name);
    }
    if tunnel && head.status == Status::SWITCHING_PROTOCOLS {
        // RFC 8441 §5: the tunnel opens with 200, and the handshake's proof has no meaning here.
        head.status = Status::OK;
        head.fields.remove(FieldName::SecWebsocketAccept);
    }
    match body.length() {
        BodyLength::Known(length) => head.fields.set(FieldName::ContentLength, itoa::Buffer::new().format(length)),
        // A HEAD response may tell the length of what GET would have brought.
        BodyLength::None if without_content || head.status.forbids_content() || tunnel => {}
        BodyLength::None => head.fields.set(FieldName::ContentLength, "0"),
        BodyLength::Unknown => head.fields.remove(FieldName::ContentLength),
    }
    head.status
}

async fn run_tunnel<W: World, H: Handler>(
    shared: Rc<Shared>,
    stream: StreamId,
    tunnel: Tunnel,
    mut record: Record<W, H>,
) {
    shared.wake_connection();
    let duplex = StreamDuplex::new(Rc::clone(&shared), stream, record.world.clone());
    let (_, to_client) = tunnel(Box::new(duplex)).await;
    record.body_bytes = to_client;
    record.write(true);
    shared.close(stream);
}

/// Writes the record when the response has ended, and also when its task is dropped before that.
struct Record<W: World, H: Handler> {
    handler: Rc<H>,
    world: W,
    ticket: Option<H::Ticket>,
    status: Status,
    body_bytes: u64,
}

impl<W: World, H: Handler> Record<W, H> {
    fn write(&mut self, complete: bool) {
        let Some(ticket) = self.ticket.take() else { return };
        let sent = Sent { status: self.status, body_bytes: self.body_bytes, complete, at: self.world.now() };
        if let Some(head) = self.handler.finished(ticket, sent) {
            recycle::give_request(head);
        }
    }
}

impl<W: World, H: Handler> Drop for Record<W, H> {
    fn drop(&mut self) {
        self.write(false);
    }
}

/// The way back for 1xx responses.
pub(super) struct StreamLink {
    pub(super) shared: Rc<Shared>,
    pub(super) stream: StreamId,
}

impl Link for StreamLink {
    fn send_informational(&self, head: &ResponseHead) {
        self.shared.machine().send_informational(self.stream, head);
        self.shared.wake_connection();
    }
}
