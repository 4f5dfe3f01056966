//! HTTP/2 from outside: one binary. `errors` is RFC 9113's error conditions as a table; `hostile_messages` and `hostile_floods` the lies and
//! floods, by their numbers; `exchange` a client and a server of ours talking; `scheduling` whose bytes go first; `operations`
//! random work against a model; `arbitrary` any bytes at all ([`properties`] is shared with the fuzz targets). [`peer`] is what plays the other side.

mod arbitrary;
mod errors;
mod exchange;
mod hostile_floods;
mod hostile_messages;
mod operations;
mod peer;
mod properties;
mod scheduling;
