"""DescribeConfigs and IncrementalAlterConfigs."""

from __future__ import annotations

from typing import Any

import pytest

from broker.wire.errors import ErrorCode
from broker.wire.messages.describe_configs import DescribeConfigsRequest, DescribeConfigsResource
from broker.wire.messages.incremental_alter_configs import (
    AlterableConfig,
    AlterConfigsResource,
    IncrementalAlterConfigsRequest,
)
from tests.bench import Bench

TOPIC, BROKER = 2, 4
SET, DELETE, APPEND, SUBTRACT = range(4)
DYNAMIC_TOPIC, DYNAMIC_BROKER, DYNAMIC_DEFAULT, STATIC, DEFAULT = 1, 2, 3, 4, 5


@pytest.fixture
def bench() -> Bench:
    bench = Bench(log_retention_ms=18_000_000)
    bench.create_topic("orders", segment_bytes=2_000_000)
    return bench


def describe(bench: Bench, kind: int, name: str, *keys: str, version: int = 4) -> Any:
    resource = DescribeConfigsResource(
        resource_type=kind, resource_name=name, configuration_keys=list(keys) or None
    )
    request = DescribeConfigsRequest(resources=[resource], include_synonyms=True)
    return bench.ask(request, version).results[0]


def alter(bench: Bench, kind: int, name: str, *ops: tuple[str, int, str | None]) -> Any:
    configs = [AlterableConfig(name=n, config_operation=op, value=value) for n, op, value in ops]
    resource = AlterConfigsResource(resource_type=kind, resource_name=name, configs=configs)
    return bench.ask(IncrementalAlterConfigsRequest(resources=[resource])).responses[0]


def one(bench: Bench, name: str, kind: int = TOPIC, resource: str = "orders") -> tuple[str, int]:
    config = describe(bench, kind, resource, name).configs[0]
    return config.value, config.config_source


@pytest.mark.parametrize("keys", [None, []])
def test_asking_for_no_setting_by_name_means_all(bench: Bench, keys: list[str] | None) -> None:
    resource = DescribeConfigsResource(
        resource_type=TOPIC, resource_name="orders", configuration_keys=keys
    )
    answer = bench.ask(DescribeConfigsRequest(resources=[resource]))
    assert len(answer.results[0].configs) > 10


def test_each_value_says_where_it_comes_from(bench: Bench) -> None:
    assert one(bench, "segment.bytes") == ("2000000", DYNAMIC_TOPIC)
    assert one(bench, "retention.ms") == (str(5 * 3600 * 1000), STATIC)
    assert one(bench, "max.message.bytes") == (str(1024 * 1024 + 12), DEFAULT)


@pytest.mark.parametrize("version", range(1, 5))
def test_every_served_version_describes(bench: Bench, version: int) -> None:
    result = describe(bench, TOPIC, "orders", version=version)
    assert result.error_code == 0
    assert len(result.configs) > 10


def test_a_topics_setting_changes_at_once(bench: Bench) -> None:
    assert alter(bench, TOPIC, "orders", ("max.message.bytes", SET, "100")).error_code == 0
    assert bench.produce("orders", "x" * 200).error_code == ErrorCode.MESSAGE_TOO_LARGE
    assert alter(bench, TOPIC, "orders", ("max.message.bytes", DELETE, None)).error_code == 0
    assert bench.produce("orders", "x" * 200).error_code == 0


def test_a_setting_survives_a_restart(bench: Bench) -> None:
    alter(bench, TOPIC, "orders", ("retention.ms", SET, "1234"))
    bench.kill()
    assert one(bench, "retention.ms") == ("1234", DYNAMIC_TOPIC)


def test_lists_grow_and_shrink(bench: Bench) -> None:
    alter(bench, TOPIC, "orders", ("cleanup.policy", APPEND, "compact"))
    assert one(bench, "cleanup.policy")[0] == "delete,compact"
    alter(bench, TOPIC, "orders", ("cleanup.policy", SUBTRACT, "delete"))
    assert one(bench, "cleanup.policy")[0] == "compact"


def test_a_brokers_setting_reaches_its_topics(bench: Bench) -> None:
    changed = alter(bench, BROKER, "", ("message.max.bytes", SET, "100"))
    assert changed.error_code == 0, changed
    assert bench.produce("orders", "x" * 200).error_code == ErrorCode.MESSAGE_TOO_LARGE
    assert one(bench, "message.max.bytes", BROKER, "1") == ("100", DYNAMIC_DEFAULT)


