"""User names and passwords (RFC 7617): Tyk's users by REST, keys by apply, and who is let in by them."""

import base64
import concurrent.futures

import pytest

from gateway import classic, oas, session, wait_for

PASSWORD = "open sesame: ünd mehr"


def login(user, password=PASSWORD):
    return "Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture(scope="module")
def users(world):
    """A Classic API with basic authentication and the user ali."""
    origin = world.origin("behind logins")
    world.gateway.add_api(classic("users", origin.url, domain="users.gw.test", use_basic_auth=True, strip_auth_data=True))
    made = world.gateway.rest("POST", "/tyk/keys/ali", session("users", basic_auth_data={"password": PASSWORD}))
    assert made.status_code == 200, made.text
    assert made.json()["key"] == "defaultali" and PASSWORD not in made.text
    world.gateway.settle()
    return origin


def call(world, *headers, path="/x", **more):
    return world.a.curl(path, host="users.gw.test", headers=list(headers), **more)


def test_who_knows_the_password_is_let_in_and_it_goes_no_further(world, users):
    for options in ([], ["--http2"]):
        answer = call(world, login("ali"), options=options)
        assert answer.status == 200, answer.body
    assert users.last().all("Authorization") == []


@pytest.mark.parametrize("header, status", [
    (login("ali", "wrong"), 401), (login("Ali"), 401), (login("eve"), 401), (login("ali", ""), 401),
    ("Authorization: Basic !!!", 401), ("Authorization: Basic YWxp", 401), ("Authorization: Bearer abc", 401), ("X: y", 401)])
def test_nobody_else(world, users, header, status):
    before = len(users.requests)
    answer = call(world, header)
    assert answer.status == status
    assert answer.headers["www-authenticate"] == 'Basic realm="users", charset="UTF-8"'
    assert len(users.requests) == before


def test_tyk_words(world, users):
    assert call(world, login("ali", "wrong")).message == "User not authorised"
    assert call(world).message == "Authorization field missing"


def test_a_user_name_is_no_token(world, users):
    """Tyk keeps users and tokens in one place: there the name alone opens an API of tokens."""
    world.gateway.add_api(classic("users-token", users.url, domain="users-token.gw.test", use_standard_auth=True))
    made = world.gateway.rest("POST", "/tyk/keys/bertha-the-user",
                              session("users-token", basic_auth_data={"password": PASSWORD}))
    assert made.status_code == 200, made.text
    world.gateway.settle()
    for token in ("bertha-the-user", "defaultbertha-the-user"):
        assert world.a.curl("/x", host="users-token.gw.test", headers=[f"Authorization: {token}"]).status == 403


def test_answers_show_the_user_and_never_a_hash(world, users):
    for name in ("ali", "defaultali"):
        shown = world.gateway.rest("GET", f"/tyk/keys/{name}")
        assert shown.status_code == 200 and shown.json()["basic_auth_data"] == {"password": ""}
    (key,) = world.gateway.rest("GET", "/tyk/keys?api_id=users").json()["keys"]
    told = world.gateway.run_ctl("get", "key", key, "-o", "yaml")
    assert "ali" in told.stdout and "$y$" not in told.stdout and "sesame" not in told.stdout


def test_another_password_counts_at_once_and_the_old_one_no_more(world, users):
    rest = world.gateway.rest
    assert rest("POST", "/tyk/keys/carl", session("users", basic_auth_data={"password": "first"})).status_code == 200
    world.gateway.settle()
    assert call(world, login("carl", "first")).status == 200
    assert rest("PUT", "/tyk/keys/carl", session("users", basic_auth_data={"password": "second"})).status_code == 200
    world.gateway.settle()
    assert call(world, login("carl", "first")).status == 401
    assert call(world, login("carl", "second")).status == 200
    assert rest("PUT", "/tyk/keys/carl", session("users", alias="kept")).status_code == 200
    world.gateway.settle()
    assert call(world, login("carl", "second")).status == 200, "no password in it: the old one stays"
    assert rest("DELETE", "/tyk/keys/carl").status_code == 200
    world.gateway.settle()
    assert call(world, login("carl", "second")).status == 401


def test_the_hash_that_tyk_stored_is_taken_over(world, users):
    hashed = "$2a$10$abcdefghijklmnopqrstuubMhJVnof2YL1FVVzsne1ermx/yHeLXu"  # bcrypt of "old secret"
    made = world.gateway.rest("POST", "/tyk/keys/dora", session(
        "users", basic_auth_data={"password": hashed, "hash_type": "bcrypt"}))
    assert made.status_code == 200, made.text
    world.gateway.settle()
    assert call(world, login("dora", "old secret")).status == 200
    assert call(world, login("dora", hashed)).status == 401


@pytest.mark.parametrize("data, said", [
    ({"password": "x" * 600}, "shorter than 512"), ({"password": "abc", "hash_type": "bcrypt"}, "bcrypt"),
    ({"password": "abc", "hash_type": "sha256"}, "hash_type"), ({"password": "$1$a$b", "hash_type": "bcrypt"}, "bcrypt")])
