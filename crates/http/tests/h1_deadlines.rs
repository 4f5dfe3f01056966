//! How long a server connection waits, and what it does then (matrix line 59), on a clock that only the test moves.

use std::time::Duration;

use bytes::Bytes;
use edgeway_base::Instant;
use edgeway_http::h1::machine::{ServerConnection, ServerEvent, ServerLimits};
use edgeway_http::semantics::{BodyLength, RequestHead, ResponseHead, Status};

struct Driver {
    server: ServerConnection,
    head: RequestHead,
    now: Instant,
}

impl Driver {
    fn new() -> Self {
        let now = Instant::from_millis(1_000_000);
        let server = ServerConnection::new(ServerLimits::default(), now);
        Self { server, head: RequestHead::default(), now }
    }

    fn feed(&mut self, text: &str) -> Option<ServerEvent> {
        self.server.input().extend_from_slice(text.as_bytes());
        self.server.handle_input(self.now);
        self.poll()
    }

    fn poll(&mut self) -> Option<ServerEvent> {
        self.server.poll_event(self.now, &mut self.head)
    }

    /// Lets time pass as a driver would: stopping at every deadline.
    fn pass(&mut self, seconds: u64) {
        let end = self.now + Duration::from_secs(seconds);
        for _ in 0..1_000 {
            match self.server.poll_timeout() {
                Some(until) if until <= end => {
                    self.now = self.now.max(until);
                    self.server.handle_timeout(self.now);
                    if self.server.wants_close() {
                        return;
                    }
                }
                _ => {
                    self.now = end;
                    return;
                }
            }
        }
        panic!("the deadline does not move");
    }

