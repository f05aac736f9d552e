//! Beside Debian's nginx: as an origin whose answers must come through unchanged, and as a second gateway before the
//! same origin, whose clients must see the same. Without nginx these tests pass by, but not where `CI=true`.

use crate::support::{Client, Gateway, PATIENCE, Reply, Setup, Whole, each_driver, three_fresh};
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tools::upstream::Origin;

/// A running nginx in a folder of its own. Dropping it ends it by its id.
pub(crate) struct Nginx {
    child: Child,
    folder: PathBuf,
    /// Serves files.
    files: SocketAddr,
    /// Passes everything on to an origin.
    proxy: SocketAddr,
    /// Tells whom a PROXY header named, which it requires.
    told: SocketAddr,
    /// Serves files over TLS, and tells how it was shaken hands with.
    secured: SocketAddr,
    /// Passes everything on to an origin, and speaks HTTP/2.
    pub(crate) http2: SocketAddr,
}

impl Nginx {
    /// Starts one before `origin`; none where it is not installed.
    pub(crate) fn start(name: &str, origin: SocketAddr) -> Option<Nginx> {
        let program =
            ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| fs::metadata(path).is_ok());
        let Some(program) = program else {
            let required = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!required, "nginx is not installed: apt-get install nginx");
            eprintln!("nginx is not installed: this test is passed by");
            return None;
        };
        // Between finding a free port and binding it another may take it.
        (0..5).find_map(|_| Nginx::try_start(program, name, origin))
    }

    fn try_start(program: &str, name: &str, origin: SocketAddr) -> Option<Nginx> {
        let folder = std::env::temp_dir().join(format!("ringgate-nginx-{}-{name}", std::process::id()));
        for sub in ["files", "body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            fs::create_dir_all(folder.join(sub)).unwrap();
        }
        fs::write(folder.join("files/small.txt"), "a small file\n").unwrap();
        fs::write(folder.join("files/empty.txt"), "").unwrap();
        fs::write(folder.join("files/text.html"), "<p>the same again</p>\n".repeat(5000)).unwrap();
        fs::write(folder.join("files/large.bin"), tools::upstream::pattern(3_000_000)).unwrap();
        let [files, proxy, told, secured, http2] =
            [(); 5].map(|()| TcpListener::bind("127.0.0.1:0").unwrap()).map(|l| l.local_addr().unwrap());
        let config = folder.join("nginx.conf");
        fs::write(&config, text(&folder.display().to_string(), [files, proxy, told, secured, http2], origin))
            .unwrap();
        let mut command = Command::new(program);
        command.arg("-p").arg(&folder).arg("-c").arg(&config).arg("-e").arg(folder.join("error.log"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut nginx = Nginx { child, folder, files, proxy, told, secured, http2 };
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && matches!(nginx.child.try_wait(), Ok(None)) {
            if TcpStream::connect(files).is_ok() && TcpStream::connect(proxy).is_ok() {
                return Some(nginx);
            }
            std::thread::park_timeout(Duration::from_millis(5));
        }
        None
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// One process in the foreground, everything in `folder`.
fn text(folder: &str, [files, proxy, told, secured, http2]: [SocketAddr; 5], origin: SocketAddr) -> String {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/origins");
    format!(
        "daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; keepalive_requests 100000; default_type text/plain;
  types {{ text/html html; application/octet-stream bin; text/plain txt; }}
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen {files}; root {folder}/files;
    gzip on; gzip_types text/html; gzip_proxied any; gzip_min_length 100;
    add_header X-Connection-Requests $connection_requests always;
    location = /moved {{ return 302 /small.txt; }}
    location = /teapot {{ return 418 'short and stout'; }}
    location = /nothing {{ return 204; }}
    location = /upload {{ client_max_body_size 10m; return 200 'got $request_length'; }}
  }}
  server {{
    listen {told} proxy_protocol;
    return 200 '$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port';
  }}
  server {{
    listen {secured} ssl; ssl_protocols TLSv1.3; ssl_session_cache shared:s:1m; root {folder}/files; client_max_body_size 10m;
    ssl_certificate {own}/origin.pem; ssl_certificate_key {own}/leaf.key;
    ssl_client_certificate {own}/ca.pem; ssl_verify_client on;
    location = /shaken {{ return 200 '$ssl_protocol $ssl_client_verify $ssl_session_reused $ssl_server_name'; }}
    location = /closes {{ keepalive_timeout 0; return 200 '$ssl_session_reused'; }}
    location = /echo {{ proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ''; }}
  }}
  upstream origin {{ server {origin}; keepalive 4; }}
  server {{
    listen {proxy}; listen {http2} http2;
    location / {{
      proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host $host;
    }}
  }}
}}
"
    )
}

