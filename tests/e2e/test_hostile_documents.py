"""Documents that nobody means well with, in every dialect and by every way in: a clear refusal in bounded time and memory, nothing
of it stored, and the service goes on."""

import copy
import json
import subprocess
import time

import pytest
import requests

from gateway import DEADLINE, SLOWER, Gateway, classic, oas

BOUND_SECONDS = 20 * SLOWER  # of one refusal, in any build; hundredths are usual in Release
BOUND_KB = 2 << 20           # of the service's memory


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    made = Gateway(tmp_path_factory.mktemp("hostile"))
    with made.stopped_on_failure():
        made.start_authsvc()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def unmoved(gateway):
    """Whatever a test sends: nothing is stored, and the service lives, answers and is no giant."""
    before = gateway.authsvc_metric("sallyport_store_revision")
    yield
    gateway.authsvc.require_alive()
    assert gateway.authsvc_metric("sallyport_store_revision") == before
    assert gateway.rest("GET", "/tyk/apis").json() == []
    assert gateway.authsvc.memory_kb() < BOUND_KB * (4 if SLOWER > 1 else 1)


# --- one document of each dialect that would be taken

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
RIGHTS = {"x": {"api_id": "x", "api_name": "x", "versions": ["Default"]}}
GOOD = {
    "native": {"apiVersion": "sallyport/v1", "kind": "Api", "id": "n", "listenPath": "/n", "keyless": True,
               "clientTls": {"staticMtls": "REQUIREMENT_OPTIONAL", "allowlist": [{"certificateId": "c"}]},
               "upstream": {"targets": [{"url": "https://up.test"}]}},
    "tyk-classic": classic("c", "https://up.test", listen_path="/c/", use_keyless=True, upstream_certificates={"*": "id"},
                           pinned_public_keys={"a.test": "id"}),
    "tyk-oas": oas("o", "https://up.test/", server={"authentication": {"enabled": True, "securitySchemes": {"token": {
        "enabled": True, "header": {"enabled": True, "name": "Authorization"}}}}}),
    "tyk-operator": {"apiVersion": "tyk.tyk.io/v1alpha1", "kind": "ApiDefinition", "metadata": {"name": "p"}, "spec": {
        "name": "p", "active": True, "use_keyless": True, "use_mutual_tls_auth": True, "client_certificate_refs": ["s"],
        "proxy": {"target_url": "https://up.test", "listen_path": "/p", "strip_listen_path": True},
        "version_data": {"not_versioned": True, "default_version": "Default", "versions": {"Default": {"name": "Default"}}}}},
    "kubernetes": {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "type": "Opaque", "data": {"token": "aHVzaA=="}},
    "apk-conf": {"name": "K", "basePath": "/k", "version": "1", "type": "REST", "id": "k",
                 "endpointConfigurations": {"production": {"endpoint": "https://up.test"}},
                 "operations": [{"target": "/k", "verb": "GET", "secured": True, "scopes": []}],
                 "authentication": [{"authType": "mTLS", "required": "mandatory", "certificates": [{"name": "m", "key": "tls.crt"}]}]},
    "apk": {"apiVersion": "dp.wso2.com/v1alpha2", "kind": "Authentication", "metadata": {"name": "a"}, "spec": {
        "default": {"authTypes": {"mtls": {"required": "mandatory", "configMapRefs": [{"name": "m", "key": "tls.crt"}]}}},
        "targetRef": {"group": "gateway.networking.k8s.io", "kind": "API", "name": "k"}}},
    "tyk-key": {"org_id": "default", "certificate": "default" + "0" * 64, "rate": 1, "per": 1, "access_rights": RIGHTS},
    "tyk-policy": {"id": "g", "org_id": "default", "name": "g", "rate": 1, "per": 1, "active": True, "access_rights": RIGHTS},
    "tyk-gateway": {"security": {"certificates": {"upstream": {"*": "id"}}, "pinned_public_keys": {"a.test": "id"}}},
}
APISIX = {
    "/routes/1": {"uri": "/a", "upstream": {"type": "roundrobin", "nodes": {"127.0.0.1:9": 1}}},
    "/upstreams/1": {"scheme": "https", "nodes": {"127.0.0.1:9": 1}, "tls": {"verify": True, "ca_certs": [PEM]}},
    "/ssls/1": {"cert": PEM, "key": "x", "snis": ["a.test"], "client": {"ca": PEM, "depth": 1}},
    "/consumers": {"username": "jack", "plugins": {"key-auth": {"key": "auth-one-of-jack"}}},
}
REST = {"tyk-classic": "/tyk/apis", "tyk-oas": "/tyk/apis/oas", "tyk-key": "/tyk/keys/create", "tyk-policy": "/tyk/policies"}