    fn refusal(&mut self) -> Option<Status> {
        match self.poll() {
            Some(ServerEvent::Refused(refusal)) => Some(refusal.status),
            _ => None,
        }
    }
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn hostile_059_a_head_that_drips_is_refused_with_408() {
    let mut driver = Driver::new();
    for byte in "GET / HTTP/1.1\r\nX: ".chars() {
        assert_eq!(driver.feed(&byte.to_string()), None);
        driver.pass(1);
    }
    driver.pass(20);
    assert_eq!(driver.refusal(), Some(Status::REQUEST_TIMEOUT));
    assert!(!driver.server.wants_input());
    driver.server.send_head(&ResponseHead::new(Status::REQUEST_TIMEOUT), BodyLength::None);
    assert_eq!(driver.poll(), Some(ServerEvent::Closed));
}

#[test]
fn hostile_059_connections_that_say_nothing_are_closed_without_a_word() {
    let mut driver = Driver::new();
    driver.pass(29);
    assert!(!driver.server.wants_close());
    driver.pass(2);
    assert!(driver.server.wants_close());
    assert_eq!((driver.poll(), driver.server.output_length()), (Some(ServerEvent::Closed), 0));

    let mut driver = Driver::new();
    assert_eq!(driver.feed(GET), Some(ServerEvent::Request));
    driver.pass(600);
    driver.server.send_head(&ResponseHead::default(), BodyLength::None);
    driver.server.consume_output(driver.now, driver.server.output_length());
    assert_eq!(driver.poll(), None);
    driver.pass(74);
    assert!(!driver.server.wants_close());
    driver.pass(2);
    assert!(driver.server.wants_close());
}

#[test]
fn hostile_059_content_that_trickles_is_refused_and_content_that_flows_is_not() {
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
    for (bytes_a_second, refused) in [(10, true), (500, false)] {
        let mut driver = Driver::new();
        assert_eq!(driver.feed(post), Some(ServerEvent::Request));
        let mut refusal = None;
        for _ in 0..100 {
            let data = "x".repeat(bytes_a_second);
            match driver.feed(&data) {
                Some(ServerEvent::Data(_)) => assert_eq!(driver.poll(), None),
                event => {
                    refusal = event;
                    break;
                }
            }
            driver.pass(1);
        }
        assert_eq!(refusal.is_some(), refused, "{bytes_a_second}");
    }
    let mut driver = Driver::new();
    driver.feed(post);
    assert_eq!(driver.poll(), None);
    driver.pass(31);
    assert_eq!(driver.refusal(), Some(Status::REQUEST_TIMEOUT));
}

#[test]
fn the_clients_time_does_not_run_while_we_hold_it_back() {
    // It waits for 100 (Continue).
    let mut driver = Driver::new();
    driver.feed("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    driver.pass(600);
    assert_eq!(driver.poll(), None);
    driver.server.want_body();
    driver.server.consume_output(driver.now, driver.server.output_length());
    driver.pass(5);
    assert_eq!(driver.feed("ab"), Some(ServerEvent::Data(Bytes::from("ab"))));

    // Nobody asks for its content yet, which waits where the driver has not read it.
    let mut driver = Driver::new();
    driver.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
    driver.pass(600);
    assert_eq!(driver.poll(), None);
    driver.pass(5);
    assert_eq!(driver.feed("ab"), Some(ServerEvent::Data(Bytes::from("ab"))));

    // It is not read, because the handler does not take what came.
    let mut driver = Driver::new();
    driver.feed("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    driver.server.input().extend_from_slice(&[b'x'; 64 * 1024]);
    driver.server.handle_input(driver.now);
    assert!(!driver.server.wants_input());
    driver.pass(600);
    assert!(matches!(driver.poll(), Some(ServerEvent::Data(data)) if data.len() == 64 * 1024));
    assert!(driver.server.wants_input());
    driver.pass(5);
    assert_eq!(driver.poll(), None);
}

#[test]
fn hostile_059_a_reader_that_stalls_is_cut() {
    let mut driver = Driver::new();
    driver.feed(GET);
    driver.pass(600);
    driver.server.send_head(&ResponseHead::default(), BodyLength::Unknown);
    driver.server.send_data(Bytes::from(vec![b'x'; 100_000]));
    // Slow is allowed, as long as something is taken.
    for _ in 0..5 {
        driver.pass(25);
        driver.server.consume_output(driver.now, 100);
    }
    assert!(!driver.server.wants_close());
    driver.pass(31);
    assert!(driver.server.wants_close() && driver.server.wants_reset());
    assert_eq!((driver.poll(), driver.server.output_length()), (Some(ServerEvent::Closed), 0));
}

#[test]
fn the_end_of_input_is_told_by_where_it_comes() {
    for (input, closed) in [("", true), (GET, true), ("GET /", false), ("\r\n", true)] {
        let mut driver = Driver::new();
        if driver.feed(input) == Some(ServerEvent::Request) {
            driver.server.send_head(&ResponseHead::default(), BodyLength::None);
        }
        driver.server.handle_end_of_input(driver.now);
        let event = driver.poll();
        assert_eq!(event == Some(ServerEvent::Closed), closed, "{input:?} {event:?}");
        assert!(driver.server.input_ended() && !driver.server.wants_input());
    }
}

#[test]
fn a_graceful_stop_closes_idle_connections_and_lets_others_finish() {
    let mut idle = Driver::new();
    idle.server.close_after_response();
    assert!(idle.server.wants_close());
    assert_eq!(idle.poll(), Some(ServerEvent::Closed));
    let mut writing = Driver::new();
    writing.feed(GET);
    writing.server.send_head(&ResponseHead::default(), BodyLength::None);
    assert_eq!(writing.poll(), None);
    writing.server.close_after_response();
    assert_eq!(writing.poll(), Some(ServerEvent::Closed));
    assert!(!writing.server.wants_close(), "the response is not written yet");
    writing.server.consume_output(writing.now, writing.server.output_length());
    assert!(writing.server.wants_close());
    let mut busy = Driver::new();
    busy.feed(GET);
    busy.server.close_after_response();
    assert!(!busy.server.wants_close());
    busy.server.send_head(&ResponseHead::default(), BodyLength::None);
    let mut slices = [std::io::IoSlice::new(&[])];
    busy.server.output(&mut slices);
    assert!(String::from_utf8_lossy(&slices[0]).contains("Connection: close\r\n"));
    assert_eq!(busy.poll(), Some(ServerEvent::Closed));
}

#[test]
fn an_idle_connection_holds_no_memory_it_was_asked_to_give_back() {
    let mut driver = Driver::new();
    driver.feed(GET);
    driver.server.send_head(&ResponseHead::default(), BodyLength::None);
    driver.server.consume_output(driver.now, driver.server.output_length());
    assert_eq!(driver.poll(), None);
    assert!(driver.server.is_idle());
    driver.server.release_memory();
    assert_eq!(driver.server.input().capacity(), 0);
    assert!(size_of::<ServerConnection>() <= 640, "{}", size_of::<ServerConnection>());
}
