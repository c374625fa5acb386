"""Many partners at once: a directory of certificates becomes keys of one policy."""

import json
import time

import pytest

from gateway import SLOWER, classic
from pki import CLIENT, Pki

COUNT = int(2000 / SLOWER ** 2)  # a sanitiser sees in a few hundred what there is to see
BROKEN = f"partner-{COUNT // 2:04d}-broken.pem"
BOUND_SECONDS = 300 / SLOWER  # of one run; 20 are usual in Release on two shared cores


@pytest.fixture(scope="module")
def partners(world, tmp_path_factory):
    """COUNT certificates and one file that is none, among them by name."""
    directory = tmp_path_factory.mktemp("partners")
    pki = Pki(directory / "made")
    private = world.client_ca.private  # one key for all: what is told apart is the certificate
    pairs = [pki.issue(f"partner {n:04d}", world.client_ca, usages=[CLIENT], private=private) for n in range(COUNT)]
    files = directory / "files"
    files.mkdir()
    for number, pair in enumerate(pairs):
        (files / f"partner-{number:04d}.pem").write_bytes(pair.pem)
    (files / BROKEN).write_bytes(pairs[COUNT // 2].pem[:400] + b"\n-----END CERTIFICATE-----\n")
    origin = world.origin("bulk")
    world.gateway.add_api(classic("bulk", origin.url, domain="bulk.gw.test",
                                  auth_configs={"authToken": {"use_certificate": True}}))
    answer = world.gateway.rest("POST", "/tyk/policies", {
        "id": "bulk", "org_id": "default", "name": "bulk", "rate": 0, "per": 0, "quota_max": -1, "active": True,
        "access_rights": {"bulk": {"api_id": "bulk", "api_name": "bulk", "versions": ["Default"]}}})
    assert answer.status_code == 200, answer.text
    return files, pairs


def add(world, files, *more):
    began = time.monotonic()
    done = world.gateway.run_ctl("cert", "add", str(files), "--key-policy", "bulk", "--org", "default", *more,
                                 timeout=2 * BOUND_SECONDS)
    return done, time.monotonic() - began


def keys_of_policy(world):
    listed = json.loads(world.gateway.run_ctl("key", "ls", "-o", "json").stdout)
    return {key["id"] for key in listed if key.get("policyIds", key.get("policy_ids")) == ["bulk"]}


def test_a_directory_becomes_keys_once(world, partners):
    files, pairs = partners
    first, took = add(world, files)
    print(f"{COUNT} certificates with keys in {took:.1f} s")
    assert first.returncode == 1, "one file was refused"
    assert took < BOUND_SECONDS
    header, *rows = first.stdout.splitlines()
    assert header.split() == ["FILE", "RESULT", "ID", "KEY", "MESSAGE"]
    assert len(rows) == COUNT + 1
    failed = [row for row in rows if " failed " in row]
    assert len(failed) == 1 and BROKEN in failed[0]
    assert sum(" added " in row for row in rows) == COUNT
    assert f"{COUNT} stored, 1 failed" in first.stderr
    keys = keys_of_policy(world)
    assert len(keys) == COUNT

    world.gateway.settle()
    for pair in (pairs[0], pairs[COUNT // 2], pairs[-1]):
        assert world.a.curl("/", client=pair, host="bulk.gw.test").status == 200, pair.name
    assert world.a.curl("/", client=world.client("no partner"), host="bulk.gw.test").status == 401

    again, took = add(world, files, "-o", "json")
    print(f"once more in {took:.1f} s")
    assert again.returncode == 1 and took < BOUND_SECONDS
    rows = json.loads(again.stdout)
    assert [row["file"].rsplit("/")[-1] for row in rows if row["result"] == "failed"] == [BROKEN]
    assert {row["key"] for row in rows if row["result"] == "exists"} == keys, "the same keys, none beside them"
    assert keys_of_policy(world) == keys
    assert world.a.curl("/", client=pairs[7], host="bulk.gw.test").status == 200


def test_a_key_of_another_policy_is_not_taken_for_the_wanted_one(world, partners, tmp_path):
    _, pairs = partners
    one = tmp_path / "one"
    one.mkdir()
    (one / "partner.pem").write_bytes(world.client("elsewhere").pem)
    answer = world.gateway.rest("POST", "/tyk/policies", {
        "id": "other", "org_id": "default", "name": "other", "rate": 0, "per": 0, "quota_max": -1, "active": True,
        "access_rights": {"bulk": {"api_id": "bulk", "api_name": "bulk", "versions": ["Default"]}}})
    assert answer.status_code == 200, answer.text
    made = world.gateway.run_ctl("cert", "add", str(one), "--key-policy", "other", "--org", "default")
    assert made.returncode == 0, made.stdout + made.stderr
    refused, _ = add(world, one)
    assert refused.returncode == 1 and " failed " in refused.stdout and "policy other" in refused.stdout, refused.stdout
