use super::*;
use crate::balance::Algorithm;
use crate::base::UpstreamId;
use crate::observe::Meters;
use crate::table::endpoints::assemble;
use crate::table::{Balance, Source, Target};
use std::time::Duration;

const BALANCE: Balance = Balance { algorithm: Algorithm::RoundRobin, key: None };

fn set(addrs: &[&str]) -> Arc<Endpoints> {
    let source =
        |addr: &&str| Source { target: Target::parse(addr).expect("is an address"), weight: 1, priority: 0 };
    Endpoints::new(assemble(addrs.iter().map(source).collect::<Vec<_>>().iter(), |_| &[]), &BALANCE)
}

fn station(addrs: &[&str]) -> Rc<Station> {
    let upstream = Upstream {
        id: UpstreamId(0),
        name: "origin".to_owned(),
        sources: Vec::new(),
        file: None,
        endpoints: set(addrs),
        balance: BALANCE,
        proxy_protocol: None,
        tls: None,
        http2: false,
        health: None,
        connections: 1,
        idle: Duration::ZERO,
        age: None,
        ping: None,
        count: Default::default(),
        meter: None,
    };
    Station::new(&upstream, 0)
}

fn begin(station: &Station, at: usize) -> Picked {
    let begin = |state: &mut State, _: &[Stay]| {
        state.begin(at);
        at
    };
    station.pick(begin).expect("there are endpoints")
}

#[test]
fn an_exchange_ends_where_its_endpoint_sits_now() {
    let station = station(&["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]);
    let picked = begin(&station, 2);
    station.replace(&set(&["10.0.0.3:80", "10.0.0.4:80"]), 0);
    assert_eq!(station.inner.borrow().find(&picked), Some(0));
    assert_eq!(station.balance(|state| (state.active(0), state.active(1))), (1, 0));
    assert_eq!(picked.endpoint().name, "10.0.0.3:80", "it names the endpoint it was picked as");
}

#[test]
fn endpoints_that_are_counted_together_show_their_sum() {
    let meters = Meters::new(1);
    meters.bound(1);
    let stations = [station(&["10.0.0.1:80", "10.0.0.2:80"]), station(&["10.0.0.3:80"])];
    let sweep = || {
        let mut together = Together::default();
        stations.iter().for_each(|station| station.sweep(Tick(1), 0, &mut together));
        together.show(0);
    };
    for station in &stations {
        station.inner.borrow().set.arm("u", &mut meters.arm());
        begin(station, 0);
    }
    begin(&stations[0], 1);
    let listed = meters.list();
    let [cells] = &listed.endpoints[..] else { panic!("{listed:?}") };
    sweep();
    assert_eq!(cells.all()[0].active.now(), 3);
    sweep();
    assert_eq!(cells.all()[0].active.now(), 3, "and not one time more each sweep");
    stations[0].retire(0);
    stations[0].replace(&set(&[]), 0);
    sweep();
    assert_eq!(cells.all()[0].active.now(), 1);
}

#[test]
fn an_endpoint_that_left_and_came_back_is_another() {
    let station = station(&["10.0.0.1:80"]);
    let picked = begin(&station, 0);
    station.replace(&set(&[]), 0);
    assert_eq!(station.inner.borrow().find(&picked), None);
    assert!(station.pick(|_, _| 0).is_none(), "an empty set has nothing to pick");
    station.replace(&set(&["10.0.0.1:80"]), 0);
    assert_eq!(station.inner.borrow().find(&picked), None);
    assert_eq!(station.balance(|state| state.active(0)), 0);
}
