"""The most obliging server there is: it takes any POST for JSON, reads it as Python does, and runs every call it finds.

Whatever a real Python server might execute, this one executes: batches, the flat form without params, an envelope
without jsonrpc or id, any Content-Type. `json` reads with json.loads (it guesses UTF-16 and UTF-32 and takes NaN),
`pydantic` with pydantic_core.from_json. Prints one line "RAN <tool>" per execution.
"""

import gzip
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

if sys.argv[1] == "pydantic":
    from pydantic_core import from_json as read
else:
    read = json.loads

METHODS = (
    "tools/call",
    "prompts/get",
    "resources/read",
    "resources/subscribe",
    "completion/complete",
    "tasks/get",
    "tasks/result",
)


def run(message):
    """Runs one message if it asks for something; returns its JSON-RPC answer or None."""
    if not isinstance(message, dict) or message.get("method") not in METHODS:
        return None
    params = message.get("params", message)
    if not isinstance(params, dict):
        return None
    named = params["ref"] if isinstance(params.get("ref"), dict) else params
    name = named.get("name") or named.get("uri") or named.get("taskId")
    if not isinstance(name, str) or ("ok" not in name and "secret" not in name):
        error = {"code": -32602, "message": f"Unknown: {name}"}
        return {"jsonrpc": "2.0", "id": message.get("id"), "error": error}
    ran = "secret" if "secret" in name else "ok"
    print(f"RAN {ran}", flush=True)
    content = [{"type": "text", "text": f"{ran}: {json.dumps(params.get('arguments'))}"}]
    return {"jsonrpc": "2.0", "id": message.get("id"), "result": {"content": content}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def do_POST(self):
        body = self.body()
        try:
            if self.headers.get("Content-Encoding", "").lower() == "gzip":
                body = gzip.decompress(body)
            message = read(body)
        except (ValueError, OSError, RecursionError) as error:
            return self.answer(400, {"jsonrpc": "2.0", "error": {"code": -32700, "message": str(error)}})
        if isinstance(message, list):
            answers = [answer for answer in map(run, message) if answer]
        else:
            answers = run(message)
        self.answer(200 if answers else 202, answers)

    def answer(self, status, value):
        data = json.dumps(value).encode() if value else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"listening {server.server_port}", flush=True)
server.serve_forever()
