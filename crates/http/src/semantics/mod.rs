//! What every version of HTTP shares (RFC 9110). Called by the dialects (`h1`, `h2`, `h3`), by the
//! drivers in `net` and by the stages in `serve`; hands on to nothing.
//!
//! Read in this order: the message ([`head`], [`fields`], [`method`], [`status`]); the target ([`percent`]); what is
//! chosen and whether ([`conditions`], [`ranges`], [`negotiation`]); who asks ([`authentication`], [`cookie`],
//! [`forwarded`]); what ends at this hop ([`hop_by_hop`], [`via`]). [`structured`] is the grammar newer fields share.

pub mod authentication;
pub mod conditions;
pub mod cookie;
pub mod date;
pub mod entity_tag;
pub mod field_name;
pub mod fields;
pub mod forwarded;
pub mod head;
pub mod hop_by_hop;
pub mod limits;
pub mod link;
pub mod media_type;
pub mod method;
pub mod negotiation;
pub mod percent;
pub mod ranges;
pub mod status;
pub mod structured;
pub mod via;

pub use field_name::FieldName;
pub use fields::Fields;
pub use head::{BodyLength, RequestHead, ResponseHead, Scheme, TargetForm, Version};
pub use method::{Method, Token};
pub use percent::NormalPath;
pub use status::Status;
