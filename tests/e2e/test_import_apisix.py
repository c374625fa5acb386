"""Moving in from Apache APISIX: what it has in etcd, or what its Admin API answers, becomes what it was there."""

import base64
import json
import subprocess

import pytest

from apisix_world import ApisixWorld
from gateway import DEADLINE

WORLD = ApisixWorld
HOST = "moved.test.com"


def sealed(text, key="edd1c9f0985e76a2"):
    """As APISIX seals keys: AES-128-CBC, key and initial vector the same. By the real openssl."""
    hexadecimal = key.encode().hex()
    done = subprocess.run(["openssl", "enc", "-aes-128-cbc", "-K", hexadecimal, "-iv", hexadecimal, "-a", "-A"],
                          input=text, capture_output=True, text=True, timeout=DEADLINE, check=True)
    return done.stdout.strip()


def objects(world, origin, seal=sealed):
    """What an APISIX 3.7 keeps for one host with mTLS, in the order of its keys."""
    server = world.server(HOST)
    times = {"create_time": 1700000000, "update_time": 1700000001}
    return {
        "consumers/jack": {"username": "jack", "plugins": {"key-auth": {"key": "auth-one-of-jack"}}, **times},
        "plugin_configs/keys": {"id": "keys", "plugins": {"key-auth": {"_meta": {"disable": False}}}, **times},
        "plugin_metadata/http-logger": {"log_format": {}},
        "routes/1": {"id": "1", "uri": "/open/*", "status": 1, "priority": 0, "service_id": "backend", **times},
        "routes/00000000000000000042": {"id": "00000000000000000042", "uri": "/keys/*", "service_id": "backend",
                                        "plugin_config_id": "keys", "enable_websocket": True, **times},
        "services/backend": {"id": "backend", "upstream_id": "nodes", **times},
        "ssls/1": {"id": "1", "type": "server", "status": 1, "snis": [HOST], "cert": server.pem.decode(),
                   "key": seal(server.key_pem.decode()), "client": {"ca": world.client_ca.pem.decode(), "depth": 1}, **times},
        "upstreams/nodes": {"id": "nodes", "type": "roundrobin", "scheme": "http", "pass_host": "pass", "hash_on": "vars",
                            "nodes": [{"host": "127.0.0.1", "port": origin.port, "weight": 1}], "retry_timeout": 3, **times},
    }


def in_json(objects):
    def text(value):
        return base64.b64encode(value.encode()).decode()
    pairs = [("/apisix/routes/", "init_dir"), *((f"/apisix/{key}", json.dumps(value)) for key, value in objects.items())]
    return json.dumps({"header": {"revision": 77}, "kvs": [{"key": text(key), "value": text(value)} for key, value in pairs],
                       "count": len(pairs)})


def in_lines(objects):
    return "\n".join(f"/apisix/{key}\n{json.dumps(value)}" for key, value in objects.items()) + "\n"


def in_answers(objects):
    return "\n".join(json.dumps({"list": [{"key": f"/apisix/{key}", "value": value, "createdIndex": 5, "modifiedIndex": 6}],
                                 "total": 1}) for key, value in objects.items())


def run(world, dump, *flags, settle=True):
    done = world.gateway.run_ctl("import", "apisix", "-", *flags, stdin=dump)
    assert "PRIVATE KEY" not in done.stdout + done.stderr
    assert "auth-one-of-jack" not in done.stdout + done.stderr
    if settle:
        world.gateway.settle()
    return done


@pytest.mark.parametrize("form", [in_json, in_lines, in_answers])
def test_a_dump_is_brought_whole_and_again(clean, form):
    world, origin = clean, clean.origin("moved")
    given, client = objects(world, origin), world.client("a caller")
    dump = form(given)

    def status(path, *headers, client=client):
        return world.a.curl(path, client=client, host=HOST, headers=headers).status
    dry = run(world, dump, "--dry-run")
    assert dry.returncode == 0 and "route/1 created (dry run)" in dry.stdout, dry.stdout + dry.stderr
    assert world.call("GET", "/routes").json()["total"] == 0
    done = run(world, dump)
    assert done.returncode == 0, done.stdout + done.stderr
    for made in ("route/1", "route/00000000000000000042", "service/backend", "ssl/1", "upstream/nodes", "consumer/jack",
                 "plugin_config/keys"):
        assert f"{made} created" in done.stdout, done.stdout
    assert "plugin_metadata/http-logger: passed over" in done.stderr
    assert "upstream/nodes: retry_timeout is ignored" in done.stderr
    assert "route/00000000000000000042: enable_websocket is ignored" in done.stderr
    assert status("/open/x") == 200 and status("/open/x", client=None) == 400
    assert status("/keys/x") == 401 and status("/keys/x", "apikey: auth-one-of-jack") == 200
    assert world.call("GET", "/routes/00000000000000000042").json()["value"]["plugin_config_id"] == "keys"
    again = run(world, dump)
    assert again.returncode == 0 and "created" not in again.stdout and "updated" not in again.stdout, again.stdout
    changed = run(world, form({**given, "routes/1": {**given["routes/1"], "uri": "/public/*"}}))
    assert "route/1 updated" in changed.stdout and changed.stdout.count("updated") == 1, changed.stdout
    assert status("/public/x") == 200 and status("/open/x") == 404
    answer = world.call("PATCH", "/routes/1", {"uri": "/open/*"})
    assert answer.status_code == 200 and status("/open/x") == 200, "it goes on by the Admin API"