@pytest.mark.parametrize(
    ("kind", "name", "op", "code"),
    [
        (TOPIC, "nowhere", ("retention.ms", SET, "1"), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (TOPIC, "orders", ("retention.ms", SET, "soon"), ErrorCode.INVALID_CONFIG),
        (TOPIC, "orders", ("colour", SET, "sand"), ErrorCode.INVALID_CONFIG),
        (TOPIC, "orders", ("retention.ms", APPEND, "1"), ErrorCode.INVALID_CONFIG),
        (TOPIC, "orders", ("retention.ms", 9, "1"), ErrorCode.INVALID_REQUEST),
        (TOPIC, "orders", ("retention.ms", SET, None), ErrorCode.INVALID_REQUEST),
        (BROKER, "7", ("message.max.bytes", SET, "100"), ErrorCode.INVALID_REQUEST),
        (BROKER, "1", ("listeners", SET, "PLAINTEXT://:1"), ErrorCode.INVALID_REQUEST),
        (99, "x", ("a", SET, "b"), ErrorCode.INVALID_REQUEST),
    ],
)
def test_what_makes_no_sense_is_refused(
    bench: Bench, kind: int, name: str, op: tuple[str, int, str | None], code: ErrorCode
) -> None:
    refused = alter(bench, kind, name, op)
    assert refused.error_code == code
    assert refused.error_message


@pytest.mark.parametrize(("kind", "name"), [(TOPIC, "orders"), (BROKER, ""), (BROKER, "1")])
def test_what_is_not_known_can_be_cleared(bench: Bench, kind: int, name: str) -> None:
    """The tool that moves partitions clears throttles, and asks nobody whether there are any."""
    assert (
        alter(bench, kind, name, ("leader.replication.throttled.rate", DELETE, None)).error_code
        == 0
    )


@pytest.mark.parametrize(
    ("name", "op", "why"),
    [
        ("1", SET, "Broker-level min.insync.replicas cannot be altered while ELR is enabled."),
        ("", DELETE, "Cluster-level min.insync.replicas cannot be removed while ELR is enabled."),
    ],
)
def test_all_brokers_agree_on_how_many_must_be_in_sync(
    bench: Bench, name: str, op: int, why: str
) -> None:
    """Otherwise nobody could tell which replicas are eligible leaders (KIP-966)."""
    refused = alter(bench, BROKER, name, ("min.insync.replicas", op, "1" if op == SET else None))
    assert (refused.error_code, refused.error_message) == (ErrorCode.INVALID_CONFIG, why)
    assert alter(bench, BROKER, "", ("min.insync.replicas", SET, "2")).error_code == 0
    assert alter(bench, TOPIC, "orders", ("min.insync.replicas", SET, "2")).error_code == 0
    assert alter(bench, TOPIC, "orders", ("min.insync.replicas", DELETE, None)).error_code == 0


def test_a_resource_changes_as_a_whole_or_not_at_all(bench: Bench) -> None:
    alter(bench, TOPIC, "orders", ("retention.ms", SET, "1"), ("segment.ms", SET, "soon"))
    assert one(bench, "retention.ms")[1] == STATIC


def test_describing_what_is_not_there(bench: Bench) -> None:
    assert describe(bench, TOPIC, "nowhere").error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert describe(bench, BROKER, "7").error_code == ErrorCode.INVALID_REQUEST


# -- settings at work: retention ------------------------------------------------------------------


def test_retention_moves_the_start_of_the_log(bench: Bench) -> None:
    bench.create_topic("clicks", retention_ms=3_600_000, segment_ms=60_000)
    for third_of_an_hour in range(3):
        bench.produce("clicks", f"{third_of_an_hour}")
        bench.wait(1_200_000)
    assert bench.fetch("clicks", 0).log_start_offset == 0
    bench.wait(600_000)
    assert bench.values("clicks", 1) == ["1", "2"]
    assert bench.fetch("clicks", 1).log_start_offset == 1
    assert bench.fetch("clicks", 0).error_code == ErrorCode.OFFSET_OUT_OF_RANGE
    bench.wait(24 * 3_600_000)
    assert bench.fetch("clicks", 3).log_start_offset == 3, "the last segment goes, too"
    assert bench.produce("clicks", "next").base_offset == 3, "offsets are never used again"
