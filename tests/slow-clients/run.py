#!/usr/bin/env python3
"""Opens hundreds of slow connections to running servers and checks that others are served meanwhile,
and that the servers close every slow connection by themselves.

How quick anything is does not count, so that a loaded machine fails nothing: a probe must be
answered, and a slow connection must be gone SLACK seconds after its deadline at the latest.
Needs Linux (addresses of the loopback network, /proc) and the Debian package slowhttptest.
"""

import http.client
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = ROOT / os.environ.get("BINARY", "target/debug/lionrocket")
# Slow connections come from the first address, probes from the second.
PROBES_FROM = "127.0.0.2"
CONNECTIONS = 200
PATIENCE = 60
SLACK = 30
LARGE_FILE = "/docs/swagger-ui-bundle.js"


@dataclass
class Attack:
    """One way to be slow."""

    name: str
    options: list[str]
    path: str
    # After how many seconds the server closes such a connection; 0 when it is answered at once.
    deadline: int
    rate_limit: str = "off"
    connections: int = CONNECTIONS


ATTACKS = [
    Attack("slow headers", ["-H", "-i", "3"], "/", 5),
    Attack("slow body", ["-B", "-i", "3", "-f", "application/json"], "/auth/login", 10),
    # Ranges are not served, so that there is nothing to put together: the answer is the whole file.
    Attack("many ranges", ["-R"], LARGE_FILE, 0),
    # The file does not fit into the buffers of a connection whose other side reads next to nothing.
    Attack("slow reading", ["-X", "-n", "1", "-z", "5"], LARGE_FILE, 30),
    # One address has a hundred connections; whoever comes from another one is served as ever.
    Attack("more than one address may have", ["-H", "-i", "3"], "/", 5, rate_limit="on", connections=300),
]


@dataclass
class Server:
    """A server in a directory of its own."""

    rate_limit: str
    directory: tempfile.TemporaryDirectory = field(default_factory=tempfile.TemporaryDirectory)

    def __enter__(self):
        self.log = pathlib.Path(self.directory.name, "log")
        environment = {"PORT": "0", "LANGUAGE_MODEL": "demo", "RATE_LIMIT": self.rate_limit}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve"], cwd=self.directory.name, env=environment, stdout=log, stderr=log
            )
        end = time.monotonic() + PATIENCE
        while not (found := re.search(r"listens on http://\S+?:(\d+)", self.log.read_text())):
            assert self.process.poll() is None and time.monotonic() < end, self.log.read_text()
            time.sleep(0.1)
        self.port = int(found[1])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        status = self.process.wait(PATIENCE)
        said = self.log.read_text()
        self.directory.cleanup()
        assert status == 0, f"the server ended with {status}:\n{said}"
        assert not re.search(r"panicked| ERROR ", said), said

    def ask(self, method, path, body=None, token=None):
        """The status and the body of an answer."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=PATIENCE, source_address=(PROBES_FROM, 0)
        )
        headers = {"Content-Type": "application/json"} if body else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def slow_connections(self):
        """The ports of the other sides of connections that are open here, but for the probes."""
        found = set()
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, state, *_ = line.split()
            address, port = remote.split(":")
            if state == "01" and int(local.split(":")[1], 16) == self.port and address == "0100007F":
                found.add(int(port, 16))
        return found


class Probes(threading.Thread):
    """Somebody who uses the service meanwhile."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.answered, self.failed = server, 0, []
        self.over = threading.Event()
        account = {"username": "mina", "email": "mina@example.org", "password": "cobalt lighthouse 417"}
        status, body = server.ask("POST", "/auth/register", account)
        assert status == 201, body
        self.token = json.loads(body)["access_token"]

    def run(self):
        paths = ["/readyz", "/api/chats", "/auth/me"]
        while not self.over.wait(0.5):
            for path in paths:
                try:
                    status, _ = self.server.ask("GET", path, token=self.token)
                    assert status == 200, f"{path} answered {status}"
                    self.answered += 1
                except Exception as error:  # whatever it is, somebody was not served
                    self.failed.append(repr(error))


def watch(server, tool):
    """Watches connections until all are gone: how many there were, and how long the longest was open."""
    first, last = {}, {}
    end = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < end:
        now, is_over = time.monotonic(), tool.poll() is not None
        for port in server.slow_connections():
            first.setdefault(port, now)
            last[port] = now
        if is_over or (first and now - max(last.values()) > 3):
            break
        time.sleep(0.2)
    return len(first), max((last[port] - first[port] for port in first), default=0)


def run(attack, report):
    """Runs one attack to its end."""
    with Server(attack.rate_limit) as server:
        probes = Probes(server)
        probes.start()
        # Its own limit is so long that it is the server who ends connections.
        command = ["slowhttptest", *attack.options, "-c", str(attack.connections), "-r", "100"]
        command += ["-l", str(2 * PATIENCE), "-p", str(PATIENCE), "-u", f"http://127.0.0.1:{server.port}{attack.path}"]
        tool = subprocess.Popen(command, cwd=server.directory.name, stdout=subprocess.DEVNULL)
        try:
            opened, longest = watch(server, tool)
        finally:
            tool.terminate()
            tool.wait()
            probes.over.set()
            probes.join()
    report[attack.name] = (
        f"{attack.name}: {opened} connections seen, the longest was open for {longest:.0f} s; "
        f"{probes.answered} probes answered"
    )
    expected = 100 if attack.rate_limit == "on" else attack.connections
    assert attack.deadline == 0 or opened >= 0.9 * expected, f"only {opened} connections"
    assert longest <= attack.deadline + SLACK, f"open for {longest:.0f} s"
    assert not probes.failed, probes.failed[:3]
    assert probes.answered, "nothing was asked"


def main():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most if most < 0 else min(most, 8192), most))
    report, failures = {}, []

    def one(attack):
        try:
            run(attack, report)
        except Exception as error:  # of all attacks, what went wrong is told at the end
            failures.append(f"{attack.name}: {error!r}")

    threads = [threading.Thread(target=one, args=(attack,)) for attack in ATTACKS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(*report.values(), sep="\n")
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()
