//! Everything a message can do wrong, with the status a server answers and one sentence for logs. Made by every
//! decoder of this room; becomes a [`crate::error::Refusal`] or a [`crate::error::ResponseError`].

use crate::semantics::Status;

/// What a message does wrong. None of these is repaired: two parsers that repair differently are how requests
/// are smuggled (RFC 9112 §11.2).
#[allow(missing_docs, reason = "each variant's sentence stands in `reason`")]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Malformed {
    InvalidMethod,
    MethodTooLong,
    InvalidTarget,
    TargetTooLong,
    TargetForm,
    MissingVersion,
    InvalidVersion,
    UnsupportedVersion,
    InvalidStatusLine,
    BareLineFeed,
    BareCarriageReturn,
    LeadingWhitespace,
    ObsoleteFold,
    MissingColon,
    InvalidFieldName,
    SpaceBeforeColon,
    DisguisedFraming,
    InvalidFieldValue,
    FieldNameTooLong,
    FieldLineTooLong,
    TooManyFields,
    HeadTooLong,
    TrailersTooLong,
    MissingHost,
    RepeatedHost,
    InvalidHost,
    InvalidContentLength,
    RepeatedContentLength,
    ContentTooLarge,
    LengthAndEncoding,
    InvalidTransferEncoding,
    UnknownTransferEncoding,
    TransferEncodingInHttp10,
    ContentNotAllowed,
    UnknownExpectation,
    InvalidChunkSize,
    ChunkSizeTooLarge,
    InvalidChunkExtension,
    ChunkExtensionsTooLong,
    ChunkDataEnd,
    Truncated,
}

impl Malformed {
    /// The status a server answers with before it closes.
    pub const fn status(self) -> Status {
        match self {
            // RFC 9112 §3: a method longer than any known is 501, a target longer than wished is 414.
            Self::MethodTooLong | Self::UnknownTransferEncoding => Status::NOT_IMPLEMENTED,
            Self::TargetTooLong => Status::URI_TOO_LONG,
            Self::UnsupportedVersion => Status::HTTP_VERSION_NOT_SUPPORTED,
            // RFC 6585 §5.
            Self::FieldNameTooLong
            | Self::FieldLineTooLong
            | Self::TooManyFields
            | Self::HeadTooLong
            | Self::TrailersTooLong => Status::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::ContentTooLarge => Status::CONTENT_TOO_LARGE,
            // RFC 9110 §10.1.1.
            Self::UnknownExpectation => Status::EXPECTATION_FAILED,
            _ => Status::BAD_REQUEST,
        }
    }

    /// One sentence for logs and pages, without a full stop.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::InvalidMethod => "the method is not an upper-case token",
            Self::MethodTooLong => "the method is longer than any this server knows",
            Self::InvalidTarget => "the request target has a byte that must be percent-encoded",
            Self::TargetTooLong => "the request target is too long",
            Self::TargetForm => "the request target has a form its method does not allow",
            Self::MissingVersion => "the request line has no version",
            Self::InvalidVersion => "the version is not written as HTTP/1.1",
            Self::UnsupportedVersion => "this version of HTTP is not spoken here",
            Self::InvalidStatusLine => "the status line is not version, three digits and a reason",
            Self::BareLineFeed => "a line ends with LF alone",
            Self::BareCarriageReturn => "CR stands without LF",
            Self::LeadingWhitespace => "white space stands before the first field",
            Self::ObsoleteFold => "a field is folded over several lines",
            Self::MissingColon => "a field line has no colon",
            Self::InvalidFieldName => "a field name is not a token",
            Self::SpaceBeforeColon => "white space stands between a field name and its colon",
            Self::DisguisedFraming => "a field name imitates Content-Length or Transfer-Encoding",
            Self::InvalidFieldValue => "a field value has a control character",
            Self::FieldNameTooLong => "a field name is too long",
            Self::FieldLineTooLong => "a field line is too long",
            Self::TooManyFields => "there are too many fields",
            Self::HeadTooLong => "the head is too long",
            Self::TrailersTooLong => "the trailer section is too long",
            Self::MissingHost => "there is no Host field",
            Self::RepeatedHost => "there are several Host fields",
            Self::InvalidHost => "the host is not a valid name and port",
            Self::InvalidContentLength => "Content-Length is not a plain number",
            Self::RepeatedContentLength => "there are several Content-Length fields",
            Self::ContentTooLarge => "the content is larger than allowed",
            Self::LengthAndEncoding => "Content-Length and Transfer-Encoding stand together",
            Self::InvalidTransferEncoding => "Transfer-Encoding is not exactly chunked",
            Self::UnknownTransferEncoding => "a transfer coding other than chunked is not implemented",
            Self::TransferEncodingInHttp10 => "HTTP/1.0 knows no Transfer-Encoding",
            Self::ContentNotAllowed => "the method allows no content",
            Self::UnknownExpectation => "the expectation is not 100-continue",
            Self::InvalidChunkSize => "a chunk size is not a plain hexadecimal number",
            Self::ChunkSizeTooLarge => "a chunk size is too large",
            Self::InvalidChunkExtension => "a chunk extension has a control character",
            Self::ChunkExtensionsTooLong => "chunk framing outweighs the content",
            Self::ChunkDataEnd => "a chunk does not end where its size says",
            Self::Truncated => "the content ended before its announced end",
        }
    }
}
