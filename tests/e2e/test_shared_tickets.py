"""Session tickets under keys that authsvc gives the data planes of a group: one replica makes them, another takes them."""

import base64
import re
import subprocess

import grpc
import pytest

import stubs
from conftest import World
from gateway import DEADLINE, classic, wait_for
from origins import free_port
from raw import Connection

VERSIONS = ("1.2", "1.3")


class Fleet(World):
    """One authsvc and replicas of one installation that differ by their address alone, as on several machines."""

    def __init__(self, directory, authsvc_options=()):
        self.denied = directory / "denied"
        self.denied.write_text("")
        self.port, self.count, self.tickets, self.ids, self.directory = free_port(), 0, 0, {}, directory
        self.authsvc_options = ("--set", f"denied_callers_file={self.denied}", *authsvc_options)
        super().__init__(directory)

    def start(self):
        self.gateway.start_authsvc(options=self.authsvc_options)
        self.a, self.b = self.replica("alpha"), self.replica("beta")

    def control(self, name, role="dataplane", group="default"):
        out = self.directory / f"control-{role}-{group}-{name}"
        if not out.exists():
            done = self.gateway.run_ctl("pki", "issue", str(self.gateway.home), "--role", role, "--group", group,
                                        "--name", name, "--out", str(out))
            assert done.returncode == 0, done.stderr
        return out

    def replica(self, name, group="default", options=(), shares=True):
        self.count += 1
        address = f"127.0.0.{self.count}"
        made = self.gateway.start_dataplane(
            system_trust=self.trust, name=name, port=self.port,
            options=["--set", f"listeners.0.address={address}", "--set", f"authsvc.tls_dir={self.control(name, group=group)}",
                     "--set", f"group={group}", *options])
        made.address = address
        if shares:
            wait_for(lambda: shared_keys(made) > 0, f"{name} has the keys of its group")
        return made

    def stored(self, pair):
        """The id of its certificate, which is uploaded once."""
        if pair.fingerprint not in self.ids:
            self.ids[pair.fingerprint] = self.gateway.add_certificate(pair.pem)
        return self.ids[pair.fingerprint]

    def api(self, name, client=None, **more):
        """One that `client` may call, or everybody."""
        origin = self.origin(name)
        if client is not None:
            more = {"use_mutual_tls_auth": True, "client_certificates": [self.stored(client)], **more}
        self.gateway.add_api(classic(name, origin.url, domain=f"{name}.gw.test", use_keyless=True, **more))
        return f"{name}.gw.test"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = Fleet(tmp_path_factory.mktemp("world"))
    yield made
    made.close()


def shared_keys(replica):
    return replica.metric("sallyport_ticket_keys", source="shared")


def visit(replica, host, client=None, ticket=None, keep=None, version="1.3", issuers=None):
    """(status, body, resumed) of one request; `keep`: where the ticket goes."""
    command = ["openssl", "s_client", "-connect", f"{replica.address}:{replica.port}", "-servername", host, "-ign_eof",
               f"-tls{version.replace('.', '_')}"]
    command += ["-cert", str(client.cert), "-key", str(client.key)] if client else []
    command += ["-cert_chain", str(issuers)] if issuers else []
    command += ["-sess_in", str(ticket)] if ticket else []
    command += ["-sess_out", str(keep)] if keep else []
    done = subprocess.run(command, input=f"GET /x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode(),
                          capture_output=True, timeout=2 * DEADLINE)
    text = done.stdout.decode(errors="replace")
    resumed = f"Reused, TLSv{version}" in text
    assert resumed or f"New, TLSv{version}" in text or "New, TLSv1.2" in text, text + done.stderr.decode(errors="replace")
    head, _, rest = text[text.index("HTTP/1.1 "):].partition("\r\n\r\n")
    length = re.search(r"(?i)^content-length: *(\d+)", head, re.M)
    return int(head.split()[1]), rest[:int(length.group(1))] if length else "", resumed