def test_what_is_no_password_is_refused(world, users, data, said):
    answer = world.gateway.rest("POST", "/tyk/keys/eric", session("users", basic_auth_data=data))
    assert answer.status_code == 400 and said in answer.text
    assert data["password"] not in answer.text
    assert world.gateway.rest("GET", "/tyk/keys/eric").status_code == 404


def test_a_user_needs_a_name_in_the_call(world, users):
    answer = world.gateway.rest("POST", "/tyk/keys/create", session("users", basic_auth_data={"password": "x"}))
    assert answer.status_code == 400 and "POST /tyk/keys/USERNAME" in answer.text


def test_guesses_do_not_keep_a_known_user_out(world, users):
    """Forty guesses at one name at once: none is let in, and the user is."""
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        guesses = [pool.submit(call, world, login("ali", f"guess {i}")) for i in range(40)]
        assert wait_for(lambda: call(world, login("ali")).status == 200, "the right password while others guess")
        statuses = {guess.result().status for guess in guesses}
    assert statuses <= {401, 503}


def test_a_refusal_is_reported_without_the_password(world, users):
    answer = call(world, login("ali", "misspelt sesame"))
    request = answer.headers["x-request-id"]
    told = wait_for(lambda: (lambda done: done if done.returncode == 0 and "LOGIN_INVALID" in done.stdout else None)(
        world.gateway.run_ctl("explain", "--request", request)), "the refusal in authsvc")
    assert "misspelt" not in told.stdout and "not asked again" in told.stdout


def test_explain_with_a_login(world, users, tmp_path):
    file = tmp_path / "login"
    file.write_text(f"ali:{PASSWORD}")
    told = world.gateway.run_ctl("explain", "--api", "users", "--login-file", str(file))
    assert told.returncode == 0 and "login is that of key" in told.stdout, told.stdout + told.stderr
    file.write_text("ali:wrong")
    told = world.gateway.run_ctl("explain", "--api", "users", "--login-file", str(file))
    assert "LOGIN_INVALID" in told.stdout and "wrong" not in told.stdout.replace("is wrong", "")


def test_with_a_certificate_both_must_pass(world, users):
    pair = world.client("login and certificate")
    certificate = world.gateway.add_certificate(pair.pem)
    world.gateway.add_api(classic("users-mtls", users.url, domain="users-mtls.gw.test", use_basic_auth=True,
                                  use_mutual_tls_auth=True, client_certificates=[certificate]))
    assert world.gateway.rest("POST", "/tyk/keys/fay", session(
        "users-mtls", basic_auth_data={"password": PASSWORD})).status_code == 200
    world.gateway.settle()

    def ask(client, *headers):
        return world.a.curl("/x", client, host="users-mtls.gw.test", headers=list(headers)).status
    assert ask(pair, login("fay")) == 200
    assert ask(pair) == 401 and ask(pair, login("fay", "wrong")) == 401
    assert ask(None, login("fay")) == 403 and ask(world.client("other"), login("fay")) == 403
    assert ask(pair, login("ali")) == 403, "ali has no right to this API"


def test_oas_and_native_forms(world, users):
    world.gateway.add_oas(oas(
        "users-oas", users.url, security=[{"people": []}],
        components={"securitySchemes": {"people": {"type": "http", "scheme": "basic"}}},
        server={"authentication": {"enabled": True, "securitySchemes": {"people": {"enabled": True}}}}))
    key = {"apiVersion": "sallyport/v1", "kind": "Key", "metadata": {"name": "gus"}, "spec": {
        "orgId": "default", "accessRights": [{"apiId": "users-oas"}],
        "basicLogin": {"username": "gus", "password": PASSWORD}}}
    assert "created" in world.gateway.apply(key)
    assert "unchanged" in world.gateway.apply(key)
    assert world.a.curl("/x", host="users-oas.gw.test", headers=[login("gus")]).status == 200
    assert world.a.curl("/x", host="users-oas.gw.test", headers=[login("gus", "x")]).status == 401
    shown = world.gateway.run_ctl("get", "key", "gus", "-o", "yaml").stdout
    assert "gus" in shown and "sesame" not in shown


@pytest.mark.parametrize("change, said", [
    ({"use_keyless": True}, "contradicts use_basic_auth"),
    ({"use_standard_auth": True}, "where a token is looked for"),
    ({"basic_auth": {"extract_from_body": True}}, "extract_from_body"),
    ({"auth_configs": {"basic": {"auth_header_name": "X-User"}}}, "Authorization alone")])
def test_what_contradicts_is_refused(world, users, change, said):
    answer = world.gateway.rest("POST", "/tyk/apis", classic(
        "users-bad", users.url, domain="users-bad.gw.test", use_basic_auth=True, **change))
    assert answer.status_code == 400 and said in answer.text, answer.text
