//! Transaction signatures of queries (TSIG, RFC 8945): looked for only where one can be.

use edgeway_dns::machine::authority::{Authority, Outcome, Request};
use edgeway_dns::machine::tsig::{Keys, Refusal, Session, append_unsigned, verify_request};
use edgeway_dns::wire::Rcode;

/// What the signature of a query says.
pub(super) enum Signed {
    /// There is none.
    Not,
    /// It is good; the session signs the answers.
    By(Session),
    /// It is not: so many bytes of the buffer say why.
    Refused(usize),
}

/// Whether there can be a signature: nearly all queries have no additional record, or only OPT, and are spared the search.
pub(super) fn may_be_signed(message: &[u8]) -> bool {
    let Some([.., high, low]) = message.first_chunk::<12>() else { return false };
    match u16::from_be_bytes([*high, *low]) {
        0 => false,
        1 if message[4..10] == [0, 1, 0, 0, 0, 0] => !has_opt_behind_question(message),
        _ => true,
    }
}

fn has_opt_behind_question(message: &[u8]) -> bool {
    let mut position = 12;
    while let Some(length @ 1..=63) = message.get(position) {
        position += 1 + usize::from(*length);
    }
    // The root label, type and class of the question; then an owner that is the root, and type 41 (RFC 6891 §6.1.2).
    message.get(position) == Some(&0) && message.get(position + 5..position + 8) == Some(&[0, 0, 41])
}

/// Verifies the signature of a query, and composes the refusal where it is not good.
pub(super) fn verify(keys: &Keys, authority: &mut Authority, request: &Request<'_>, into: &mut [u8]) -> Signed {
    let refusal = match verify_request(request.message, keys, request.wall) {
        Ok(None) => return Signed::Not,
        Ok(Some(session)) => return Signed::By(session),
        Err(refusal) => refusal,
    };
    let rcode = if refusal == Refusal::Malformed { Rcode::FORMERR } else { Rcode::NOTAUTH };
    let Outcome::Reply(length) = authority.reply(request, rcode, into) else { return Signed::Not };
    let length = match refusal {
        Refusal::Malformed => Ok(length),
        // RFC 8945 §5.2: the answer names the error and, where the key is known and only the clocks differ, is signed.
        Refusal::Unsigned { record, .. } => append_unsigned(&record, into, length),
        Refusal::Time(mut session) => session.sign_reply(into, length, request.wall),
    };
    // Without room for the record the answer says NOTAUTH alone.
    length.map_or(Signed::Not, Signed::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_queries_are_spared_the_search() {
        let head = |arcount: u8| [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, arcount];
        let question = [1, b'a', 0, 0, 1, 0, 1];
        let opt = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];
        let tsig = [1, b'k', 0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 0];
        for (message, expected) in [
            ([&head(0)[..], &question].concat(), false),
            ([&head(1)[..], &question, &opt].concat(), false),
            ([&head(1)[..], &question, &tsig].concat(), true),
            ([&head(2)[..], &question, &opt, &tsig].concat(), true),
            (head(1).to_vec(), true),
            (vec![0; 11], false),
        ] {
            assert_eq!(may_be_signed(&message), expected, "{message:?}");
        }
    }
}
