"""Request smuggling against those who read what is forwarded: an upstream that objects to every byte beyond the grammar, and
nginx. What was matched is what they see: one request for one answer, and no path that another rule was meant for."""

import collections
import concurrent.futures
import json
import os
import random

import pytest

from gateway import SLOWER, Process, classic, wait_for
from origins import free_port
from raw import Connection
from raw_http2 import END_HEADERS, END_STREAM, Http2
from strict_origin import StrictOrigin
from test_http2_peers import listens
from test_smuggling import CHUNKS, HEADS, SMUGGLED, chunked

STRICT, NGINX, OPEN_ONLY, NOT_ADMIN = "smuggle.gw.test", "smuggle-nginx.gw.test", "open.gw.test", "not-admin.gw.test"
TRIALS, THREADS = 300, 16


def endpoint(path, method="GET"):
    return {"path": path, "method_actions": {method: {"action": "no_action", "code": 200, "data": "", "headers": {}}}}


class Nginx(Process):
    """Says in its log what it made of each request, and in another what it did not like."""

    def __init__(self, world):
        self.directory, self.port = world.gateway.directory / "smuggling-nginx", free_port()
        self.directory.mkdir()
        self._errors, self._seen = self.directory / "error.log", self.directory / "access.log"
        config = self.directory / "nginx.conf"
        config.write_text(f"""
{"user root;" if os.geteuid() == 0 else ""}
daemon off; worker_processes 1; pid {self.directory}/nginx.pid; error_log {self._errors} info;
events {{ worker_connections 256; }}
http {{
  log_format seen escape=json '["$status","$request_method","$uri","$request_uri","$http_x_marker"]'; access_log {self._seen} seen;
  client_body_temp_path {self.directory}/body; proxy_temp_path {self.directory}/proxy; fastcgi_temp_path {self.directory}/f;
  uwsgi_temp_path {self.directory}/u; scgi_temp_path {self.directory}/s; keepalive_requests 100000;
  ignore_invalid_headers off; underscores_in_headers on;
  server {{
    listen 127.0.0.1:{self.port};
    add_header X-Marker $http_x_marker always;
    location /admin {{ return 200 "secret"; }}
    location / {{ return 200 "open"; }}
  }}
}}
""")
        super().__init__("nginx", ["/usr/sbin/nginx", "-p", str(self.directory), "-c", str(config)], self.directory / "out.log")
        wait_for(lambda: self.require_alive() and listens(self.port), "nginx listens")
        self.url = f"http://127.0.0.1:{self.port}"

    def seen(self):
        """[status, method, path as nginx has it, target, marker] of each request."""
        return [json.loads(line) for line in self._seen.read_text("latin-1").split("\n")[:-1]]

    def disliked(self):
        """Beside methods, which are any token (RFC 9110 9.1) and fewer for nginx."""
        return [line for line in self._errors.read_text(errors="replace").splitlines()
                if "client sent" in line and "client sent invalid method" not in line]


@pytest.fixture(scope="module")
def hurried(world):
    """Does not wait for long where a message has no end."""
    return world.gateway.start_dataplane(options=[f"--set=timeouts.{name}={SLOWER}s" for name in ("head", "body_idle", "keep_alive")])


@pytest.fixture(scope="module")
def strict(world):
    made = StrictOrigin()
    world.gateway.add_api(classic("smuggle", made.url, domain=STRICT, use_keyless=True))
    yield made
    made.close()


@pytest.fixture(scope="module")
def nginx(world):
    made = Nginx(world)
    white = {"use_extended_paths": True, "extended_paths": {"white_list": [endpoint("^/open/")]}}
    black = {"use_extended_paths": True, "extended_paths": {"black_list": [endpoint("^/admin")]}}
    world.gateway.add_api(classic("smuggle-nginx", made.url, domain=NGINX, use_keyless=True))
    for name, host, lists in (("open", OPEN_ONLY, white), ("not-admin", NOT_ADMIN, black)):
        world.gateway.add_api(classic(name, made.url, domain=host, use_keyless=True, version_data={
            "not_versioned": True, "versions": {"Default": {"name": "Default", **lists}}}))
    yield made
    made.stop()


def test_whatever_is_refused_reaches_neither(world, strict, nginx):
    texts = [text for _, text in HEADS.values()] + [chunked(chunk) for chunk in CHUNKS.values()]
    before = len(nginx.seen()), len(strict.requests)

    def statuses(text):
        found = []
        for host in (STRICT, NGINX):
            with Connection(world.a, host) as client:
                client.send((text + SMUGGLED).replace(STRICT, host).encode("latin-1"))
                found.append(client.answer()[0])
        return found
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        for text, found in zip(texts, pool.map(statuses, texts)):
            assert min(found) >= 400, text
    with Connection(world.a, NGINX) as client:
        assert client.get("/the-end")[0] == 200
    wait_for(lambda: len(nginx.seen()) > before[0], "nginx has written that it has seen this one")
    assert [line[3] for line in nginx.seen()[before[0]:]] == ["/the-end"] and nginx.disliked() == []
    assert len(strict.requests) == before[1] and strict.objections == []


