"""What can keep a request from reaching an instance. What a caller is answered for it is the front's to say."""

from __future__ import annotations


class NoInstance(Exception):
    """Every instance is busy, no more may run, and none became free in time; or nothing may be run at all. Cloud Run
    answers 429, "Rate exceeded."."""


class StartFailed(Exception):
    """The instance that was started for the request did not come up. Cloud Run answers 503."""
