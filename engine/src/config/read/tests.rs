use super::*;
use crate::config::gateway::{LogPath, Shards};
use crate::config::target::To;
use crate::config::values::OrNone;
use decode::Scalar as _;
use std::time::Duration;

/// The sample of the design, with all its keys and names.
const SAMPLE: &str = include_str!("sample.yaml");

fn sample() -> Config {
    Memory::default()
        .file("conf/ringgate.yaml", SAMPLE)
        .file("conf/jwt.key", "s3cret\n")
        .env("ACME_KEY", "acme-key")
        .read("conf/ringgate.yaml")
        .unwrap_or_else(|problems| panic!("{problems}"))
}

/// What `check` prints of a file with `text`.
fn told(text: &str) -> String {
    match Memory::default().file("x.yaml", text).read("x.yaml") {
        Ok(_) => String::new(),
        Err(problems) => problems.to_string(),
    }
}

/// The place and message lines, and the help lines.
fn check(text: &str, expected: &[&str]) {
    let told = told(text);
    let lines: Vec<&str> = told
        .lines()
        .filter_map(|line| line.strip_prefix("x.yaml:").or_else(|| line.strip_prefix("  help: ")))
        .collect();
    assert_eq!(lines, expected, "{told}");
}

#[test]
fn the_sample_loads_with_all_its_keys_and_names() {
    let config = sample();
    assert_eq!(config.gateway.shards, Shards::Auto);
    assert_eq!(config.admin.as_ref().map(|admin| admin.bind.as_str()), Some("127.0.0.1:9900"));
    let listener = &config.listeners[0];
    assert_eq!(listener.bind.0, ["0.0.0.0:8443"]);
    assert_eq!(listener.tls.as_ref().unwrap().certs[0].cert.0, Path::new("conf/certs/api.pem"));
    assert_eq!(listener.limits.header_bytes.0, 32 * 1024);
    assert_eq!(listener.limits.body_bytes, OrNone(None));
    assert_eq!(listener.timeouts.idle.0, Duration::from_secs(75));
    assert_eq!(config.consumers[0].api_keys[0].0, "acme-key");
    assert_eq!(config.policies.names().collect::<Vec<_>>(), ["user-jwt", "may-order", "free-plan", "hide"]);
    let jwt = config.policies.0[0].1.jwt.as_ref().unwrap();
    assert_eq!(jwt.secret.as_ref().unwrap().0, "s3cret", "one trailing newline is dropped");
    let orders = &config.upstreams.0[0].1;
    assert_eq!(orders.endpoints[0].weight, 2);
    assert_eq!(orders.retry.as_ref().unwrap().on.len(), 4);
    let route = &config.routes[0];
    assert_eq!(route.rewrite.strip_prefix.as_deref(), Some("/api"));
    assert!(matches!(&route.to, Some(To::Several(targets)) if targets[0].weight == Some(90)));
}

#[test]
fn the_defaults_are_the_values_of_the_sample() {
    let config =
        Memory::default().file("x.yaml", "listeners: [{ bind: 127.0.0.1:80 }]").read("x.yaml").unwrap();
    let shown = sample();
    let (given, shown) = (&config.listeners[0], &shown.listeners[0]);
    assert_eq!(given.limits, shown.limits);
    assert_eq!(given.timeouts, shown.timeouts);
    assert_eq!(config.gateway.connections, 50_000);
    let crate::config::AccessLog::On(log) = &config.access_log else { panic!("the log is on") };
    assert_eq!((&log.path, log.format.as_str()), (&LogPath::Stdout, "json"));
}

#[test]
fn all_problems_are_told_at_once_with_place_and_fix() {
    check(
        "gatway: {}\nlisteners:\n  - name: public\n    bind: 0.0.0.0:80\n    timeouts: { idle: 75, head: 10 sec }\n\
         upstreams:\n  orders:\n    endpoint: [a:1]\n",
        &[
            "1:1: error: unknown key 'gatway' at the top level",
            "did you mean 'gateway'?",
            "5:23: error: '75' in 'idle' of timeouts of listener 'public' is not a duration",
            "a duration needs its unit (us, ms, s, m, h, d): 75s?",
            "5:33: error: '10 sec' in 'head' of timeouts of listener 'public' is not a duration",
            "did you mean '10s'?",
            "8:5: error: unknown key 'endpoint' in upstream 'orders'",
            "did you mean 'endpoints'?",
        ],
    );
}

