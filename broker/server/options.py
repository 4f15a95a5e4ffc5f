"""What a person said about a broker: a file, --set NAME=VALUE, options. The last one wins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from broker.metadata.configs import BrokerConfig, parse_properties
from broker.server.siblings import LOOPBACK, check_count, ports_from, sibling_settings
from broker.wire.errors import ConfigError


class Given(Protocol):
    """The options of `broker start`."""

    config: str | None
    set: list[str]
    data_dir: str | None
    host: str | None
    port: int | None
    brokers: int | None
    node: int | None


def broker_configs(given: Given) -> list[BrokerConfig]:
    """The settings of the broker that is to run here, or of each of several."""
    if given.brokers is None:
        if given.node is not None:
            raise ConfigError(f"--node {given.node}: of how many? Say --brokers, too")
        return [broker_config(given.config, given.set, given.data_dir, given.host, given.port)]
    check_count(given.brokers)
    if given.port == 0:
        raise ConfigError("--port 0: brokers that know each other by their ports need a number")
    if given.node is not None and not 1 <= given.node <= given.brokers:
        raise ConfigError(f"--node {given.node}: expected 1 to {given.brokers}")
    with _naming(given.config):
        common = _given_settings(given.config, given.set)
        folder = given.data_dir or common.get("log.dirs") or common.get("log.dir") or "broker-data"
        ports = ports_from(9092 if given.port is None else given.port, given.brokers)
        settings = sibling_settings(common, ports, folder, given.host or LOOPBACK)
        configs = [BrokerConfig.from_settings(each) for each in settings]
    return configs if given.node is None else [configs[given.node - 1]]


def broker_config(
    file: str | None,
    assignments: Iterable[str] = (),
    data_dir: str | None = None,
    host: str | None = None,
    port: int | None = None,
) -> BrokerConfig:
    """The settings of a broker from a file, from NAME=VALUE, and from options, the last winning."""
    with _naming(file):
        found = _given_settings(file, assignments)
        if data_dir is not None:
            found.pop("log.dir", None)
            found["log.dirs"] = data_dir
        if host is not None or port is not None:
            found["listeners"] = _listeners(found, host, port)
        return BrokerConfig.from_settings(found)


def _given_settings(file: str | None, assignments: Iterable[str]) -> dict[str, str]:
    found = _settings_of_file(file) if file is not None else {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not name.strip():
            raise ConfigError(f"--set {assignment}: expected NAME=VALUE")
        found[name.strip()] = text.strip()
    return found


def _settings_of_file(file: str) -> dict[str, str]:
    try:
        with open(file, encoding="utf-8") as stream:
            return parse_properties(stream.read())
    except OSError as error:
        raise ConfigError(f"--config {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"--config {file}: this is not a text") from None
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from None


@contextmanager
def _naming(file: str | None) -> Iterator[None]:
    """Let an error about a line of a file name the file. (An error begins with NAME=VALUE.)"""
    try:
        yield
    except ConfigError as error:
        text = str(error)
        if file is not None and not text.startswith((file, "--")):
            name, equals, rest = text.partition("=")
            written = _settings_of_file(file).get(name if equals else text.partition(":")[0])
            if written is not None and (not equals or rest.startswith(written)):
                raise ConfigError(f"{file}: {text}") from None
        raise


def _listeners(found: Mapping[str, str], host: str | None, port: int | None) -> str:
    """The listener that options describe, where they are silent as the settings have it."""
    known = BrokerConfig.from_settings({name: found[name] for name in found if "listener" in name})
    told = known.listener._replace(
        host=known.listener.host if host is None else host.strip("[]"),
        port=known.listener.port if port is None else port,
    )
    others = (known.controller_listener,) if known.controller_listener else ()
    return ",".join(f"{each.name}://{each}" for each in (told, *others))
