//! Upstreams that are slow, that lie, that vanish; clients that leave.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep};

use crate::stage::{SECOND, UPSTREAM, play, read_head};

const GET: &str = "GET /x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
const POST: &str = "POST /x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody";

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("none")
}

#[test]
fn an_upstream_that_thinks_too_long_is_504_at_its_deadline() {
    play(&[UPSTREAM], |scene| async move {
        scene.upstream(UPSTREAM, |mut stream, _| async move {
            read_head(&mut stream).await;
            sleep(Duration::from_secs(3_600)).await;
        });
        let begun = Instant::now();
        assert_eq!(status(&scene.ask(GET).await), "504");
        assert_eq!(begun.elapsed().as_secs(), 10, "the first-byte timeout");
    });
}

#[test]
fn a_slow_answer_streams_and_a_stalled_one_is_cut_visibly() {
    play(&[UPSTREAM], |scene| async move {
        scene.upstream(UPSTREAM, |mut stream, _| async move {
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n").await.unwrap();
            for _ in 0..2 {
                sleep(Duration::from_secs(4)).await;
                stream.write_all(b"0123456789").await.unwrap();
            }
            sleep(Duration::from_secs(3_600)).await;
        });
        let answer = scene.ask(GET).await;
        assert_eq!(status(&answer), "200");
        assert!(answer.ends_with("01234567890123456789"), "two pieces came, the third never: {answer}");
    });
}

#[test]
fn hostile_017_upstreams_that_lie_are_502_and_their_connection_is_never_used_again() {
    let lies: [&[u8]; 9] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nA b: c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    ];
    for lie in lies {
        play(&[UPSTREAM], move |scene| async move {
            let connections = Rc::new(Cell::new(0));
            let counted = Rc::clone(&connections);
            scene.upstream(UPSTREAM, move |mut stream, number| {
                counted.set(number + 1);
                async move {
                    while read_head(&mut stream).await.is_some() {
                        stream.write_all(lie).await.unwrap();
                    }
                }
            });
            let shown = String::from_utf8_lossy(lie);
            assert_eq!(status(&scene.ask(POST).await), "502", "{shown}");
            assert_eq!(status(&scene.ask(POST).await), "502", "{shown}");
            assert_eq!(connections.get(), 2, "each request had a connection of its own: {shown}");
        });
    }
}

