//! Bodies of gRPC-Web between a source and a sink that give and take a few bytes at a time, wait between them, and whose
//! users lose patience: whatever is dropped is begun again, nothing is lost and nothing said twice.

use crate::base::{Fault, Kind, Side, Tick};
use crate::exchange::grpc::down::WebSink;
use crate::exchange::grpc::up::WebBody;
use crate::exchange::grpc::web::Form;
use crate::net::body::{BodySink, BodySource, Plain, Spliced, pump};
use crate::net::pipe::Pipes;
use crate::wire::grpc::reference;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// Gives `text` a piece at a time, and has each waited for.
struct Source<'t> {
    text: &'t [u8],
    at: usize,
    piece: usize,
    ready: bool,
    trailers: &'t [u8],
}

impl<'t> Source<'t> {
    fn new(text: &'t [u8], piece: usize, trailers: &'t [u8]) -> Source<'t> {
        Source { text, at: 0, piece, ready: false, trailers }
    }
}

/// Pending every other time.
fn turn(ready: &mut bool, cx: &mut Context<'_>) -> Poll<()> {
    cx.waker().wake_by_ref();
    *ready = !*ready;
    if *ready { Poll::Pending } else { Poll::Ready(()) }
}

impl BodySource for Source<'_> {
    fn ends_soon(&self) -> bool {
        false
    }

    fn may_trail(&self) -> bool {
        false
    }

    fn be_patient(&mut self) {}

    async fn fill(&mut self) -> Result<&[u8], Fault> {
        poll_fn(|cx| turn(&mut self.ready, cx)).await;
        let left = &self.text[self.at..];
        Ok(&left[..left.len().min(self.piece)])
    }

    fn consume(&mut self, n: usize) {
        self.at += n;
    }

    fn trailers(&self) -> &[u8] {
        self.trailers
    }

    fn ended(&self) -> bool {
        self.at == self.text.len()
    }

    fn rewind(&mut self) -> bool {
        self.at = 0;
        true
    }

    async fn hold(&mut self, most: u64, _: Tick) -> Result<bool, Fault> {
        Ok(self.text.len() as u64 <= most)
    }

    fn here(&mut self) -> Option<&[u8]> {
        if self.at == 0 { Some(self.text) } else { None }
    }

    fn plain(&self) -> Option<Plain<'_>> {
        None
    }

    fn passed(&mut self, _: u64) {}

    async fn ready(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn count(&self) -> u64 {
        self.at as u64
    }
}

/// Takes `piece` bytes at once, and has room every other time.
#[derive(Default)]
struct Sink {
    out: Vec<u8>,
    piece: usize,
    ready: bool,
    /// How much had come whenever all was to leave.
    flushed: Vec<usize>,
    ended: bool,
}

impl BodySink for &mut Sink {
    fn stays_open(&mut self) {}

    async fn write(&mut self, data: &[u8]) -> Result<usize, Fault> {
        poll_fn(|cx| turn(&mut self.ready, cx)).await;
        let len = data.len().min(self.piece);
        self.out.extend_from_slice(&data[..len]);
        Ok(len)
    }

    async fn flush(&mut self) -> Result<(), Fault> {
        self.flushed.push(self.out.len());
        Ok(())
    }

    async fn finish(&mut self, trailers: &[u8]) -> Result<(), Fault> {
        poll_fn(|cx| turn(&mut self.ready, cx)).await;
        assert!(trailers.is_empty(), "they stand in the body");
        self.ended = true;
        Ok(())
    }

    fn splice(&mut self, _: Plain<'_>, _: &Pipes) -> Result<Spliced, Fault> {
        Ok(Spliced::Refused)
    }

    fn sent(&self) -> u64 {
        self.out.len() as u64
    }

    fn started(&self) -> bool {
        !self.out.is_empty()
    }
}

/// Polls to the end.
fn done<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..1_000_000 {
        if let Poll::Ready(done) = future.as_mut().poll(&mut cx) {
            return done;
        }
    }
    panic!("it waits for ever");
}

