//! Whole hosts against each other and against forged packets. `world` joins two hosts by a wire; `forge` plays a
//! peer by hand. The numbers in test names are those of the list of hostile inputs; `must_N` are RFC 9293's.

mod forge;
mod hostile_close;
mod hostile_data;
mod hostile_handshake;
mod hostile_network;
mod requirements;
mod transfer;
mod world;