#[test]
fn a_duplicate_key_is_an_error_wherever_it_stands() {
    check(
        "upstreams:\n  a: { endpoints: [] }\n  a: { endpoints: [] }\nversion: 1\nversion: 1\n",
        &[
            "3:3: error: duplicate key 'a'",
            "it stands in line 2 already; keep one of them",
            "5:1: error: duplicate key 'version'",
            "it stands in line 4 already; keep one of them",
        ],
    );
}

#[test]
fn on_off_yes_and_no_are_words() {
    let text = "policies: { no: { jwt: { algorithms: [on], require_exp: yes } } }";
    check(
        text,
        &[
            "1:57: error: 'yes' in 'require_exp' of jwt of policy 'no' is not true or false",
            "'yes' is a word, not a boolean; write true",
        ],
    );
    let config = Memory::default().file("x.yaml", "access_log: off").read("x.yaml").unwrap();
    assert_eq!(config.access_log, crate::config::AccessLog::Off);
}

#[test]
fn a_key_without_a_value_is_an_error() {
    check("gateway:\n  shards:\n", &["2:3: error: 'shards' of gateway has no value", Shards::FORM]);
    check(
        "listeners:\n",
        &["1:1: error: 'listeners' has no value", "write a list: [a, b], or a line '- a' for each item"],
    );
}