PIECES = [b"\n", b"\r", b"\r\n", b"\0", b"\x0b", b"\x0c", b"\t", b" ", b":", b"\x7f", b"\xff", b"%", b"%00", b"%0d%0a", b"#", b"\\",
          b"/../", b"//", b"chunked", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: other\r\n", b"0\r\n\r\n",
          b"GET /smuggled HTTP/1.1\r\n", b" HTTP/1.1", b"HTTP/1.0", b"+", b"-1", b"0x", b";a=b", b'"', b",", b"\xc2\xa0", b"_"]


def message(chance, host, marker):
    """A good request, changed in one or two places, or in none."""
    name = b"X-Marker: %d\r\nHost: %s\r\n" % (marker, host.encode())
    body, framing = chance.choice([(b"", b""), (b"abc", b"Content-Length: 3\r\n"),
                                   (b"3\r\nabc\r\n0\r\n\r\n", b"Transfer-Encoding: chunked\r\n"),
                                   (b"1;x=y\r\na\r\n0\r\nX-T: 1\r\n\r\n", b"Transfer-Encoding: chunked\r\nTE: trailers\r\n")])
    text = b"%s /open/%d?q=1 HTTP/1.1\r\n%sX-A: b\r\n%sConnection: keep-alive\r\n\r\n%s" % (
        b"POST" if body else b"GET", marker, name, framing, body)
    for _ in range(chance.choice([0, 1, 1, 1, 2])):
        at = chance.randrange(len(text) + 1)
        if chance.random() < 0.3:
            text = text[:at] + text[at + chance.choice([1, 2, 4]):]
        else:
            text = text[:at] + chance.choice(PIECES) + text[at + chance.choice([0, 0, 1]):]
    return text


def require_one_for_each(answered, seen, host):
    """Of markers. nginx answers before it has read a body: where that turns out to be none, its answer does not count."""
    answers, requests = (collections.Counter(marker.strip() for marker in markers) for markers in (answered, seen))
    assert answers - requests == {}
    assert host == NGINX or requests - answers == {}
    assert max((requests - answers).values(), default=0) <= 1


@pytest.mark.parametrize("host, seed", [(STRICT, 1), (STRICT, 2), (NGINX, 3)])
def test_messages_that_are_nearly_good(hurried, strict, nginx, host, seed):
    """Who takes one gets one request for each answer: its own, with its own marker, and nothing behind it."""
    chance = random.Random(seed)
    # What is cut short waits for the rest: this is the rest, or a request of its own.
    last = b"GET /open/last HTTP/1.1\r\nX-Marker: last\r\nHost: %s\r\nConnection: close\r\n\r\n" % host.encode()
    first = len(strict.requests if host == STRICT else nginx.seen())

    def answers_to(text):
        with Connection(hurried, host) as client:
            client.send(text + last)
            answers = list(iter(client.answer, None))
        return [answer[1].get("x-marker", "") for answer in answers if answer[0] == 200]
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        texts = [message(chance, host, marker) for marker in range(TRIALS)]
        answered = [marker for markers in pool.map(answers_to, texts) for marker in markers]
    assert TRIALS // 2 < len(answered) < 2 * TRIALS, "some are taken, some are not"
    if host == STRICT:
        assert strict.objections == []
        seen = [b",".join(request.all(b"x-marker")).decode("latin-1") for request in strict.requests[first:]]
        targets = {request.target.partition("?")[0] for request in strict.requests[first:]}
    else:
        wait_for(lambda: len(nginx.seen()) - first >= len(answered), "nginx has written all")
        assert nginx.disliked() == []
        seen = [line[4] for line in nginx.seen()[first:] if line[0] == "200"]
        targets = {line[3].partition("?")[0] for line in nginx.seen()[first:]}
    require_one_for_each(answered, seen, host)
    assert "/smuggled" not in targets


