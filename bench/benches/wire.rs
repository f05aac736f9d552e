//! What reading and writing HTTP/1.1 costs, a verb at a time: heads, framing, chunked bodies, paths.
//! `cargo bench -p ringgate-bench --bench wire`; with `-- --test` each runs once, as a smoke test.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ringgate::mem::{Buf, Class, Pool};
use ringgate::wire::http1::chunked::{ChunkLimits, Chunked, Step};
use ringgate::wire::http1::encode::{self, Backward, KeepAlive, Onward};
use ringgate::wire::http1::framing::{self, Length};
use ringgate::wire::http1::{HeadLimits, may_be_complete, reply, request};
use ringgate::wire::{Edits, Field, Head, Lines, Method, uri};
use std::hint::black_box;

const WRK: &[u8] = b"GET /1k HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

const BROWSER: &[u8] = b"GET /api/orders/7?expand=items&sort=-date HTTP/1.1\r\n\
Host: shop.example.com\r\n\
Connection: keep-alive\r\n\
sec-ch-ua: \"Chromium\";v=\"142\", \"Google Chrome\";v=\"142\", \"Not_A Brand\";v=\"99\"\r\n\
sec-ch-ua-mobile: ?0\r\n\
sec-ch-ua-platform: \"Linux\"\r\n\
Upgrade-Insecure-Requests: 1\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
Sec-Fetch-Site: same-origin\r\n\
Sec-Fetch-Mode: navigate\r\n\
Sec-Fetch-Dest: document\r\n\
Referer: https://shop.example.com/orders\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\n\
Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n\
Cookie: session=4f0a6c9e2b7d41a8b3c5d6e7f8091a2b; theme=dark; consent=1\r\n\r\n";

const NGINX: &[u8] = b"HTTP/1.1 200 OK\r\n\
Server: nginx/1.22.1\r\n\
Date: Sun, 22 Nov 2026 02:08:43 GMT\r\n\
Content-Type: application/octet-stream\r\n\
Content-Length: 1024\r\n\
Last-Modified: Sat, 21 Nov 2026 10:00:00 GMT\r\n\
Connection: keep-alive\r\n\
ETag: \"69203a10-400\"\r\n\
Accept-Ranges: bytes\r\n\r\n";

const REQUESTS: [(&str, &[u8]); 2] = [("wrk", WRK), ("browser", BROWSER)];

/// The lines of a request that has to parse.
fn parsed(bytes: &[u8]) -> Lines {
    let mut lines = Lines::new();
    let parsed = request::parse(bytes, &mut lines, &HeadLimits::default());
    assert!(matches!(parsed, Ok(request::Parsed::Complete { .. })), "{parsed:?}");
    lines
}

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    let limits = HeadLimits::default();
    for (name, bytes) in REQUESTS {
        let mut lines = Lines::new();
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::new("request", name), |b| {
            b.iter(|| request::parse(black_box(bytes), &mut lines, &limits));
        });
    }
    let mut lines = Lines::new();
    group.throughput(Throughput::Bytes(NGINX.len() as u64));
    group.bench_function("reply/nginx", |b| b.iter(|| reply::parse(black_box(NGINX), &mut lines, &limits)));
    group.bench_function("may_be_complete/last_byte", |b| {
        b.iter(|| may_be_complete(black_box(BROWSER), BROWSER.len() - 1));
    });
    group.bench_function("field_of", |b| {
        b.iter(|| Field::of(black_box(b"Content-Length")) == Field::of(black_box(b"sec-ch-ua-platform")));
    });
    group.finish();
}

fn length(c: &mut Criterion) {
    let mut group = c.benchmark_group("framing");
    for (name, bytes) in REQUESTS {
        let lines = parsed(bytes);
        let head = Head::new(bytes, &lines);
        group.bench_function(BenchmarkId::new("request", name), |b| {
            b.iter(|| (framing::request_length(black_box(head)), framing::keep_alive(black_box(head))));
        });
    }
    let mut lines = Lines::new();
    assert!(reply::parse(NGINX, &mut lines, &HeadLimits::default()).is_ok());
    let head = Head::new(NGINX, &lines);
    group.bench_function("reply/nginx", |b| {
        b.iter(|| {
            (framing::reply_length(black_box(head), Method::Get), framing::keep_alive(black_box(head)))
        });
    });
    group.finish();
}