# --- what is sent

def bomb():
    """Ten names, each ten times the one before: 10 GB of text where aliases are copied."""
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    return "\n".join(lines).encode()


SHAPES = {
    "empty": b"",
    "blank": b" \n\t\n",
    "nul": b"\0\0\0\0",
    "not UTF-8": b'{"name": "\xff\xfe\x80", "proxy": "\xc3\x28"}',
    "control characters": b'{"name": "a\x01\x1b[2Jb", "proxy": 1',
    "cut": b'{"name": "x", "proxy": {"target_url": "https://up',
    "brackets": b"[" * 200_000,
    "braces": b'{"a":' * 200_000,
    "closed brackets": b"[" * 200_000 + b"]" * 200_000,
    "nested objects": b'{"proxy":' * 100_000 + b"1" + b"}" * 100_000,
    "nested YAML": b"- " * 50_000 + b"x",
    "brackets as YAML": b"[" * 200_000 + b"\n---\na: b",
    "names of names": b"? " * 50_000 + b"x",
    "tags, anchors and quotes": b"&a !!str " * 20_000 + b"'x",
    "indented YAML": b"\n".join(b" " * depth + b"a:" for depth in range(2_000)),
    "a bomb": bomb(),
    "an alias of itself": b"a: &a [*a, *a]",
    "merge keys": b"a: &a {b: c}\nd: {<<: *a}",
    "a tag that makes objects": b"!!python/object/apply:os.system ['true']",
    "many anchors": b"\n".join(b"k%d: &k%d [1]" % (n, n) for n in range(300_000)),
    "many documents": b"--- {a: b}\n" * 100_000,
    "many values": b"[" + b"1," * 2_000_000 + b"1]",
    "a huge number": b'{"name": 1' + b"0" * 1_000_000 + b"}",
    "a huge text": b'{"name": "' + b"x" * 9_000_000 + b'"}',
    "a list": b"[1, 2, 3]",
    "a text": b'"text"',
    "nothing": b"null",
}


def with_duplicate(document):
    """The same name twice, at the top and below: which one counts must not depend on the reader."""
    text = json.dumps(document)
    first = json.dumps(next(iter(document)))
    return text.replace(first + ":", f"{first}: 1, {first}:", 1)


# --- apply

def apply(gateway, content, *options):
    began = time.monotonic()
    file = gateway.directory / "hostile.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = gateway.run_ctl("apply", "-f", str(file), *options)
    assert time.monotonic() - began < BOUND_SECONDS
    return done


def is_clear(text):
    """For a person's terminal: it says something, is no flood, and holds no control characters."""
    assert 10 < len(text) < 4096, text[:5000]
    assert all(character.isprintable() or character == "\n" for character in text), text
    for word in ("exception", "what():", "terminate", "nlohmann", "yaml-cpp", "std::", ".cc:"):
        assert word not in text, text


@pytest.mark.parametrize("shape", SHAPES)
def test_apply(gateway, shape):
    done = apply(gateway, SHAPES[shape])
    assert done.returncode == 1, done
    assert "refused" in done.stdout, done
    if shape == "many documents":
        assert "further refusals are not listed" in done.stdout and done.stdout.count("\n") < 2000
    else:
        is_clear(done.stdout + done.stderr)


def test_apply_as_each_dialect(gateway):
    """Whoever names the dialect forces its converter."""
    for dialect in GOOD:
        for shape in ("nested objects", "a bomb", "a list"):
            done = apply(gateway, SHAPES[shape], "--as", dialect)
            assert done.returncode == 1 and "refused" in done.stdout, (dialect, shape, done)
            is_clear(done.stdout + done.stderr)


@pytest.mark.parametrize("dialect", GOOD)
def test_apply_of_a_name_twice(gateway, dialect):
    taken = apply(gateway, json.dumps(GOOD[dialect]), "--dry-run")
    assert taken.returncode == 0, taken
    for text in (with_duplicate(GOOD[dialect]), json.dumps(GOOD[dialect])[:-1] + ', "zz": 1, "zz": 2}'):
        done = apply(gateway, text)
        assert done.returncode == 1 and "twice" in done.stdout, done


