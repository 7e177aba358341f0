"""Programs of the tests' pods: short Python programs that are controlled by files in the pod's folder `/state`."""

from __future__ import annotations

# Answers any path with its pod's name: with 503 if /state contains a file of the path's name, otherwise with 200. After
# SIGTERM it continues while a file `stay` exists. The file `closed` makes it close its port. A restart deletes `sick` and
# `closed`.
SERVER = """
import http.server, os, pathlib, signal, socketserver, threading, time

STATE = pathlib.Path("/state")

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.strip("/")
        body = os.environ["POD_NAME"].encode()
        self.send_response(503 if name and (STATE / name).exists() else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 128
    timeout = 0.1

def leave():
    while (STATE / "stay").exists():
        time.sleep(0.1)
    os._exit(0)

for name in ("sick", "closed"):
    (STATE / name).unlink(missing_ok=True)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=leave).start())
server = Server((os.environ["POD_IP"], 8080), Handler)
while not (STATE / "closed").exists():
    server.handle_request()
server.server_close()
while True:
    time.sleep(1)
"""

# Sends COUNT requests, each over a new connection, and counts the answers by pod: ASK HOST PORT COUNT PAUSE. Host and port
# can be names of variables; the pause between two requests is in seconds. A file `enough` in /state ends it earlier.
ASK = """
import collections, http.client, json, os, sys, time

host, port, count, pause = (os.environ.get(word, word) for word in sys.argv[1:])
answers = collections.Counter()
for _ in range(int(count)):
    if os.path.exists("/state/enough"):
        break
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        answers[answer.read().decode() if answer.status == 200 else str(answer.status)] += 1
    except (OSError, http.client.HTTPException) as error:
        answers[f"failed: {error!r}"] += 1
    finally:
        connection.close()
    time.sleep(float(pause))
print(json.dumps(answers))
"""

# Prints its variables.
VARIABLES = "import json, os; print(json.dumps(dict(os.environ)))"

# Uses a tenth of a core.
BUSY = """
import time

while True:
    until = time.process_time() + 0.01
    while time.process_time() < until:
        pass
    time.sleep(0.09)
"""

# Records its start, SIGTERM and exit; its shutdown takes a second.
TOLD_TO_LEAVE = """
import signal, sys, time

def note(word):
    with open("/state/record", "a") as record:
        print(word, file=record)

def leave(*_):
    note("told to leave")
    time.sleep(1)
    note("left")
    sys.exit(0)

signal.signal(signal.SIGTERM, leave)
note("started")
while True:
    time.sleep(0.1)
"""

# Allocates 300 MiB in small steps, and keeps them.
GREEDY = """
import time

held = []
for _ in range(300):
    held.append(b"x" * 2**20)
    time.sleep(0.01)
time.sleep(3600)
"""

# Waits for a file `go` in /state, then allocates 300 MiB, creates a file `held`, and keeps the memory.
GREEDY_WHEN_TOLD = """
import os, time

while not os.path.exists("/state/go"):
    time.sleep(0.1)
held = b"x" * (300 * 2**20)
open("/state/held", "w").close()
time.sleep(3600)
"""
