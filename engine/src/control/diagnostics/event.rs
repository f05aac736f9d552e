//! Every event that the process tells of itself: its name, which never changes, its level, its fields, and when it happens.
//! What is told elsewhere in control is told by [`tell!`](super::tell), which takes no other. The operator's guide shows
//! this list; a test holds the two together (`engine/tests/guide`).

use tracing::Level;

/// Declares the events. The doc comment says when one happens.
macro_rules! events {
    ($($(#[doc = $when:literal])+ $event:ident = $name:literal, $level:ident, [$($field:literal),*];)+) => {
        /// What can be told.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Event {
            $($(#[doc = $when])+ $event,)+
        }

        impl Event {
            /// All of them, in the order of the guide.
            pub const ALL: &[Event] = &[$(Event::$event),+];

            /// Its stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Event::$event => $name,)+ }
            }

            /// How bad it is.
            pub const fn level(self) -> Level {
                match self { $(Event::$event => Level::$level,)+ }
            }

            /// The names of its fields.
            pub const fn fields(self) -> &'static [&'static str] {
                match self { $(Event::$event => &[$($field),*],)+ }
            }

            /// When it happens.
            pub const fn when(self) -> &'static str {
                match self { $(Event::$event => concat!($($when),+),)+ }
            }
        }
    };
}