def fields(chance, host, marker):
    """Of a good request, changed in one or two places, or in none; as bytes, whatever HTTP/2 says of them."""
    made = [[b":method", chance.choice([b"GET", b"POST"])], [b":scheme", b"https"], [b":authority", host.encode()],
            [b":path", b"/open/%d?q=1" % marker], [b"x-marker", b"%d" % marker], [b"x-a", b"b"], [b"cookie", b"a=1"], [b"cookie", b"b=2"]]
    for _ in range(chance.choice([0, 1, 1, 1, 2])):
        field = chance.choice(made)
        part, piece = chance.randrange(1 if field[0] == b"x-marker" else 2), chance.choice(PIECES)
        at = chance.randrange(len(field[part]) + 1)
        field[part] = field[part][:at] + piece + field[part][at:]
    if chance.random() < 0.3:
        made.append([chance.choice([b"content-length", b"transfer-encoding", b"host", b"connection", b"te", b"expect", b"trailer", b"upgrade"]),
                     chance.choice([b"0", b"3", b"4", b"chunked", b"trailers", host.encode(), b"other", b"close", b"x-marker", b"100-continue"])])
    return [tuple(field) for field in made]


@pytest.mark.parametrize("host, seed", [(STRICT, 4), (NGINX, 5)])
def test_http2_requests_that_are_nearly_good(hurried, strict, nginx, host, seed):
    """What becomes HTTP/1.1 of them."""
    chance, answered = random.Random(seed), []
    first = len(strict.requests if host == STRICT else nginx.seen())
    for start in range(0, TRIALS, 10):
        with Http2(hurried, host) as h2:
            streams = []
            for marker in range(start, start + 10):
                stream, has_body = h2.new_stream(), chance.random() < 0.5
                streams.append(stream)
                h2.send(h2.head(stream, fields(chance, host, marker), END_HEADERS | (0 if has_body else END_STREAM)))
                if has_body:
                    h2.data(stream, b"abc", end=True)
            replies = [h2.answer(stream) for stream in streams]
        answered += [reply.headers.get("x-marker", "") for reply in replies if reply.status == 200]
    assert TRIALS // 8 < len(answered) < TRIALS, "some are taken, some are not"
    if host == STRICT:
        assert strict.objections == []
        seen = [b",".join(request.all(b"x-marker")).decode("latin-1") for request in strict.requests[first:]]
    else:
        wait_for(lambda: len(nginx.seen()) - first >= len(answered), "nginx has written all")
        assert nginx.disliked() == []
        seen = [line[4] for line in nginx.seen()[first:] if line[0] == "200"]
    require_one_for_each(answered, seen, host)


ADMIN = ["/admin", "/admin/", "//admin", "/./admin", "/x/../admin", "/%61dmin", "/%2561dmin", "/%2e/admin", "/x/%2e%2e/admin", "/x/.%2e/admin",
         "/x/..%2fadmin", "/x%2f..%2fadmin", "/%2fadmin", "/%2Fadmin", "/x/..;/admin", "/;/admin", "/admin;x", "/admin%3bx", "/admin%00", "/%00/../admin",
         "/x\\..\\admin", "/x/..\\admin", "/%5cadmin", "/x/..%5c..%5cadmin", "/admin%20", "/admin%0d%0a", "/admin%23", "/admin%3f", "/admin?x", "/x/..//admin",
         "/open/../admin", "/open/%2e%2e/admin", "/open/..%2fadmin", "/open/.%2e%2fadmin", "/open//../admin", "/open//../../admin", "/open/x/../../admin",
         "/open/%252e%252e/admin", "/open/%c0%ae%c0%ae/admin", "/open/%u002e%u002e/admin", "/open/..%00/admin", "/open/./..//admin", "/open/..?/admin",
         "/open/..#/admin", "http://not-admin.gw.test/admin", "http://open.gw.test/open/../admin", "/open/\t/../../admin", "/aDmin/../admin",
         "/admi%6e", "/%61%64%6d%69%6e", "/open%2f..%2fadmin", "/open/%2e%2e%2fadmin", "/open/%2e./admin", "/.//admin", "/..//admin", "/../admin"]


@pytest.mark.parametrize("host", [OPEN_ONLY, NOT_ADMIN])
def test_no_path_is_another_one_for_nginx(world, nginx, host):
    """nginx decodes, merges slashes and resolves dots in what it gets: still no path that was not matched."""
    first = len(nginx.seen())

    def body_of(path):
        with Connection(world.a, host) as client:
            client.send(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("latin-1"))
            return client.answer()[2]
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        bodies = list(pool.map(body_of, ADMIN))
    with Http2(world.a, host) as h2:
        streams = [h2.request(path) for path in ADMIN if path.startswith("/")]
        bodies += [h2.answer(stream).body for stream in streams]
    with Connection(world.a, host) as client:
        assert client.get("/open/end")[2] == b"open"
    wait_for(lambda: nginx.seen()[-1][3] == "/open/end", "nginx has written all")
    assert b"secret" not in bodies and nginx.disliked() == []
    for _, _, uri, target, _ in nginx.seen()[first:]:
        assert not uri.startswith("/admin"), target
        assert host == NOT_ADMIN or uri.startswith("/open/"), target
