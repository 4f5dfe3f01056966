//! Which field lines are worth a place in a dynamic table, and which must never have one. Asked by the encoders of both
//! binary dialects.

use crate::semantics::FieldName;

/// What is put into the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Indexing {
    /// It is likely to come again.
    Incremental,
    /// It is not.
    Without,
    /// It is a secret: no table, here or at any later hop (RFC 7541 §7.1.3).
    Never,
}

impl Indexing {
    /// By name, and for cookies by length.
    pub(crate) const fn of(name: FieldName, value: &[u8]) -> Self {
        match name {
            FieldName::Authorization | FieldName::ProxyAuthorization => Self::Never,
            // RFC 7541 §7.1.3 names short cookies: those can be guessed through the table byte by byte.
            FieldName::Cookie if value.len() < 20 => Self::Never,
            FieldName::Age
            | FieldName::ContentLength
            | FieldName::ContentRange
            | FieldName::Etag
            | FieldName::Expires
            | FieldName::IfMatch
            | FieldName::IfModifiedSince
            | FieldName::IfNoneMatch
            | FieldName::IfRange
            | FieldName::IfUnmodifiedSince
            | FieldName::LastModified
            | FieldName::Location
            | FieldName::Range
            | FieldName::ServerTiming
            | FieldName::SetCookie
            | FieldName::Traceparent
            | FieldName::XRequestId => Self::Without,
            _ => Self::Incremental,
        }
    }
}
