//! `compress`: content compressed on its way out, for clients that can read it (RFC 9110 §8.4). Stands around the ends; called by
//! the chain. Left alone is what is compressed already, what must not be changed (`no-transform`), parts of a whole (206), and
//! what would not shrink.
//!
//! Compressing pages that mix secrets with what a stranger may choose lets the stranger guess the secret by length (BREACH):
//! a route that does so turns this stage off.

mod body;
mod encode;
mod kept;
pub mod limits;
#[cfg(test)]
mod tests;

use std::cell::RefCell;

use bytes::Bytes;
use edgeway_base::ByteCount;
use edgeway_http::semantics::entity_tag::{EntityTag, EntityTagList};
use edgeway_http::semantics::media_type::MediaType;
use edgeway_http::semantics::negotiation::{AcceptedCodings, ContentCoding};
use edgeway_http::semantics::{BodyLength, FieldName, Fields, Method, Status};
use edgeway_net::drive::outside::Boxed;
use edgeway_net::drive::{Body, Response};

use self::body::CompressedBody;
use self::kept::Kept;
use crate::exchange::Exchange;
use crate::plan::{Next, Stage};

/// What can be set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Codings offered; the first of those the client wants equally is taken. Default: zstd, br, gzip.
    pub codings: Vec<ContentCoding>,
    /// Content shorter than this is left alone. Default: [`limits::MINIMUM`].
    pub minimum: ByteCount,
    /// Bytes of compressed files each worker keeps. Default: [`limits::KEPT`].
    pub kept: ByteCount,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            codings: vec![ContentCoding::Zstd, ContentCoding::Brotli, ContentCoding::Gzip],
            minimum: limits::MINIMUM,
            kept: limits::KEPT,
        }
    }
}

/// One worker's stage.
pub struct Transform {
    settings: Settings,
    kept: RefCell<Kept>,
}

impl Transform {
    /// One worker's stage.
    pub fn new(settings: Settings) -> Self {
        Self { settings, kept: RefCell::default() }
    }

    fn transform(&self, exchange: &Exchange, response: &mut Response) {
        if response.head.status == Status::NOT_MODIFIED {
            return weaken_not_modified(&exchange.head.fields, &mut response.head.fields);
        }
        if !self.may_change(&exchange.head.fields, response) {
            return;
        }
        // RFC 9110 §12.5.5: what this client gets depended on the field, also when it was nothing.
        vary_by_accept_encoding(&mut response.head.fields);
        let accepted = AcceptedCodings::read(&exchange.head.fields);
        // Identity last: it is taken only where the client wants it more.
        let offered = self.settings.codings.iter().copied().chain([ContentCoding::Identity]);
        let offered: Vec<ContentCoding> = offered.collect();
        match accepted.choose(&offered) {
            Some(ContentCoding::Identity) | None => {}
            Some(coding) => self.compress(exchange, response, coding),
        }
    }

    fn may_change(&self, request: &Fields, response: &Response) -> bool {
        let (status, fields) = (response.head.status, &response.head.fields);
        let long_enough = match response.body.length() {
            BodyLength::None => false,
            BodyLength::Known(length) => length >= self.settings.minimum.0,
            BodyLength::Unknown => true,
        };
        long_enough
            && response.tunnel.is_none()
            && !status.forbids_content()
            && status != Status::PARTIAL_CONTENT
            && !fields.contains(FieldName::ContentEncoding)
            && !fields.contains(FieldName::ContentRange)
            && !has_no_transform(fields)
            && !has_no_transform(request)
            && fields
                .get(FieldName::ContentType)
                .and_then(MediaType::parse)
                .is_some_and(|media_type| media_type.is_compressible())
    }

    fn compress(&self, exchange: &Exchange, response: &mut Response, coding: ContentCoding) {
        let whole = match &response.body {
            Body::Full(bytes) if bytes.len() <= limits::AT_ONCE && exchange.head.method != Method::Head => {
                Some(bytes.clone())
            }
            _ => None,
        };
        match whole {
            Some(plain) => match self.compress_at_once(exchange, &response.head.fields, coding, &plain) {
                Some(compressed) if compressed.len() < plain.len() => response.body = Body::Full(compressed),
                // It does not shrink, or there is no memory: as it is.
                _ => return,
            },
            None => {
                let plain = std::mem::take(&mut response.body);
                response.body = Body::Source(Box::new(CompressedBody::new(plain, coding)));
            }
        }
        describe(&mut response.head.fields, coding);
    }

