//! What one exchange pays for being seen: its counters, its log line, and a batch's way through the ring.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ringgate::net::ring::ring;
use ringgate::observe::access_log::LineState;
use ringgate::observe::{Counts, Format, Lines, Met, Reason, Record, record};
use ringgate::wire::head::Version;
use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;

const USER_AGENT: &[u8] = b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/126.0.0.0 Safari/537.36";

fn sample() -> Record<'static> {
    Record {
        at_unix_ms: 1_795_255_872_345,
        shard: 1,
        generation: 7,
        listener: "public",
        client: SocketAddr::from(([192, 0, 2, 7], 50312)).into(),
        client_ip: Some([192, 0, 2, 7].into()),
        method: b"GET",
        host: b"api.example.com",
        path: b"/api/orders/7?full=1",
        version: Version::Http11,
        route: Some("orders"),
        upstream: Some("orders"),
        endpoint: Some("10.0.0.7:8081"),
        status: 200,
        reason: Reason::Ok,
        bytes_in: 0,
        bytes_out: 1024,
        request_id: b"01934f0e-7c1a-7b3e-8d5c-0123456789ab",
        user_agent: USER_AGENT,
        referer: b"",
        tries: 1,
        reused: true,
        total_us: 812,
        first_byte_us: 640,
        upstream_us: 655,
        consumer: None,
        user: b"",
        policy: None,
        shadow: b"",
        replied: true,
        tunnel: false,
    }
}

fn lines(c: &mut Criterion) {
    let mut group = c.benchmark_group("observe/line");
    group.throughput(Throughput::Elements(1));
    let hostile = [b'"', 0xff, b'\n', b'x', 0xc3, 0xa9, b'\\', b' '].repeat(16);
    let records = [("browser", sample()), ("hostile", Record { user_agent: &hostile, ..sample() })];
    for (whose, sample) in records {
        for form in ["json", "combined"] {
            let format = Format::compile(form).expect("a format of ours");
            let (mut state, mut out) = (LineState::default(), Vec::with_capacity(4096));
            group.bench_function(format!("{form}/{whose}"), |b| {
                b.iter(|| {
                    out.clear();
                    format.write(black_box(&sample), &mut state, &mut out);
                });
            });
        }
    }
}

fn exchange(c: &mut Criterion) {
    let (sender, receiver) = ring(64);
    let counts = Arc::new(Counts::default());
    // The log thread's part is done at once, so that no batch is dropped and buffers go round.
    let sink = Box::new(move |batch| {
        let empty = sender.send(batch);
        receiver.take().into_iter().for_each(|batch| receiver.put_back(batch));
        empty
    });
    let mut lines = Lines::new(sink, counts.clone());
    let format = Format::compile("json").expect("a format of ours");
    let sample = sample();
    c.bench_function("observe/record/json", |b| {
        b.iter(|| record(black_box(&sample), &counts, Met::default(), &mut lines, Some(&format)));
    });
    c.bench_function("observe/record/off", |b| {
        b.iter(|| record(black_box(&sample), &counts, Met::default(), &mut lines, None));
    });
}

criterion_group!(benches, lines, exchange);
criterion_main!(benches);
