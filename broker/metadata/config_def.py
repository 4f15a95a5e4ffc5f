"""What one setting is: a name, a type, a default, the values it takes, and a sentence about it.

Kafka describes each of its settings once, in a `ConfigDef`, and everything else follows from that
description: how `server.properties` is read, what an invalid value is answered with, and what
`kafka-configs --describe` prints. This is the same idea in small. The texts of errors that travel
to a client are Kafka's (ConfigDef.java), because people search the web for them; a person at a
terminal gets a sentence that says what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum
from typing import Generic, NamedTuple, TypeVar, cast, overload

Value = bool | int | str | tuple[str, ...] | None
"""A parsed value; a list is a tuple of its entries, and None means that nobody set it."""

_T = TypeVar("_T", bound=Value, covariant=True)
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_COMMA = re.compile(r"\s*,\s*")


class ConfigType(IntEnum):
    """The type of a setting, as DescribeConfigs writes it (`config_type`)."""

    UNKNOWN = 0
    BOOLEAN = 1
    STRING = 2
    INT = 3
    SHORT = 4
    LONG = 5
    DOUBLE = 6
    LIST = 7
    CLASS = 8
    PASSWORD = 9


class ConfigSource(IntEnum):
    """Where a value comes from, as DescribeConfigs writes it (`config_source`)."""

    UNKNOWN = 0
    DYNAMIC_TOPIC_CONFIG = 1
    DYNAMIC_BROKER_CONFIG = 2
    DYNAMIC_DEFAULT_BROKER_CONFIG = 3
    STATIC_BROKER_CONFIG = 4
    DEFAULT_CONFIG = 5


LARGEST = {ConfigType.INT: 2**31 - 1, ConfigType.LONG: 2**63 - 1}
"""The largest value of each whole-number type: Java's, since Java is who reads them too."""


class InvalidValueError(ValueError):
    """A value that a setting does not take: Kafka's text for a client, `expected` for a person."""

    def __init__(self, text: str, expected: str) -> None:
        super().__init__(text)
        self.expected = expected


class ConfigKey(NamedTuple):
    """One setting: everything that can be said of it without knowing its value."""

    name: str
    type: ConfigType
    default: Value
    doc: str
    minimum: int | None = None
    choices: tuple[str, ...] = ()
    dynamic: bool = False
    """May be changed while the broker runs (every topic setting, and some of a broker's)."""
    internal: bool = False
    """Works, but is not listed: Kafka's own tests and our lessons use it."""

    @property
    def expected(self) -> str:
        """What a right value looks like, to follow the word "expected"."""
        if self.type is ConfigType.BOOLEAN:
            return "true or false"
        if self.type in LARGEST:
            if self.minimum is None:
                return "an integer"
            return f"an integer of at least {self.minimum}"
        choices = " or ".join(self.choices)
        if self.type is ConfigType.LIST:
            return f"a comma-separated list of {choices}" if choices else "a comma-separated list"
        return choices or "a text"

    def parse(self, text: str) -> Value:
        """The value that a text stands for; InvalidValueError if it stands for none."""
        text = text.strip()
        if self.type is ConfigType.BOOLEAN:
            return self._parse_boolean(text)
        if self.type in LARGEST:
            return self._parse_integer(text)
        if self.type is ConfigType.LIST:
            return self._parse_list(text)
        if self.choices and text not in self.choices:
            raise self._refuse(text, f"String must be one of: {', '.join(self.choices)}")
        return text

    def _parse_boolean(self, text: str) -> bool:
        word = text.lower()
        if word not in ("true", "false"):
            raise self._refuse(text, "Expected value to be either true or false")
        return word == "true"

    def _parse_integer(self, text: str) -> int:
        # A digit count first: Python refuses to read an integer of thousands of digits.
        if not _INTEGER.fullmatch(text) or len(text) > 20:
            raise self._refuse(text, f"Not a number of type {self.type.name}")
        number = int(text)
        largest = LARGEST[self.type]
        if not -largest - 1 <= number <= largest:
            raise self._refuse(
                text,
                f"Not a number of type {self.type.name}",
                f"an integer from {self.minimum if self.minimum is not None else -largest - 1}"
                f" to {largest}",
            )
        if self.minimum is not None and number < self.minimum:
            raise self._refuse(text, f"Value must be at least {self.minimum}")
        return number

    def _parse_list(self, text: str) -> tuple[str, ...]:
        entries = tuple(_COMMA.split(text)) if text else ()
        named = f"Configuration '{self.name}' values must not be"
        if len(set(entries)) != len(entries):
            raise InvalidValueError(f"{named} duplicated.", f"{self.expected}, each once")
        if "" in entries:
            raise InvalidValueError(f"{named} empty.", self.expected)
        for entry in entries:
            if self.choices and entry not in self.choices:
                raise self._refuse(entry, f"String must be one of: {', '.join(self.choices)}")
        return entries

    def _refuse(self, text: str, reason: str, expected: str | None = None) -> InvalidValueError:
        return InvalidValueError(
            f"Invalid value {text} for configuration {self.name}: {reason}",
            expected or self.expected,
        )


