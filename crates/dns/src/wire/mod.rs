//! Bytes and text to values and back. Total: every input gives a value or a reason, in time linear
//! in its length; nothing here keeps state.
//!
//! [`Name`] and [`NameRef`] first, then [`Message`] (reading) and [`Composer`] (writing), [`RecordData`]
//! and the typed views in [`rdata`], [`edns`], and [`presentation`] for zone-file text.

mod class;
mod compose;
mod compressor;
pub mod edns;
mod header;
mod message;
mod name;
mod name_text;
mod packed_name;
pub mod presentation;
pub mod rdata;
mod record;
mod record_type;

pub use class::Class;
pub use compose::{Composer, Mark, Section};
pub use compressor::{CaseRule, Compressor};
pub use edns::Edns;
pub use header::{Flags, Header, Opcode, Rcode};
pub use message::{Message, Question, QuestionView, Records};
pub(crate) use name::same_ignoring_case;
pub use name::{Labels, Name, NameBuilder, NameRef};
pub use packed_name::PackedName;
pub use rdata::RecordData;
pub use record::{Record, RecordView};
pub use record_type::RecordType;