/// Polls once.
fn once<T>(future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn up(text: &[u8], piece: usize) -> Result<Vec<u8>, Fault> {
    let mut source = Source::new(text, piece, b"");
    let mut body = WebBody::new(&mut source, Form::Text);
    let mut out = Vec::new();
    done(async {
        loop {
            let data = body.fill().await?;
            if data.is_empty() {
                assert!(body.ended());
                return Ok(out);
            }
            // Less than was given is taken: the rest is given again.
            let len = data.len().div_ceil(2);
            out.extend_from_slice(&data[..len]);
            body.consume(len);
        }
    })
}

#[test]
fn a_body_of_text_goes_up_as_what_it_says() {
    let text = b"AAAAAAM=YWJjAAAAAAA=AAAAAAQ=ZGVmZw==";
    for piece in 1..=text.len() {
        assert_eq!(up(text, piece).as_deref(), Ok(&b"\0\0\0\0\x03abc\0\0\0\0\0\0\0\0\0\x04defg"[..]));
    }
    let malformed = Fault::new(Side::Client, Kind::Malformed);
    for text in [&b"AAAAAAM=YWJ"[..], b"AAA*", b"A"] {
        for piece in 1..=text.len() {
            assert_eq!(up(text, piece), Err(malformed), "{}", text.escape_ascii());
        }
    }
}

#[test]
fn a_body_is_given_again_from_its_first_byte() {
    let text = b"AAAAAAM=YWJj";
    for consumed in 0..=8 {
        let mut source = Source::new(text, 4, b"");
        let mut body = WebBody::new(&mut source, Form::Text);
        done(async {
            let mut left = consumed;
            while left > 0 {
                let len = body.fill().await.expect("is there").len().min(left);
                body.consume(len);
                left -= len;
            }
            assert!(body.rewind());
            let mut all = Vec::new();
            while let data @ [_, ..] = body.fill().await.expect("is there") {
                all.extend_from_slice(data);
                let len = data.len();
                body.consume(len);
            }
            assert_eq!(all, b"\0\0\0\0\x03abc", "after {consumed} bytes");
        });
    }
}

#[test]
fn a_body_that_is_held_is_there_as_what_it_says() {
    let mut source = Source::new(b"AAAAAAM=YWJj", 3, b"");
    let mut body = WebBody::new(&mut source, Form::Text);
    assert_eq!(done(body.hold(12, Tick::NEVER)), Ok(true));
    assert_eq!(body.here(), Some(&b"\0\0\0\0\x03abc"[..]));
    assert_eq!(body.here(), Some(&b"\0\0\0\0\x03abc"[..]));
    body.consume(8);
    assert!(body.ended());
    assert_eq!(body.here(), None);
    let mut source = Source::new(b"AAAAAAM", 3, b"");
    let mut body = WebBody::new(&mut source, Form::Text);
    assert_eq!(body.here(), None);
    assert_eq!(done(body.fill()), Ok(&b"\0\0\0"[..]), "what can be read is read");
    body.consume(3);
    assert_eq!(done(body.fill()), Err(Fault::new(Side::Client, Kind::Malformed)));
}

/// What a client gets of this body and these trailers.
fn down(form: Form, (body, piece): (&[u8], usize), trailers: &[u8], room: usize) -> Result<Vec<u8>, Fault> {
    let mut sink = Sink { piece: room, ..Sink::default() };
    let mut web = WebSink::new(&mut sink, Some(form));
    let mut source = Source::new(body, piece, trailers);
    done(pump(&mut source, &mut web, &Pipes::default()))?;
    assert!(sink.ended);
    Ok(match form {
        Form::Binary => sink.out,
        Form::Text => {
            for flushed in &sink.flushed {
                assert!(reference::bytes(&sink.out[..*flushed]).is_some(), "what has left can be read");
            }
            reference::bytes(&sink.out).expect("is base64")
        }
    })
}

const BODY: &[u8] = b"\0\0\0\0\x03abc\x01\0\0\0\0\0\0\0\0\x05defgh";

#[test]
fn a_reply_ends_with_its_trailers_in_a_frame() {
    let expected = [BODY, b"\x80\0\0\0\x10grpc-status: 0\r\n"].concat();
    for form in [Form::Binary, Form::Text] {
        for piece in 1..=BODY.len() {
            for room in [1, 2, 3, 5, 1000] {
                let got = down(form, (BODY, piece), b"Grpc-Status: 0\r\n", room);
                assert_eq!(got.as_ref(), Ok(&expected), "{form:?} {piece} {room}");
            }
        }
        let alone = down(form, (b"", 1), b"grpc-status: 5\r\nx: y\r\n", 4);
        assert_eq!(alone, Ok(b"\x80\0\0\0\x16grpc-status: 5\r\nx: y\r\n".to_vec()));
    }
}

#[test]
fn a_reply_that_is_torn_or_tells_no_status_does_not_pass_for_a_whole_one() {
    let malformed = Fault::new(Side::Upstream, Kind::Malformed);
    for form in [Form::Binary, Form::Text] {
        for piece in 1..=BODY.len() {
            assert_eq!(down(form, (BODY, piece), b"", 7), Err(malformed), "no status");
            let torn = &BODY[..BODY.len() - 1];
            assert_eq!(down(form, (torn, piece), b"grpc-status: 0\r\n", 7), Err(malformed), "torn");
            let forged = [BODY, b"\x80\0\0\0\x10grpc-status: 0\r\n"].concat();
            assert_eq!(down(form, (&forged, piece), b"grpc-status: 7\r\n", 7), Err(malformed), "forged");
        }
    }
}

#[test]
fn what_is_dropped_while_it_leaves_is_neither_lost_nor_sent_twice() {
    for form in [Form::Binary, Form::Text] {
        let mut sink = Sink { piece: 3, ..Sink::default() };
        let mut web = WebSink::new(&mut sink, Some(form));
        let mut left = BODY;
        let mut taken = 0;
        while !left.is_empty() {
            let piece = &left[..left.len().min(4)];
            if let Poll::Ready(done) = once(pin!(web.write(piece))) {
                taken = done.expect("there is room");
            }
            left = &left[std::mem::take(&mut taken)..];
            let _ = once(pin!(web.flush()));
        }
        while once(pin!(web.finish(b"grpc-status: 0\r\n"))).is_pending() {}
        let expected = [BODY, b"\x80\0\0\0\x10grpc-status: 0\r\n"].concat();
        let out = match form {
            Form::Binary => sink.out,
            Form::Text => reference::bytes(&sink.out).expect("is base64"),
        };
        assert_eq!(out, expected, "{form:?}");
    }
}