#[test]
fn an_unset_variable_is_a_problem_and_no_value_is_ever_shown() {
    check(
        "consumers: [{ name: a, api_keys: [\"${env:NOPE}\"] }]",
        &["1:35: error: the environment variable 'NOPE' is not set", "export NOPE=..."],
    );
    check(
        "consumers: [{ name: a, api_keys: [\"${ACME}\"] }]",
        &[
            "1:35: error: '${ACME}' is not a reference",
            "did you mean '${env:ACME}'? Write $${ for a literal ${",
        ],
    );
    check(
        "consumers: [{ name: a, api_keys: [\"${env:KEY:-none}\", \"${client_ip}\"] }]",
        &[
            "1:35: error: the environment variable 'KEY:-none' is not set",
            "there are no defaults: write ${env:KEY}, and export KEY=...",
            "1:55: error: '${client_ip}' is not a reference",
            "did you mean '${client.ip}', or '${env:client_ip}'? Write $${ for a literal ${",
        ],
    );
    let empty = Memory::default()
        .file("x.yaml", "admin: { bind: '127.0.0.1:1', token: \"${file:t}\" }")
        .file("t", "\n")
        .read("x.yaml")
        .unwrap_err()
        .to_string();
    assert!(empty.contains("'token' of admin is empty: so is the file"), "{empty}");
    let shown = Memory::default()
        .file("x.yaml", "gateway: { shards: \"${env:SHARDS}\" }")
        .env("SHARDS", "hunter2")
        .read("x.yaml")
        .unwrap_err()
        .to_string();
    assert!(
        shown.contains("the value of 'shards' of gateway is not") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[test]
fn a_secret_that_stands_in_the_file_is_not_shown_either() {
    for text in [
        "admin: { token: hunter2, bind: 5, bnd: 6 }",
        "consumers: [{ name: a, api_keys: hunter2 }]",
        "consumers:\n  - name: a\n    api_keys:\n    - {hunter2: 1}\n",
    ] {
        let shown = told(text);
        assert!(!shown.is_empty() && !shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn a_reference_may_stand_within_a_text_and_may_be_written_literally() {
    let config = Memory::default()
        .file("x.yaml", "access_log: { format: \"a ${env:X} $${env:X} ${file:sub/f}\" }")
        .file("sub/f", "two\r\n")
        .env("X", "${env:Y}")
        .read("x.yaml")
        .unwrap_or_else(|problems| panic!("{problems}"));
    let crate::config::AccessLog::On(log) = &config.access_log else { panic!("the log is on") };
    assert_eq!(log.format, "a ${env:Y} ${env:X} two", "what was put in is not searched again");
}

#[test]
fn groups_of_a_rewrite_stand_beside_references() {
    let to = "/${env:P}/${1}0/${user}/${name}$${x}";
    let config = Memory::default()
        .file(
            "x.yaml",
            format!("routes: [{{ name: a, rewrite: {{ regex: {{ match: x, to: \"{to}\" }} }}, to: o }}]"),
        )
        .env("P", "v2")
        .read("x.yaml")
        .unwrap_or_else(|problems| panic!("{problems}"));
    let regex = config.routes[0].rewrite.regex.as_ref().expect("is written");
    assert_eq!(regex.to, "/v2/${1}0/${user}/${name}${x}");
    check(
        "routes: [{ name: a, rewrite: { regex: { match: x, to: \"/${evn:P}\" }, path: \"/${1}\" }, to: o }]",
        &[
            "1:55: error: '${evn:P}' is not a reference",
            "only ${env:NAME} and ${file:PATH} are read; write $${ for a literal ${",
            "1:76: error: '${1}' is not a reference",
            "did you mean '${env:1}'? Write $${ for a literal ${",
        ],
    );
}

#[test]
fn issuers_of_several_files_are_united_and_a_files_name_may_come_from_the_environment() {
    let config = Memory::default()
        .file("etc/main.yaml", "include: [\"${env:SITE}.yaml\", \"$${x}.yaml\"]\nacme: { a: { storage: s } }")
        .file("etc/paris.yaml", "acme: { b: { storage: t } }\ninclude: [\"${file:more}\"]")
        .file("etc/${x}.yaml", "acme: { c: { storage: u } }")
        .file("etc/more", "last.yaml\n")
        .file("etc/last.yaml", "acme: { d: { storage: v } }")
        .env("SITE", "paris")
        .read("etc/main.yaml")
        .unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.acme.names().collect::<Vec<_>>(), ["a", "b", "d", "c"]);
    let told = Memory::default()
        .file("main.yaml", "include: [a.yaml, \"${env:NOPE}.yaml\"]\nacme: { a: { storage: s } }")
        .file("a.yaml", "acme: { a: { storage: s } }")
        .read("main.yaml")
        .unwrap_err();
    let told: Vec<&str> = told.0.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(told, ["the environment variable 'NOPE' is not set", "duplicate key 'a'"]);
}

#[test]
fn included_files_are_merged_and_their_paths_start_at_them() {
    let config = Memory::default()
        .file("etc/main.yaml", "version: 1\ninclude: [conf.d/a.yaml, conf.d/b.toml]\nroutes: [{ name: r0, to: a }]")
        .file("etc/conf.d/a.yaml", "include: [more/c.json]\nversion: 1\nroutes: [{ name: r1, to: a }]\nupstreams: { a: { endpoints: [] } }")
        .file("etc/conf.d/b.toml", "[access_log]\npath = \"log/b.log\"\n[[routes]]\nname = \"r3\"\nto = \"b\"\n[upstreams.b]\nendpoints = []\n")
        .file("etc/conf.d/more/c.json", "{ \"routes\": [ { \"name\": \"r2\", \"to\": \"a\" } ] }")
        .read("etc/main.yaml")
        .unwrap_or_else(|problems| panic!("{problems}"));
    let names: Vec<&str> = config.routes.iter().map(|route| route.name.as_str()).collect();
    assert_eq!(names, ["r0", "r1", "r2", "r3"]);
    assert_eq!(config.upstreams.names().collect::<Vec<_>>(), ["a", "b"]);
    let crate::config::AccessLog::On(log) = &config.access_log else { panic!("the log is on") };
    assert!(matches!(&log.path, LogPath::File(path) if path.0 == Path::new("etc/conf.d/log/b.log")));
}

#[test]
fn a_pattern_includes_the_files_of_its_folder_by_name_and_each_once() {
    let route = |name: &str| format!("routes: [{{ name: {name}, to: a }}]");
    let config = Memory::default()
        .file("etc/main.yaml", "version: 1\ninclude: [conf.d/0.yaml, 'conf.d/*.yaml', '*.yaml', 'none/*']\nupstreams: { a: { endpoints: [] } }")
        .file("etc/conf.d/2.yaml", route("r2"))
        .file("etc/conf.d/10.yaml", route("r10"))
        .file("etc/conf.d/0.yaml", format!("include: ['../conf.d/?.yaml']\n{}", route("r0")))
        .file("etc/conf.d/1.yaml", route("r1"))
        .file("etc/conf.d/.hidden.yaml", "nonsense: 1")
        .file("etc/conf.d/1.yaml~", "nonsense: 1")
        .file("etc/more.yaml", route("more"))
        .read("etc/main.yaml")
        .unwrap_or_else(|problems| panic!("{problems}"));
    let names: Vec<&str> = config.routes.iter().map(|route| route.name.as_str()).collect();
    assert_eq!(names, ["r0", "r1", "r10", "r2", "more"]);
}

#[test]
fn a_file_is_included_once_however_it_is_spelled() {
    let told = Memory::default()
        .file("etc/main.yaml", "version: 1\ninclude: [./a.yaml, conf.d/../a.yaml, 'x*/a.yaml', '*.yaml']")
        .file("etc/a.yaml", "include: [../etc/main.yaml]")
        .read("etc/main.yaml")
        .unwrap_err();
    let lines: Vec<String> =
        told.0.iter().map(|problem| format!("{}: {}", problem.file, problem.message)).collect();
    assert_eq!(
        lines,
        [
            "etc/main.yaml: 'etc/conf.d/../a.yaml' is included twice",
            "etc/main.yaml: cannot follow 'etc/x*/a.yaml': a pattern stands in the last part of a path",
            "etc/./a.yaml: 'etc/../etc/main.yaml' is included twice",
        ]
    );
}

#[test]
fn what_two_files_give_is_a_problem_in_the_later_one() {
    let told = Memory::default()
        .file(
            "main.yaml",
            "include: [a.yaml, main.yaml, none.yaml]\ngateway: {}\nupstreams: { a: { endpoints: [] } }",
        )
        .file("a.yaml", "gateway: {}\nupstreams: { a: { endpoints: [] } }\nnonsense: 1")
        .read("main.yaml")
        .unwrap_err();
    let lines: Vec<String> = told
        .0
        .iter()
        .map(|problem| format!("{}:{}: {}", problem.file, problem.line, problem.message))
        .collect();
    assert_eq!(
        lines,
        [
            "main.yaml:1: 'main.yaml' is included twice",
            "main.yaml:1: cannot read 'none.yaml': no such file",
            "a.yaml:1: 'gateway' stands in two files",
            "a.yaml:2: duplicate key 'a'",
            "a.yaml:3: unknown key 'nonsense' at the top level",
        ]
    );
}

#[test]
fn what_other_gateways_would_take_is_told_as_it_is_written_here() {
    let told = |text: &str| Memory::default().file("x.yaml", text).read("x.yaml").unwrap_err();
    for (text, fix) in [
        ("upstreams: { a: { endpoints: [10.0.0.1:80] } }", "write { address: \"10.0.0.1:80\" }"),
        (
            "upstreams: { a: { endpoints: [{ address: 'a:1', backup: true }] } }",
            "write 'priority: 1': it is asked while no endpoint of priority 0 can be",
        ),
        ("upstreams: { a: { endpoints: [], balance: leastconn } }", "did you mean 'least_connections'?"),
        ("upstreams: { a: { endpoints: [], balance: ip_hash } }", "write { consistent_hash: client.ip }"),
        ("routes: [{ name: r, listeners: [a], to: o }]", "it stands in 'match'"),
        ("access_log: { path: stderr }", "write stdout; ./stderr is a file of that name"),
        (
            "access_log: { path: 'syslog:server=unix:/dev/log' }",
            "write stdout, which the service manager may send there; ./syslog:server=unix:/dev/log is a file of that name",
        ),
    ] {
        let problems = told(text);
        assert_eq!(problems.0[0].fix.as_deref(), Some(fix), "{text}: {problems}");
    }
}

#[test]
fn toml_tells_all_problems_with_places_too() {
    let told = Memory::default()
        .file(
            "x.toml",
            "version = 1\nversion = 1\n[gateway]\ndriver = \"uring\"\nconnections = -5\nspin = 5\n",
        )
        .read("x.toml")
        .unwrap_err();
    let places: Vec<(u32, u32)> = told.0.iter().map(|problem| (problem.line, problem.column)).collect();
    assert_eq!(places, [(2, 1), (4, 10), (5, 15), (6, 8)], "{told}");
    assert_eq!(told.0[1].fix.as_deref(), Some("did you mean 'io_uring'?"));
}

#[test]
fn of_toml_that_cannot_be_read_one_fault_is_told() {
    let text = "version = 1\n[gateway\nshards = \"a\nspin = 5 5\n[[routes]\n";
    let told = Memory::default().file("x.toml", text).read("x.toml").unwrap_err();
    assert_eq!(told.0.len(), 1, "{told}");
    assert_eq!(told.0[0].line, 2, "{told}");
}

#[test]
fn faulty_yaml_is_told_with_its_place_and_what_was_probably_meant() {
    for (text, place, fix) in [
        ("gateway:\n\tshards: 1\n", "2:2: ", "indent with spaces, YAML takes no tabs"),
        ("routes: [{ match: { path: /a/{id}/b } }]", "1:30: ", "put quotes round a text that holds braces"),
        ("listeners:\n  - bind: [::]:8080\n", "2:15: ", "put quotes round a text that begins with '['"),
        ("listeners:\n  - bind: *:8080\n", "2:11: ", "put quotes round a text that begins with '*'"),
        ("access_log:\n  format: %{path}\n", "2:11: ", "put quotes round a text that begins with '%'"),
        ("admin: { token: ${env:X} }", "1:18: ", "put quotes round a text that holds ${...}"),
        ("routes:\n  - name: a\n     to: b\n", "3:8: ", "look for a missing ':', quote or bracket"),
        ("gateway:\n  shards:4\n", "2:3: ", "a space belongs behind the ':'"),
    ] {
        let told = told(text);
        assert!(told.contains(&format!("x.yaml:{place}error: ")), "{told}");
        assert!(told.contains(&format!("help: {fix}")), "{told}");
    }
}

#[test]
fn a_file_that_is_not_there_or_not_text_is_told() {
    let told = Memory::default().read("x.yaml").unwrap_err().to_string();
    assert!(told.starts_with("x.yaml: error: cannot read 'x.yaml': no such file\n"), "{told}");
    let told = Memory::default().file("x.yaml", b"a: \xff").read("x.yaml").unwrap_err().to_string();
    assert!(told.contains("not UTF-8 at byte 3"), "{told}");
}

#[test]
fn an_empty_file_is_a_configuration_without_listeners() {
    for text in ["", "# nothing\n", "---\n", "\u{feff}version: 1"] {
        let config = Memory::default().file("x.yaml", text).read("x.yaml").unwrap();
        assert!(config.listeners.is_empty());
    }
}

#[test]
fn hostile_texts_end_in_bounded_time_and_memory() {
    let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let (name, before) = ((b'a' + level) as char, (b'a' + level - 1) as char);
        let aliases = vec![format!("*{before}"); 10].join(",");
        bomb.push_str(&format!("{name}: &{name} [{aliases}]\n"));
    }
    assert!(told(&bomb).contains("values"), "an alias bomb");
    assert!(!told(&"[".repeat(100_000)).is_empty(), "deep nesting");
    assert!(!told(&"- ".repeat(100_000)).is_empty(), "deep block nesting");
    assert!(!told("a: &a [*a]").is_empty(), "an alias inside of what it names");
    assert!(!told("? [a]\n: b\n").is_empty(), "a list as a key");
    assert!(!told("a: !!python/object x").is_empty(), "a tag");
    assert!(!told("version: 1\n---\nversion: 1\n").is_empty(), "two documents");
}

#[test]
fn a_section_that_is_read_alone_needs_nothing_of_the_others_and_shows_no_secret_either() {
    let text =
        "admin: { bind: 127.0.0.1:1, token: short }\nnonsense: \"${env:NOT_HERE}\"\ninclude: [gone.yaml]\n";
    let read = |text: &str| {
        let mut files = Memory::default().file("r.yaml", text);
        super::read_section(&mut files, Path::new("r.yaml"), "admin")
    };
    let config = read(text).expect("the rest is not asked");
    assert_eq!(config.admin.as_ref().map(|admin| admin.bind.as_str()), Some("127.0.0.1:1"));
    let problems = crate::table::build::admin_of(&config).expect_err("the token is too short").to_string();
    assert!(problems.contains("'token' has fewer"), "{problems}");
    assert!(!problems.contains("short }"), "{problems}");
    assert!(read("admin: { bond: x }\n").is_err(), "what is wrong with it is told");
}
