"""The tables for the program as a whole: its log, the daemon, what it requests and serves besides sources."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, StrictFloat, StrictInt, model_validator

from watcher.config.table import SettingsTable
from watcher.config.time_types import Duration, Moment, PositiveDuration
from watcher.config.value_types import HiddenUrlField, ListenAddress, ProxyUrlField, ServerName


class LogSettings(SettingsTable):
    """[log]: what is logged to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="the lowest level")
    format: Literal["auto", "text", "json"] = Field("auto", description="auto: text on a terminal, else json")


class DaemonSettings(SettingsTable):
    """[daemon]: the service that checks on schedule (docs/operation.md)."""

    jitter: Duration = Field(timedelta(seconds=30), description="the longest random delay of a check")
    hung_after: PositiveDuration = Field(
        timedelta(minutes=15),
        description="how much longer than its own deadlines a task may take before the watchdog ends the daemon",
    )
    grace: Duration = Field(timedelta(seconds=20), description="time for running tasks when the daemon stops")


class WorkerSettings(SettingsTable):
    """[worker]: `watcher worker`, one of several that share a history in PostgreSQL (docs/scale.md)."""

    jobs: StrictInt = Field(
        16, ge=1, le=128, description="checks and channels that one worker works on at the same time"
    )
    lease: PositiveDuration = Field(
        timedelta(seconds=60), description="after so long what a dead worker had is done by another one"
    )


class HeartbeatSettings(SettingsTable):
    """[heartbeat]: a URL that is requested while every check is on time, for a dead man's switch elsewhere."""

    url: HiddenUrlField = Field(description="a URL, or where it is: file:PATH, env:NAME or credential:NAME")
    every: PositiveDuration = timedelta(minutes=5)
    timeout: StrictFloat = Field(10.0, gt=0, le=120, description="seconds for one request")
    ca_file: Path | None = Field(None, description="as ca_file of [fetch], and in place of it")
    proxy: ProxyUrlField | None = Field(None, description='as proxy of [fetch], and in place of it; "": no proxy')


class EvidenceSettings(SettingsTable):
    """[evidence]: a time-stamping authority (RFC 3161) that signs when a bundle of `watcher evidence` existed."""

    tsa: HiddenUrlField = Field(description="its URL, or where it is: file:PATH, env:NAME or credential:NAME")
    roots: Path = Field(description="the certificates, in PEM, that the signature of a time stamp must lead to")
    timeout: StrictFloat = Field(30.0, gt=0, le=120, description="seconds for one request")
    ca_file: Path | None = Field(None, description="as ca_file of [fetch], and in place of it")
    proxy: ProxyUrlField | None = Field(None, description='as proxy of [fetch], and in place of it; "": no proxy')


class MetricsSettings(SettingsTable):
    """[metrics]: /metrics for Prometheus and /healthz, over HTTP."""

    listen: ListenAddress = Field("127.0.0.1:9876", description="ADDRESS:PORT to listen on")
    hosts: tuple[ServerName, ...] = Field((), description="host names it answers to, besides addresses and localhost")


class SilenceSettings(SettingsTable):
    """[[silence]]: a time in which deliveries are recorded and not sent."""

    begin: Moment = Field(alias="from", description="its begin, with a time zone")
    until: Moment = Field(description="its end, with a time zone")
    sources: tuple[str, ...] = Field(("*",), description="globs of source names")
    events: tuple[str, ...] = Field(("*",), description="globs of ids of events and notices")

    @model_validator(mode="after")
    def _begin_before_until(self) -> SilenceSettings:
        if self.until <= self.begin:
            raise ValueError("until must be after from")
        return self
