//! What handshakes are shown while an order of other names has given nothing yet.

use super::*;
use crate::certs::Identity;
use std::path::Path;

/// Of a.test and *.b.test; the other is of c.test.
const A: (&[u8], &[u8]) =
    (include_bytes!("../../../../tests/data/tls-a.pem"), include_bytes!("../../../../tests/data/tls-a.key"));
const C: (&[u8], &[u8]) =
    (include_bytes!("../../../../tests/data/tls-c.pem"), include_bytes!("../../../../tests/data/tls-c.key"));

/// The table behind `previous` that has an order for each of these lists of names.
fn ordering(names: &[&str], previous: Option<&Table>) -> Table {
    let orders: Vec<String> = names.iter().map(|names| format!("{{ names: [{names}] }}")).collect();
    let text = format!(
        "acme: {{ ca: {{ storage: /tmp/x, roots: ca.pem }} }}\nlisteners:\n- name: tls\n  bind: 127.0.0.1:8443\n  \
         tls: {{ acme: [{}] }}\nroutes: [{{ name: all, respond: {{ body: ok }} }}]\n",
        orders.join(", ")
    );
    let files = || Memory::default().file("x.yaml", &text).file("ca.pem", A.0);
    let config = files().read("x.yaml").unwrap_or_else(|problems| panic!("{problems}"));
    let mut files = files();
    let mut means = Means { files: &mut files, now: Tick(1), offset: 0 };
    let built = super::super::build(&config, Generation(1), previous, &mut means);
    built.unwrap_or_else(|problems| panic!("{problems}")).0
}

fn show(table: &Table, order: usize, (cert, key): (&[u8], &[u8])) {
    let identity = Identity::read(cert, key).unwrap();
    table.acme.orders[order].obtained.show(identity, Path::new("x"));
}

/// How many of these names each order shows a certificate for.
fn shown(table: &Table, names: &[&str]) -> Vec<usize> {
    let names: Vec<Box<str>> = names.iter().map(|name| (*name).into()).collect();
    table
        .acme
        .orders
        .iter()
        .map(|order| order.obtained.shares(&names).map_or(0, |(count, _)| count))
        .collect()
}

#[test]
fn an_order_begins_with_the_certificate_that_is_for_the_most_of_its_names() {
    let first = ordering(&["a.test, d.test", "c.test"], None);
    assert_eq!(shown(&first, &["a.test", "c.test"]), [0, 0]);
    show(&first, 0, A);
    show(&first, 1, C);
    // Whichever place the name has, and however many orders come of one.
    let next = ordering(&["new.test, a.test", "d.test", "e.test, c.test"], Some(&first));
    assert_eq!(shown(&next, &["a.test"]), [1, 0, 0]);
    assert_eq!(shown(&next, &["c.test"]), [0, 0, 1]);
    let next = ordering(&["a.test, d.test", "c.test"], Some(&next));
    assert_eq!((shown(&next, &["a.test"]), shown(&next, &["c.test"])), (vec![1, 0], vec![0, 1]));
}
