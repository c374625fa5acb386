"""Certificates, CAs, keys and definitions change all the time, and every request is decided by what is in force."""

import itertools
import threading
import time

import requests

from gateway import DEADLINE, SLOWER, classic, session, wait_for
from raw import Connection

# A change is to be in force so long after it was accepted.
EFFECT = 0.5 * SLOWER
PAUSE = 0.02  # of each caller between two requests: those who change things share the processor with them
OTHERS = 3


class Subject:
    """Somebody who is let in or not, by the last change; `refusals` are the statuses that say so."""

    _numbers = itertools.count(2)

    def __init__(self, host, pair, refusals):
        self.host, self.pair, self.refusals = host, pair, refusals
        self.source = f"127.0.0.{next(self._numbers)}"  # what one may cause to be asked does not count for another
        self.allowed, self.since = None, None  # None: a change is on, either may be seen
        self._lock = threading.Lock()

    def change(self, make, allowed):
        with self._lock:
            self.allowed = None
        make()
        with self._lock:
            self.allowed, self.since = allowed, time.monotonic()

    def settled(self):
        """(allowed, since) where that has been so for long enough to be in force."""
        with self._lock:
            if self.allowed is None or time.monotonic() - self.since < EFFECT:
                return None
            return self.allowed, self.since


class Admin:
    """The REST API over a connection that is kept, by one thread."""

    def __init__(self, gateway):
        self._url = f"https://127.0.0.1:{gateway.admin_port}/tyk/"
        self._session = requests.Session()
        self._session.headers["X-Tyk-Authorization"] = gateway.admin_key
        self.count = 0

    def __call__(self, method, path, body=None, **more):
        answer = self._session.request(method, self._url + path, timeout=2 * DEADLINE, verify=False, **more, **(
            {"json": body} if isinstance(body, dict) else {"data": body}))
        assert answer.status_code == 200, f"{method} {path}: {answer.status_code} {answer.text}"
        self.count += 1
        return answer.json()


