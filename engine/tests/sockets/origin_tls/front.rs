//! TLS before the test origin, by tokio-rustls: it says how each handshake went, and ends connections in the ways that
//! tell a whole body from a cut one.

use crate::support::PATIENCE;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{HandshakeKind, RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// One of the committed files.
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/origins").join(name)
}

fn certs(name: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(file(name)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// What a front does when its origin ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It says that nothing more will come, and closes.
    Told,
    /// It closes.
    Silent,
    /// It passes this many bytes on, and sends what is no record.
    Garbage(usize),
}

/// How a front shakes hands.
#[derive(Debug, Clone)]
pub struct Rules {
    pub cert: &'static str,
    pub versions: &'static [&'static SupportedProtocolVersion],
    /// Whether clients have to show a certificate.
    pub asks: bool,
    /// Whether a line of the PROXY protocol comes first.
    pub announced: bool,
    pub manner: Manner,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            cert: "origin.pem",
            versions: rustls::ALL_VERSIONS,
            asks: false,
            announced: false,
            manner: Manner::Told,
        }
    }
}

/// TLS 1.2 alone.
pub static OLD: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];

/// One connection.
#[derive(Debug, Clone, Default)]
pub struct Shaken {
    /// The line before the handshake.
    pub announced: String,
    /// Whether the session of an earlier one was resumed.
    pub resumed: bool,
    /// The host asked for.
    pub asked: Option<String>,
    /// Whether a certificate was shown.
    pub showed: bool,
    /// Whether its end was told; none while it is open.
    pub told_end: Option<bool>,
}

/// A front that runs until it is dropped.
#[derive(Debug)]
pub struct Front {
    addr: SocketAddr,
    seen: Arc<Seen>,
    end: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Seen {
    all: Mutex<Vec<Shaken>>,
    changed: Condvar,
}

impl Seen {
    fn note(&self, note: impl FnOnce(&mut Vec<Shaken>)) {
        note(&mut self.all.lock().unwrap());
        self.changed.notify_all();
    }
}

impl Front {
    /// One before the origin at `origin`.
    pub fn start(origin: SocketAddr, rules: Rules) -> Front {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let addr = listener.local_addr().unwrap();
        let seen = Arc::<Seen>::default();
        let (end, ended) = tokio::sync::oneshot::channel();
        let noted = seen.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).unwrap();
                let acceptor = TlsAcceptor::from(config(&rules));
                let serve = async {
                    while let Ok((stream, _)) = listener.accept().await {
                        tokio::spawn(one(stream, acceptor.clone(), origin, rules.clone(), noted.clone()));
                    }
                };
                tokio::select! { () = serve => {}, _ = ended => {} }
            });
        });
        Front { addr, seen, end: Some(end), thread: Some(thread) }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// All handshakes that were done, in order.
    pub fn shaken(&self) -> Vec<Shaken> {
        self.seen.all.lock().unwrap().clone()
    }

    /// Waits until `holds` of them.
    #[track_caller]
    pub fn wait(&self, what: &str, holds: impl Fn(&[Shaken]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut all = self.seen.all.lock().unwrap();
        while !holds(&all) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what}: {all:?}");
            all = self.seen.changed.wait_timeout(all, left).unwrap().0;
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        drop(self.end.take());
        drop(self.thread.take().map(std::thread::JoinHandle::join));
    }
}

fn config(rules: &Rules) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider.clone());
    let config = config.with_protocol_versions(rules.versions).unwrap();
    let config = if rules.asks {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certs("ca.pem"));
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        config.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        config.with_no_client_auth()
    };
    let key = PrivateKeyDer::from_pem_file(file("leaf.key")).unwrap();
    let mut config = config.with_single_cert(certs(rules.cert), key).unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

async fn one(
    mut stream: TcpStream,
    acceptor: TlsAcceptor,
    origin: SocketAddr,
    rules: Rules,
    seen: Arc<Seen>,
) {
    let _ = stream.set_nodelay(true);
    let mut announced = Vec::new();
    while rules.announced && !announced.ends_with(b"\n") {
        match stream.read_u8().await {
            Ok(byte) => announced.push(byte),
            Err(_) => return,
        }
    }
    let Ok(tls) = acceptor.accept(stream).await else { return };
    let Ok(inner) = TcpStream::connect(origin).await else { return };
    let _ = inner.set_nodelay(true);
    let session = tls.get_ref().1;
    let shaken = Shaken {
        announced: String::from_utf8_lossy(&announced).into_owned(),
        resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
        asked: session.server_name().map(str::to_owned),
        showed: session.peer_certificates().is_some(),
        told_end: None,
    };
    let mut number = 0;
    seen.note(|all| {
        number = all.len();
        all.push(shaken);
    });
    let told = pass(tls, inner, rules.manner).await;
    seen.note(|all| all[number].told_end = Some(told));
}

/// Passes bytes both ways. Whether the gateway told its end.
async fn pass(tls: TlsStream<TcpStream>, inner: TcpStream, manner: Manner) -> bool {
    let (mut from_gateway, mut to_gateway) = split(tls);
    let (mut from_origin, mut to_origin) = inner.into_split();
    let mut up = Box::pin(async {
        let told = tokio::io::copy(&mut from_gateway, &mut to_origin).await.is_ok();
        let _ = to_origin.shutdown().await;
        told
    });
    let mut down = Box::pin(async {
        let mut buffer = vec![0; 16 * 1024];
        let mut left = if let Manner::Garbage(left) = manner { left } else { usize::MAX };
        while left > 0
            && let Ok(len @ 1..) = from_origin.read(&mut buffer[..left.min(16 * 1024)]).await
            && to_gateway.write_all(&buffer[..len]).await.is_ok()
        {
            left -= len;
            let _ = to_gateway.flush().await;
        }
        if manner == Manner::Told {
            let _ = to_gateway.shutdown().await;
        }
    });
    let told = tokio::select! {
        told = &mut up => Some(told),
        () = &mut down => None,
    };
    match (told, manner) {
        (Some(told), _) => {
            down.await;
            told
        }
        (None, Manner::Told) => up.await,
        (None, Manner::Silent) => false,
        (None, Manner::Garbage(_)) => {
            drop((up, down));
            let mut tls = from_gateway.unsplit(to_gateway);
            let _ = tls.get_mut().0.write_all(&[0x17, 3, 3, 0, 32]).await;
            let _ = tls.get_mut().0.write_all(&[0; 32]).await;
            // What it says to that, up to its end.
            let _ = tls.get_mut().0.read_to_end(&mut Vec::new()).await;
            false
        }
    }
}
