//! Scripts of our own, small enough to read.

use super::*;

fn passes(text: &str) {
    assert_eq!(run_text(text, Mode::Semantic), Verdict::Passed, "{text}");
}

const HANDSHAKE: &str = "
0.00 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 65535 <mss 1460,sackOK>
+0 > S. 0:0(0) ack 1 <mss 1460,sackOK>
+0.1 < . 1:1(0) ack 1 win 65535
+0 accept(3, ..., ...) = 4
";

#[test]
fn a_request_an_answer_and_a_close() {
    passes(&format!(
        "{HANDSHAKE}
+0 < P. 1:101(100) ack 1 win 65535
+0 recv(4, ..., 1000, 0) = 100
+0 send(4, ..., 200, 0) = 200
+0 > P. 1:201(200) ack 101
+0.05 < . 101:101(0) ack 201 win 65535
+0 close(4) = 0
+0 > F. 201:201(0) ack 101
+0 < F. 101:101(0) ack 202 win 65535
+0 > . 202:202(0) ack 102
"
    ));
}

#[test]
fn a_difference_is_told_with_its_line() {
    let verdict = run_text(&format!("{HANDSHAKE}+0 < . 5:6(1) ack 1 win 9\n+0 > . 1:1(0) ack 2\n"), Mode::Semantic);
    let Verdict::Failed { line, why } = verdict else { panic!("{verdict:?}") };
    assert_eq!((line, why.as_str()), (10, "acknowledgement: expected 2, sent 1"));
}

#[test]
fn what_is_missing_is_skipped_with_its_reason() {
    let verdict = run_text("0 sendfile(3, 4) = 0\n", Mode::Semantic);
    assert_eq!(verdict, Verdict::Skipped("line 1: needs the call sendfile".to_owned()));
}
