"""Dynamic client mTLS: the certificate is the credential (seed: client mTLS; reference tyk.md 3)."""

import subprocess

import pytest

from gateway import classic, lines_of, session, wait_for


@pytest.fixture(scope="module")
def api(world):
    origin = world.origin("dynamic")
    world.gateway.add_api(classic("dyn", origin.url, domain="dyn.gw.test",
                                  auth_configs={"authToken": {"use_certificate": True}}))
    return origin


def call(world, client=None, **more):
    return world.a.curl("/x", client=client, host="dyn.gw.test", **more)


def register(world, certificate_id, **more):
    made = world.gateway.create_key(session("dyn", certificate_id, **more))
    world.gateway.settle()
    return made


class OpensslPair:
    """What the documentation tells a newcomer to make."""

    def __init__(self, directory, name):
        self.cert, self.key = directory / f"{name}.pem", directory / f"{name}-key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:4096", "-keyout", self.key, "-out", self.cert, "-days",
                        "365", "-nodes", "-subj", f"/CN={name}"], check=True, capture_output=True)
        self.pem = self.cert.read_bytes()


def test_a_self_signed_certificate_of_openssl_finds_its_key(world, api, tmp_path):
    pair = OpensslPair(tmp_path, "newcomer")
    certificate_id = world.gateway.add_certificate(pair.pem)
    key = register(world, certificate_id, alias="newcomer-key")
    assert key["status"] == "ok" and key["action"] == "added"
    answer = call(world, pair)
    assert answer.status == 200, answer
    xfcc = api.last().one("X-Forwarded-Client-Cert")
    assert f"Hash={certificate_id.removeprefix('default')}" in xfcc and 'Subject="CN=newcomer"' in xfcc


def test_no_certificate(world, api):
    before = len(api.requests)
    answer = call(world)
    assert (answer.status, answer.message) == (401, "Client certificate required")
    assert len(api.requests) == before


def test_an_unknown_certificate(world, api):
    answer = call(world, world.pki.self_signed("stranger"))
    assert (answer.status, answer.message) == (401, "Access to this API has been disallowed")


def test_the_certificate_id_never_authenticates_as_a_token(world, api):
    pair = world.pki.self_signed("id-is-no-secret")
    certificate_id = world.gateway.add_certificate(pair.pem)
    key = register(world, certificate_id)["key"]
    for token in (certificate_id, key):
        assert call(world, headers=[f"Authorization: {token}"]).status == 401
        assert call(world, world.pki.self_signed("thief"), headers=[f"Authorization: {token}"]).status == 401


def test_an_expired_certificate(world, api):
    pair = world.pki.self_signed("short-lived", days=(-10, 1))
    certificate_id = world.gateway.add_certificate(pair.pem)
    register(world, certificate_id)
    assert call(world, pair).status == 200
    expired = world.pki.self_signed("expired", days=(-10, -1))
    answer = call(world, expired)
    assert (answer.status, answer.message) == (403, "Certificate has expired")
    refused = world.gateway.rest("POST", "/tyk/certs?org_id=default", expired.pem)
    assert (refused.status_code, refused.json()["message"]) == (403, "certificate is expired")


def test_not_yet_valid_has_its_own_reason(world, api):
    future = world.pki.self_signed("future", days=(1, 10))
    certificate_id = world.gateway.add_certificate(future.pem)
    register(world, certificate_id)
    answer = call(world, future)
    assert answer.status == 403 and answer.message != "Certificate has expired"


def test_a_leaf_that_a_keys_certificate_signed_is_refused(world, api):
    authority = world.pki.self_signed("authority")
    register(world, world.gateway.add_certificate(authority.pem))
    assert call(world, authority).status == 200, "a CA flag alone refuses nothing"
    leaf = world.client("signed-by-it", authority)
    assert call(world, leaf).status == 401
    assert call(world, leaf, chain=leaf.chain).status == 401


def test_a_victims_certificate_sent_along_does_not_help(world, api):
    victim = world.pki.self_signed("victim")
    register(world, world.gateway.add_certificate(victim.pem))
    attacker = world.pki.self_signed("attacker")
    both = world.pki.directory / "attacker-and-victim.pem"
    both.write_bytes(attacker.pem + victim.pem)
    assert call(world, attacker, chain=both).status == 401


