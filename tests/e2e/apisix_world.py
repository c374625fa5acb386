"""A gateway that is configured by APISIX's Admin API alone, over plain HTTP on loopback."""

import json
import subprocess
import sys

import requests

from conftest import World
from gateway import DEADLINE
from origins import free_port
from pki import SERVER

COLLECTIONS = ("routes", "services", "upstreams", "consumers", "global_rules", "plugin_configs", "ssls")


class ApisixWorld(World):
    """One data plane without certificates of its own: what it serves comes from SSL objects."""

    def __init__(self, directory):
        self.plain_port, self.directory = free_port(), directory
        super().__init__(directory)

    options = []

    def start(self):
        self.gateway.start_authsvc(options=["--set", f"admin.apisix_plain_http_port={self.plain_port}", *self.options])
        self.a = self.gateway.start_dataplane(system_trust=self.trust, default_certificate=False)

    def script(self, text, *arguments):
        path = self.directory / "script.py"
        path.write_text(text.format(key=self.gateway.admin_key, port=self.plain_port))
        done = subprocess.run([sys.executable, str(path), *map(str, arguments)], capture_output=True, text=True,
                              timeout=2 * DEADLINE)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def call(self, method, path, body=None, key=None, settle=True, **more):
        more.setdefault("headers", {"X-API-KEY": key or self.gateway.admin_key})
        if body is not None:
            more["data"] = body if isinstance(body, (str, bytes)) else json.dumps(body)
        answer = requests.request(method, f"http://127.0.0.1:{self.plain_port}/apisix/admin{path}", timeout=DEADLINE, **more)
        assert "PRIVATE KEY" not in answer.text
        if settle and method not in ("GET", "HEAD") and answer.status_code < 300:
            self.gateway.settle()
        return answer

    def put(self, path, body, **more):
        answer = self.call("PUT", path, body, **more)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()["value"]

    def refused(self, path, body, method="PUT"):
        """The message of a write that must change nothing."""
        before = self.call("GET", path).text if method == "PUT" else None
        answer = self.call(method, path, body)
        assert answer.status_code == 400, answer.text
        if method == "PUT":
            assert self.call("GET", path).text == before
        return answer.json()["error_msg"]

    def server(self, *names):
        return self.pki.issue(names[0].replace("*", "wildcard"), self.gateway.server_ca, usages=[SERVER], sans=list(names))

    def ssl(self, id, *names, client=None, pair=None, **more):
        pair = pair or self.server(*names)
        return self.put(f"/ssls/{id}", {"cert": pair.pem.decode(), "key": pair.key_pem.decode(), "snis": list(names),
                                        **({"client": client} if client else {}), **more})

    def node(self, origin):
        return {f"127.0.0.1:{origin.port}": 1}

    def clear(self):
        """No object is left of another test."""
        for collection in COLLECTIONS:
            for item in self.call("GET", f"/{collection}").json()["list"]:
                answer = self.call("DELETE", item["key"].removeprefix("/apisix"), settle=False)
                assert answer.status_code == 200, answer.text
        self.gateway.settle()
