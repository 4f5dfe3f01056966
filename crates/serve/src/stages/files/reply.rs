//! From a file and a request to a response: coding, conditions, ranges, fields. Nothing waits here. Called by the files
//! stage; hands on to `edgeway_http::semantics`.

use edgeway_base::WallTime;
use edgeway_http::semantics::conditions::{Condition, Validators, evaluate, if_range_holds};
use edgeway_http::semantics::negotiation::{AcceptedCodings, ContentCoding};
use edgeway_http::semantics::ranges::{ByteRange, Multipart, Selection, select, unsatisfied_content_range};
use edgeway_http::semantics::{FieldName, Method, RequestHead, ResponseHead, Status};
use edgeway_net::drive::Body;

use super::Settings;
use super::resource::{PRECOMPRESSED, Resource, Variant};
use super::stream::{body_of, multipart_of};

/// What a reply depends on beside the file.
pub(super) struct Asked<'a> {
    pub(super) head: &'a RequestHead,
    pub(super) settings: &'a Settings,
    pub(super) now: WallTime,
}

/// The response's content, or the status of the error page to send instead. `reply` gets the fields.
pub(super) fn reply(
    asked: &Asked<'_>,
    resource: &Resource,
    reply: &mut ResponseHead,
    chance: impl FnOnce() -> u64,
) -> Result<Body, Status> {
    let variant = choose(asked, resource).ok_or(Status::NOT_ACCEPTABLE)?;
    let current = Validators { exists: true, entity_tag: variant.tag(), last_modified: Some(variant.facts.modified) };
    let fields = &asked.head.fields;
    match evaluate(asked.head.method, fields, &current, asked.now) {
        Condition::Proceed => {}
        Condition::NotModified => {
            reply.status = Status::NOT_MODIFIED;
            // RFC 9110 §15.4.5: what a 200 would have said of ETag, Vary and Cache-Control.
            describe(asked, resource, variant, reply);
            return Ok(Body::Empty);
        }
        Condition::PreconditionFailed => return Err(Status::PRECONDITION_FAILED),
    }
    // RFC 9110 §14.2: Range is defined for GET only.
    let selection = if asked.head.method == Method::Get
        && fields.contains(FieldName::Range)
        && if_range_holds(fields, &current, asked.now)
    {
        select(fields, variant.facts.size)
    } else {
        Selection::Whole
    };
    describe(asked, resource, variant, reply);
    reply.fields.append(FieldName::LastModified, variant.last_modified);
    reply.fields.append(FieldName::AcceptRanges, "bytes");
    Ok(content(resource, variant, &selection, reply, chance))
}

/// A whole file under another status, whatever the request's conditions say: error pages.
pub(super) fn error_page(asked: &Asked<'_>, resource: &Resource, reply: &mut ResponseHead) -> Option<Body> {
    let variant = choose(asked, resource).or_else(|| resource.identity())?;
    reply.fields.append(FieldName::ContentType, resource.content_type.as_bytes());
    name_coding(resource, variant, reply);
    Some(whole(variant))
}

/// The form the client wants most. `None`: it refuses all there are.
fn choose<'a>(asked: &Asked<'_>, resource: &'a Resource) -> Option<&'a Variant> {
    if resource.variants.len() == 1 && AcceptedCodings::surely_take_identity(&asked.head.fields) {
        return resource.identity();
    }
    // The file itself and each of its precompressed sisters.
    let mut available = [ContentCoding::Identity; PRECOMPRESSED.len() + 1];
    for (place, variant) in available.iter_mut().zip(&resource.variants) {
        *place = variant.coding;
    }
    let accepted = AcceptedCodings::read(&asked.head.fields);
    match accepted.choose(&available[..resource.variants.len()]) {
        Some(coding) => resource.variants.iter().find(|variant| variant.coding == coding),
        // The compressing stage above may have what the client wants.
        None if asked.settings.compressed_later => resource.identity(),
        None => None,
    }
}

/// Fields that 200, 206 and 304 share.
fn describe(asked: &Asked<'_>, resource: &Resource, variant: &Variant, reply: &mut ResponseHead) {
    reply.fields.append(FieldName::Etag, &variant.entity_tag);
    name_coding(resource, variant, reply);
    if let Some(value) = &asked.settings.cache_control {
        reply.fields.append(FieldName::CacheControl, value);
    }
    if asked.settings.no_sniff {
        reply.fields.append(FieldName::XContentTypeOptions, "nosniff");
    }
}

fn name_coding(resource: &Resource, variant: &Variant, reply: &mut ResponseHead) {
    // RFC 9110 §12.5.5: also when this client got the plain form.
    if resource.variants.len() > 1 {
        reply.fields.append(FieldName::Vary, "Accept-Encoding");
    }
    if variant.coding != ContentCoding::Identity && reply.status != Status::NOT_MODIFIED {
        reply.fields.append(FieldName::ContentEncoding, variant.coding.name());
    }
}

fn content(
    resource: &Resource,
    variant: &Variant,
    selection: &Selection,
    reply: &mut ResponseHead,
    chance: impl FnOnce() -> u64,
) -> Body {
    let complete = variant.facts.size;
    let content_type = resource.content_type.as_bytes();
    match selection {
        Selection::Whole => {
            reply.status = Status::OK;
            reply.fields.append(FieldName::ContentType, content_type);
            whole(variant)
        }
        Selection::Single(range) => {
            reply.status = Status::PARTIAL_CONTENT;
            reply.fields.append(FieldName::ContentType, content_type);
            reply.fields.append(FieldName::ContentRange, range.content_range(complete));
            body_of(&variant.content, *range)
        }
        Selection::Several(ranges) => {
            // RFC 9110 §15.3.7.2: no Content-Range in the head of a multipart response.
            reply.status = Status::PARTIAL_CONTENT;
            let multipart = Multipart::new(ranges, complete, content_type, chance());
            reply.fields.append(FieldName::ContentType, multipart.content_type());
            multipart_of(&variant.content, &multipart)
        }
        Selection::Unsatisfiable => {
            reply.status = Status::RANGE_NOT_SATISFIABLE;
            for name in [FieldName::Etag, FieldName::LastModified, FieldName::ContentEncoding, FieldName::CacheControl]
            {
                reply.fields.remove(name);
            }
            reply.fields.append(FieldName::ContentRange, unsatisfied_content_range(complete));
            Body::Empty
        }
    }
}

fn whole(variant: &Variant) -> Body {
    match variant.facts.size.checked_sub(1) {
        Some(last) => body_of(&variant.content, ByteRange { first: 0, last }),
        None => Body::Empty,
    }
}
