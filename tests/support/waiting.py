"""Waiting for something to become true: nothing here sleeps and hopes."""

import time


def until(condition, seconds=10.0, what="it"):
    """The first true value of condition(), asked again and again; fails after that many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not so within {seconds} s")
        time.sleep(0.02)