class Trial:
    def __init__(self, world, origin, rate, period, callers_each=1):
        """`rate` changes a second, of which each subject has one every `period` seconds."""
        self._world, self._origin, self._rate, self._period = world, origin, rate, period
        self.violations, self.counts, self.changes = [], {"passed": 0, "refused": 0, "undecided": 0}, 0
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._subjects, self._makers = [], []
        for kind in (self._certificates, self._keys, self._authorities, self._definitions):
            kind(Admin(world.gateway))
        for number in range(OTHERS):
            self._others(Admin(world.gateway), number)
        world.gateway.settle()
        self._callers_each = callers_each

    # What changes: each appends a generator that makes one change a step.

    def _certificates(self, admin):
        """Of callers, deleted and added again with their keys; one of them never, and one is never let in."""
        host = "certificates.gw.test"
        self._world.gateway.add_api(classic("certificates", self._origin.url, domain=host,
                                            auth_configs={"authToken": {"use_certificate": True}}))
        constant = Subject(host, self._world.pki.self_signed("constant"), ())
        constant.change(lambda: self._register(admin, constant.pair, "certificates"), True)
        stranger = Subject(host, self._world.pki.self_signed("stranger"), (401, 403))
        stranger.change(lambda: None, False)
        changing = [Subject(host, self._world.pki.self_signed(f"changing {n}"), (401, 403)) for n in range(3)]
        self._subjects += [constant, stranger, *changing]

        def steps():
            ids, known = {}, set()

            def add(subject):
                if subject in known:  # its key is there still
                    ids[subject] = admin("POST", "certs?org_id=default", subject.pair.pem)["id"]
                else:
                    ids[subject] = self._register(admin, subject.pair, "certificates")
                known.add(subject)
            for subject in itertools.cycle(changing):
                if subject in ids:
                    certificate = ids.pop(subject)
                    subject.change(lambda: admin("DELETE", f"certs/{certificate}"), False)
                else:
                    subject.change(lambda: add(subject), True)
                yield
        self._makers.append(steps())

    @staticmethod
    def _register(admin, pair, api):
        certificate = admin("POST", "certs?org_id=default", pair.pem)["id"]
        admin("POST", "keys/create", session(api, certificate))
        return certificate

    def _keys(self, admin):
        """Switched off and on."""
        host = "keys.gw.test"
        self._world.gateway.add_api(classic("keys", self._origin.url, domain=host,
                                            auth_configs={"authToken": {"use_certificate": True}}))
        subject = Subject(host, self._world.pki.self_signed("switched"), (401, 403))
        certificate = admin("POST", "certs?org_id=default", subject.pair.pem)["id"]
        key = admin("POST", "keys/create", session("keys", certificate))["key"]
        self._subjects.append(subject)

        def steps():
            for off in itertools.cycle((False, True)):
                subject.change(lambda: admin("PUT", f"keys/{key}", session("keys", certificate, is_inactive=off)), not off)
                yield
        self._makers.append(steps())

    def _authorities(self, admin):
        """On an API's list of CAs: one stays, the other comes and goes."""
        host, issuers = "authorities.gw.test", [self._world.pki.issue(f"CA {n}", ca=True) for n in range(2)]
        ids = [admin("POST", "certs?org_id=default", issuer.pem)["id"] for issuer in issuers]
        stays, goes = [Subject(host, self._world.client(f"of CA {n}", issuer), (401, 403)) for n, issuer in enumerate(issuers)]

        def listed(certificates):
            return classic("authorities", self._origin.url, domain=host, use_keyless=True, use_mutual_tls_auth=True,
                           client_certificates=certificates)
        self._world.gateway.add_api(listed(ids))
        stays.change(lambda: None, True)
        goes.change(lambda: None, True)
        self._subjects += [stays, goes]

        def steps():
            for both in itertools.cycle((False, True)):
                goes.change(lambda: admin("PUT", "apis/authorities", listed(ids if both else ids[:1])), both)
                yield
        self._makers.append(steps())

    def _definitions(self, admin):
        """An API that comes and goes."""
        subject = Subject("definitions.gw.test", None, (404,))
        definition = classic("definitions", self._origin.url, domain=subject.host, use_keyless=True)
        self._subjects.append(subject)

        def steps():
            for there in itertools.cycle((True, False)):
                subject.change((lambda: admin("POST", "apis", definition)) if there else
                               (lambda: admin("DELETE", "apis/definitions")), there)
                yield
        self._makers.append(steps())

    def _others(self, admin, which):
        """Changes that are nobody's business: of an API's name, of certificates and CAs of others."""
        api, host = f"renamed-{which}", f"renamed-{which}.gw.test"

        def named(number):
            return {**classic(api, self._origin.url, domain=host, use_keyless=True), "name": f"renamed {number}"}
        self._world.gateway.add_api(named(0))
        subject = Subject(host, None, ())
        subject.change(lambda: None, True)
        self._subjects.append(subject)
        other = (self._world.pki.issue(f"other CA {which}", ca=True) if which else self._world.pki.self_signed("other")).pem

        def steps():
            for number in itertools.count():
                admin("PUT", f"apis/{api}", named(number))
                yield
                certificate = admin("POST", "certs?org_id=default", other)["id"]
                yield
                admin("DELETE", f"certs/{certificate}")
                yield
        self._makers.append(steps())

    # Callers, on connections that live and on fresh ones.

    def _call(self, replica, subject, number):
        connection = None
        while not self._stop.is_set():
            before = subject.settled()
            answer = None
            try:
                if connection is None or number % 2:
                    connection = Connection(replica, subject.host, subject.pair, source=subject.source)
                answer = connection.get()
            except OSError as failure:
                answer = (repr(failure), {}, b"")
            ends = answer is None or answer[1].get("connection") == "close" or not isinstance(answer[0], int)
            self._judge(subject, before, answer and answer[0], answer and answer[2])
            if ends or number % 2:
                if connection is not None:
                    connection.close()
                connection = None
            self._stop.wait(PAUSE)

    def _judge(self, subject, before, status, body):
        after = subject.settled()
        if before is None or after is None or before != after:
            return self._note("undecided")  # it changed meanwhile
        if before[0] and status != 200:
            self._violation(f"{subject.host}: {status} {body} of who is let in")
        elif not before[0] and status not in subject.refusals:
            # An idle connection of who was cut off is closed, and who asks too often hears so: that lets nobody in.
            if status not in (None, 503) and not isinstance(status, str):
                self._violation(f"{subject.host}: {status} of who is not")
        self._note("passed" if before[0] else "refused")

    def _note(self, what):
        with self._lock:
            self.counts[what] += 1

    def _violation(self, text):
        with self._lock:
            self.violations.append(text)

    def run(self, seconds):
        threads = [threading.Thread(target=self._call, args=(replica, subject, number), daemon=True)
                   for subject in self._subjects for replica in (self._world.a, self._world.b)
                   for number in range(2 * self._callers_each)]
        rates = [changing / self._period for changing in (3, 1, 1, 1)]
        rates += [(self._rate - sum(rates)) / OTHERS] * OTHERS
        makers = [threading.Thread(target=self._change, args=(maker, rate, seconds), daemon=True)
                  for maker, rate in zip(self._makers, rates)]
        began = time.monotonic()
        for thread in threads + makers:
            thread.start()
        for thread in makers:
            thread.join(seconds + 4 * DEADLINE)
        took = time.monotonic() - began
        self._stop.set()
        for thread in threads:
            thread.join(4 * DEADLINE)
        assert not self.violations, (len(self.violations), self.violations[:10])
        return self.counts, self.changes / took

    def _change(self, maker, rate, seconds):
        """So many a second, for so long."""
        began = time.monotonic()
        try:
            for number in itertools.count():
                due = began + number / rate
                if max(due, time.monotonic()) > began + seconds:
                    return
                wait_for(lambda: time.monotonic() >= due, "the next change", seconds + DEADLINE)
                next(maker)
                with self._lock:
                    self.changes += 1
        except Exception as failure:  # told by run()
            self._violation(f"a change: {failure!r}")
