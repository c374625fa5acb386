"""The network between a data plane and authsvc fails while both are well: what is known is served for a bounded
time, strangers are refused at once, and it comes back by itself."""

import time

import pytest

import gateway as gateway_module
from cut import CutProxy
from gateway import SLOWER, classic, session, wait_for
from origins import Origin
from raw import Connection

STALE_SECONDS = 10


class Setup:
    """One gateway whose data plane reaches authsvc through a proxy that can be cut."""

    def __init__(self, directory):
        self.gateway = gateway_module.Gateway(directory)
        self.origin, self.proxy = Origin("cut"), CutProxy(self.gateway.grpc_port)
        with self.gateway.stopped_on_failure():
            self.gateway.start_authsvc(options=["--set", f"stale_if_error={STALE_SECONDS}s"])
            self.replica = self.gateway.start_dataplane(options=[
                "--set", f"authsvc.targets.0=127.0.0.1:{self.proxy.port}",
                "--set", f"authsvc.authorize_deadline={500 * SLOWER:.0f}ms"])
            self.gateway.add_api(classic("cut", self.origin.url, domain="cut.gw.test",
                                         auth_configs={"authToken": {"use_certificate": True}}))

    def register(self):
        pair = self.gateway.pki.self_signed("cut")
        certificate_id = self.gateway.add_certificate(pair.pem)
        self.gateway.create_key(session("cut", certificate_id))
        return pair, certificate_id

    def call(self, pair):
        return self.replica.curl("/x", client=pair, host="cut.gw.test")

    def decided(self, pair):
        """The status once an authsvc was heard in time."""
        return wait_for(lambda: (answer := self.call(pair)).status != 503 and answer.status, "decided")

    def close(self):
        self.origin.close()
        self.gateway.stop()
        self.proxy.close()


@pytest.fixture(scope="module")
def setup(tmp_path_factory):
    made = Setup(tmp_path_factory.mktemp("cut"))
    yield made
    made.close()


@pytest.mark.parametrize("how", ["black_hole", "reset"])
def test_a_cut_between_two_that_are_well(setup, how):
    gateway = setup.gateway
    (known, known_id), (other, _) = setup.register(), setup.register()
    gateway.settle()
    assert setup.decided(known) == 200 and setup.decided(other) == 200
    living = Connection(setup.replica, "cut.gw.test", known)
    wait_for(lambda: living.get()[0] == 200, "known")

    cut = time.monotonic()
    wait_for(lambda: setup.replica.metric("sallyport_stream_healthy") == 1, "the last proof is young")
    getattr(setup.proxy, how)()
    try:
        assert living.get()[0] == 200, "what is known is served"
        assert gateway.delete_certificate(known_id).status_code == 200, "which the data plane cannot know"
        stranger, _ = setup.register()
        before, asked = len(setup.origin.requests), time.monotonic()
        answer = setup.call(stranger)
        assert answer.status == 503 and "retry-after" in answer.headers, "never let in unasked"
        assert time.monotonic() - asked < 20
        assert len(setup.origin.requests) == before

        def refused():
            got = living.get()
            assert got is not None and got[0] in (200, 503), got
            assert got[0] == 503 or time.monotonic() - cut < STALE_SECONDS + 10, "served beyond the bound"
            return got[0] == 503
        wait_for(refused, "the bound ends what is stale")
        assert time.monotonic() - cut > 0.5 * STALE_SECONDS, "and not long before"
        # An answer is itself a proof, so that the younger one may last a little longer.
        wait_for(lambda: setup.call(other).status == 503, "whoever is still allowed, too: nobody can tell")
        assert setup.replica.ready() and setup.replica.metric("sallyport_stream_healthy") == 0
    finally:
        setup.proxy.heal()
    wait_for(lambda: setup.replica.metric("sallyport_stream_healthy") == 1, "a new stream, by itself")
    assert setup.decided(other) == 200, "decided again"
    wait_for(lambda: setup.call(stranger).status == 200, "decided at all")
    assert setup.decided(known) == 401, "what was deleted meanwhile is gone"
    living.close()
    gateway.settle()
