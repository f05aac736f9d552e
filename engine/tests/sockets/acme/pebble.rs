//! Pebble, Let's Encrypt's small ACME server, as Debian packages it, in a folder of its own. It proves names by connecting to
//! the gateway, asks a name server of the tests where they are, and refuses a tenth of its own nonces.

use crate::support::PATIENCE;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tools::dns::{Data, NameServer};

use crate::tls::files::Folder;

/// Its own key and certificate, good for localhost.
pub const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sockets/policies/pem/localhost");

/// The key of the account that it asks for where it does.
pub const KID: &str = "kid-1";
pub const HMAC: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

/// Ports of an issuer and of the gateway that it looks at.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// The directory.
    pub issuer: u16,
    management: u16,
    /// Where names are asked for by http.
    pub http: u16,
    /// Where names are asked for by a handshake.
    pub tls: u16,
}

impl Ports {
    /// Free ones. Between finding and binding them another process may take one, which would fail the test.
    pub fn free() -> Ports {
        let held = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [issuer, management, http, tls] = held.map(|held| held.local_addr().unwrap().port());
        Ports { issuer, management, http, tls }
    }
}

/// How it issues.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// How long a certificate is valid.
    pub seconds: u64,
    /// Whether a new account has to belong to one there.
    pub external: bool,
}

pub const PLAIN: Manner = Manner { seconds: 86_400, external: false };

/// A Pebble that may be dead. Dropping it ends it by its id.
pub struct Pebble {
    child: Child,
    ports: Ports,
    folder: Folder,
    /// Where it asks for names.
    pub names: NameServer,
}

/// The program; none where it is not installed.
fn program() -> Option<&'static str> {
    let found = ["/usr/bin/pebble"].into_iter().find(|path| fs::metadata(path).is_ok());
    if found.is_none() {
        let required = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!required, "pebble is not installed: apt-get install pebble");
        eprintln!("pebble is not installed: this test is passed by");
    }
    found
}

impl Pebble {
    /// Whether there is one to start.
    pub fn is_there() -> bool {
        program().is_some()
    }

    /// Starts one that finds all of `names` on loopback.
    pub fn start(ports: Ports, manner: Manner, names: &[&str]) -> Pebble {
        let server = NameServer::start();
        names.iter().for_each(|name| server.set(name, 0, &[Data::A(Ipv4Addr::LOCALHOST)]));
        let folder = Folder::new();
        let Manner { seconds, external } = manner;
        let Ports { issuer, management, http, tls } = ports;
        let config = format!(
            r#"{{ "pebble": {{
                "listenAddress": "127.0.0.1:{issuer}", "managementListenAddress": "127.0.0.1:{management}",
                "certificate": "{OWN}.pem", "privateKey": "{OWN}.key", "httpPort": {http}, "tlsPort": {tls},
                "ocspResponderURL": "", "certificateValidityPeriod": {seconds},
                "externalAccountBindingRequired": {external}, "externalAccountMACKeys": {{ "{KID}": "{HMAC}" }}
            }} }}"#
        );
        fs::write(folder.path("pebble.json"), config).unwrap();
        let child = spawn(&folder, &server);
        let mut pebble = Pebble { child, ports, folder, names: server };
        pebble.answers();
        pebble
    }

    /// Kills it, as a machine that fails does.
    pub fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Starts it again: it knows nobody any more, and another authority signs.
    pub fn restart(&mut self) {
        self.child = spawn(&self.folder, &self.names);
        self.answers();
    }

    /// Waits until it takes connections.
    fn answers(&mut self) {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let deadline = Instant::now() + PATIENCE;
        while [self.ports.issuer, self.ports.management]
            .iter()
            .any(|port| TcpStream::connect(at(*port)).is_err())
        {
            let ended = self.child.try_wait().unwrap();
            let said = fs::read_to_string(self.folder.path("said")).unwrap_or_default();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "pebble does not answer, {ended:?}: {said}"
            );
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// The file of the certificate that vouches for all it issues.
    pub fn root(&self) -> PathBuf {
        let file = self.folder.path("root.pem");
        let url = format!("https://localhost:{}/roots/0", self.ports.management);
        let mut command = Command::new("curl");
        command.args(["-sS", "--fail", "--cacert"]).arg(format!("{OWN}.pem")).arg("-o").arg(&file).arg(url);
        assert!(command.status().expect("curl is installed").success());
        file
    }

    /// What it has said.
    pub fn said(&self) -> String {
        fs::read_to_string(self.folder.path("said")).unwrap()
    }
}

fn spawn(folder: &Folder, names: &NameServer) -> Child {
    let mut command = Command::new(program().expect("it was looked for"));
    command.arg("-config").arg(folder.path("pebble.json")).arg("-dnsserver").arg(names.addr().to_string());
    command.envs([("PEBBLE_VA_NOSLEEP", "1"), ("PEBBLE_WFE_NONCEREJECT", "10"), ("PEBBLE_AUTHZREUSE", "0")]);
    let said = append(&folder.path("said"));
    command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said);
    command.spawn().expect("pebble starts")
}

fn append(path: &Path) -> File {
    File::options().create(true).append(true).open(path).unwrap()
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let said = self.said();
            eprintln!("pebble said: {}", &said[said.len().saturating_sub(6000)..]);
        }
    }
}
