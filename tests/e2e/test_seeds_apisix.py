"""The page about APISIX's mutual TLS: its two scripts are run as files, with only address and key changed, and then its curl. What
its configuration files say, and what callers meet otherwise, is in test_apisix.py."""

import os
import sys

import pytest

from apisix_world import ApisixWorld
from shell import shell
from test_apisix import CREATE_SSL, MTLS, PATCH_UPSTREAM

WORLD = ApisixWorld


@pytest.fixture(scope="module")
def folder(world, tmp_path_factory):
    """What the page has in its directory: two scripts, and PEM files by these names."""
    made = tmp_path_factory.mktemp("page")
    server, client = world.server(MTLS), world.client("page client")
    for name, content in (("server.pem", server.pem), ("server.key", server.key_pem), ("client_ca.pem", world.client_ca.pem),
                          ("client.pem", client.pem), ("client.key", client.key_pem)):
        (made / name).write_bytes(content)
    for name, text in (("create-ssl.py", CREATE_SSL), ("patch_upstream_mtls.py", PATCH_UPSTREAM)):
        (made / name).write_text(f"#!{sys.executable}\n# coding: utf-8" + text.format(key=world.gateway.admin_key,
                                                                                     port=world.plain_port))
        os.chmod(made / name, 0o755)
    return made


def curl(world, folder, options="--cert ./client.pem --key ./client.key", name=MTLS):
    port = world.a.port
    return shell(folder, f"curl -s -o /dev/null -w '%{{http_code}}' --resolve '{name}:{port}:127.0.0.1' "
                         f'"https://{name}:{port}/hello" -k {options}')


def test_create_ssl_and_curl(world, folder):
    origin = world.origin("page")
    world.put("/routes/1", {"uri": "/hello", "upstream": {"type": "roundrobin", "nodes": world.node(origin)}})
    assert shell(folder, "./create-ssl.py ./server.pem ./server.key", code=1) == "bad argument\n"
    told = shell(folder, f"./create-ssl.py ./server.pem ./server.key '{MTLS}' ./client_ca.pem 10")
    assert told.startswith("Setting mTLS\n201\n") and "PRIVATE" not in told
    world.gateway.settle()
    assert curl(world, folder) == "200" and curl(world, folder, options="") == "400"
    assert shell(folder, f"./create-ssl.py ./server.pem ./server.key '{MTLS}'").startswith("200\n"), "without mTLS: open again"
    world.gateway.settle()
    assert curl(world, folder, options="") == "200"
    assert shell(folder, f"./create-ssl.py ./server.pem ./server.key '{MTLS}' ./client_ca.pem 0").startswith("Setting mTLS\n400\n")
    assert curl(world, folder, options="") == "200" and len(origin.requests) == 3, "a refused write changes nothing"


def test_patch_upstream(world, folder):
    wants = world.tls_origin("wants", client_ca=world.client_ca)
    world.put("/upstreams/testmtls", {"type": "roundrobin", "scheme": "https", "nodes": world.node(wants), "pass_host": "node"})
    world.put("/routes/2", {"uri": "/hello", "host": "patched.test.com", "upstream_id": "testmtls"})
    world.ssl("2", "patched.test.com")
    assert curl(world, folder, "", "patched.test.com") == "502"
    assert shell(folder, "./patch_upstream_mtls.py no-such-upstream ./client.pem ./client.key").startswith("404\n")
    told = shell(folder, "./patch_upstream_mtls.py testmtls ./client.pem ./client.key")
    assert told.startswith("200\n") and "PRIVATE" not in told
    world.gateway.settle()
    assert curl(world, folder, "", "patched.test.com") == "200"
    assert shell(folder, "./patch_upstream_mtls.py testmtls ./client.pem ./server.key").startswith("400\n"), "another's key"
    world.gateway.settle()
    assert curl(world, folder, "", "patched.test.com") == "200" and len(wants.requests) == 2
