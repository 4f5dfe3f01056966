//! Carries the keeper's requests with our own client ([`crate::fetch`]), and asks who decides about names. Requests are few and far
//! between, so nothing is pooled.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use edgeway_base::{Entropy, Instant, WallTime};
use edgeway_http::semantics::{Method, percent};
use edgeway_net::drive::outside::{Boxed, Outside};
use edgeway_net::os::Kernel;
use edgeway_tls::acme::exchange::{Method as AcmeMethod, Request, Response};
use rustls::ClientConfig;

use super::Errands;
use crate::fetch::{self, Place};
use crate::limits::FETCH_BODY_BYTES_MAX;

/// The kernel's network, and whom to believe there.
pub struct Fetcher(fetch::Fetcher);

impl Fetcher {
    /// A fetcher that believes servers as `config` says.
    pub fn new(world: Kernel, config: Arc<ClientConfig>) -> Self {
        Self(fetch::Fetcher::new(Rc::new(world), config))
    }

    fn outside(&self) -> &dyn Outside {
        self.0.outside()
    }

    /// Carries one request; the error is a sentence.
    async fn fetch(&self, request: &Request) -> Result<Response, String> {
        let wrong = || format!("\"{}\" is not a URL that can be asked", request.url.escape_debug());
        let place = Place::parse(&request.url).ok_or_else(wrong)?;
        let host = place.host.clone();
        let method = match request.method {
            AcmeMethod::Get => Method::Get,
            AcmeMethod::Head => Method::Head,
            AcmeMethod::Post => Method::Post,
        };
        let content = request.content_type.clone().map(|media_type| (media_type, Bytes::from(request.body.clone())));
        let asked = fetch::Request { method, place, content, content_max: FETCH_BODY_BYTES_MAX };
        let answered = self.0.fetch(asked).await.map_err(|error| format!("{host}: {error}"))?;
        let mut response = Response::new(answered.status().code(), answered.content.to_vec());
        for field in answered.head.fields.iter() {
            response = response.with(field.name, String::from_utf8_lossy(field.value));
        }
        Ok(response)
    }
}

impl Errands for Fetcher {
    fn now(&self) -> Instant {
        self.outside().now()
    }

    fn wall(&self) -> WallTime {
        self.outside().wall()
    }

    fn entropy(&self) -> Box<dyn Entropy> {
        self.outside().entropy()
    }

    fn carry<'a>(&'a self, request: &'a Request) -> Boxed<'a, Result<Response, String>> {
        Box::pin(self.fetch(request))
    }

    fn may_issue<'a>(&'a self, ask: &'a str, name: &'a str) -> Boxed<'a, bool> {
        Box::pin(async move {
            let separator = if ask.contains('?') { '&' } else { '?' };
            let url = format!("{ask}{separator}name={}", percent::encode_segment(name.as_bytes()));
            match self.fetch(&Request::fetch(AcmeMethod::Get, &url)).await {
                Ok(response) => response.status == 200,
                Err(error) => {
                    tracing::warn!("who decides about certificates cannot be asked: {error}");
                    false
                }
            }
        })
    }
}
