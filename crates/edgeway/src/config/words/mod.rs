//! The words of the configuration: each a type that parses from one text, prints back to it, and
//! refuses what is wrong with a sentence that says why.

pub mod endpoint;
pub mod field;
pub mod file_path;
pub mod host;
pub mod location;
pub mod network;
pub mod path_pattern;
pub mod period;
pub mod size;
pub mod status;
pub mod upstream;
pub mod wildcard;
pub mod zone_name;

pub use endpoint::Endpoint;
pub use field::{FieldName, FieldValue, Method};
pub use file_path::FilePath;
pub use host::Host;
pub use location::Location;
pub use network::Network;
pub use path_pattern::PathPattern;
pub use period::Period;
pub use size::Size;
pub use status::{RedirectStatus, Status, StatusClass};
pub use upstream::Upstream;
pub use wildcard::Wildcard;
pub use zone_name::{KeyWord, Secret, TransferPeer, ZoneName};
