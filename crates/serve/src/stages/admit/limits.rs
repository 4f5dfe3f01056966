//! Bounds of the admit stage, with unit, reason and source.

use std::time::Duration;

/// Passwords checked at once, over all workers. Each check is slow on purpose and takes 19 MB (argon2id as RFC 9106 and OWASP
/// advise it); two at once let a person in within a blink and leave the machine to those who are in already.
pub const CHECKS_AT_ONCE: usize = 2;

/// Requests that may wait for a check, over all workers. At some 30 ms a check that is a second; the rest is told to come
/// again (503), so that guessing passwords costs the guesser and not those who are in.
pub const CHECKS_WAITING: usize = 64;

/// How long credentials that proved right are not checked again. A changed file of users forgets them at once.
pub const REMEMBER_RIGHT: Duration = Duration::from_secs(300);

/// How long credentials that proved wrong are refused unchecked: a program with an old password must not cost a check for
/// each of its requests.
pub const REMEMBER_WRONG: Duration = Duration::from_secs(10);

/// Credentials remembered at once, about 100 bytes each.
pub const REMEMBERED_MAX: usize = 4096;

/// Memory that a hash in the file of users may ask for, in KiB: a quarter of a gigabyte.
pub const ARGON2_MEMORY_MAX: u32 = 256 << 10;

/// The cost a bcrypt hash in the file of users may ask for; each step doubles it, and 14 takes a second.
pub const BCRYPT_COST_MAX: u32 = 14;

/// Users in one file.
pub const USERS_MAX: usize = 100_000;

/// Wrong sign-ins of one address (IPv6: of one /64) within [`GUESS_WINDOW`], after which it gets 429. A person who mistypes
/// gives up or resets sooner; a script that guesses is slowed to 20 a minute.
pub const GUESSES_MAX: u32 = 20;

/// How long wrong sign-ins are counted, from the first.
pub const GUESS_WINDOW: Duration = Duration::from_secs(60);

/// Addresses remembered as guessers, about 48 bytes each.
pub const GUESSERS_MAX: usize = 16_384;
