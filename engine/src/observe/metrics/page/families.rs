//! Every family of the page, with its help.

use crate::observe::metrics::text::{Family, Kind};

macro_rules! families {
    ($($id:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(super) const $id: Family =
            Family { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help };)*

        /// Every family, in the order of the page.
        pub const FAMILIES: &[&Family] = &[$(&$id,)*];
    };
}

families! {
    REQUESTS = Counter "ringgate_requests" ["listener", "class"] "Exchanges by class of the status sent; none is for those that got no answer. Connections that were refused before they asked anything (tls_handshake, proxy_protocol, connection_cap) are counted by their reason alone.";
    DURATION = Histogram "ringgate_request_duration_seconds" ["listener"] "First byte of a request to the last of its answer, tunnels apart.";
    REASONS = Counter "ringgate_reasons" ["reason"] "Exchanges by the reason of the access log.";
    RECEIVED = Counter "ringgate_request_body_bytes" [] "Body bytes from clients.";
    SENT = Counter "ringgate_response_body_bytes" [] "Body bytes to clients.";
    LISTENER_OPEN = Gauge "ringgate_listener_connections" ["listener"] "Client connections open.";
    LISTENER_MAX = Gauge "ringgate_listener_connections_limit" ["listener"] "Client connections that may be open.";
    TUNNELS_OPEN = Gauge "ringgate_listener_tunnels" ["listener"] "Tunnels open (WebSocket), those that are being opened included.";
    TUNNELS_MAX = Gauge "ringgate_listener_tunnels_limit" ["listener"] "Tunnels that may be open.";
    ACCEPTED = Counter "ringgate_connections_accepted" [] "Client connections taken in.";
    CLOSED = Counter "ringgate_connections_closed" [] "Client connections ended.";
    NOT_AFTER = Gauge "ringgate_certificate_not_after_seconds" ["listener", "certificate"] "Until when a certificate of a listener is valid, in seconds since 1970; the certificate is named by its file.";
    ORDERS = Counter "ringgate_certificate_orders" ["outcome"] "Orders for certificates that the gateway obtains by itself: those that gave one, and those that failed and are tried again.";
    ROUTE_REQUESTS = Counter "ringgate_route_requests" ["route", "class"] "Exchanges of a route by class of the status sent.";
    ROUTE_DURATION = Histogram "ringgate_route_duration_seconds" ["route"] "First byte of a request to the last of its answer, tunnels apart.";
    UPSTREAM_REQUESTS = Counter "ringgate_upstream_requests" ["upstream", "class"] "Exchanges for which an upstream was chosen, by class of the status sent to the client.";
    UPSTREAM_FIRST_BYTE = Histogram "ringgate_upstream_first_byte_seconds" ["upstream"] "Request sent to the head of the reply.";
    UPSTREAM_OPEN = Gauge "ringgate_upstream_connections" ["upstream"] "Connections open to an upstream.";
    UPSTREAM_MAX = Gauge "ringgate_upstream_connections_limit" ["upstream"] "Connections that may be open to an upstream.";
    DIALLED = Counter "ringgate_upstream_connections_new" [] "Upstream connections made.";
    REUSED = Counter "ringgate_upstream_connections_reused" [] "Tries that went over an idle upstream connection.";
    RACES = Counter "ringgate_upstream_reuse_races" [] "Idle connections that the upstream closed just as a request was sent over them; the request was sent again.";
    REPLIES = Counter "ringgate_endpoint_replies" ["upstream", "endpoint"] "Exchanges that an endpoint answered.";
    ERRORS = Counter "ringgate_endpoint_errors" ["upstream", "endpoint"] "Replies with a status of 500 and above.";
    FAILURES = Counter "ringgate_endpoint_failures" ["upstream", "endpoint"] "Tries that brought no reply: refused, reset, timed out or malformed.";
    ENDPOINT_FIRST_BYTE = Counter "ringgate_endpoint_first_byte_seconds" ["upstream", "endpoint"] "Request sent to the head of the reply, summed over the replies.";
    ACTIVE = Gauge "ringgate_endpoint_active" ["upstream", "endpoint"] "Exchanges that run, as of half a second ago at most.";
    IDLE = Gauge "ringgate_endpoint_idle_connections" ["upstream", "endpoint"] "Idle connections kept, as of half a second ago at most.";
    MARKED = Gauge "ringgate_endpoint_marked_shards" ["upstream", "endpoint"] "Shards that leave an endpoint alone because it could not be reached.";
    OUT = Gauge "ringgate_endpoint_out_shards" ["upstream", "endpoint"] "Shards that leave an endpoint alone because its health checks fail.";
    PASSED = Counter "ringgate_policy_passed" ["policy"] "Requests that a policy let pass.";
    REFUSED = Counter "ringgate_policy_refused" ["policy", "reason"] "Requests that a policy refused, by the reason of the access log, once there is one.";
    SHADOWED = Counter "ringgate_policy_shadow_refused" ["policy"] "Requests that a policy in shadow mode would have refused.";
    LIMIT_KEYS = Gauge "ringgate_limit_keys" ["policy"] "Keys that a limit has cells for, in use or at rest.";
    LIMIT_KEYS_MAX = Gauge "ringgate_limit_keys_limit" ["policy"] "Keys that it may have cells for.";
    LIMIT_SHARED = Counter "ringgate_limit_keys_shared" ["policy"] "Requests of new keys that found every cell taken, and were counted together in one.";
    STORE_UP = Gauge "ringgate_store_up" [] "Whether the store that limits are shared through answers: 1, or 0 while each limit holds as its failure says. This and what follows of it stands there only while limits are shared.";
    STORE_KEYS = Gauge "ringgate_store_keys" [] "Keys of shared limits that leases are asked for.";
    STORE_ASKED = Counter "ringgate_store_leases" [] "Leases that were asked for and answered.";
    STORE_ROUNDS = Counter "ringgate_store_rounds" [] "Rounds of questions that were answered.";
    STORE_SECONDS = Counter "ringgate_store_round_seconds" [] "What those rounds took, summed.";
    STORE_FAULTS = Counter "ringgate_store_faults" ["kind"] "Rounds that failed, for all keys or some: unreachable, timeout, sign_in, garbled or error.";
    STORE_TURNED_AWAY = Counter "ringgate_store_keys_turned_away" [] "Times that a key could not be asked for since too many new ones came at once; it was decided as while the store does not answer.";
    KEYS_AGE = Gauge "ringgate_jwks_age_seconds" ["policy", "address"] "Time since the key set of a policy was last fetched; none while there is none.";
    KEYS = Gauge "ringgate_jwks_keys" ["policy", "address"] "Keys in the fetched key set of a policy.";
    KEYS_FAILED = Gauge "ringgate_jwks_failures" ["policy", "address"] "Fetches of a key set that failed since the last good one.";
    OVERHEAD = Histogram "gateway_overhead_seconds" ["phase"] "Where the time of exchanges goes; one of 32 is looked at.";
    PANICS = Counter "ringgate_panics" [] "Panics caught: bugs.";
    LOG_DROPS = Counter "ringgate_log_dropped_lines" [] "Access log lines dropped because the log thread was behind.";
    LOG_LOST = Counter "ringgate_log_lost_lines" [] "Access log lines that could not be written.";
    SHARD_OPEN = Gauge "ringgate_shard_connections" ["shard"] "Client connections of a shard.";
    MAILBOX = Gauge "ringgate_shard_mailbox_messages" ["shard"] "Messages that wait in a shard's mailbox.";
    LOG_BATCHES = Gauge "ringgate_shard_log_batches" ["shard"] "Batches of log lines that wait for the log thread.";
    GENERATION = Gauge "ringgate_generation" [] "Number of the table that new exchanges get.";
    GENERATION_AT = Gauge "ringgate_generation_timestamp_seconds" [] "When that table was published.";
    GENERATIONS = Gauge "ringgate_generations_in_use" [] "Tables that exchanges still run on.";
    RELOADS = Counter "ringgate_reloads" ["outcome"] "Reloads: those that took effect, and those that were refused and changed nothing.";
    DRAINING = Gauge "ringgate_draining" [] "1 once the end has begun.";
    SERIES = Gauge "ringgate_metric_series" [] "Series of names in use.";
    SERIES_MAX = Gauge "ringgate_metric_series_limit" [] "Series of names that may be in use.";
    SERIES_PAST = Gauge "ringgate_metric_names_past_limit" [] "Names past that limit now, counted together under (overflow): those of every generation in use.";
    DRIVER = Gauge "ringgate_driver_info" ["driver", "fell_back"] "What the shards wait with, and whether io_uring was wanted and did not work.";
    BUILD = Gauge "ringgate_build_info" ["version"] "The version that runs.";
    CPU = Counter "process_cpu_seconds" [] "CPU time used.";
    RESIDENT = Gauge "process_resident_memory_bytes" [] "Memory in use.";
    OPEN_FDS = Gauge "process_open_fds" [] "Descriptors open.";
    MAX_FDS = Gauge "process_max_fds" [] "Descriptors that may be open.";
    STARTED = Gauge "process_start_time_seconds" [] "When the process started.";
    THREADS = Gauge "process_threads" [] "Threads.";
}