def places(node, path=()):
    """Every place of a document."""
    yield path
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from places(child, path + (key,))


def replaced(document, path, value):
    made = copy.deepcopy(document)
    at = made
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return made


WRONG = [[], {}, [[]], {"": {"": []}}, 17, -1, 1e308, True, None, "", "\u0000", "a\nb", "x" * 70_000, [None, 1, "a", {}]]


def mutated(document):
    return [replaced(document, path, value) for path in places(document) if path for value in WRONG]


@pytest.mark.parametrize("dialect", GOOD)
def test_apply_of_wrong_types(gateway, dialect):
    """Each place of a good document holds each wrong thing, beside one that is right: some are taken for what they are (a text
    for a number, a list of one), but not one crashes, and where any is refused nothing is stored."""
    documents = [GOOD[dialect], {"apiVersion": "sallyport/v1", "kind": "Api", "id": "wrong", "keyless": "perhaps"}]
    documents += mutated(GOOD[dialect])
    done = apply(gateway, "".join(f"--- {json.dumps(document)}\n" for document in documents), "-o", "json")
    assert done.returncode == 1, done.stderr[-2000:]
    results = json.loads(done.stdout)
    assert not results["applied"] and len(results["results"]) >= len(documents)
    refusals = [one for one in results["results"] if one["outcome"] == "refused"]
    assert len(refusals) > len(documents) / 3, "most places say no to most of these"
    for one in refusals:
        assert ":" in one["message"] and "x" * 2_000 not in one["message"], one["message"][:300]


def test_nothing_of_an_apply_is_stored_where_one_document_is_not(gateway):
    good = [json.dumps(document) for document in GOOD.values()]
    assert apply(gateway, "\n---\n".join(good), "--dry-run").returncode == 0
    for bad in ("{", "a: [", "proxy: {listen_path: 7}", '{"apiVersion": "v2", "kind": "Nonsense"}', "a: &a [*a]"):
        for documents in ([*good, bad], [bad, *good], [*good[:4], bad, *good[4:]]):
            done = apply(gateway, "\n---\n".join(documents))
            assert done.returncode == 1 and "nothing was applied" in done.stderr, (bad, done)
    folder = gateway.directory / "mixed"
    folder.mkdir()
    for number, text in enumerate([*good, "{"]):
        (folder / f"{number:02d}.yaml").write_text(text)
    done = gateway.run_ctl("apply", "-f", str(folder))
    assert done.returncode == 1 and f"{len(good):02d}.yaml" in done.stdout


def test_a_file_of_100_mb(gateway):
    file = gateway.directory / "huge.yaml"
    with open(file, "wb") as out:
        out.truncate(100_000_000)
    done = gateway.run_ctl("apply", "-f", str(file))
    assert done.returncode == 1 and "larger than 64 MB" in done.stderr
    file.unlink()
    for number in range(8):
        (gateway.directory / f"big-{number}.yaml").write_bytes(b"#" * 9_000_000)
    files = [word for number in range(8) for word in ("-f", str(gateway.directory / f"big-{number}.yaml"))]
    done = gateway.run_ctl("apply", *files)
    assert done.returncode == 1 and "larger than max" in done.stderr and "apply fewer documents at once" in done.stderr
    is_clear(done.stdout + done.stderr)


