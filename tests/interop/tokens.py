"""An authorization server that knows one token: it says of any whether it is good, and whose it is."""

import http.server
import json
import threading
import urllib.parse

from serve import TOKEN, USER


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        good = query.get("token") == [TOKEN]
        body = json.dumps({"active": "true", "username": USER} if good else {"active": "false"}).encode()
        self.send_response(200 if good else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """What is asked is not printed."""


class Tokens:
    """It runs in a thread as long as the cases do."""

    def __init__(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()


TOKENS = Tokens()