fn ask(client: &mut Client, method: &str, target: &str, fields: &str) -> Reply {
    client.send(format!("{method} {target} HTTP/1.1\r\nHost: files.test\r\n{fields}\r\n"));
    client.reply_to(method)
}

/// The fields of a reply that a gateway may not change.
fn told(reply: &Reply) -> Vec<String> {
    let own = ["date", "connection", "x-connection-requests", "keep-alive", "transfer-encoding"];
    let lines = reply.head.split("\r\n").skip(1);
    let kept = lines.filter(|line| {
        let name = line.split(':').next().unwrap_or_default();
        !own.iter().any(|own| name.eq_ignore_ascii_case(own))
    });
    let mut kept: Vec<String> = kept.map(str::to_owned).collect();
    kept.sort();
    kept
}

#[test]
fn answers_of_nginx_come_through_unchanged() {
    each_driver(|driver| {
        let origin = Origin::start();
        let Some(nginx) = Nginx::start(&format!("files-{driver:?}"), origin.addr()) else { return };
        let gateway = Gateway::start(driver, &Setup::before(&[nginx.files]));
        let mut direct = Client::connect(nginx.files);
        let etag = ask(&mut direct, "GET", "/small.txt", "").value("etag").unwrap().to_owned();
        let mut through = gateway.connect();
        let not_changed = format!("If-None-Match: {etag}\r\n");
        for (method, target, fields) in [
            ("GET", "/small.txt", ""),
            ("HEAD", "/small.txt", ""),
            ("GET", "/empty.txt", ""),
            ("GET", "/large.bin", ""),
            ("HEAD", "/large.bin", ""),
            ("GET", "/text.html", ""),
            ("GET", "/text.html", "Accept-Encoding: gzip\r\n"),
            ("HEAD", "/text.html", "Accept-Encoding: gzip\r\n"),
            ("GET", "/small.txt", "Range: bytes=2-6\r\n"),
            ("GET", "/large.bin", "Range: bytes=100000-2900000\r\n"),
            ("GET", "/large.bin", "Range: bytes=-5\r\n"),
            ("GET", "/small.txt", "Range: bytes=100-\r\n"),
            ("GET", "/small.txt", &not_changed),
            ("GET", "/missing", ""),
            ("GET", "/moved", ""),
            ("GET", "/teapot", ""),
            ("GET", "/nothing", ""),
            ("POST", "/upload", "Content-Length: 0\r\n"),
            ("DELETE", "/small.txt", ""),
            ("OPTIONS", "/small.txt", ""),
        ] {
            let case = format!("{method} {target} {fields:?}");
            let (own, other) =
                (ask(&mut through, method, target, fields), ask(&mut direct, method, target, fields));
            assert_eq!((own.status, own.whole), (other.status, Whole::Yes), "{case}");
            if !target.contains("upload") {
                assert_eq!(told(&own), told(&other), "{case}");
                assert!(own.body == other.body, "{case}: {} and {} bytes", own.body.len(), other.body.len());
            }
            assert_eq!(own.delimited, other.delimited, "{case}");
        }
    });
}

#[test]
fn connections_to_nginx_are_kept() {
    each_driver(|driver| {
        let origin = Origin::start();
        let Some(nginx) = Nginx::start(&format!("kept-{driver:?}"), origin.addr()) else { return };
        let gateway = Gateway::start(driver, &Setup::before(&[nginx.files]));
        let mut client = gateway.connect();
        for round in 1..=200 {
            let target = ["/small.txt", "/text.html", "/missing", "/nothing"][round % 4];
            let reply = ask(&mut client, "GET", target, "Accept-Encoding: gzip\r\n");
            assert_eq!(reply.value("x-connection-requests"), Some(round.to_string().as_str()), "{target}");
        }
        // New clients use the same connection.
        let reply = ask(&mut gateway.connect(), "GET", "/small.txt", "");
        assert_eq!(reply.value("x-connection-requests"), Some("201"));
    });
}