HUSH = "hush-of-the-tests"
SPILLS = [  # each is wrong beside, in, or because of a value that is nobody's business
    {"apiVersion": "sallyport/v1", "kind": "Key", "id": "k", "token": [HUSH]},
    {"apiVersion": "sallyport/v1", "kind": "Key", "id": "k", "token": HUSH[:8]},
    {"apiVersion": "sallyport/v1", "kind": "Key", "id": "k", "tokn": HUSH},
    {"apiVersion": "sallyport/v1", "kind": "Certificate", "pem": f"-----BEGIN PRIVATE KEY-----\n{HUSH}\n-----END PRIVATE KEY-----\n"},
    {"apiVersion": "sallyport/v1", "kind": "Api", "id": "a", "upstream": {
        "targets": [{"url": f"https://user:{HUSH}@up.test"}], "forwardProxy": {"password": [HUSH]}}},
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"token": HUSH + "!"}},
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"token": {HUSH: HUSH}}},
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "type": "kubernetes.io/tls",
     "stringData": {"tls.crt": PEM, "tls.key": f"-----BEGIN PRIVATE KEY-----\n{HUSH}\n"}},
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": HUSH},
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "dta": {"token": HUSH}},
    {"secret": HUSH, "node_secret": [HUSH], "security": {"private_certificate_encoding_secret": {HUSH: 1}, "pinned_public_key": {}}},
    {**GOOD["tyk-key"], "basic_auth_data": {"password": HUSH}, "jwt_data": {"secret": HUSH}},
    {**GOOD["tyk-classic"], "jwt_source": HUSH, "enable_jwt": [HUSH], "request_signing": {"secret": HUSH, "is_enabled": True}},
]
SPILLED_TEXTS = [f'{{"apiVersion": "v1", "kind": "Secret", "data": {{"token": "{HUSH}}}', f"kind: Secret\ndata: {{token: '{HUSH}\n",
                 f'{{"token": "{HUSH}" "{HUSH}"}}', f"a: *{HUSH}\n", f"a: !{HUSH} b\n", f"%{HUSH} 1\n"]


def test_no_refusal_tells_a_secret(gateway):
    answers = []
    for document in [*map(json.dumps, SPILLS), *SPILLED_TEXTS]:
        done = apply(gateway, document)
        assert done.returncode == 1, (document, done)
        answers.append((document, done.stdout + done.stderr))
    for path, document in (("/ssls/1", {**APISIX["/ssls/1"], "key": HUSH}), ("/ssls/1", {**APISIX["/ssls/1"], "keys": HUSH}),
                           ("/consumers", {"username": "jack", "plugins": {"key-auth": {"key": [HUSH]}}}),
                           ("/consumers", {"username": "jack", "plugins": {"key-auth": {"kee": HUSH}}}),
                           ("/upstreams/1", {"nodes": {"a:1": 1}, "tls": {"client_cert": PEM, "client_key": HUSH}})):
        answer = send(gateway, "apisix", "/apisix/admin" + path, json.dumps(document), "PUT")
        refused(answer, path, "a secret")
        answers.append((document, answer.text))
    for content in (f"-----BEGIN PRIVATE KEY-----\n{HUSH}\n-----END PRIVATE KEY-----\n", PEM + HUSH, '{"' + HUSH):
        answer = send(gateway, "tyk", "/tyk/certs", content)
        refused(answer, "/tyk/certs", "a secret")
        answers.append((content, answer.text))
    for given, told in answers:
        assert HUSH[:8] not in told, (given, told)
    assert HUSH[:8] not in gateway.authsvc.text()


# --- the REST surfaces

def send(gateway, surface, path, content, method="POST"):
    """One of the three, with its own header; the answer, in time."""
    key, files = gateway.admin_key, None
    headers = {"tyk": {"X-Tyk-Authorization": key}, "apisix": {"X-API-KEY": key},
               "deployer": {"Authorization": f"Bearer {key}"}}[surface]
    if surface == "deployer":
        files, content = {"apkConfiguration": ("a.apk-conf", content, "application/octet-stream")}, None
    began = time.monotonic()
    answer = requests.request(method, f"https://127.0.0.1:{gateway.admin_port}{path}", headers=headers, data=content, files=files,
                              verify=False, timeout=2 * DEADLINE)
    assert time.monotonic() - began < BOUND_SECONDS
    return answer


WAYS = [("tyk", "/tyk/apis", "POST"), ("tyk", "/tyk/apis/oas", "POST"), ("tyk", "/tyk/keys/create", "POST"),
        ("tyk", "/tyk/policies", "POST"), ("tyk", "/tyk/certs", "POST"), ("apisix", "/apisix/admin/routes/1", "PUT"),
        ("apisix", "/apisix/admin/ssls/1", "PATCH"), ("deployer", "/api/deployer/apis/deploy", "POST")]


FEW = ("empty", "nul", "not UTF-8", "control characters", "cut", "brackets", "nested objects", "a bomb", "many values", "a list")


def refused(answer, path, what):
    """The caller's fault by status; Tyk says 500 for a session that cannot be read, and so do we."""
    tyks = path == "/tyk/keys/create" and "Unmarshalling failed" in answer.text and answer.status_code == 500
    assert tyks or 400 <= answer.status_code < 500, (path, what, answer.status_code, answer.text[:300])
    is_clear(answer.text)