def format_value(value: Value) -> str | None:
    """A value as Kafka writes it (ConfigDef.convertToString); None if it has none."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value)


class Setting(Generic[_T]):
    """A setting declared as an attribute of a class: `num_partitions` is "num.partitions".

    Kafka's names hold no underscore, so that the attribute's name says all. Instances keep their
    values in their own `__dict__`, which Python finds before this object: reading a setting
    costs what reading any attribute costs.
    """

    def __init__(self, key: ConfigKey) -> None:
        self.key = key

    def __set_name__(self, owner: type, name: str) -> None:
        self.key = self.key._replace(name=name.replace("_", "."))

    @overload
    def __get__(self, instance: None, owner: type) -> Setting[_T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> _T: ...
    def __get__(self, instance: object | None, owner: type) -> Setting[_T] | _T:
        # Reached through the class only, or by an instance that was never filled.
        return self if instance is None else cast("_T", self.key.default)


def settings_of(owner: type) -> Mapping[str, ConfigKey]:
    """The settings that a class declares, by Kafka's name, in the order of declaration."""
    return {s.key.name: s.key for s in vars(owner).values() if isinstance(s, Setting)}


# -- how settings are declared: one short line for each type ---------------------------------------


def boolean(default: bool, doc: str, *, dynamic: bool = False) -> Setting[bool]:
    """True or false."""
    return Setting(ConfigKey("", ConfigType.BOOLEAN, default, doc, dynamic=dynamic))


def integer(
    default: int, doc: str, *, at_least: int | None = None, dynamic: bool = False
) -> Setting[int]:
    """A whole number of 32 bits."""
    return Setting(ConfigKey("", ConfigType.INT, default, doc, at_least, dynamic=dynamic))


def long(
    default: int, doc: str, *, at_least: int | None = None, dynamic: bool = False
) -> Setting[int]:
    """A whole number of 64 bits."""
    return Setting(ConfigKey("", ConfigType.LONG, default, doc, at_least, dynamic=dynamic))


def unset(
    kind: ConfigType,
    doc: str,
    *,
    at_least: int | None = None,
    dynamic: bool = False,
    internal: bool = False,
) -> Setting[int | None]:
    """A whole number without a default: where nobody sets it, another setting decides."""
    return Setting(ConfigKey("", kind, None, doc, at_least, dynamic=dynamic, internal=internal))


def text(
    default: str, doc: str, *, choices: tuple[str, ...] = (), dynamic: bool = False
) -> Setting[str]:
    """A text, free or one of some choices."""
    return Setting(ConfigKey("", ConfigType.STRING, default, doc, None, choices, dynamic))


def unset_text(doc: str) -> Setting[str | None]:
    """A text without a default."""
    return Setting(ConfigKey("", ConfigType.STRING, None, doc))


def listing(
    default: tuple[str, ...], doc: str, *, choices: tuple[str, ...] = (), dynamic: bool = False
) -> Setting[tuple[str, ...]]:
    """Texts, parted by commas."""
    return Setting(ConfigKey("", ConfigType.LIST, default, doc, None, choices, dynamic))
