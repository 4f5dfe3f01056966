//! What every version of HTTP shares (RFC 9110). Called by the dialects (`h1`, `h2`, `h3`), by the
//! drivers in `net` and by the stages in `serve`; hands on to nothing.

pub mod field_name;
pub mod fields;
pub mod head;
pub mod method;
pub mod status;

pub use field_name::FieldName;
pub use fields::Fields;
pub use head::{BodyLength, RequestHead, ResponseHead, Scheme, TargetForm, Version};
pub use method::{Method, Token};
pub use status::Status;
