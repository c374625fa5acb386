"""stalls.py CPU: until standard input ends, a real-time thread on that core asks to run every millisecond; then the longest
that it waited beyond that is printed, in ms. It prints nothing where it may not be one."""

import os
import select
import sys
import time

PERIOD = 0.001


def main():
    os.sched_setaffinity(0, {int(sys.argv[1])})
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        return
    longest, last = 0.0, time.monotonic()
    while not select.select([sys.stdin], [], [], PERIOD)[0]:
        now = time.monotonic()
        longest, last = max(longest, now - last - PERIOD), now
    print(f"{longest * 1000:.1f}")


main()
