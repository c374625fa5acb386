"""Thousands of definitions: one call takes them all, and a change of one of them is served at once however many there are."""

import json
import time

import pytest
import requests

from cluster import api_definition, tls_secret
from conftest import World
from gateway import DEADLINE, SLOWER, best_of, classic
from raw import Connection

MANY, ALL = int(1_000 / SLOWER), int(10_000 / SLOWER)
AT_ONCE_SECONDS = 5 * 3    # the promise, and a factor for machines that do other things as well; 0.3 are usual
CHANGE_SECONDS = 0.05 * 2  # 0.005 are usual


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    class Small(World):
        def start(self):
            self.gateway.start_authsvc()
            self.a = self.gateway.start_dataplane(system_trust=self.trust)
    made = Small(tmp_path_factory.mktemp("many"))
    yield made
    made.close()


def apply(world, text, created):
    """How long it took; so many objects were created."""
    file = world.gateway.directory / "many.yaml"
    file.write_text(text)
    began = time.monotonic()
    done = world.gateway.run_ctl("apply", "-f", str(file))
    took = time.monotonic() - began
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count(" created\n") == created
    print(f"{created} objects in {took:.2f} s")
    return took


def test_a_thousand_objects_of_the_operator_as_yaml_with_secrets_of_a_hundred_teams(world):
    origin, teams = world.origin("many"), MANY // 10
    pairs = [world.client(f"team {number}") for number in range(teams)]
    documents = [api_definition(f"object-{number}", origin.url,
                                f"  use_mutual_tls_auth: true\n  client_certificate_refs:\n    - team-{number % teams}")
                 for number in range(MANY)]
    documents += [tls_secret(f"team-{number}", pair.pem, pair.key_pem) for number, pair in enumerate(pairs)]
    took = apply(world, "---\n".join(documents), MANY + 2 * teams)
    assert took < AT_ONCE_SECONDS * SLOWER
    world.gateway.settle()
    last = MANY - 1
    for client, status in ((pairs[last % teams], 200), (pairs[(last + 1) % teams], 403)):
        assert world.a.curl(f"/object-{last}/x", host="any.gw.test", client=client).status == status


def test_a_change_of_one_of_ten_thousand(world):
    """From the request at the admin API until the data plane forwards to the new target."""
    arrived = {}

    def noting(name):
        def answer(handler, request):
            arrived.setdefault(name, time.monotonic())
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")  # at once: no Nagle between head and body
        return world.origin(name, answer=answer)
    origins = [noting("old"), noting("new")]

    def definition(number, target):
        return classic(f"many-{number}", target, domain=f"many-{number}.gw.test", use_keyless=True)
    took = apply(world, json.dumps([definition(number, origins[0].url) for number in range(ALL)]), ALL)
    assert took < AT_ONCE_SECONDS * SLOWER
    world.gateway.settle()
    one, session, turn = ALL // 3, requests.Session(), [0]
    url = f"https://127.0.0.1:{world.gateway.admin_port}/tyk/apis/many-{one}"

    def change():
        turn[0] += 1
        wanted = origins[turn[0] % 2]
        arrived.clear()
        began = time.monotonic()
        answer = session.put(url, data=json.dumps(definition(one, wanted.url)), verify=False, timeout=DEADLINE,
                             headers={"X-Tyk-Authorization": world.gateway.admin_key})
        assert answer.status_code == 200, answer.text
        while wanted.name not in arrived:
            assert connection.get()[0] == 200
        print(f"served after {1000 * (arrived[wanted.name] - began):.1f} ms")
        return arrived[wanted.name] - began
    with Connection(world.a, f"many-{one}.gw.test") as connection:
        assert connection.get()[0] == 200
        bound = CHANGE_SECONDS * SLOWER
        assert best_of(20, change, bound) < bound
