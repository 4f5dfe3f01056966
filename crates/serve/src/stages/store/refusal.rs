//! Why a change is refused, and what the client is told of it. Made everywhere in the store stage.

use edgeway_http::semantics::{FieldName, Status};
use edgeway_net::drive::BodyFailure;

use crate::exchange::Exchange;

/// An answer that is an error.
pub(super) struct Refused {
    pub(super) status: Status,
    /// A sentence for the page.
    pub(super) why: &'static str,
    pub(super) field: Option<(&'static str, String)>,
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        Self { status, why: "", field: None }
    }
}

impl Refused {
    /// With a sentence for the page.
    pub(super) const fn because(status: Status, why: &'static str) -> Self {
        Self { status, why, field: None }
    }
}

/// RFC 9110 §8.4: what is stored is what will be sent, and the coding would be forgotten.
pub(super) fn refuse_content_coding(exchange: &Exchange) -> Result<(), Refused> {
    let coded = exchange
        .head
        .fields
        .members(FieldName::ContentEncoding)
        .any(|coding| !coding.eq_ignore_ascii_case(b"identity"));
    if coded {
        // RFC 9110 §12.5.3: Accept-Encoding in a response says what would have been taken.
        let field = Some(("Accept-Encoding", "identity".to_owned()));
        return Err(Refused { status: Status::UNSUPPORTED_MEDIA_TYPE, why: "", field });
    }
    Ok(())
}

/// What the client is told of content that broke off.
pub(super) const fn status_of_body(failure: BodyFailure) -> Status {
    match failure {
        BodyFailure::TimedOut => Status::REQUEST_TIMEOUT,
        BodyFailure::TooLarge => Status::CONTENT_TOO_LARGE,
        BodyFailure::Disconnected | BodyFailure::Malformed => Status::BAD_REQUEST,
        BodyFailure::Local => Status::INTERNAL_SERVER_ERROR,
    }
}
