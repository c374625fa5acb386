"""Many changes a second under load: every request is decided by what is in force."""

from changes import Trial
from callers import FastOrigin
from gateway import SLOWER


def test_changes_under_load(world):
    origin = FastOrigin(world.gateway.directory)
    try:
        counts, rate = Trial(world, origin, rate=50, period=1.2).run(3)
    finally:
        origin.close()
    assert rate > 5 / SLOWER and counts["passed"] > 30 and counts["refused"] > 10, (counts, rate)
