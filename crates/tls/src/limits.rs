//! Every bound of this house: value, unit, reason, source.

use std::time::Duration;

/// Shortest RSA key accepted, in bits. Below it, factoring is within reach of well-funded
/// attackers, and browsers refuse the certificate (CA/Browser Forum Baseline Requirements §6.1.5).
pub const RSA_KEY_BITS_MIN: usize = 2048;

/// Longest RSA key accepted, in bits: verification time grows with the square (aws-lc-rs's bound).
pub const RSA_KEY_BITS_MAX: usize = 8192;

/// Certificates in one chain or bundle, so that a wrong file (a whole trust store where a chain was
/// meant) is noticed. The largest public bundles hold about 150.
pub const CERTIFICATES_PER_BUNDLE_MAX: usize = 512;

/// Bytes of one PEM file: 512 certificates of 4 KB, with room.
pub const PEM_BYTES_MAX: usize = 4 << 20;

/// How long our own root lives: ten years, so that a machine that trusted it need not be visited
/// again during its life.
pub const ROOT_LIFETIME: Duration = Duration::from_secs(3652 * 86_400);

/// How long a leaf of our own authority lives at most: 90 days, as ACME issuers keep it, so that
/// renewal is a habit and not an event.
pub const LEAF_LIFETIME_MAX: Duration = Duration::from_secs(90 * 86_400);

/// How far a new certificate's beginning is set back, for clients whose clock is slow.
pub const BACKDATE: Duration = Duration::from_secs(3600);

/// Share of a certificate's life that is left when it is renewed: one third (the advice of
/// RFC 9773's issuers and of Let's Encrypt), expressed as a divisor.
pub const RENEW_WHEN_LEFT_DIVISOR: u64 = 3;

/// Names in one certificate of our authority (Let's Encrypt's bound too).
pub const NAMES_PER_CERTIFICATE_MAX: usize = 100;

/// Length of a host name, in bytes (RFC 1035 §2.3.4, less the root's).
pub const HOST_NAME_BYTES_MAX: usize = 253;

/// Leaves issued on demand and kept in memory, in all. A leaf with its key costs about 2 KB.
pub const ISSUED_LEAVES_MAX: usize = 1024;

/// Configurations kept for clients that named no host and reached a local address of ours: one
/// for each address of a machine, with room.
pub const NAMELESS_CONFIGURATIONS_MAX: usize = 64;

/// Challenge certificates waiting for an ACME server's visit (RFC 8737); one per order in flight.
pub const CHALLENGES_MAX: usize = 256;

/// Length of a protocol name (RFC 7301 §3.1: one byte of length).
pub const ALPN_NAME_BYTES_MAX: usize = 255;

/// Age at which the key that seals session tickets is replaced. Twelve hours keeps the rule of at
/// most a day with a margin; forward secrecy of a resumed session is only as good as this key.
pub const TICKET_KEY_PERIOD: Duration = Duration::from_secs(12 * 3600);

/// Former ticket keys still accepted: two, so that a ticket lives `2 * TICKET_KEY_PERIOD` whenever
/// in its key's life it was sealed.
pub const TICKET_KEYS_OLD: usize = 2;

/// Life of a ticket as told to clients: as long as its key is kept after it stops sealing. Never
/// more than seven days (RFC 8446 §4.6.1); here a day.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Tickets sent after a full TLS 1.3 handshake: two, so that a browser that opens a second
/// connection need not reuse one (RFC 8446 §C.4).
pub const TLS13_TICKETS: usize = 2;

/// Sessions remembered by id for each client rule: TLS 1.2 clients without tickets, and 0-RTT
/// where it is allowed. About 300 bytes each, more with a client certificate.
pub const STORED_SESSIONS_MAX: usize = 4096;

/// Servers whose tickets a client configuration remembers.
pub const CLIENT_SESSIONS_MAX: usize = 256;

/// Sets of ticket keys kept, one for each client rule: as many rules as a configuration with
/// its predecessors will hold.
pub const TICKET_FAMILIES_MAX: usize = 1024;

/// Bytes of a ClientHello with its record headers. Browsers send 500 to 2,200 (post-quantum
/// shares included); 16 KB is one full record, and nobody honest needs a second.
pub const CLIENT_HELLO_BYTES_MAX: usize = 16 * 1024 + 5;

/// Largest TLS record on the wire: 2^14 of content, 256 of expansion, 5 of header (RFC 8446 §5.2;
/// RFC 5246 §6.2.3 allows 2,048 of expansion and rustls accepts it).
pub const RECORD_WIRE_BYTES_MAX: usize = 16_384 + 2_048 + 5;