#[test]
fn an_upload_to_nginx_is_taken_whole() {
    each_driver(|driver| {
        let origin = Origin::start();
        let Some(nginx) = Nginx::start(&format!("upload-{driver:?}"), origin.addr()) else { return };
        let gateway = Gateway::start(driver, &Setup::before(&[nginx.proxy]));
        let body = tools::upstream::pattern(1_000_000);
        let mut client = gateway.connect();
        client
            .send(format!("POST /echo?large HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()));
        client.send(&body);
        assert!(client.reply().expect(200).body.ends_with(&body));
        three_fresh(&gateway);
    });
}

#[test]
fn clients_see_the_same_through_nginx_and_through_us() {
    each_driver(|driver| {
        let origin = Origin::start();
        let Some(nginx) = Nginx::start(&format!("beside-{driver:?}"), origin.addr()) else { return };
        let gateway = Gateway::start(driver, &Setup::of(&origin));
        for (method, target) in [
            ("GET", "/ok"),
            ("HEAD", "/ok"),
            ("GET", "/bytes/0"),
            ("GET", "/bytes/300000"),
            ("GET", "/chunked/3000?size=7"),
            ("GET", "/close-delimited/5000"),
            ("GET", "/http10"),
            ("GET", "/status/204"),
            ("GET", "/status/404"),
            ("GET", "/status/503"),
            ("GET", "/304"),
            ("GET", "/slow-head/20"),
            ("GET", "/slow-body/5/5"),
            ("GET", "/close-before-head"),
            ("GET", "/reset-before-head"),
            ("GET", "/cut-length?after=5"),
            ("GET", "/cut-chunked?after=5"),
        ] {
            let (mut own, mut other) = (gateway.connect(), Client::connect(nginx.proxy));
            let (own, other) = (ask(&mut own, method, target, ""), ask(&mut other, method, target, ""));
            assert_eq!(own.status, other.status, "{method} {target}");
            assert_eq!(own.whole == Whole::Yes, other.whole == Whole::Yes, "{method} {target}");
            assert!(own.status == 502 || own.body == other.body, "{method} {target}");
        }
        three_fresh(&gateway);
    });
}

#[test]
fn nginx_reads_the_proxy_header_of_either_version() {
    each_driver(|driver| {
        let origin = Origin::start();
        let Some(nginx) = Nginx::start(&format!("told-{driver:?}"), origin.addr()) else { return };
        for upstream in ["proxy_protocol: v1", "proxy_protocol: v2"] {
            let gateway = Gateway::start(driver, &Setup { upstream, ..Setup::before(&[nginx.told]) });
            let mut client = gateway.connect();
            let (from, to) = (client.addr(), gateway.addr());
            for _ in 0..3 {
                let told = ask(&mut client, "GET", "/", "");
                let expected = format!("{} {} {} {}", from.ip(), from.port(), to.ip(), to.port());
                assert_eq!((told.status, told.text()), (200, expected), "{upstream}");
            }
        }
    });
}

#[test]
fn nginx_is_spoken_to_over_tls() {
    each_driver(|driver| {
        let origin = Origin::start();
        let Some(nginx) = Nginx::start(&format!("secured-{}", driver.name()), origin.addr()) else { return };
        let own = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/origins");
        let text = format!(
            "version: 1\ngateway: {{ shards: 1, driver: {} }}\nlisteners: [{{ bind: 127.0.0.1:0 }}]\n\
             upstreams: {{ nginx: {{ endpoints: [{{ address: 'localhost:{}' }}], tls: {{ roots: {own}/ca.pem, \
             cert: {own}/client.pem, key: {own}/client.key }} }} }}\nroutes: [{{ name: all, to: nginx, \
             timeouts: {{ connect: 10s }} }}]\n",
            driver.name(),
            nginx.secured.port()
        );
        let gateway = Gateway::with(&text, 1);
        let mut client = gateway.connect();
        let shaken = ask(&mut client, "GET", "/shaken", "").expect(200).text();
        assert_eq!(shaken, "TLSv1.3 SUCCESS . localhost");
        let large = ask(&mut client, "GET", "/large.bin", "").expect(200).body;
        assert!(large == tools::upstream::pattern(3_000_000));
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
        assert!(client.send(&large[..1_000_000]).reply().expect(200).body.ends_with(&large[..1_000_000]));
        // Each on a connection of its own, the first of which is the one above.
        let resumed: Vec<String> =
            (0..3).map(|_| ask(&mut client, "GET", "/closes", "").expect(200).text()).collect();
        assert_eq!(resumed, [".", "r", "r"]);
    });
}
