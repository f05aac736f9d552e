//! `ringgate reload` and `ringgate drain`, and what the administration interface tells of reloads.

use super::{Text, ask, until};
use crate::support::{Client, End, Gateway, each_driver};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tools::upstream::Origin;

/// A gateway whose administration interface is a Unix socket beside its file, asks for a token, and is written into every
/// configuration of it.
struct Administered {
    gateway: Gateway,
    socket: PathBuf,
}

const TOKEN: &str = "correct-horse-battery";

impl Administered {
    fn start(text: &Text) -> Administered {
        let folder = std::env::temp_dir().join(format!("ringgate-ordered-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let socket = folder.join(format!("{}.sock", text.driver.name()));
        let gateway = Gateway::with(&with_admin(&text.yaml(), &socket), text.shards);
        Administered { gateway, socket }
    }

    fn replace(&self, yaml: &str) {
        self.gateway.replace(&with_admin(yaml, &self.socket));
    }

    fn generations(&self) -> Value {
        let mut client = Client::connect_at(&self.socket);
        client.send(format!(
            "GET /generations HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        ));
        serde_json::from_str(&client.reply().expect(200).text()).expect("is JSON")
    }

    fn ready(&self) -> u16 {
        let mut client = Client::connect_at(&self.socket);
        client.send("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n").reply().status
    }
}

fn with_admin(yaml: &str, socket: &Path) -> String {
    format!("{yaml}admin: {{ bind: \"unix:{}\", token: {TOKEN} }}\n", socket.display())
}

fn command(name: &str, file: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringgate"));
    command.arg(name).arg("-f").arg(file).args(more).output().expect("the built binary runs")
}

#[test]
fn the_command_waits_for_all_shards_and_prints_the_generation_or_the_problems() {
    each_driver(|driver| {
        let origin = Origin::start();
        let text = Text::of(driver, 2, &origin);
        let administered = Administered::start(&text);
        let file = administered.gateway.file();
        for generation in 2..6 {
            let body = format!("body-{generation}");
            administered.replace(&text.answers("/new", &body).yaml());
            let output = command("reload", file, &[]);
            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                format!("generation {generation}\n"),
                "{output:?}"
            );
            // Whatever shard takes these: all of them serve it.
            for _ in 0..8 {
                assert_eq!(ask(&mut administered.gateway.connect(), "/new").expect(200).text(), body);
            }
        }
        administered.replace(&text.yaml().replace("shards: 2", "shards: 1"));
        let output = command("reload", file, &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("ringgate.yaml:2:20") && said.contains("restart"), "{said}");
        let generations = administered.generations();
        assert_eq!(generations["current"], 5);
        assert_eq!((&generations["reloads"], &generations["refusals"]), (&4.into(), &1.into()));
        assert_eq!(generations["refused"]["problems"][0]["line"], 2);
        // The interface itself is made once.
        let moved = text.yaml() + "admin: { bind: 127.0.0.1:0 }\n";
        administered.gateway.replace(&moved);
        administered.gateway.hangup();
        assert!(administered.gateway.refused(2).join("\n").contains("'admin' is another now"));
        administered.replace(&text.yaml());
        assert!(command("reload", file, &[]).status.success());
        // A new token cannot bring itself; a signal can.
        let turned =
            with_admin(&text.yaml(), &administered.socket).replace(TOKEN, "another-token-0123456789");
        administered.gateway.replace(&turned);
        let output = command("reload", file, &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("the token in the file is not the one the gateway runs with"), "{said}");
        administered.gateway.hangup();
        administered.gateway.serves(7);
        assert!(command("reload", file, &[]).status.success());
    });
}

#[test]
fn a_generation_is_told_of_for_as_long_as_something_holds_it_and_no_longer() {
    each_driver(|driver| {
        let origin = Origin::start();
        let text = Text::of(driver, 2, &origin);
        let administered = Administered::start(&text);
        let mut tunnel = administered.gateway.connect();
        tunnel.send("GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        assert_eq!(tunnel.reply().status, 101);
        for generation in 2..10 {
            administered.replace(&text.answers("/new", "new").yaml());
            administered.gateway.hangup();
            administered.gateway.serves(generation);
        }
        let numbers = || -> Vec<u64> {
            let generations = administered.generations();
            let in_use = generations["in_use"].as_array().expect("is a list");
            in_use.iter().filter_map(|one| one["generation"].as_u64()).collect()
        };
        until("only what is served and what the tunnel holds is left", || numbers() == [9, 1]);
        let generations = administered.generations();
        let old = &generations["in_use"][1];
        assert_eq!(old["held_by_shards"].as_array().map(Vec::len), Some(1), "{old}");
        assert!(old["until_unix_ms"].as_u64() >= old["since_unix_ms"].as_u64(), "{old}");
        tunnel.finish();
        drop(tunnel.rest());
        until("the tunnel's table is gone with it", || numbers() == [9]);
    });
}

#[test]
fn the_command_to_drain_fails_readiness_at_once_and_ends_the_gateway() {
    each_driver(|driver| {
        let origin = Origin::start();
        let text = Text::of(driver, 1, &origin);
        let mut administered = Administered::start(&text);
        assert_eq!(administered.ready(), 200);
        let mut kept = administered.gateway.connect();
        ask(&mut kept, "/ok").expect(200);
        let file = administered.gateway.file().to_owned();
        // Whoever must end it need not mend its file first, nor have its environment.
        administered
            .replace(&(text.yaml() + "nonsense: \"${env:RINGGATE_IS_NOT_HERE}\"\ninclude: [gone.yaml]\n"));
        let output = command("drain", &file, &["--delay", "5"]);
        assert_eq!(output.status.code(), Some(2), "a duration has a unit: {output:?}");
        let output = command("drain", &file, &["--delay", "600ms", "--timeout", "5s"]);
        assert!(output.status.success(), "{output:?}");
        until("it is not ready", || administered.ready() == 503);
        // Connections are still taken, and nothing else can be ordered.
        ask(&mut administered.gateway.connect(), "/ok").expect(200);
        let output = command("reload", &file, &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains("the gateway is ending"), "{said}");
        assert_eq!(kept.end(), End::Fin);
        assert_eq!(administered.gateway.exit().code(), Some(0));
        let output = command("reload", &file, &[]);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("is it running?"), "{output:?}");
    });
}