def test_a_certificate_finds_at_most_one_key(world, api):
    certificate_id = world.gateway.add_certificate(world.pki.self_signed("once").pem)
    key = register(world, certificate_id)["key"]
    second = world.gateway.rest("POST", "/tyk/keys/create", session("dyn", certificate_id))
    assert second.status_code == 500
    assert second.json()["message"] == f"Failed to create key - Key with given certificate already found:{key}"


@pytest.mark.parametrize("change, status, message", [
    ({"is_inactive": True}, 403, "Key is inactive, please renew"),
    ({"expires": 1}, 401, "Key has expired, please renew"),
    ({"access_rights": {"another": {"api_id": "another", "api_name": "another"}}}, 403,
     "Access to this API has been disallowed"),
])
def test_the_state_of_the_key_counts(world, api, change, status, message):
    pair = world.pki.self_signed(f"state-{next(iter(change))}")
    certificate_id = world.gateway.add_certificate(pair.pem)
    key = register(world, certificate_id)["key"]
    assert call(world, pair).status == 200
    put = world.gateway.rest("PUT", f"/tyk/keys/{key}", session("dyn", certificate_id, **change))
    assert put.status_code == 200, put.text
    world.gateway.settle()
    answer = call(world, pair)
    assert (answer.status, answer.message) == (status, message)


def test_a_changed_certificate_rekeys_at_once(world, api):
    old, new = world.pki.self_signed("old"), world.pki.self_signed("new")
    old_id, new_id = world.gateway.add_certificate(old.pem), world.gateway.add_certificate(new.pem)
    key = register(world, old_id)["key"]
    assert call(world, old).status == 200 and call(world, new).status == 401
    put = world.gateway.rest("PUT", f"/tyk/keys/{key}", session("dyn", new_id))
    assert put.status_code == 200, put.text
    world.gateway.settle()
    assert call(world, new).status == 200
    assert call(world, old).status == 401


def test_deleting_the_certificate_cuts_off_at_once(world, api):
    pair = world.pki.self_signed("deleted")
    certificate_id = world.gateway.add_certificate(pair.pem)
    register(world, certificate_id)
    for replica in (world.a, world.b):
        assert replica.curl("/x", client=pair, host="dyn.gw.test").status == 200
    assert world.gateway.delete_certificate(certificate_id).status_code == 200
    world.gateway.settle()
    for replica in (world.a, world.b):
        assert replica.curl("/x", client=pair, host="dyn.gw.test").status in (401, 403)


def test_rate_and_quota(world, api):
    pair = world.pki.self_signed("limited")
    register(world, world.gateway.add_certificate(pair.pem), rate=2, per=3600)
    assert [call(world, pair).status for _ in range(3)] == [200, 200, 429]
    answer = call(world, pair)
    assert answer.message == "Rate Limit Exceeded"
    pair = world.pki.self_signed("metered")
    register(world, world.gateway.add_certificate(pair.pem), quota_max=2, quota_renewal_rate=3600)
    assert [call(world, pair).status for _ in range(3)] == [200, 200, 403]
    assert call(world, pair).message == "Quota exceeded"


def test_identity_headers_of_the_caller_are_removed(world, api):
    pair = world.pki.self_signed("honest")
    register(world, world.gateway.add_certificate(pair.pem))
    forged = ["X-Forwarded-Client-Cert: Hash=00", "x_forwarded_client_cert: Hash=00", "Client-Cert: :AAAA:"]
    assert call(world, pair, headers=forged).status == 200
    seen = api.last()
    assert "Hash=00" not in str(seen.headers)
    assert seen.one("X-Forwarded-Client-Cert").startswith("Hash=")
    assert not seen.all("Client-Cert") and not seen.all("x_forwarded_client_cert")


def test_every_answer_has_a_request_id_and_the_access_log_has_the_reason(world, api):
    answer = call(world)
    request_id = answer.headers["x-request-id"]
    log = world.gateway.directory / "replica-0.access.log"
    line = wait_for(lambda: next((entry for entry in lines_of(log) if request_id in entry), None),
                    "the access log has the request")
    assert "CERT_REQUIRED" in line


def test_explain_tells_why_by_request_id(world, api):
    answer = call(world, world.pki.self_signed("explained"))
    request_id = answer.headers["x-request-id"]

    def explained():
        done = world.gateway.run_ctl("explain", "--request", request_id)
        return done.stdout if "CERT_UNKNOWN" in done.stdout else None
    text = wait_for(explained, "explain knows the refused request")
    assert "dyn" in text