fn out() -> Buf {
    Pool::new().take(Class::Small)
}

fn write(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    let mut edits = Edits::new();
    edits.set(Field::VIA, b"1.1 ringgate");
    edits.set(Field::X_FORWARDED_FOR, b"203.0.113.7");
    edits.set(Field::X_FORWARDED_PROTO, b"https");
    edits.set(Field::X_REQUEST_ID, b"019aa4d2-7c1e-7b3a-9f00-3b1e2c4d5e6f");
    for (name, bytes) in REQUESTS {
        let lines = parsed(bytes);
        let head = Head::new(bytes, &lines);
        for (how, edits) in [("plain", &Edits::new()), ("edited", &edits)] {
            let onward = Onward {
                target: head.target(),
                host: head.host(),
                length: Length::None,
                upgrade: None,
                expect_continue: false,
            };
            let mut out = out();
            group.bench_function(BenchmarkId::new(format!("request_{how}"), name), |b| {
                b.iter(|| {
                    out.clear();
                    encode::request(&mut out, black_box(head), edits, &onward)
                });
            });
        }
    }
    let mut lines = Lines::new();
    assert!(reply::parse(NGINX, &mut lines, &HeadLimits::default()).is_ok());
    let head = Head::new(NGINX, &lines);
    let backward = Backward {
        length: Length::Exact(1024),
        keep_alive: KeepAlive::Nothing,
        upgrade: None,
        version10: false,
        unix_seconds: 1_795_313_323,
    };
    let (mut out, edits) = (out(), Edits::new());
    group.bench_function("reply/nginx", |b| {
        b.iter(|| {
            out.clear();
            encode::reply(&mut out, black_box(head), &edits, &backward)
        });
    });
    group.bench_function("edits/four", |b| {
        let mut edits = Edits::new();
        b.iter(|| {
            edits.clear();
            edits.set(Field::VIA, black_box(b"1.1 ringgate"));
            edits.set(Field::X_FORWARDED_FOR, black_box(b"203.0.113.7"));
            edits.set(Field::X_FORWARDED_PROTO, black_box(b"https"));
            edits.set(Field::X_REQUEST_ID, black_box(b"019aa4d2-7c1e-7b3a-9f00-3b1e2c4d5e6f"))
        });
    });
    group.finish();
}

fn chunks(c: &mut Criterion) {
    let mut group = c.benchmark_group("chunked");
    for (name, chunk, count) in [("16x64", 64, 16), ("4x4096", 4096, 4)] {
        let mut body = Vec::new();
        for _ in 0..count {
            let mut line = [0; 18];
            let len = encode::chunk_head(chunk, &mut line);
            body.extend_from_slice(&line[..len]);
            body.resize(body.len() + chunk, b'x');
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"0\r\n\r\n");
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut chunked = Chunked::new(ChunkLimits::default());
                let mut at = 0;
                loop {
                    match chunked.step(black_box(&body[at..])) {
                        Ok(Step::End { used }) => break at + used,
                        Ok(step) => at += step.used(),
                        Err(_) => break 0,
                    }
                }
            });
        });
    }
    group.finish();
}

fn paths(c: &mut Criterion) {
    let mut group = c.benchmark_group("uri");
    for (name, path) in [
        ("plain", &b"/api/orders/7"[..]),
        ("dotted", b"/static/js/app.3f2a.min.js"),
        ("escaped", b"/a/%7euser/../x%2fy"),
    ] {
        let mut scratch = Vec::new();
        group.bench_function(BenchmarkId::new("canonical", name), |b| {
            b.iter(|| uri::canonical(black_box(path), &mut scratch).map(<[u8]>::len));
        });
    }
    group.finish();
}

criterion_group!(benches, parse, length, write, chunks, paths);
criterion_main!(benches);
