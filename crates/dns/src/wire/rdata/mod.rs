//! Record data: kept as checked, uncompressed wire bytes ([`RecordData`]), looked into through typed
//! views. The shape of each type stands in one table (`schema.rs`); text follows from it too.

mod dnssec;
mod record_data;
mod schema;
mod service;
mod text_in;
mod text_out;
mod types;
mod views;
mod wire;

pub use dnssec::{Dnskey, Ds, Nsec, Nsec3, Nsec3Param, Rrsig, key_tag};
pub use record_data::{RecordData, make_canonical, target};
pub use service::{Parameter, ParameterKey, ServiceBinding};
pub(crate) use text_in::read_data;
pub use types::TypeBitmap;
pub use views::{Caa, MailExchange, Service, Soa, strings};
pub(super) use wire::{compress, expand};

#[cfg(test)]
mod tests;
