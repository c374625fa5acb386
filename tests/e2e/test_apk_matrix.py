"""mTLS and OAuth2 as an apk-conf combines them, row by row (reference apk.md B10.5) through a data plane; two that are
mandatory must both pass. And what gRPC callers are told."""

import contextlib
import json

import grpc
import pytest

from gateway import DEADLINE
from test_apk_dialect import Store, config_map, indented
from test_apk_traffic import conf
from test_grpc import Service, serve
from tokens import SigningKey, TokenServer, bearer

MANDATORY, OPTIONAL, OFF = "mandatory", "optional", "off"
GOOD, BAD, NONE = "good", "bad", "none"
MATRIX = [
    # mTLS, OAuth2, certificate, token, status
    *((MANDATORY, oauth, cert, token, 401) for oauth in (MANDATORY, OPTIONAL, OFF) for cert in (NONE, BAD)
      for token in (GOOD, BAD, NONE)),
    (MANDATORY, MANDATORY, GOOD, GOOD, 200),
    (MANDATORY, MANDATORY, GOOD, NONE, 401),
    (MANDATORY, MANDATORY, GOOD, BAD, 401),
    *((MANDATORY, OPTIONAL, GOOD, token, 200) for token in (GOOD, BAD, NONE)),
    *((MANDATORY, OFF, GOOD, token, 200) for token in (GOOD, BAD, NONE)),
    (OPTIONAL, MANDATORY, NONE, GOOD, 200),
    (OPTIONAL, MANDATORY, NONE, NONE, 401),
    (OPTIONAL, MANDATORY, NONE, BAD, 401),
    (OPTIONAL, MANDATORY, GOOD, NONE, 401),
    (OPTIONAL, MANDATORY, GOOD, GOOD, 200),
    (OPTIONAL, MANDATORY, GOOD, BAD, 401),
    *((OPTIONAL, oauth, BAD, GOOD, 401) for oauth in (MANDATORY, OPTIONAL, OFF)),
    *((OPTIONAL, OPTIONAL, GOOD, token, 200) for token in (GOOD, BAD, NONE)),
    (OPTIONAL, OPTIONAL, NONE, GOOD, 200),
    (OPTIONAL, OPTIONAL, NONE, NONE, 401),
    (OPTIONAL, OPTIONAL, NONE, BAD, 401),
    *((OPTIONAL, OFF, NONE, token, 401) for token in (GOOD, NONE)),
    *((OPTIONAL, OFF, GOOD, token, 200) for token in (GOOD, BAD, NONE)),
    (OFF, MANDATORY, BAD, GOOD, 200),
    (OFF, MANDATORY, NONE, GOOD, 200),
    (OFF, MANDATORY, NONE, NONE, 401),
    (OFF, MANDATORY, GOOD, NONE, 401),
    (OFF, OPTIONAL, NONE, GOOD, 200),
    (OFF, OPTIONAL, GOOD, NONE, 401),
    (OFF, OPTIONAL, NONE, NONE, 401),
    *((OFF, OFF, cert, token, 200) for cert in (GOOD, BAD, NONE) for token in (GOOD, NONE)),
]
OPEN_OPERATION = [(MANDATORY, NONE, 401), (MANDATORY, BAD, 401), (MANDATORY, GOOD, 200), (OPTIONAL, NONE, 401), (OPTIONAL, BAD, 401),
                  (OPTIONAL, GOOD, 200), (OFF, NONE, 200), (OFF, BAD, 200)]


def mechanism(name, said, more=""):
    required = f"required: {said}" if said != OFF else "enabled: false"
    return f"{{authType: {name}, {required}{more}}}"


def authentication(mtls, oauth):
    listed = ", certificates: [{name: mtls-configmap, key: tls.crt}]"
    return f"authentication: [{mechanism('OAuth2', oauth)}, {mechanism('mTLS', mtls, listed)}]\n"


@pytest.fixture(scope="module")
def store(world, tmp_path_factory):
    return Store(world.gateway, tmp_path_factory.mktemp("matrix"))


@pytest.fixture(scope="module")
def clients(world):
    return {GOOD: world.client("listed"), BAD: world.client("not listed"), NONE: None}


