//! Instructions of look-ups: every route asked for once, in shuffled order, at 100 and at 100,000 routes; and of building
//! their tables. `tools/test instructions` runs it under Valgrind and holds the growth of each to a bound, and the
//! building of 100,000 routes to what a slow CPU does in two seconds.

use gungraun::prelude::*;
use ringgate::route::{Lookup, Rule};
use ringgate_bench::routes::{Asked, Layout, rules};
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

#[library_benchmark(setup = rules)]
#[bench::many_hosts_1000(Layout::ManyHosts, 1000)]
#[bench::many_hosts_100000(Layout::ManyHosts, 100_000)]
#[bench::one_host_1000(Layout::OneHost, 1000)]
#[bench::one_host_100000(Layout::OneHost, 100_000)]
fn build(rules: Vec<Rule>) -> Lookup {
    Lookup::new(black_box(rules)).0
}

library_benchmark_group!(name = look_up, benchmarks = [every_route, build]);
main!(library_benchmark_groups = look_up);