    /// Content in memory; taken from what is kept where its tag promises that it is the same.
    fn compress_at_once(
        &self,
        exchange: &Exchange,
        fields: &Fields,
        coding: ContentCoding,
        plain: &Bytes,
    ) -> Option<Bytes> {
        let Some(key) = key_of(exchange, fields, coding) else { return encode::compress(coding, plain).ok() };
        if let Some(kept) = self.kept.borrow().get(&key) {
            return Some(kept);
        }
        let compressed = encode::compress(coding, plain).ok()?;
        self.kept.borrow_mut().keep(&key, compressed.clone(), self.settings.kept.0);
        Some(compressed)
    }
}

/// Names one content in one coding: host, path, strong tag. `None` where nothing promises that it stays the same, and for what
/// an upstream made, which may differ from user to user under one tag.
fn key_of(exchange: &Exchange, fields: &Fields, coding: ContentCoding) -> Option<Vec<u8>> {
    let tag = fields.get(FieldName::Etag).filter(|tag| EntityTag::parse(tag).is_some_and(|tag| !tag.weak))?;
    if exchange.notes.passed_through {
        return None;
    }
    Some(
        [exchange.head.authority().as_bytes(), exchange.path.as_str().as_bytes(), tag, coding.name().as_bytes()]
            .join(&0),
    )
}

/// What changes in the head with the coding.
fn describe(fields: &mut Fields, coding: ContentCoding) {
    fields.append(FieldName::ContentEncoding, coding.name());
    // These speak of the bytes as they were: their number, their digests, and parts of them.
    for name in [FieldName::ContentLength, FieldName::AcceptRanges, FieldName::ContentMd5, FieldName::Digest] {
        fields.remove(name);
    }
    fields.remove_named("Content-Digest");
    fields.remove_named("Repr-Digest");
    weaken(fields);
}

/// RFC 9110 §8.8.3.3: another coding is another representation; the tag of the plain one is kept as a weak one, so that the
/// end below still knows its own when it comes back in If-None-Match.
fn weaken(fields: &mut Fields) {
    let weak = match fields.get(FieldName::Etag).and_then(EntityTag::parse) {
        Some(tag) if !tag.weak => EntityTag { weak: true, ..tag }.to_bytes(),
        _ => return,
    };
    fields.set(FieldName::Etag, weak);
}

/// A 304 carries the tag its 200 would have had (RFC 9110 §15.4.5): weak for those who hold the compressed form.
fn weaken_not_modified(request: &Fields, fields: &mut Fields) {
    let holds_weak = {
        let current = fields.get(FieldName::Etag).and_then(EntityTag::parse).filter(|tag| !tag.weak);
        let held = EntityTagList::read(request, FieldName::IfNoneMatch);
        match (current, held) {
            (Some(current), Some(held)) => held.tags().iter().any(|tag| tag.weak && tag.opaque == current.opaque),
            _ => false,
        }
    };
    if holds_weak {
        weaken(fields);
        vary_by_accept_encoding(fields);
    }
}

fn vary_by_accept_encoding(fields: &mut Fields) {
    let named =
        fields.members(FieldName::Vary).any(|name| name == b"*" || name.eq_ignore_ascii_case(b"accept-encoding"));
    if !named {
        fields.append(FieldName::Vary, "Accept-Encoding");
    }
}

/// RFC 9111 §5.2.1.6, §5.2.2.6.
fn has_no_transform(fields: &Fields) -> bool {
    fields.members(FieldName::CacheControl).any(|directive| directive.eq_ignore_ascii_case(b"no-transform"))
}

impl Stage for Transform {
    fn around_now(&self, exchange: &mut Exchange, next: Next<'_>) -> Option<Response> {
        let mut response = next.run_now(exchange)?;
        self.transform(exchange, &mut response);
        Some(response)
    }

    fn around<'a>(&'a self, exchange: &'a mut Exchange, next: Next<'a>) -> Boxed<'a, Response> {
        Box::pin(async move {
            let mut response = next.run(exchange).await;
            self.transform(exchange, &mut response);
            response
        })
    }
}
