//! Whose exchange it is: where the connection belongs (`home`), who the client is behind proxies (`client`), and what it
//! called the gateway (`front`).

pub(super) mod client;
pub(super) mod front;
pub(super) mod home;