def test_one_refusal_refuses_all_by_name(clean):
    world, origin = clean, clean.origin("refused")
    for change, said in (
            ({"routes/2": {"uri": "/b", "service_id": "backend", "plugins": {"serverless-pre-function": {}}}},
             "route/2 refused: unknown plugin [serverless-pre-function]"),
            ({"routes/2": {"uri": "/b", "upstream_id": "nobody"}}, "route/2 refused: failed to fetch upstream info by upstream id [nobody]"),
            ({"routes/2": {"id": "3", "uri": "/b", "service_id": "backend"}}, "its id inside is another one: 3"),
            ({"routes/2": {"uri": "/open/*", "service_id": "backend"}}, "the same host and listen path /open/ is that of"),
            ({"stream_routes/1": {"server_port": 1}}, "Unsupported resource type: stream_routes"),
            ({"consumer_groups/1": {"plugins": {}}}, "Unsupported resource type: consumer_groups"),
            ({"secrets/vault/1": {"uri": "http://x"}}, "Unsupported resource type: vault"),
            ({"consumers/jack/credentials/1": {"plugins": {"key-auth": {"key": "x"}}}}, "put their plugins into the consumer"),
            ({"ssls/2": {"snis": [HOST], "cert": "x", "key": "-----"}}, "ssl/2 refused"),
            ({"routes/x y": {"uri": "/b"}}, "its id must be 1 to 64 of letters")):
        dump = in_json({**objects(world, origin), **change})
        done = run(world, dump, settle=False)
        assert done.returncode == 1 and said in done.stdout and "nothing was applied" in done.stderr, done.stdout + done.stderr
        for collection in ("routes", "ssls", "consumers", "upstreams"):
            assert world.call("GET", f"/{collection}").json()["total"] == 0


def test_keys_that_are_sealed_otherwise(clean):
    world, origin = clean, clean.origin("keyring")
    ours = "our own keyring!"
    dump = in_json(objects(world, origin, seal=lambda text: sealed(text, ours)))
    done = run(world, dump, settle=False)
    assert done.returncode == 1 and "ssls/1: key is sealed" in done.stderr, done.stdout + done.stderr
    assert run(world, dump, "--keyring", "short", settle=False).returncode == 1
    done = run(world, dump, "--keyring", "another keyring!", "--keyring", ours)
    assert done.returncode == 0, done.stdout + done.stderr
    assert world.a.curl("/open/x", client=world.client("keyring caller"), host=HOST).status == 200


def test_secrets_of_consumers_that_stay_sealed_are_nobodys(clean):
    world, origin, ours = clean, clean.origin("sealed secrets"), "our own keyring!"
    ciphertext = sealed("auth-one-of-jack", ours)
    given = {**objects(world, origin), "consumers/jack": {"username": "jack", "plugins": {"key-auth": {"key": ciphertext}}},
             "consumers/jill": {"username": "jill", "plugins": {"jwt-auth": {"key": "jill-key", "secret": sealed("a" * 40, ours)}}}}
    dump, caller = in_json(given), world.client("a caller")

    def status(key):
        return world.a.curl("/keys/x", client=caller, host=HOST, headers=[f"apikey: {key}"]).status
    strict = run(world, dump, "--strict", settle=False)
    assert strict.returncode == 1 and "consumers/j" in strict.stderr and world.call("GET", "/routes").json()["total"] == 0
    done = run(world, dump)
    assert done.returncode == 0, done.stdout + done.stderr
    for said in ("consumers/jack: plugins.key-auth.key looks sealed", "consumers/jill: plugins.jwt-auth.secret looks sealed"):
        assert said in done.stderr and ciphertext not in done.stderr, done.stderr
    assert world.call("GET", "/consumers").json()["total"] == 0
    assert status(ciphertext) == 401 and status("auth-one-of-jack") == 401
    assert run(world, dump, "--keyring", ours).returncode == 0
    assert status(ciphertext) == 401 and status("auth-one-of-jack") == 200
    clear = "YWJjZGVmZ2hpamtsbW5vcA=="
    assert run(world, in_json({"consumers/jack": {"username": "jack", "plugins": {"key-auth": {"key": clear}}}}),
               "--secrets-in-clear").returncode == 0
    assert status(clear) == 200


def test_it_goes_beside_what_is_there(clean):
    world, origin = clean, clean.origin("beside")
    all_objects = objects(world, origin)
    world.put("/upstreams/nodes", {"nodes": world.node(origin)})
    done = run(world, in_json({key: value for key, value in all_objects.items() if not key.startswith("upstreams")}))
    assert done.returncode == 0, "what is stored is referred to: " + done.stdout
    done = run(world, in_json({"upstreams/nodes": {"type": "least_conn", "nodes": {"127.0.0.1:1": 1}}}))
    assert "upstream/nodes updated" in done.stdout, done.stdout
    assert world.a.curl("/open/x", client=world.client("beside caller"), host=HOST).status == 502, "routes follow"


@pytest.mark.parametrize("dump, said", [
    ("", "it is empty"), ("{", "cannot be read"), ("no dump", "a key is needed"), ('{"list":[],"total":0}', "has no objects"),
    ('{"key":"/gateway/routes/1","value":"{}"}', "say --prefix"), ("/apisix/routes/1\n[]\n", "it is no object"),
    ("/apisix/routes/1\n{\"uri\": \"/\", \"uri\": \"/\"}\n", "refused")])
def test_what_cannot_be_read_is_said(world, dump, said):
    done = run(world, dump, settle=False)
    assert done.returncode == 1 and said in done.stdout + done.stderr, done.stdout + done.stderr
