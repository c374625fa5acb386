"""Every data plane is restarted, one after the other, and no client of the load balancer in front of them notices."""

from gateway import classic
from callers import FastOrigin
from rolling import HOST, roll


def test_a_rolling_restart_loses_nothing(world):
    origin = FastOrigin(world.gateway.directory)
    try:
        world.gateway.add_api(classic("rolling", origin.url, domain=HOST, use_keyless=True))
        seen, done = roll(world, rounds=1, seconds=4, curls=3000)
    finally:
        origin.close()
    assert all(count > 20 for count in seen.values()), seen
    assert done[0] > 100 and done[1] < 100 and done[2] == 600, done