@pytest.mark.parametrize("surface, path, method", WAYS)
def test_by_rest(gateway, surface, path, method):
    for shape in FEW:
        refused(send(gateway, surface, path, SHAPES[shape], method), path, shape)


def test_a_name_twice_by_rest(gateway):
    for dialect, path in REST.items():
        refused(send(gateway, "tyk", path, with_duplicate(GOOD[dialect])), path, "a name twice")
    for path, document in APISIX.items():
        refused(send(gateway, "apisix", "/apisix/admin" + path, with_duplicate(document), "PUT"), path, "a name twice")
    refused(send(gateway, "deployer", "/api/deployer/apis/deploy", with_duplicate(GOOD["apk-conf"])), "", "a name twice")


def test_wrong_types_by_rest(gateway):
    """Beside a field that is refused anyway, so that nothing is stored whatever the rest is taken for."""
    session = requests.Session()
    ways = [("/tyk/apis", "POST", "X-Tyk-Authorization", GOOD["tyk-classic"]),
            ("/apisix/admin/ssls/1", "PUT", "X-API-KEY", APISIX["/ssls/1"])]
    for path, method, header, document in ways:
        spoilt = {**document, "use_mutual_tls_atuh": True}
        for one in mutated(spoilt):
            answer = session.request(method, f"https://127.0.0.1:{gateway.admin_port}{path}", data=json.dumps(one), verify=False,
                                     headers={header: gateway.admin_key}, timeout=2 * DEADLINE)
            assert answer.status_code == 400 and "x" * 2_000 not in answer.text, (path, answer.status_code, answer.text[:300])


@pytest.mark.parametrize("surface, path, method", [WAYS[0], WAYS[-1]])
def test_100_mb_by_rest(gateway, surface, path, method):
    """Who sends all of it before reading anything gets the answer, too."""
    answer = send(gateway, surface, path, b"{" + b" " * 100_000_000, method)
    assert answer.status_code == 413, answer
    is_clear(answer.text)


def test_100_mb_by_curl(gateway):
    file = gateway.directory / "100-mb.json"
    with open(file, "wb") as out:
        out.truncate(100_000_000)
    for more in ((), ("-H", "Transfer-Encoding: chunked")):
        done = subprocess.run(["curl", "-sS", "-k", "-i", "--data-binary", f"@{file}", "-H", f"X-Tyk-Authorization: {gateway.admin_key}",
                               *more, f"https://127.0.0.1:{gateway.admin_port}/tyk/apis"], capture_output=True, text=True,
                              timeout=2 * DEADLINE)
        assert done.returncode == 0 and "HTTP/1.1 413" in done.stdout, done
    file.unlink()


# --- files that a service or a tool is started with

@pytest.mark.parametrize("option", ["--tyk-config", "--apisix-config"])
def test_configurations_of_other_gateways(gateway, option):
    file = gateway.directory / "gateway.conf"
    for shape in FEW:
        file.write_bytes(SHAPES[shape])
        done = subprocess.run(gateway.authsvc_command(option, str(file), "--check-config"), capture_output=True, text=True,
                              timeout=2 * DEADLINE)
        assert done.returncode == 2 and str(file) in done.stderr, (shape, done)
        is_clear(done.stderr)


def test_a_directory_of_another_gateway(gateway, tmp_path):
    for folder in ("apps", "policies"):
        (tmp_path / folder).mkdir()
    good = {"app_path": "apps", "policies": {"policy_source": "file", "policy_record_name": "policies/policies.json"}}
    files = {"tyk.conf": json.dumps(good), "apps/a.json": json.dumps(GOOD["tyk-classic"]),
             "policies/policies.json": json.dumps({"g": GOOD["tyk-policy"]})}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert gateway.run_ctl("import", "tyk", str(tmp_path), "--dry-run").returncode == 0
    for name, text in files.items():
        for shape in ("not UTF-8", "nested objects", "many values", "cut", "a text"):
            (tmp_path / name).write_bytes(SHAPES[shape])
            done = gateway.run_ctl("import", "tyk", str(tmp_path))
            assert done.returncode == 1 and name.rpartition("/")[2] in done.stdout + done.stderr, (name, shape, done)
            is_clear(done.stdout + done.stderr)
        (tmp_path / name).write_text(text)
