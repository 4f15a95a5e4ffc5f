"""The settings of one broker, read, checked and layered.

A value comes from the first layer that has one (KIP-226):

    this broker's own, set while it ran    kafka-configs --entity-name 1 --add-config ...
    every broker's, set while they ran     kafka-configs --entity-default --add-config ...
    what it was started with               server.properties, --set
    Kafka's default

The upper two live in the metadata log, so that they survive a restart; they exist for the
settings that may change at run time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from broker.metadata.broker_settings import (
    ALIASES,
    BROKER_CONFIGS,
    REFUSED,
    BrokerSettings,
    closest,
    without_effect,
)
from broker.metadata.config_def import ConfigSource, InvalidValueError, Value, format_value
from broker.metadata.listeners import Endpoint, Listeners, Voter, read_listeners, read_voters
from broker.wire.errors import ConfigError

_EVERYWHERE = ("", "0.0.0.0", "::")
_DEFAULTS = {name.replace(".", "_"): key.default for name, key in BROKER_CONFIGS.items()}


class Layered(NamedTuple):
    """One layer's value of a setting, as it was written there."""

    name: str
    text: str
    source: ConfigSource


class BrokerConfig(BrokerSettings):
    """All settings of a broker as typed attributes. Immutable; changes make a new one."""

    listener: Endpoint
    """Where to listen for clients and brokers; where this is no broker, the other listener."""
    advertised: Endpoint
    """What clients are told to connect to."""
    controller_listener: Endpoint | None
    """Where to listen for other nodes; None where there are none."""
    voters: tuple[Voter, ...]
    """The controllers of the quorum, in order of id; none: this node alone."""
    ignored: tuple[str, ...]
    """Settings of Kafka's that were given and change nothing here: worth a line in the log."""

    def __init__(
        self,
        static: Mapping[str, str] | None = None,
        *,
        dynamic_default: Mapping[str, str] | None = None,
        dynamic: Mapping[str, str] | None = None,
    ) -> None:
        """Take settings that are known to be right; `from_settings` checks those of a person."""
        self._keep("static", dict(static or {}))
        self._keep("dynamic_default", dict(dynamic_default or {}))
        self._keep("dynamic", dict(dynamic or {}))
        self._keep("ignored", ())
        self.__dict__.update(_DEFAULTS)
        for layer in (self.static, self.dynamic_default, self.dynamic):
            for name, text in layer.items():
                self._keep(name.replace(".", "_"), _parse(name, text))
        self._keep("voters", read_voters("controller.quorum.voters", self.controller_quorum_voters))
        voter_ids = tuple(voter.voter_id for voter in self.voters)
        self._keep("voter_ids", voter_ids or (self.node_id,))
        found = self._listeners("listeners", self.listeners)
        listener = found.clients if self.is_broker else found.controllers
        if listener is None:
            whose = "clients, PLAINTEXT" if self.is_broker else "controllers, CONTROLLER"
            raise ConfigError(f"listeners: expected a listener for {whose}://host:port")
        self._keep("listener", listener)
        self._keep("controller_listener", found.controllers)
        self._keep("advertised", self._advertised_listener())

    static: Mapping[str, str]
    dynamic_default: Mapping[str, str]
    dynamic: Mapping[str, str]
    voter_ids: tuple[int, ...]
    """The ids of the controllers, this node's own where it is alone."""

    @classmethod
    def from_settings(cls, settings: Mapping[str, str]) -> BrokerConfig:
        """Settings as a person gave them. ConfigError names the one that is wrong."""
        known: dict[str, str] = {}
        ignored: list[str] = []
        for given, text in settings.items():
            name = ALIASES.get(given, given)
            if name in BROKER_CONFIGS:
                if name != given and name in settings and settings[name] != text:
                    raise ConfigError(f"{given}={text}: {name} says {settings[name]}")
                known[name] = str(text)
            elif name in REFUSED:
                raise ConfigError(f"{name}: this broker has no such plug-ins; leave it out")
            elif without_effect(name):
                ignored.append(name)
            else:
                meant = closest(name)
                hint = f"; did you mean {meant}?" if meant else ""
                raise ConfigError(f"{name}: no such setting{hint}")
        config = cls(known)
        config._check()
        config._keep("ignored", tuple(ignored))
        return config

    def replace(self, settings: Mapping[str, str]) -> BrokerConfig:
        """The same with other settings at start, such as the port that was really bound."""
        return self._derived(static={**self.static, **settings})

    def with_dynamic(self, default: Mapping[str, str], broker: Mapping[str, str]) -> BrokerConfig:
        """The same with what the metadata log says about all brokers, and about this one.

        A stored value that no longer fits (written by another version) is left out, as Kafka
        does: a broker that refuses to start over it could not be told a better one.
        """
        return self._derived(dynamic_default=dict(_valid(default)), dynamic=dict(_valid(broker)))

    def _derived(self, **layers: Mapping[str, str]) -> BrokerConfig:
        ours = {
            "static": self.static,
            "dynamic_default": self.dynamic_default,
            "dynamic": self.dynamic,
        } | layers
        config = BrokerConfig(
            ours["static"], dynamic_default=ours["dynamic_default"], dynamic=ours["dynamic"]
        )
        config._keep("ignored", self.ignored)
        return config

    @property
    def log_dir(self) -> str:
        """The folder that holds all data."""
        return self.log_dirs[0]

    @property
    def is_broker(self) -> bool:
        """Whether this node holds partitions and serves clients."""
        return "broker" in self.process_roles

    @property
    def is_controller(self) -> bool:
        """Whether this node votes, and may be the one that decides."""
        return "controller" in self.process_roles

    def value(self, name: str) -> Value:
        """The value of a setting by Kafka's name."""
        value: Value = getattr(self, name.replace(".", "_"))
        return value

    def layers(self, name: str) -> Iterator[Layered]:
        """Every layer that has a value for a setting, the one that counts first."""
        for layer, source in (
            (self.dynamic, ConfigSource.DYNAMIC_BROKER_CONFIG),
            (self.dynamic_default, ConfigSource.DYNAMIC_DEFAULT_BROKER_CONFIG),
            (self.static, ConfigSource.STATIC_BROKER_CONFIG),
        ):
            if name in layer:
                yield Layered(name, layer[name], source)
        default = format_value(BROKER_CONFIGS[name].default)
        if default is not None:
            yield Layered(name, default, ConfigSource.DEFAULT_CONFIG)

    def _check(self) -> None:
        """What only several settings, or a setting and its meaning, can show to be wrong."""
        if len(self.log_dirs) != 1:
            raise ConfigError(f"log.dirs={','.join(self.log_dirs)}: expected one folder")
        for name in ("log.retention.ms", "log.retention.minutes", "log.retention.hours"):
            if self.value(name) == 0:
                raise ConfigError(f"{name}=0: expected at least 1, or -1 for no limit")
        if self.default_replication_factor < 1:
            factor = self.default_replication_factor
            raise ConfigError(
                f"default.replication.factor={factor}: expected an integer of at least 1"
            )

        self._check_cluster()

    def _check_cluster(self) -> None:
        """Whether this node's roles, voters and listeners fit each other (KafkaConfig.scala)."""
        if not self.process_roles:
            raise ConfigError("process.roles: expected broker, controller or both")
        is_voter = self.node_id in self.voter_ids
        if is_voter != self.is_controller:
            told = ",".join(self.controller_quorum_voters)
            which = "among the voters" if self.is_controller else "a node that is no voter"
            raise ConfigError(
                f"controller.quorum.voters={told}: node.id={self.node_id} with"
                f" process.roles={','.join(self.process_roles)} expects {which}"
            )
        if self.is_controller and self.voters and self.controller_listener is None:
            raise ConfigError(
                "controller.listener.names: expected the name of a listener for the other nodes,"
                " as in listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9102"
            )
        name = self.inter_broker_listener_name
        if self.is_broker and name is not None and name.upper() != self.listener.name:
            raise ConfigError(
                f"inter.broker.listener.name={name}: expected {self.listener.name}, the listener"
                " for clients"
            )
        heartbeat_ms, session_ms = self.broker_heartbeat_interval_ms, self.broker_session_timeout_ms
        if heartbeat_ms >= session_ms:
            raise ConfigError(
                f"broker.session.timeout.ms={session_ms}: expected more than"
                f" broker.heartbeat.interval.ms={heartbeat_ms}"
            )

    def _listeners(self, setting: str, entries: tuple[str, ...]) -> Listeners:
        protocols, names = self.listener_security_protocol_map, self.controller_listener_names
        return read_listeners(setting, entries, protocols, names)

    def _advertised_listener(self) -> Endpoint:
        found = self._listeners("advertised.listeners", self.advertised_listeners).clients
        if found is None:
            # Nobody can connect to "every address": without a word about it, this machine is meant.
            host = "localhost" if self.listener.host in _EVERYWHERE else self.listener.host
            return self.listener._replace(host=host)
        if found.host in _EVERYWHERE:
            raise ConfigError(
                f"advertised.listeners={','.join(self.advertised_listeners)}:"
                " expected an address that clients can connect to"
            )
        return found

    def _keep(self, attribute: str, value: object) -> None:
        self.__dict__[attribute] = value

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name}: a BrokerConfig does not change; see replace()")

    def __repr__(self) -> str:
        told = {**self.static, **self.dynamic_default, **self.dynamic}
        return f"BrokerConfig({', '.join(f'{name}={text}' for name, text in told.items())})"


def _parse(name: str, text: str) -> Value:
    try:
        return BROKER_CONFIGS[name].parse(text)
    except InvalidValueError as error:
        raise ConfigError(f"{name}={text}: expected {error.expected}") from None


def _valid(settings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, text in settings.items():
        key = BROKER_CONFIGS.get(name)
        if key is None or not key.dynamic:
            continue
        try:
            key.parse(text)
        except InvalidValueError:
            continue
        yield name, text
