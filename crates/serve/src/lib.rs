//! What the edge does. Storey 4: requests come up from the drivers of `net`, walk down the chain of stages and come back through
//! the same frames.
//!
//! Read in this order: [`exchange`] (one request and all that is known of it), [`chain`] (THE LIST: which stages there are
//! and in which order), [`plan`] (the ready-made configuration the chain walks through), [`edge`] (one worker's share of it
//! all), [`names`] (the name service), then any folder of [`stages`]: the word in the configuration is the folder's name.

pub mod chain;
pub mod edge;
pub mod exchange;
pub mod limits;
pub mod names;
pub mod page;
pub mod plan;
pub mod routes;
pub mod stages;

pub use edge::Edge;
pub use exchange::Exchange;
pub use names::Names;
pub use plan::{End, Plan, Route, Site, Stage};
