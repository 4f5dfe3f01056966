//! `[zone."example.com"]` and `[tsig."key.example.com"]`: names this server is the authority for.

use crate::config::read::Located;
use crate::config::read::table::table;
use crate::config::read::word::words;
use crate::config::words::{FilePath, KeyWord, Secret, TransferPeer};

table! {
    /// A zone: a name and everything below it that this server answers for. It comes from a `file`, or from `records` in
    /// this one. It is checked whole before it is served; its files are watched, and a zone with a mistake leaves the old
    /// one in force.
    "a zone" Zone {
        /// A zone file (RFC 1035 §5; `$ORIGIN`, `$TTL`, `$INCLUDE`, `$GENERATE`).
        file: Option<Located<FilePath>>,
        /// The zone file's text itself.
        records: Option<Located<String>>,
        /// Signs the zone (DNSSEC) with a key that is made once and kept in the state folder. `edgeway check` and the
        /// server's start tell the DS record for the registrar. Serial numbers go up with each signing.
        sign: bool = "false",
        /// How a signed zone proves that a name does not exist.
        denial: Denial = "nsec",
        /// Who may have a copy of the whole zone (AXFR, IXFR): networks, or keys of [tsig] as `"key:NAME"`. Without it:
        /// nobody.
        transfer: Vec<Located<TransferPeer>>,
    }
}

words! {
    /// How a signed zone proves that a name does not exist.
    Denial, "\"nsec\", \"nsec3\" or \"compact\"" {
        /// NSEC (RFC 4034 §4): small and plain; the names of the zone can be listed.
        Nsec = "nsec",
        /// NSEC3 (RFC 5155) without salt and further iterations, as RFC 9276 recommends: names are hashed.
        Nsec3 = "nsec3",
        /// Made and signed when it is asked for (RFC 9824).
        Compact = "compact",
    }
}

table! {
    /// A secret that two name servers share, to sign what they say to each other (TSIG, RFC 8945).
    "a tsig key" TsigKey {
        /// How it signs.
        algorithm: KeyWord = "hmac-sha256",
        /// The secret in base64, as `openssl rand -base64 32` makes one.
        secret: Secret,
    }
}
