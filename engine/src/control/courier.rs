//! What shards must be told, in the order in which control says it: tables, sets of endpoints, key sets, the end. A task a shard
//! brings each message when the mailbox has room for it, however long that is full. Of what waits for a shard, a set takes the
//! place of an older one of the same name, so that no more waits than there are names, and tables.

use crate::shard::{Message, Shared};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// Until a mailbox is tried again that was full; at first, and at most.
const AGAIN: Duration = Duration::from_millis(2);
const AGAIN_LATER: Duration = Duration::from_millis(50);

/// The way to every shard. Cloning it clones a handle.
#[derive(Debug, Clone)]
pub struct Couriers(Arc<[UnboundedSender<Message>]>);

impl Couriers {
    /// Starts the tasks; each ends when it has brought all that it was given, and the last handle is dropped.
    pub fn start(shared: &Arc<Shared>) -> Couriers {
        let courier = |shard| {
            let (sender, given) = unbounded_channel();
            tokio::spawn(carry(shared.clone(), shard, given));
            sender
        };
        Couriers((0..shared.mailboxes.len()).map(courier).collect())
    }

    /// Tells each shard what `message` makes for it, by its number.
    pub fn tell(&self, mut message: impl FnMut(usize) -> Message) {
        for (shard, courier) in self.0.iter().enumerate() {
            // Its task lives as long as this.
            let _ = courier.send(message(shard));
        }
    }
}

/// Brings to a shard what is `given`.
async fn carry(shared: Arc<Shared>, shard: usize, mut given: UnboundedReceiver<Message>) {
    let mut waiting = VecDeque::new();
    let (mut again, mut is_open) = (AGAIN, true);
    while is_open || !waiting.is_empty() {
        while let Some(message) = waiting.pop_front() {
            if let Err(back) = shared.mailboxes[shard].send(message) {
                waiting.push_front(back);
                break;
            }
            again = AGAIN;
        }
        let next = match (is_open, waiting.is_empty()) {
            (true, true) => given.recv().await,
            (true, false) => match timeout(again, given.recv()).await {
                Ok(next) => next,
                Err(_) => {
                    again = (again * 2).min(AGAIN_LATER);
                    continue;
                }
            },
            (false, _) => {
                tokio::time::sleep(again).await;
                continue;
            }
        };
        match next {
            Some(message) => put(&mut waiting, message),
            None => is_open = false,
        }
    }
}

/// Puts `message` behind what waits, in the place of what it makes void.
fn put(waiting: &mut VecDeque<Message>, message: Message) {
    waiting.retain(|older| match (older, &message) {
        (Message::Endpoints(older, _), Message::Endpoints(newer, _)) => older != newer,
        (Message::Keys(older), Message::Keys(newer)) => older.address != newer.address,
        _ => true,
    });
    waiting.push_back(message);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::Algorithm;
    use crate::base::Tick;
    use crate::policy::auth::keys::News;
    use crate::table::{Balance, Endpoints};
    use crate::upstream::Asker;

    /// As many messages as a mailbox takes, and more.
    const FULL: usize = 1 << 14;

    /// The message that is shown so.
    fn message(shown: &str) -> Message {
        let words: Vec<&str> = shown.split(' ').collect();
        match words[..] {
            ["endpoints", name] => {
                let balance = Balance { algorithm: Algorithm::RoundRobin, key: None };
                Message::Endpoints(name.into(), Endpoints::new(Vec::new(), &balance))
            }
            ["keys", address, number] => {
                let number = number.parse().unwrap();
                let again = Tick::default();
                Message::Keys(News { address: address.into(), keys: None, again, number, gone: false })
            }
            _ => Message::Drain { exchanges: Duration::ZERO, lasting: None },
        }
    }

    fn shown(message: &Message) -> String {
        match message {
            Message::Endpoints(name, _) => format!("endpoints {name}"),
            Message::Keys(news) => format!("keys {} {}", news.address, news.number),
            Message::Evict(name, _) => name.to_string(),
            _ => "end".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_shard_is_told_all_in_order_however_long_its_mailbox_was_full() {
        let shared = Shared::new(1);
        let mailbox = &shared.mailboxes[0];
        let full = || Message::Evict("full".into(), Asker::default());
        let filling = (0..FULL).take_while(|_| mailbox.send(full()).is_ok()).count();
        assert!(filling < FULL, "a mailbox is bounded");
        let couriers = Couriers::start(&shared);
        for said in ["endpoints a", "keys x 1", "endpoints b", "end"] {
            couriers.tell(|_| message(said));
            // It tries, and finds no room.
            tokio::task::yield_now().await;
        }
        drop(couriers);
        for _ in 0..filling {
            assert_eq!(shown(&mailbox.recv().await), "full");
        }
        for said in ["endpoints a", "keys x 1", "endpoints b", "end"] {
            assert_eq!(shown(&mailbox.recv().await), said);
        }
    }

    #[test]
    fn what_waits_is_the_last_of_each_name_behind_all_that_was_said_before_it() {
        let said = ["endpoints a", "keys x 1", "end", "endpoints b", "keys x 2", "keys y 1", "endpoints a"];
        let mut waiting = VecDeque::new();
        for said in said {
            put(&mut waiting, message(said));
        }
        let waiting: Vec<String> = waiting.iter().map(shown).collect();
        assert_eq!(waiting, ["end", "endpoints b", "keys x 2", "keys y 1", "endpoints a"]);
    }
}
