"""An origin for a browser: a page that fetches, listens to events and talks over a WebSocket, and posts what it has seen. Prints its
port, then each result on a line."""

import http.server
import sys
import threading
import time

PAGE = b"""<!doctype html><title>gateway</title><script>
const events = () => new Promise((done) => {
  const seen = [], from = new EventSource("/events");
  from.onmessage = (event) => { seen.push([event.data, Math.round(performance.now())]); if (seen.length == 3) { from.close(); done(seen); } };
  from.onerror = () => done("error");
});
const talk = () => new Promise((done) => {
  const heard = [], socket = new WebSocket("wss://" + location.host + "/ws", "chat");
  socket.onopen = () => socket.send("hello");
  socket.onmessage = (event) => { heard.push(event.data); if (heard.length == 2) socket.close(4000, "bye"); else socket.send("again"); };
  socket.onclose = (event) => done([heard, socket.protocol, event.code]);
  socket.onerror = () => done("error");
});
(async () => {
  const answer = await fetch("/json"), json = await answer.json();
  const [seen, heard] = await Promise.all([events(), talk()]);
  const entry = performance.getEntriesByName(answer.url)[0];
  const result = { json, protocol: entry.nextHopProtocol, seen, heard };
  await fetch("/result", { method: "POST", body: JSON.stringify(result) });
})();
</script>"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/json":
            self.send("application/json", b'{"fetched": true}')
        elif self.path == "/events":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            for number in range(3):
                self.wfile.write(b"data: %d\n\n" % number)
                self.wfile.flush()
                time.sleep(0.2)
            # It stays open: events that are held back would not arrive.
            time.sleep(20)
        else:
            self.send("text/html", PAGE)

    def do_POST(self):
        print(self.rfile.read(int(self.headers["Content-Length"])).decode(), flush=True)
        self.send("text/plain", b"ok")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_port, flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
