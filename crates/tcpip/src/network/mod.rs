//! Between link and transport: prefixes and routes, neighbours, reassembly, path MTUs. Each keeps one table and
//! no other knowledge. Called by [`crate::host`].

pub mod cidr;
pub mod neighbour;
pub mod path_mtu;
pub mod reassembly;
pub mod route;