events! {
    /// The gateway serves: all shards run and all listeners take connections.
    Started = "started", INFO, ["version", "generation", "shards", "cpus", "driver", "descriptors"];
    /// A listener takes connections.
    Listening = "listening", INFO, ["listener", "address"];
    /// The admin interface takes connections.
    AdminListening = "admin_listening", INFO, ["address"];
    /// The gateway is not started, or has failed. The process ends with exit code 2.
    Refused = "refused", ERROR, [];
    /// Something in the configuration is taken, but probably not meant so.
    ConfigWarning = "config_warning", WARN, ["file", "line", "column", "help"];
    /// Something in the configuration of a reload is refused. At the start it is told in plain text.
    ConfigError = "config_error", ERROR, ["file", "line", "column", "help"];
    /// A reload has taken effect: every shard serves the new generation.
    Reloaded = "reloaded", INFO, ["generation"];
    /// A reload is refused and has changed nothing; `config_error` before it says why.
    ReloadRefused = "reload_refused", ERROR, ["generation", "problems"];
    /// A shard cannot take connections of a listener that a reload added; the others do.
    ListenerFailed = "listener_failed", ERROR, ["shard", "listener", "error"];
    /// io_uring does not work here, and `driver: auto` took epoll.
    DriverFallback = "driver_fallback", WARN, ["error"];
    /// Fewer descriptors may be open than the configured connections can need.
    DescriptorsLow = "descriptors_low", WARN, ["limit", "needed"];
    /// The process was told to end.
    Draining = "draining", INFO, ["why"];
    /// All exchanges have ended, or their time was over.
    Ended = "ended", INFO, [];
    /// A shard's thread ended although nobody asked; the others drain.
    ShardEnded = "shard_ended", ERROR, ["shard"];
    /// A shard did not come to its housekeeping for two looks in a row. systemd's watchdog is not told any more that all is well.
    ShardSilent = "shard_silent", ERROR, ["shard"];
    /// A silent shard works again.
    ShardBack = "shard_back", INFO, ["shard"];
    /// An upstream has no endpoint at the start: its names are not found yet, or its file is not there.
    UpstreamEmpty = "upstream_empty", WARN, ["upstream"];
    /// An upstream's endpoints are others now.
    EndpointsChanged = "endpoints_changed", DEBUG, ["upstream", "endpoints"];
    /// Connections cannot be taken or made, for want of descriptors or memory. Idle connections to origins are closed for others; where there are none, requests that need a new one are answered 503, and clients wait in the listeners' queues. Once a minute at most.
    SocketsExhausted = "sockets_exhausted", ERROR, ["lacks", "help"];
    /// The health checks of an endpoint failed as often as takes it out: it gets requests only while no other is left.
    EndpointOut = "endpoint_out", WARN, ["upstream", "endpoint", "error"];
    /// The health checks of an endpoint that was out were good as often as brings it back.
    EndpointBack = "endpoint_back", INFO, ["upstream", "endpoint"];
    /// A name cannot be looked up; the addresses found last are used until `resolver.stale` is over.
    NameStale = "name_stale", WARN, ["name", "error"];
    /// A name cannot be looked up, and no address of it is known.
    NameLost = "name_lost", ERROR, ["name", "error"];
    /// A name that could not be looked up is found again.
    NameFound = "name_found", INFO, ["name"];
    /// The addresses found last have been used for as long as `resolver.stale` allows.
    NameExpired = "name_expired", ERROR, ["name"];
    /// The keys of an address were fetched: for the first time, or others than before, or again after failures.
    KeySetFetched = "key_set_fetched", INFO, ["address", "keys", "skipped"];
    /// The keys of an address cannot be fetched; those fetched last are used for a day. It is tried again.
    KeySetStale = "key_set_stale", WARN, ["address", "error"];
    /// The keys of an address cannot be fetched, and none are known: nobody is let in by them. It is tried again.
    KeySetLost = "key_set_lost", ERROR, ["address", "error"];
    /// The keys fetched last are a day old, and no others could be had: nobody is let in by them any more.
    KeySetExpired = "key_set_expired", ERROR, ["address"];
    /// The store that limits are shared through does not answer: until it does, each limit holds as its `failure` says. It is tried again. Once in ten seconds at most.
    StoreLost = "store_lost", ERROR, ["store", "kind", "error"];
    /// The store answers again: limits are shared.
    StoreFound = "store_found", INFO, ["store"];
    /// A certificate that the gateway obtains by itself is not there yet: handshakes for its names are refused until it is.
    CertificateAwaited = "certificate_awaited", WARN, ["names", "issuer"];
    /// A certificate was obtained or renewed, and is shown from now on.
    CertificateObtained = "certificate_obtained", INFO, ["names", "issuer", "until", "renewed_in_s"];
    /// A certificate cannot be renewed; the last one stays. It is tried again.
    CertificateNotRenewed = "certificate_not_renewed", WARN, ["names", "issuer", "error", "again_in_s", "until"];
    /// A certificate cannot be obtained, and there is none that is good. It is tried again.
    CertificateNotObtained = "certificate_not_obtained", ERROR, ["names", "issuer", "error", "again_in_s"];
    /// An issuer of certificates has a new account for this gateway.
    AcmeAccount = "acme_account", INFO, ["issuer", "account"];
    /// A file of what is kept for issuers cannot be read, used or written. One that cannot be used is set aside under another name.
    AcmeStorage = "acme_storage", ERROR, ["file", "error"];
    /// A file of endpoints is faulty or gone; the last good list stays.
    EndpointsFileRefused = "endpoints_file_refused", WARN, ["file", "line", "help"];
    /// Lines of the access log were lost: the disk or the reader is too slow, or writing failed. Once a minute at most.
    AccessLogLost = "access_log_lost", WARN, ["dropped", "unwritten", "error"];
    /// The access log's target cannot be opened; the old one stays.
    AccessLogUnopened = "access_log_unopened", ERROR, ["target", "error"];
    /// systemd cannot be told how the gateway stands.
    NotifyFailed = "notify_failed", WARN, ["socket", "error"];
    /// Events were lost because whoever reads stderr is behind.
    EventsLost = "events_lost", WARN, ["lost"];
    /// Something that a library says; from level `debug` on. Its own level stands in the line.
    Library = "library", DEBUG, ["target"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_one_event_and_is_written_in_lower_case() {
        for (index, event) in Event::ALL.iter().enumerate() {
            let name = event.name();
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
            assert!(Event::ALL[..index].iter().all(|other| other.name() != name), "{name} stands twice");
            let own = ["time", "level", "event", "message"];
            assert!(event.fields().iter().all(|field| !own.contains(field)), "{name} hides what each has");
        }
    }
}