def ticket_of(world, replica, host, client=None, **more):
    world.tickets += 1
    keep = world.directory / f"ticket-{world.tickets}"
    status, _, resumed = visit(replica, host, client, keep=keep, **more)
    assert (status, resumed) == (200, False) and keep.exists()
    return keep


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_of_one_replica_is_resumed_by_another(world, version):
    client = world.client(f"traveller {version}")
    host = world.api(f"travel-{version.replace('.', '-')}", client)
    ticket = ticket_of(world, world.a, host, client, version=version)
    before = world.b.metric("sallyport_handshakes_total", kind="resumed")
    assert visit(world.b, host, client, ticket, version=version)[::2] == (200, True)
    wait_for(lambda: world.b.metric("sallyport_handshakes_total", kind="resumed") == before + 1, "it is counted as such")
    # Without the leaf's key: the ticket stands for it.
    assert visit(world.b, host, None, ticket, version=version)[::2] == (200, True)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_issuers_that_were_presented_go_with_the_ticket(world, version):
    name = version.replace(".", "-")
    root = world.pki.issue(f"Root {name}", ca=True)
    middle = world.pki.issue(f"Middle {name}", root, ca=True)
    client = world.client(f"below {name}", middle)
    host = world.api(f"chain-{name}", root)
    ticket = ticket_of(world, world.a, host, client, version=version, issuers=middle.cert)
    assert visit(world.b, host, client, version=version)[0] == 403, "the leaf alone leads to no CA that is known"
    assert visit(world.b, host, client, ticket, version=version)[::2] == (200, True)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_ticket_is_of_one_name_and_one_group(world, version):
    name, client = version.replace(".", "-"), world.client(f"bound {version}")
    host, other = world.api(f"bound-{name}", client), world.api(f"other-{name}", client)
    ticket = ticket_of(world, world.a, host, client, version=version)
    assert visit(world.b, other, client, ticket, version=version)[::2] == (200, False)
    assert visit(world.b, host, client, ticket, version=version)[::2] == (200, True)
    lab = world.replica(f"lab-{name}", group="lab")
    assert visit(lab, host, client, ticket, version=version)[::2] == (200, False)
    of_lab = ticket_of(world, lab, host, client, version=version)
    assert visit(lab, host, client, of_lab, version=version)[::2] == (200, True)
    assert visit(world.b, host, client, of_lab, version=version)[::2] == (200, False)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_ticket_from_before_other_client_tls_settings_is_not_taken(world, version):
    """One that was made where no certificate was asked for must not pass by the question."""
    name, client = version.replace(".", "-"), world.client(f"asked {version}")
    host = world.api(f"asked-{name}")
    ticket = ticket_of(world, world.a, host, version=version)
    assert visit(world.b, host, None, ticket, version=version)[::2] == (200, True)
    world.gateway.update_api(classic(f"asked-{name}", world.origin(f"asked-{name}").url, domain=host, use_keyless=True,
                                     use_mutual_tls_auth=True, client_certificates=[world.stored(client)]))
    for replica in (world.a, world.b):
        assert visit(replica, host, None, ticket, version=version)[::2] == (403, False)
        assert visit(replica, host, client, ticket, version=version)[::2] == (200, False)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_resumed_connection_is_refused_as_a_full_one_is(world, version):
    name = version.replace(".", "-")
    client, kept = world.client(f"dropped {name}"), world.client(f"kept {name}")
    ids = [world.stored(pair) for pair in (client, kept)]
    definition = classic(f"dropped-{name}", world.origin(f"dropped-{name}").url, domain=f"dropped-{name}.gw.test",
                         use_keyless=True, use_mutual_tls_auth=True, client_certificates=ids)
    world.gateway.add_api(definition)
    host = definition["domain"]
    ticket = ticket_of(world, world.a, host, client, version=version)
    assert visit(world.b, host, client, ticket, version=version)[::2] == (200, True)

    def both_refused(what):
        for replica in (world.a, world.b):
            full, again = (visit(replica, host, client, one, version=version) for one in (None, ticket))
            assert (full[2], again[2]) == (False, True), what
            assert full[0] == 403 and full[1] and full[:2] == again[:2], what
    world.gateway.update_api({**definition, "client_certificates": ids[1:]})
    both_refused("off the allowlist")
    world.gateway.update_api(definition)
    assert visit(world.b, host, client, ticket, version=version)[::2] == (200, True)
    settings = world.directory / f"revoked-{name}.yaml"
    serial = client.certificate.serial_number
    entry = {"issuer_der": client.certificate.issuer.public_bytes(),
             "serial": serial.to_bytes((serial.bit_length() + 7) // 8, "big")}
    lines = "\n  ".join(f"{key}: {base64.b64encode(value).decode()}" for key, value in entry.items())
    settings.write_text(f"apiVersion: sallyport/v1\nkind: GatewaySettings\nid: gateway\nrevoked:\n- {lines}\n")
    done = world.gateway.run_ctl("apply", "-f", str(settings))
    assert done.returncode == 0, done.stdout + done.stderr
    world.gateway.settle()
    both_refused("revoked")
    settings.write_text("apiVersion: sallyport/v1\nkind: GatewaySettings\nid: gateway\nrevoked: []\n")
    assert world.gateway.run_ctl("apply", "-f", str(settings)).returncode == 0
    world.gateway.settle()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_does_not_outlive_its_certificate(world, version):
    """The handshake is a full one then, and its certificate an expired one: no ticket brings it back."""
    name, authority = f"short-{version.replace('.', '-')}", world.pki.issue(f"CA of short lives {version}", ca=True)
    host = world.api(name, authority)

    def begun():
        """Its ticket was taken up once while it was valid."""
        client = world.client(name, authority, days=(-1, 4 / 86400))
        world.tickets += 1
        keep = world.directory / f"ticket-{world.tickets}"
        if visit(world.a, host, client, keep=keep, version=version)[0] != 200:
            return None  # held up, until its end
        return visit(world.b, host, client, keep, version=version)[::2] == (200, True) and (client, keep)
    client, ticket = wait_for(begun, "a session is taken up in time")
    wait_for(lambda: visit(world.a, host, client, version=version)[0] == 403, "it has expired")
    for replica in (world.a, world.b):
        full, again = (visit(replica, host, client, one, version=version) for one in (None, ticket))
        assert full[0] == again[0] == 403 and not again[2] and "xpired" in again[1], again
        assert visit(replica, host, None, ticket, version=version)[::2] == (403, False), "and its key is asked for"


def test_a_replica_with_its_own_keys_or_none_shares_nothing(world):
    client = world.client("apart")
    host = world.api("apart", client)
    own = world.replica("own", options=("--set", "ticket_keys=own"), shares=False)
    off = world.replica("off", options=("--set", "ticket_keys=off"), shares=False)
    ticket, of_own = ticket_of(world, world.a, host, client), ticket_of(world, own, host, client)
    assert shared_keys(own) == shared_keys(off) == 0
    assert visit(own, host, client, of_own)[::2] == (200, True)
    assert visit(own, host, client, ticket)[::2] == (200, False)
    assert visit(world.a, host, client, of_own)[::2] == (200, False)
    keep = world.directory / "none"
    assert visit(off, host, client, ticket, keep=keep)[::2] == (200, False) and not keep.exists()


def test_a_restarted_authsvc_and_a_second_one_give_the_same_keys(world):
    client = world.client("through restarts")
    host = world.api("restarts", client)
    ticket = ticket_of(world, world.a, host, client)
    made = world.gateway.authsvc_metric("sallyport_ticket_keys_made_total")
    assert made >= 1
    second = world.gateway.start_another_authsvc(options=world.authsvc_options)
    of_second = world.replica("of-the-second", options=("--set", f"authsvc.targets.0=127.0.0.1:{second.grpc_port}"))
    assert visit(of_second, host, client, ticket)[::2] == (200, True)
    stranger = world.client("not decided yet")
    assert visit(world.b, host, client)[::2] == (200, False)
    world.gateway.authsvc.stop()
    assert visit(world.b, host, client, ticket)[::2] == (200, True), "nobody needs authsvc for that"
    assert visit(world.b, host, stranger)[::2] == (503, False), "and for this everybody does"
    world.gateway.start_authsvc(options=world.authsvc_options)
    late = world.replica("late")
    assert visit(late, host, client, ticket)[::2] == (200, True)
    assert world.gateway.authsvc_metric("sallyport_ticket_keys_made_total") == 0, "it found them"


def keys_told(port, tls, name="spy", wants=True):
    """What Subscribe tells this caller of ticket keys, up to the first heartbeat after that; or the refusal."""
    messages, services = stubs.load("distribution")
    with stubs.channel(port, tls) as made:
        stream = services.DistributionStub(made).Subscribe(
            messages.SubscribeRequest(name=name, takes_ticket_keys=wants), timeout=DEADLINE)
        told, beats = None, 0
        for update in stream:
            if update.WhichOneof("kind") == "ticket_keys":
                told = update.ticket_keys
            beats += update.WhichOneof("kind") == "heartbeat"
            if told is not None or beats == 4:
                stream.cancel()
                return told
    return told


def test_only_data_planes_that_ask_are_told_and_nothing_tells_on(world):
    port = world.gateway.grpc_port
    told = keys_told(port, world.control("spy"))
    secrets = [key.secret for key in told.keys]
    assert secrets and all(len(secret) == 64 for secret in secrets) and told.life_ms == 3 * 3600 * 1000
    assert keys_told(port, world.control("spy"), wants=False) is None
    elsewhere = keys_told(port, world.control("spy", group="elsewhere"))
    assert not {key.secret for key in elsewhere.keys} & set(secrets)
    for role in ("admin", "reader", "decision"):
        with pytest.raises(grpc.RpcError) as refusal:
            keys_told(port, world.control("spy", role=role))
        assert refusal.value.code() == grpc.StatusCode.PERMISSION_DENIED
    host = world.api("quiet", world.client("quiet"))
    visit(world.a, host)  # refused: goes into logs and telemetry
    said = [world.gateway.run_ctl(*words).stdout for words in (
        ("get", "api", "-o", "json"), ("get", "settings", "-o", "json"), ("get", "certificate", "-o", "json"), ("doctor",),
        ("explain", "--api", "quiet"))]
    said += [world.gateway.rest("GET", path).text for path in ("/tyk/apis", "/tyk/certs", "/tyk/keys", "/tyk/policies")]
    said += [replica.get("/metrics").text for replica in (world.a, world.b)]
    written = [path.read_bytes() for path in world.directory.rglob("*") if path.is_file()]
    assert any(b"ticket_keys.made" in one for one in written), "the logs are among them"
    assert any(b"ticket_keys/default" in one for one in written), "and the store"
    for secret in secrets:
        for part in (secret[:32], secret[32:]):
            for form in (part, part.hex().encode(), part.hex().upper().encode(), base64.b64encode(part)[:40],
                         base64.urlsafe_b64encode(part)[:40]):
                assert not any(form in one for one in written)
                assert not any(form.decode("latin-1") in one for one in said)


def test_the_tickets_of_before_a_denial_are_taken_nowhere(world):
    client = world.client("before the denial")
    host = world.api("denial", client)
    # Also a replica of another authsvc, whose list is empty.
    second = world.gateway.start_another_authsvc()
    careless = ("--set", f"authsvc.targets.0=127.0.0.1:{second.grpc_port}")
    of_second = world.replica("of-careless", options=careless)
    stolen = world.replica("stolen")
    lab = world.replica("lab-spared", group="lab")
    tickets = [ticket_of(world, replica, host, client) for replica in (world.a, stolen)]
    of_lab = ticket_of(world, lab, host, client)
    for ticket in tickets:
        assert visit(world.b, host, client, ticket)[::2] == (200, True)
    world.denied.write_text("spiffe://sallyport/sallyport/dataplane/default/stolen\n")
    wait_for(lambda: not stolen.ready(), "it has lost its stream")
    for replica in (world.a, world.b, of_second):
        for ticket in tickets:
            wait_for(lambda: not visit(replica, host, client, ticket)[2], f"{replica.name} takes it no more")
    wait_for(lambda: shared_keys(stolen) == 0, "it has dropped its keys")
    assert visit(lab, host, client, of_lab)[::2] == (200, True), "another group has other keys"
    wait_for(lambda: shared_keys(world.a) == shared_keys(world.b) == shared_keys(of_second) == 1, "all have new ones")

    def shared_again():
        fresh = ticket_of(world, world.a, host, client)
        return visit(world.b, host, client, fresh)[2] and visit(of_second, host, client, fresh)[2]
    wait_for(shared_again, "the others share new keys")
    # The careless one lets it in, but gives it none of them.
    stolen.stop()
    world.gateway.replicas.remove(stolen)
    accepted = world.replica("stolen", options=careless, shares=False)
    assert len(keys_told(second.grpc_port, world.control("stolen")).keys) == 0
    assert accepted.ready() and shared_keys(accepted) == 0
    fresh = ticket_of(world, world.a, host, client)
    assert visit(accepted, host, client, fresh)[::2] == (200, False)
    # Not denied any more: it shares again.
    world.denied.write_text("")
    wait_for(lambda: visit(accepted, host, client, ticket_of(world, world.a, host, client))[2], "it is given them again")


@pytest.fixture(scope="module")
def fast(tmp_path_factory):
    made = Fleet(tmp_path_factory.mktemp("fast"), ("--set", "ticket_keys.rotate_every=10s"))
    yield made
    made.close()


def test_two_rotations_keep_a_ticket_and_three_do_not(fast):
    client = fast.client("over rotations")
    host = fast.api("rotations", client)

    def made():
        return fast.gateway.authsvc_metric("sallyport_ticket_keys_made_total")

    def after_rotations(count):
        """What becomes of a ticket in the time of the so-manieth key after its own; None: held up for longer than that."""
        wait_for(lambda: fast.b.metric("sallyport_ticket_key_in_use_age_seconds", source="shared") < 4, "a young key")
        begun = made()
        ticket = ticket_of(fast, fast.a, host, client)
        if made() != begun:
            return None
        wait_for(lambda: made() >= begun + count, f"{count} rotations")
        wait_for(lambda: fast.b.metric("sallyport_ticket_key_in_use_age_seconds", source="shared") < 9, "they are pushed")
        resumed = visit(fast.b, host, client, ticket)[::2]
        return (resumed,) if made() == begun + count else None
    with Connection(fast.a, host, client) as open_connection:
        assert open_connection.get()[0] == 200
        assert wait_for(lambda: after_rotations(2), "not held up", 5 * DEADLINE) == ((200, True),)
        assert wait_for(lambda: after_rotations(3), "not held up", 5 * DEADLINE) == ((200, False),)
        assert open_connection.get()[0] == 200, "no rotation ends a connection"
    assert shared_keys(fast.a) == shared_keys(fast.b) == 3
