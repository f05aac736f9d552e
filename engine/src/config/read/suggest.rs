//! "Did you mean": the accepted word nearest to one that is not, by edits or by the words other gateways use.

/// Words of other products, and ours for the same thing.
const FOREIGN: &[(&str, &str)] = &[
    ("backend", "upstream"),
    ("backends", "upstreams"),
    ("service", "upstream"),
    ("services", "upstreams"),
    ("cluster", "upstream"),
    ("clusters", "upstreams"),
    ("servers", "endpoints"),
    ("targets", "endpoints"),
    ("nodes", "endpoints"),
    ("hosts", "host"),
    ("paths", "path"),
    ("uri", "path"),
    ("listen", "bind"),
    ("port", "bind"),
    ("address", "bind"),
    ("url", "address"),
    ("entrypoints", "listeners"),
    ("frontends", "listeners"),
    ("plugins", "policies"),
    ("middlewares", "policies"),
    ("filters", "policies"),
    ("rules", "routes"),
    ("workers", "shards"),
    ("threads", "shards"),
    ("lb", "balance"),
    ("upstream", "to"),
    ("backend", "to"),
    ("service", "to"),
    ("healthcheck", "health"),
    ("retries", "retry"),
    ("circuit_breaker", "breaker"),
    ("max_connections", "connections"),
    ("uring", "io_uring"),
    ("io-uring", "io_uring"),
    ("http/1.1", "http1"),
    ("h1", "http1"),
    ("h2", "http2"),
    ("http/2", "http2"),
    ("least_conn", "least_connections"),
    ("leastconn", "least_connections"),
    ("least_request", "least_connections"),
    ("ring_hash", "consistent_hash"),
    ("maglev", "consistent_hash"),
    ("backup", "priority"),
    ("ssl", "tls"),
    ("xff", "x_forwarded"),
    ("x_forwarded_for", "x_forwarded"),
    ("forwarded", "rfc7239"),
];

/// What others call a part of a request, and how it is named here.
const PARTS: &[(&str, &str)] = &[
    ("client_ip", "client.ip"),
    ("remote_addr", "client.ip"),
    ("src", "client.ip"),
    ("http_host", "host"),
    ("request_id", "request.id"),
    ("unique_id", "request.id"),
    ("request_method", "method"),
    ("request_uri", "path"),
    ("uri", "path"),
    ("remote_user", "user"),
    ("host", "host"),
    ("scheme", "scheme"),
];

/// The part of a request that was probably meant, as a value of `headers` names it: of the word that nginx, HAProxy or an
/// environment has for it.
pub fn part_of_request(word: &str) -> Option<String> {
    let known = PARTS.iter().find(|(theirs, _)| *theirs == word).map(|(_, ours)| format!("${{{ours}}}"));
    let Some((of, name)) = word.split_once('_') else { return known };
    let within = match of {
        "http" => "header",
        "arg" => "query",
        "cookie" => "cookie",
        _ => return known,
    };
    known.or_else(|| Some(format!("${{{within}.{}}}", name.replace('_', "-"))))
}

/// Words longer than this are not compared: nobody mistypes a page.
const WORD_CHARS_MAX: usize = 64;

/// The one of `accepted` that `word` was probably meant to be.
pub fn nearest<'a>(word: &str, accepted: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let lower = word.to_lowercase().replace('-', "_");
    if let Some(same) = accepted.clone().find(|known| known.to_lowercase() == lower) {
        return Some(same);
    }
    for (foreign, ours) in FOREIGN {
        if *foreign == lower
            && let Some(known) = accepted.clone().find(|known| known == ours)
        {
            return Some(known);
        }
    }
    let close = (lower.chars().count() / 3).max(1);
    accepted
        .filter_map(|known| edits(&lower, known, close).map(|distance| (distance, known)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Insertions, deletions, replacements and swaps of neighbours between two words, when at most `most`.
fn edits(left: &str, right: &str, most: usize) -> Option<usize> {
    let left: Vec<char> = left.chars().take(WORD_CHARS_MAX + 1).collect();
    let right: Vec<char> = right.to_lowercase().chars().take(WORD_CHARS_MAX + 1).collect();
    if left.len() > WORD_CHARS_MAX || right.len() > WORD_CHARS_MAX {
        return None;
    }
    let mut before: Vec<usize> = vec![0; right.len() + 1];
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for row in 1..=left.len() {
        let mut here = vec![row; right.len() + 1];
        for column in 1..=right.len() {
            let differs = usize::from(left[row - 1] != right[column - 1]);
            here[column] = (above[column] + 1).min(here[column - 1] + 1).min(above[column - 1] + differs);
            let swapped = row > 1
                && column > 1
                && left[row - 1] == right[column - 2]
                && left[row - 2] == right[column - 1];
            if swapped {
                here[column] = here[column].min(before[column - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, here);
    }
    Some(above[right.len()]).filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests {
    use super::{nearest, part_of_request};

    fn check(word: &str, accepted: &[&str], expected: Option<&str>) {
        assert_eq!(nearest(word, accepted.iter().copied()), expected, "{word}");
    }

    #[test]
    fn the_nearest_accepted_word_is_meant() {
        check("endpoint", &["balance", "endpoints", "pool"], Some("endpoints"));
        check("tiemouts", &["timeouts", "limits"], Some("timeouts"));
        check("Header-Bytes", &["headers", "header_bytes"], Some("header_bytes"));
        check("zebra", &["balance", "endpoints", "pool"], None);
        check("", &["to"], None);
    }

    #[test]
    fn words_of_other_gateways_are_known() {
        check("backends", &["listeners", "upstreams"], Some("upstreams"));
        check("servers", &["balance", "endpoints"], Some("endpoints"));
        check("h2", &["http1", "http2"], Some("http2"));
        check("xff", &["x_forwarded", "rfc7239", "off"], Some("x_forwarded"));
    }

    #[test]
    fn parts_of_a_request_are_known_by_the_words_of_others() {
        for (word, part) in [
            ("client_ip", Some("${client.ip}")),
            ("remote_addr", Some("${client.ip}")),
            ("src", Some("${client.ip}")),
            ("http_host", Some("${host}")),
            ("http_x_a_b", Some("${header.x-a-b}")),
            ("arg_page", Some("${query.page}")),
            ("host", Some("${host}")),
            ("API_KEY", None),
            ("ACME", None),
        ] {
            assert_eq!(part_of_request(word).as_deref(), part, "{word}");
        }
    }
}