#[test]
fn hostile_017_bytes_after_a_response_poison_nobody() {
    play(&[UPSTREAM], |scene| async move {
        scene.upstream(UPSTREAM, |mut stream, number| async move {
            while read_head(&mut stream).await.is_some() {
                let extra = if number == 0 { "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison" } else { "" };
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfair{extra}");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        for _ in 0..3 {
            let answer = scene.ask(GET).await;
            assert!(answer.ends_with("fair"), "{answer}");
        }
    });
}

#[test]
fn an_upstream_that_vanishes_is_tried_again_only_where_that_is_safe() {
    for (request, expected) in [(GET, "200"), (POST, "502")] {
        play(&[UPSTREAM], move |scene| async move {
            scene.upstream(UPSTREAM, |mut stream, number| async move {
                read_head(&mut stream).await;
                if number > 0 {
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
                }
            });
            assert_eq!(status(&scene.ask(request).await), expected, "{request}");
        });
    }
}

#[test]
fn a_connection_closed_while_idle_costs_nobody_an_answer() {
    play(&[UPSTREAM], |scene| async move {
        scene.upstream(UPSTREAM, |mut stream, _| async move {
            // Answers once and closes, though it promised to stay.
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        });
        for pause_ms in [0, 1, 10, 2_000] {
            sleep(Duration::from_millis(pause_ms)).await;
            assert_eq!(status(&scene.ask(POST).await), "200", "after {pause_ms} ms");
        }
    });
}

#[test]
fn refused_goes_to_the_next_and_is_502_when_there_is_none() {
    play(&[UPSTREAM, SECOND], |scene| async move {
        assert_eq!(status(&scene.ask(GET).await), "502", "nobody listens");
        scene.upstream(SECOND, |mut stream, _| async move {
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        });
        for _ in 0..4 {
            assert_eq!(status(&scene.ask(POST).await), "200", "nothing was sent to the first, so even POST goes on");
        }
    });
}

#[test]
fn hostile_065_a_client_that_leaves_cancels_its_upstream() {
    play(&[UPSTREAM], |scene| async move {
        let gone = Rc::new(RefCell::new(None));
        let noted = Rc::clone(&gone);
        scene.upstream(UPSTREAM, move |mut stream, _| {
            let noted = Rc::clone(&noted);
            async move {
                read_head(&mut stream).await;
                let ended = stream.read_u8().await.is_err();
                *noted.borrow_mut() = Some(ended);
            }
        });
        let mut client = scene.client().await;
        client.write_all(GET.as_bytes()).await.unwrap();
        sleep(Duration::from_millis(10)).await;
        drop(client);
        scene.until("the upstream saw the end", || gone.borrow().is_some()).await;
        assert_eq!(*gone.borrow(), Some(true));
        assert_eq!(scene.metrics.aborted.get(), 1, "and the record says so");
    });
}

#[test]
fn a_client_that_half_closes_still_gets_its_answer() {
    play(&[UPSTREAM], |scene| async move {
        scene.upstream(UPSTREAM, |mut stream, _| async move {
            read_head(&mut stream).await;
            sleep(Duration::from_secs(2)).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        });
        let mut client = scene.client().await;
        client.write_all(GET.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("ok"), "{answer}");
    });
}

#[test]
fn a_client_that_does_not_read_stops_the_upstream_and_nobody_buffers_it() {
    play(&[UPSTREAM], |scene| async move {
        let written = Rc::new(Cell::new(0_usize));
        let counted = Rc::clone(&written);
        scene.upstream(UPSTREAM, move |mut stream, _| {
            let counted = Rc::clone(&counted);
            async move {
                read_head(&mut stream).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n").await.unwrap();
                let piece = [b'x'; 16 << 10];
                while stream.write_all(&piece).await.is_ok() {
                    counted.set(counted.get() + piece.len());
                }
            }
        });
        let mut client = scene.client().await;
        client.write_all(GET.as_bytes()).await.unwrap();
        sleep(Duration::from_secs(5)).await;
        let at_first = written.get();
        assert!(at_first < 2 << 20, "{at_first} bytes went into a client that reads nothing");
        scene.until("the connection that does not read was given up", || scene.gate.open() == 0).await;
    });
}

#[test]
fn early_hints_pass_and_100_is_our_own() {
    play(&[UPSTREAM], |scene| async move {
        scene.upstream(UPSTREAM, |mut stream, _| async move {
            read_head(&mut stream).await;
            for part in [
                "HTTP/1.1 100 Continue\r\n\r\n",
                "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            ] {
                stream.write_all(part.as_bytes()).await.unwrap();
                sleep(Duration::from_millis(50)).await;
            }
        });
        let answer = scene.ask(GET).await;
        assert!(answer.starts_with("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n"), "{answer}");
        assert!(!answer.contains("100 Continue") && answer.contains("HTTP/1.1 200 OK"), "{answer}");
    });
}

#[test]
fn upgraded_bytes_flow_both_ways_and_a_half_close_is_passed_on() {
    play(&[UPSTREAM], |scene| async move {
        scene.upstream(UPSTREAM, |mut stream, _| async move {
            let head = read_head(&mut stream).await.unwrap();
            let head = head.to_ascii_lowercase();
            assert!(head.contains("\r\nupgrade: echo\r\n") && head.contains("\r\nconnection: upgrade\r\n"), "{head}");
            stream
                .write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhello ")
                .await
                .unwrap();
            let mut said = Vec::new();
            stream.read_to_end(&mut said).await.unwrap();
            stream.write_all(&said).await.unwrap();
        });
        let mut client = scene.client().await;
        let ask = "GET /chat HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
        client.write_all(ask.as_bytes()).await.unwrap();
        let head = read_head(&mut client).await.unwrap();
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        client.write_all(b"world").await.unwrap();
        client.shutdown().await.unwrap();
        let mut heard = String::new();
        client.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "hello world");
    });
}
