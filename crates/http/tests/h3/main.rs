//! HTTP/3 from outside: one binary. `errors` is RFC 9114's error conditions as a table, with the hostile clients of the security
//! matrix; `exchange` a client and a server of ours over streams that deliver when they like. `arbitrary` any bytes at
//! all ([`properties`] is shared with the fuzz targets). [`streams`] plays QUIC.

mod arbitrary;
mod errors;
mod exchange;
mod properties;
mod streams;