/// Content of one record (RFC 8446 §5.1).
pub const RECORD_CONTENT_BYTES_MAX: usize = 16_384;

/// What a record adds to its content at most with the suites in use: 5 of header, 8 of explicit
/// nonce (RFC 5288 §3), 16 of tag, 1 of inner type (RFC 8446 §5.2), with room to 32.
pub const RECORD_OVERHEAD_BYTES: usize = 32;

/// Bytes received and not yet decrypted that one session holds: a handshake message of 64 KB
/// (rustls's bound, met only by long client certificate chains) with its record headers.
pub const INPUT_BYTES_MAX: usize = 64 * 1024 + 2_048;

/// What a session offers for one read: one full record and the beginning of the next.
pub const INPUT_BYTES_USUAL: usize = 32 * 1024;

/// Bytes encrypted and not yet sent, at which a session takes no more plaintext: four records, as
/// much as a socket takes at once on a fast path.
pub const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// Buffers of each size kept for reuse by one thread: 16 of each of seven sizes, 2 KB to 128 KB, are 4 MB at
/// most, and only after as many connections were busy at one moment.
pub const SPARE_BUFFERS_MAX: usize = 16;

/// Bytes of 0-RTT data accepted where a site allows it: one request head.
pub const EARLY_DATA_BYTES_MAX: u32 = 16 * 1024;

/// Bytes of one ACME request or response body: a chain of four certificates is 8 KB; an RSA 8192
/// signing request with a hundred names is below 10 KB.
pub const ACME_BODY_BYTES_MAX: usize = 64 * 1024;

/// Bytes of one signing request in DER.
pub const SIGNING_REQUEST_BYTES_MAX: usize = 16 * 1024;

/// Length of a challenge token (43 is what 256 bits need; RFC 8555 §8 asks for 128 bits at least).
pub const ACME_TOKEN_BYTES_MAX: usize = 128;

/// Nonces an ACME server remembers as good; the oldest gives way, and its owner asks for another.
pub const ACME_NONCES_MAX: usize = 4096;

/// Accounts of an ACME server: the machines of a large network, each with its own.
pub const ACME_ACCOUNTS_MAX: usize = 10_000;

/// Contact addresses of an account.
pub const ACME_CONTACTS_MAX: usize = 10;

/// Unfinished orders of one account: renewals of many names at once, and no more.
pub const ACME_OPEN_ORDERS_PER_ACCOUNT_MAX: usize = 100;

/// Orders of one account, finished or not, whose time or certificate is not over: one machine's part of the
/// whole, so that none can use it up.
pub const ACME_ORDERS_PER_ACCOUNT_MAX: usize = 2_000;

/// Authorizations an ACME server keeps: about 500 bytes each.
pub const ACME_AUTHORIZATIONS_MAX: usize = 100_000;

/// Orders an ACME server keeps in all, finished and not.
pub const ACME_ORDERS_MAX: usize = 50_000;

/// Validations under way at once: each is a connection of ours to another machine.
pub const ACME_VALIDATIONS_MAX: usize = 64;

/// How long an order and its authorizations can be used: long enough to mend a firewall.
pub const ACME_ORDER_LIFETIME: Duration = Duration::from_secs(7 * 86_400);

/// How often a client sends a request again before it gives the order up.
pub const ACME_TRIES_MAX: u32 = 8;

/// How often a client asks whether an authorization or order is done: at two seconds and rising to thirty, ten
/// minutes.
pub const ACME_POLLS_MAX: u32 = 30;

/// The longest a client waits because a server says so; beyond it the attempt fails and is made anew later.
pub const ACME_RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);

/// Certificates kept fresh by one ACME account; public issuers allow some hundreds of new ones a week.
pub const ACME_KEPT_MAX: usize = 10_000;

/// First pause after a failure at an ACME directory, and the shortest between two questions about renewal.
pub const ACME_FIRST_RETRY: Duration = Duration::from_secs(60);

/// Longest pause after failures: a day, so that a mended firewall is noticed.
pub const ACME_LAST_RETRY: Duration = Duration::from_secs(24 * 3600);

/// How long until a question about renewal that could not be answered is asked again (RFC 9773 §4.3.3).
pub const ACME_ASK_AGAIN: Duration = Duration::from_secs(6 * 3600);

/// Shortest time between two certificates for the same names: public issuers allow five the same a week, and
/// what an hour does not repair a second certificate does not either.
pub const ACME_REST: Duration = Duration::from_secs(3600);
