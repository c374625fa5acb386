"""Clients that others wrote, beside curl, h2load, nghttp, gRPC's and WebSocket's, which have files of their own."""

import json
import re
import subprocess

import pytest

from callers import FastOrigin
from gateway import DEADLINE, SLOWER, classic

SCRIPT = """
const http2 = require('http2'), https = require('https'), fs = require('fs');
const at = JSON.parse(process.argv[1]), read = name => fs.readFileSync(at[name]);
const tls = {ca: read('ca'), cert: read('cert'), key: read('key'), servername: at.host};
const body = Buffer.alloc(300000, 'node');

function http1(agent, method) {
  return new Promise((resolve, reject) => {
    const request = https.request({...tls, agent, method, host: '127.0.0.1', port: at.port, path: '/h1?x=1', headers: {Host: at.host}}, answer => {
      let size = 0;
      const resumed = answer.socket.isSessionReused();
      answer.on('data', piece => size += piece.length);
      answer.on('end', () => resolve({status: answer.statusCode, size, reused: request.reusedSocket, resumed}));
    });
    request.on('error', reject);
    request.end(method === 'POST' ? body : undefined);
  });
}

function http2stream(session, path, method) {
  return new Promise((resolve, reject) => {
    const stream = session.request({':path': path, ':method': method, ':authority': at.host}, {endStream: method === 'GET'});
    let status, text = '';
    stream.on('response', head => status = head[':status']);
    stream.on('data', piece => text += piece);
    stream.on('end', () => resolve({status, text}));
    stream.on('error', reject);
    if (method !== 'GET') stream.end(body);
  });
}

(async () => {
  const kept = new https.Agent({keepAlive: true, maxSockets: 2}), said = {h1: [], fresh: [], h2: []};
  for (let i = 0; i < 10; i++) said.h1.push(await http1(kept, i % 2 ? 'POST' : 'GET'));
  kept.destroy();
  const once = new https.Agent({keepAlive: false});  // keeps sessions, not connections
  for (let i = 0; i < 3; i++) said.fresh.push(await http1(once, 'GET'));
  const session = http2.connect('https://127.0.0.1:' + at.port, tls);
  said.h2 = await Promise.all(Array.from({length: 50}, (_, i) => http2stream(session, '/h2/' + i, i % 5 ? 'GET' : 'POST')));
  await new Promise(done => session.ping(done));
  session.close(() => console.log(JSON.stringify(said)));
})().catch(failure => { console.error(failure); process.exit(1); });
"""


@pytest.fixture(scope="module")
def known(world):
    """(host, caller, origin)"""
    caller, origin = world.client("real client"), world.origin("real")
    world.gateway.add_api(classic("real", origin.url, domain="real.gw.test", use_keyless=True, use_mutual_tls_auth=True,
                                  client_certificates=[world.gateway.add_certificate(caller.pem)]))
    return "real.gw.test", caller, origin


def node(world, host, caller):
    at = {"ca": str(world.gateway.server_ca.cert), "cert": str(caller.cert), "key": str(caller.key), "host": host, "port": world.b.port}
    done = subprocess.run(["node", "-e", SCRIPT, json.dumps(at)], capture_output=True, text=True, timeout=2 * DEADLINE)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_node_in_both_protocols_with_its_certificate(world, known):
    host, caller, origin = known
    said = node(world, host, caller)
    assert {one["status"] for one in said["h1"] + said["fresh"] + said["h2"]} == {200}
    assert [one["reused"] for one in said["h1"]] == [False] + [True] * 9, "one connection"
    assert [one["resumed"] for one in said["fresh"]][1:] == [True] * 2, "and sessions are taken up"
    answers = [json.loads(one["text"]) for one in said["h2"]]
    assert [one["target"] for one in answers] == [f"/h2/{number}" for number in range(50)]
    assert [one["bytes"] for one in answers] == [0 if number % 5 else 300000 for number in range(50)]
    assert {len(request.body) for request in origin.requests if request.method == "POST"} == {300000}


def test_node_is_refused_with_another_certificate(world, known):
    host, _, origin = known
    before = len(origin.requests)
    said = node(world, host, world.client("nobody"))
    assert {one["status"] for one in said["h1"] + said["fresh"] + said["h2"]} == {403}
    assert len(origin.requests) == before


def test_wrk(world):
    """It takes no name but the address's: the URL's is both server name and Host."""
    origin = FastOrigin(world.gateway.directory, "wrk-origin")
    try:
        world.gateway.add_api(classic("wrk", origin.url, domain="localhost", use_keyless=True))
        done = subprocess.run(["wrk", "-t", "2", "-c", "20", "-d", "1s", "--timeout", f"{20 * SLOWER:.0f}s", "--latency",
                               f"https://localhost:{world.a.port}/x"], capture_output=True, text=True, timeout=2 * DEADLINE)
    finally:
        origin.close()
    assert done.returncode == 0, done.stderr
    count = int(re.search(r"(\d+) requests in", done.stdout).group(1))
    assert count > 20 and "Non-2xx" not in done.stdout and "Socket errors" not in done.stdout, done.stdout
