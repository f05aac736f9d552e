//! Instructions of look-ups: every route asked for once, in shuffled order, at 100 and at 100,000 routes. `tools/test
//! instructions` runs it under Valgrind and holds the two to the bound on their ratio.

use gungraun::prelude::*;
use ringgate_bench::routes::{Asked, Layout};
use std::hint::black_box;

#[library_benchmark(setup = Asked::new)]
#[bench::one_for_all_100(Layout::OneForAll, 100)]
#[bench::many_hosts_100(Layout::ManyHosts, 100)]
#[bench::many_hosts_100000(Layout::ManyHosts, 100_000)]
#[bench::one_host_100(Layout::OneHost, 100)]
#[bench::one_host_100000(Layout::OneHost, 100_000)]
fn every_route(asked: Asked) -> Asked {
    black_box(&asked).ask_all();
    // Handed back, so that it is not dropped while instructions are counted.
    asked
}

library_benchmark_group!(name = look_up, benchmarks = every_route);
main!(library_benchmark_groups = look_up);
