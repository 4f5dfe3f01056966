//! PATCH (RFC 5789): a stretch of bytes, or a change to a JSON document. Each makes a new file out of the old one, which then takes
//! its place as a PUT's does. Called by the store stage; hands on to `patch`, `upload` and `disk`.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use edgeway_http::semantics::media_type::MediaType;
use edgeway_http::semantics::ranges::{ByteRange, parse_content_range, unsatisfied_content_range};
use edgeway_http::semantics::{BodyLength, FieldName, Status};

use super::disk::{Changed, Place, status_of_error};
use super::limits::JSON;
use super::patch::{self, Language};
use super::refusal::{Refused, refuse_content_coding, status_of_body};
use super::{ACCEPT_PATCH, Store, Written, demands_of, in_pool};
use crate::exchange::Exchange;
use crate::stages::files::root::Facts;

impl Store {
    /// RFC 5789.
    pub(super) async fn patch(&self, exchange: &mut Exchange) -> Result<Option<Changed>, Refused> {
        let place = self.place(exchange)?;
        refuse_content_coding(exchange)?;
        let demands = demands_of(exchange);
        let how = kind_of_patch(exchange)?;
        let disk = Arc::clone(&self.shared.disk);
        let (begun_place, begun_demands) = (place.clone(), demands.clone());
        let base = in_pool(move || {
            let current = disk.current(&begun_place)?.ok_or(Status::NOT_FOUND)?;
            disk.check(&begun_demands, Some(&current.facts))?;
            Ok(current)
        });
        let base = base.await?;
        let facts = base.facts;
        let chance = exchange.edge.outside.entropy().next_u64();
        let written = match how {
            Kind::Json(language) => {
                self.patch_json(exchange, &place, base.file.into(), facts, language, chance).await?
            }
            Kind::Bytes(range, complete) => {
                self.check_range(exchange, range, complete, facts.size)?;
                let reservation = self.room(facts.size.max(range.last + 1))?;
                let (disk, begun_place) = (Arc::clone(&self.shared.disk), place.clone());
                let upload = in_pool(move || {
                    let mut upload = disk.begin(&begun_place, chance)?;
                    let prepared = upload.copy_from(&base.file.into()).and_then(|()| upload.seek_to(range.first));
                    prepared.map_err(|error| status_of_error(&error))?;
                    Ok(upload)
                });
                let written = self.receive(&mut exchange.body, upload.await?, reservation, range.length()).await?;
                if written.received != range.length() {
                    return Err(Refused::because(
                        Status::BAD_REQUEST,
                        "The content is not as long as Content-Range says.",
                    ));
                }
                written
            }
        };
        self.commit(place, written, demands, Some(facts)).await
    }

    async fn patch_json(
        &self,
        exchange: &mut Exchange,
        place: &Place,
        base: std::fs::File,
        facts: Facts,
        language: Language,
        chance: u64,
    ) -> Result<Written, Refused> {
        if facts.size > JSON.0 {
            return Err(Refused::because(
                Status::UNPROCESSABLE_CONTENT,
                "The document is too large to be patched as JSON.",
            ));
        }
        let patch = exchange.body.collect(JSON.as_usize()).await.map_err(|error| status_of_body(error.failure))?;
        // Grown when it is known how long the result is.
        let reservation = self.room(facts.size)?;
        let (disk, place, file_limit) = (Arc::clone(&self.shared.disk), place.clone(), self.shared.file_limit);
        in_pool(move || {
            let mut document = Vec::new();
            io::Read::read_to_end(&mut { base }, &mut document).map_err(|error| status_of_error(&error))?;
            let result: Bytes = patch::apply(language, &document, &patch)?.into();
            if result.len() as u64 > file_limit {
                return Err(Status::CONTENT_TOO_LARGE);
            }
            let mut reservation = reservation;
            reservation.grow_to(result.len() as u64).map_err(|_| Status::INSUFFICIENT_STORAGE)?;
            let mut upload = disk.begin(&place, chance)?;
            upload.write(&[result]).map_err(|error| status_of_error(&error))?;
            Ok(Written { upload, reservation, received: patch.len() as u64 })
        })
        .await
    }

    /// RFC 9110 §14.4 applied to a file of `size` bytes: no holes, no other length than it will have.
    fn check_range(
        &self,
        exchange: &Exchange,
        range: ByteRange,
        complete: Option<u64>,
        size: u64,
    ) -> Result<(), Refused> {
        if range.first > size {
            let field = Some(("Content-Range", unsatisfied_content_range(size)));
            return Err(Refused { status: Status::RANGE_NOT_SATISFIABLE, why: "", field });
        }
        let after = size.max(range.last + 1);
        if complete.is_some_and(|complete| complete != after) {
            return Err(Refused::because(
                Status::CONFLICT,
                "The file will not have the length that Content-Range says.",
            ));
        }
        if matches!(exchange.head.body, BodyLength::Known(length) if length != range.length()) {
            return Err(Refused::because(Status::BAD_REQUEST, "The content is not as long as Content-Range says."));
        }
        if after > self.shared.file_limit { Err(Status::CONTENT_TOO_LARGE.into()) } else { Ok(()) }
    }
}

/// What a PATCH is written in.
enum Kind {
    Json(Language),
    Bytes(ByteRange, Option<u64>),
}

/// RFC 5789 §2.2: 415 with Accept-Patch for a language that is not spoken here.
fn kind_of_patch(exchange: &Exchange) -> Result<Kind, Refused> {
    let fields = &exchange.head.fields;
    let media_type = fields.get_single(FieldName::ContentType).and_then(MediaType::parse);
    let is = |essence: &str| media_type.is_some_and(|media_type| media_type.is(essence));
    let language = if is("application/json-patch+json") {
        Some(Language::Operations)
    } else if is("application/merge-patch+json") {
        Some(Language::Merge)
    } else {
        None
    };
    let range = fields.contains(FieldName::ContentRange);
    match (language, range) {
        (Some(language), false) => Ok(Kind::Json(language)),
        (None, true) if is("application/octet-stream") || !fields.contains(FieldName::ContentType) => fields
            .get_single(FieldName::ContentRange)
            .and_then(parse_content_range)
            .map(|(range, complete)| Kind::Bytes(range, complete))
            .ok_or_else(|| Refused::because(Status::BAD_REQUEST, "Content-Range has to name bytes: \"bytes 0-99/*\".")),
        (Some(_), true) => Err(Refused::because(Status::BAD_REQUEST, "A JSON patch has no Content-Range.")),
        (None, _) => {
            let field = Some(("Accept-Patch", ACCEPT_PATCH.to_owned()));
            Err(Refused { status: Status::UNSUPPORTED_MEDIA_TYPE, why: "", field })
        }
    }
}
