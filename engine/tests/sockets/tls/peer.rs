//! A client that can do what curl cannot: keep a connection and the tickets of another one, and tell whether a handshake was
//! whole.

use super::file;
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, DigitallySignedStruct, Error, HandshakeKind,
    SignatureScheme, StreamOwned, SupportedProtocolVersion,
};
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Believes tls-a.pem and nothing else: it is an authority too, which shows itself.
#[derive(Debug)]
struct Known(CertificateDer<'static>);

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        assert_eq!(shown, &self.0, "the certificate of a.test is shown");
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = default_provider().signature_verification_algorithms;
        verify_tls12_signature(message, shown, signed, &known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = default_provider().signature_verification_algorithms;
        verify_tls13_signature(message, shown, signed, &known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// A client with its tickets, and what it shows.
#[derive(Debug, Clone)]
pub(super) struct Peer(Arc<ClientConfig>, Arc<Shows>);

/// A certificate that may be another one later: with another configuration, a client forgets its tickets.
#[derive(Debug)]
struct Shows(Mutex<Option<Arc<CertifiedKey>>>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.lock().unwrap().clone()
    }

    fn has_certs(&self) -> bool {
        self.0.lock().unwrap().is_some()
    }
}

/// The certificate of this name in `clients`, with its key.
fn of_client(name: &str) -> Arc<CertifiedKey> {
    let [cert, key] = ["pem", "key"].map(|kind| file(&format!("clients/{name}.{kind}")));
    pair(&fs::read_to_string(cert).unwrap(), &fs::read_to_string(key).unwrap())
}

/// A chain with the key of its first certificate (PEM).
fn pair(chain: &str, key: &str) -> Arc<CertifiedKey> {
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).map(Result::unwrap).collect();
    let key = any_supported_type(&PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap();
    Arc::new(CertifiedKey::new(chain, key))
}

/// A connection of one.
pub(super) struct Talk {
    stream: StreamOwned<ClientConnection, TcpStream>,
}

impl Peer {
    /// One that speaks `version` and shows the certificate of this name, or none.
    pub(super) fn new(version: &'static SupportedProtocolVersion, shows: Option<&str>) -> Peer {
        let known = CertificateDer::from_pem_file(file("tls-a.pem")).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Known(known)));
        let shows = Arc::new(Shows(Mutex::new(shows.map(of_client))));
        Peer(Arc::new(config.with_client_cert_resolver(shows.clone())), shows)
    }

    /// The same, offering to speak these protocols.
    pub(super) fn offering(mut self, protocols: &[&[u8]]) -> Peer {
        let config = Arc::make_mut(&mut self.0);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        self
    }

    /// Connects as a client of a.test whose connection ends without an answer, or an alert. Gives its own address.
    pub(super) fn closed(&self, at: SocketAddr) -> SocketAddr {
        let socket = TcpStream::connect(at).unwrap();
        let local = socket.local_addr().unwrap();
        let Err(error) = self.talk(socket) else { panic!("it is answered") };
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{error}");
        local
    }

    /// Shows the certificate of this name from now on.
    pub(super) fn shows(&self, name: &str) {
        *self.1.0.lock().unwrap() = Some(of_client(name));
    }

    /// Shows this chain (PEM) from now on, with the key of its first certificate.
    pub(super) fn shows_made(&self, [chain, key]: &[String; 2]) {
        *self.1.0.lock().unwrap() = Some(pair(chain, key));
    }

    /// Connects as a client of a.test that is not let in. Gives its own address, and the alert that it got.
    pub(super) fn refused(&self, at: SocketAddr) -> (SocketAddr, AlertDescription) {
        let socket = TcpStream::connect(at).unwrap();
        let local = socket.local_addr().unwrap();
        let Err(error) = self.talk(socket) else { panic!("it is let in") };
        let error = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
        let Some(Error::AlertReceived(alert)) = error else { panic!("there is no alert but {error:?}") };
        (local, *alert)
    }

    /// Connects as a client of a.test, and asks once.
    ///
    /// # Errors
    /// When it is not let in.
    pub(super) fn connect(&self, at: SocketAddr) -> io::Result<(Talk, HandshakeKind, u16)> {
        self.talk(TcpStream::connect(at)?)
    }

    /// Connects as a client of a.test, and gives the status of the reply to what it says first.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn says(&self, at: SocketAddr, first: &str) -> io::Result<u16> {
        self.begun(TcpStream::connect(at)?)?.ask(first)
    }

    /// Connects as a client of a.test, and says nothing yet.
    ///
    /// # Errors
    /// When nobody listens.
    pub(super) fn open(&self, at: SocketAddr) -> io::Result<Talk> {
        self.begun(TcpStream::connect(at)?)
    }

    fn begun(&self, socket: TcpStream) -> io::Result<Talk> {
        socket.set_read_timeout(Some(Duration::from_secs(20)))?;
        let name = ServerName::try_from("a.test").unwrap();
        let connection = ClientConnection::new(self.0.clone(), name).unwrap();
        Ok(Talk { stream: StreamOwned::new(connection, socket) })
    }

    fn talk(&self, socket: TcpStream) -> io::Result<(Talk, HandshakeKind, u16)> {
        let mut talk = self.begun(socket)?;
        let status = talk.get("/ok")?;
        let kind = talk.stream.conn.handshake_kind().expect("the handshake is done");
        Ok((talk, kind, status))
    }
}

impl Talk {
    /// How the access log names it.
    pub(super) fn local_addr(&self) -> SocketAddr {
        self.stream.sock.local_addr().unwrap()
    }

    /// Sends these bytes.
    #[track_caller]
    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Reads frames up to one of this kind, and gives what it carries.
    #[track_caller]
    pub(super) fn frame_of(&mut self, kind: u8) -> Vec<u8> {
        loop {
            let mut head = [0; 9];
            self.stream.read_exact(&mut head).unwrap();
            let mut carried = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            self.stream.read_exact(&mut carried).unwrap();
            if head[3] == kind {
                return carried;
            }
        }
    }

    /// The status of the reply to a GET.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn get(&mut self, target: &str) -> io::Result<u16> {
        self.ask(&format!("GET {target} HTTP/1.1\r\nHost: a.test\r\n\r\n"))
    }

    /// The status of the reply to this request.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn ask(&mut self, head: &str) -> io::Result<u16> {
        self.stream.write_all(head.as_bytes())?;
        let mut held = Vec::new();
        loop {
            let mut some = [0; 4096];
            let count = self.stream.read(&mut some)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            held.extend_from_slice(&some[..count]);
            let text = String::from_utf8_lossy(&held).to_ascii_lowercase();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.expect("the reply has a length").parse().unwrap();
            if body.len() >= length {
                return Ok(head[9..12].parse().unwrap());
            }
        }
    }
}