@pytest.fixture(scope="module")
def tokens(world, store, clients):
    """Of the one issuer; its certificate, of no authority that anybody else trusts, stands in its resource."""
    authority = world.pki.issue("Identity CA", ca=True)
    server = TokenServer(world, "identity", pair=world.pki.issue("identity", authority, sans=["localhost", "127.0.0.1"]))
    store.apply(config_map(clients[GOOD].pem), f"""
apiVersion: dp.wso2.com/v1alpha2
kind: TokenIssuer
metadata: {{name: identity}}
spec:
  issuer: {server.issuer}
  signatureValidation:
    jwks:
      url: {server.jwks_url}
      tls:
        certificateInline: |
{indented(authority.pem, 10)}
""")
    return {GOOD: server.token(), BAD: server.token(key=SigningKey("first")), NONE: None}


@pytest.fixture(scope="module")
def matrix(world, store, tokens):
    origin = world.origin("matrix")
    operations = "[{target: /x, verb: GET}, {target: /open, verb: GET, secured: false}]"
    done = store.apply(*(conf(f"{mtls}-{oauth}", origin.url, operations=operations) + authentication(mtls, oauth)
                         for mtls in (MANDATORY, OPTIONAL, OFF) for oauth in (MANDATORY, OPTIONAL, OFF)))
    world.gateway.settle()
    return done.stderr


@pytest.mark.parametrize("mtls, oauth, certificate, token, status", MATRIX)
def test_mechanisms_combine(world, matrix, clients, tokens, mtls, oauth, certificate, token, status):
    answer = world.a.curl(f"/{mtls}-{oauth}/2.0/x", client=clients[certificate],
                          headers=[bearer(tokens[token])] if tokens[token] else [])
    assert answer.status == status, answer.body
    if status == 401:
        assert json.loads(answer.body)["code"] in ("900901", "900902")
        assert answer.headers["www-authenticate"].startswith('Mutual SSL realm="APK"')


@pytest.mark.parametrize("mtls, certificate, status", OPEN_OPERATION)
def test_an_open_operation_asks_for_the_certificate_alone(world, matrix, clients, mtls, certificate, status):
    assert world.a.curl(f"/{mtls}-mandatory/2.0/open", client=clients[certificate]).status == status


def test_what_means_something_else_is_warned_of(matrix):
    assert "Api/optional-off" in matrix and "mTLS is optional and nothing else is on: a certificate is asked for" in matrix
    assert "Api/off-off" in matrix and "anybody may call this API" in matrix


def test_grpc_callers_are_told_their_own_way(world, store, clients, tokens):
    server, port = serve(Service())
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: server.stop(0).wait())
        for oauth in (MANDATORY, OFF):
            store.apply(conf(f"grpc-{oauth}", f"http://127.0.0.1:{port}", basePath=f"/org.{oauth}", type="GRPC", version="v1",
                             operations="[{target: apk.S, verb: Unary}]") + authentication(MANDATORY, oauth))
        world.gateway.settle()

        def call(oauth, certificate, token=NONE):
            pair = clients[certificate]
            credentials = grpc.ssl_channel_credentials(world.gateway.server_ca.pem, *((pair.key_pem, pair.pem) if pair else ()))
            names = [("grpc.ssl_target_name_override", "api.gw.test"), ("grpc.default_authority", "api.gw.test")]
            with grpc.secure_channel(f"127.0.0.1:{world.a.port}", credentials, names) as channel:
                metadata = [("authorization", f"Bearer {tokens[token]}")] if tokens[token] else []
                try:
                    return channel.unary_unary(f"/org.{oauth}.v1.apk.S/Unary")(b"abc", metadata=metadata, timeout=DEADLINE)
                except grpc.RpcError as refused:
                    return refused.code().value[0]
        assert call(OFF, GOOD) == b"cba" and call(MANDATORY, GOOD, GOOD) == b"cba"
        assert [call(OFF, certificate) for certificate in (BAD, NONE)] == [16, 16]
        assert [call(MANDATORY, GOOD, token) for token in (BAD, NONE)] == [16, 16]
        assert [call(MANDATORY, NONE, GOOD), call(MANDATORY, BAD, GOOD)] == [16, 16]
