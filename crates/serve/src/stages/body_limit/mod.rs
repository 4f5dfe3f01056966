//! `limit_body`: content beyond the limit is 413 before anybody reads it, and cut off where its length was not announced.
//! Called by the chain when a route is entered.

use std::task::{Context, Poll};

use edgeway_base::ByteCount;
use edgeway_http::semantics::{BodyLength, Status};
use edgeway_net::drive::{Body, BodyError, BodyFailure, BodySource, Frame, Response};

use crate::exchange::Exchange;
use crate::page;

/// Refuses announced content that is too large, and watches content that comes unannounced.
pub fn apply(exchange: &mut Exchange, limit: ByteCount) -> Result<(), Response> {
    match exchange.head.body {
        BodyLength::Known(length) if length > limit.0 => Err(page::error(exchange, Status::CONTENT_TOO_LARGE)),
        BodyLength::Unknown => {
            let body = std::mem::take(&mut exchange.body);
            exchange.body = Body::Source(Box::new(Limited { body, left: limit.0 }));
            Ok(())
        }
        _ => Ok(()),
    }
}

struct Limited {
    body: Body,
    left: u64,
}

impl BodySource for Limited {
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>> {
        let polled = self.body.poll_frame(context);
        if let Poll::Ready(Some(Ok(Frame::Data(data)))) = &polled {
            match self.left.checked_sub(data.len() as u64) {
                Some(left) => self.left = left,
                None => return Poll::Ready(Some(Err(BodyFailure::TooLarge.into()))),
            }
        }
        polled
    }

    fn length(&self) -> BodyLength {
        self.body.length()
    }
}
