"""Settings: read, layered, checked, described, in Kafka's names and Kafka's words."""

from __future__ import annotations

import pytest

from broker.metadata.configs import (
    BROKER_CONFIGS,
    TOPIC_CONFIGS,
    AlterOp,
    BrokerConfig,
    ConfigSource,
    ConfigType,
    alter,
    describe_broker,
    describe_broker_default,
    describe_topic,
    log_config,
    parse_properties,
    topic_value,
    validate_broker_configs,
    validate_topic_config,
    validate_topic_configs,
)
from broker.wire.errors import ApiError, ConfigError, ErrorCode

HOUR_MS = 3_600_000


def given(**settings: str) -> BrokerConfig:
    """Settings with underscores for dots."""
    return BrokerConfig.from_settings({name.replace("_", "."): t for name, t in settings.items()})


# -- a broker's settings ---------------------------------------------------------------------------


def test_defaults_are_kafkas() -> None:
    config = BrokerConfig()
    assert config.num_partitions == 1
    assert config.message_max_bytes == 1_048_588
    assert config.socket_request_max_bytes == 104_857_600
    assert config.auto_create_topics_enable is True
    assert config.log_retention_ms is None
    assert config.log_retention_hours == 168
    assert config.log_cleanup_policy == ("delete",)
    assert config.producer_id_expiration_ms == 86_400_000


def test_a_broker_is_reached_from_its_own_machine_unless_told_otherwise() -> None:
    assert str(BrokerConfig().listener) == "127.0.0.1:9092"
    assert str(BrokerConfig().advertised) == "127.0.0.1:9092"


def test_settings_have_types() -> None:
    config = given(num_partitions=" 4 ", auto_create_topics_enable="FALSE", log_dirs="/data")
    assert config.num_partitions == 4
    assert config.auto_create_topics_enable is False
    assert config.log_dir == "/data"
    assert config.value("num.partitions") == 4


def test_settings_do_not_change_in_place() -> None:
    config = given(num_partitions="4")
    with pytest.raises(AttributeError):
        config.num_partitions = 5  # type: ignore[misc]
    assert config.replace({"num.partitions": "5"}).num_partitions == 5
    assert config.num_partitions == 4


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("num.partitions", "abc", "num.partitions=abc: expected an integer of at least 1"),
        ("num.partitions", "0", "num.partitions=0: expected an integer of at least 1"),
        ("num.partitions", "", "num.partitions=: expected an integer of at least 1"),
        ("num.partitions", "1_000", "num.partitions=1_000: expected an integer of at least 1"),
        (
            "num.partitions",
            "2147483648",
            "num.partitions=2147483648: expected an integer from 1 to 2147483647",
        ),
        ("log.retention.bytes", "x", "log.retention.bytes=x: expected an integer"),
        (
            "auto.create.topics.enable",
            "yes",
            "auto.create.topics.enable=yes: expected true or fals",
        ),
        (
            "log.message.timestamp.type",
            "now",
            "log.message.timestamp.type=now: expected CreateTime or LogAppendTime",
        ),
        (
            "log.cleanup.policy",
            "shred",
            "log.cleanup.policy=shred: expected a comma-separated list of compact or delete",
        ),
        ("log.cleanup.policy", "delete,delete", "each once"),
        ("log.dirs", "/a,/b", "log.dirs=/a,/b: expected one folder"),
        ("log.retention.ms", "0", "log.retention.ms=0: expected at least 1, or -1 for no limit"),
        ("num.partition", "3", "num.partition: no such setting; did you mean num.partitions?"),
        ("colour", "blue", "colour: no such setting"),
        ("listeners", "nonsense", "listeners=nonsense: expected NAME://host:port"),
        ("listeners", "PLAINTEXT://:99999", "expected NAME://host:port, the port up to 65535"),
        ("listeners", "SSL://:9092", "this broker does not speak SSL"),
        ("listeners", "INSIDE://:9092", "listener.security.protocol.map does not say what INSIDE"),
        ("listeners", "PLAINTEXT://a:1,PLAINTEXT://b:2", "expected one listener for clients"),
        ("advertised.listeners", "PLAINTEXT://0.0.0.0:1", "an address that clients can connect to"),
        ("authorizer.class.name", "Strict", "authorizer.class.name: this broker has no such"),
    ],
)
def test_a_wrong_setting_is_named_with_what_would_be_right(
    name: str, text: str, sentence: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        BrokerConfig.from_settings({name: text})
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_number_of_a_million_digits_is_refused_as_fast_as_any() -> None:
    with pytest.raises(ConfigError):
        given(num_partitions="9" * 1_000_000)


def test_a_server_properties_file_of_kafka_is_taken_as_it_is() -> None:
    config = BrokerConfig.from_settings(
        parse_properties(
            """
            process.roles=broker,controller
            node.id=1
            controller.quorum.bootstrap.servers=localhost:9093
            listeners=PLAINTEXT://:9092,CONTROLLER://:9093
            inter.broker.listener.name=PLAINTEXT
            advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
            controller.listener.names=CONTROLLER
            listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL
            num.network.threads=3
            num.io.threads=8
            socket.send.buffer.bytes=102400
            socket.receive.buffer.bytes=102400
            socket.request.max.bytes=104857600
            log.dirs=/tmp/kraft-combined-logs
            num.partitions=1
            num.recovery.threads.per.data.dir=1
            offsets.topic.replication.factor=1
            share.coordinator.state.topic.replication.factor=1
            share.coordinator.state.topic.min.isr=1
            transaction.state.log.replication.factor=1
            transaction.state.log.min.isr=1
            log.retention.hours=168
            log.segment.bytes=1073741824
            log.retention.check.interval.ms=300000
            """
        )
    )
    assert config.log_dir == "/tmp/kraft-combined-logs"
    assert (config.listener.host, config.listener.port) == ("", 9092)
    assert str(config.advertised) == "localhost:9092"
    assert "num.io.threads" in config.ignored
    assert "num.partitions" not in config.ignored


def test_a_slip_in_a_setting_is_not_taken_for_one_without_effect() -> None:
    with pytest.raises(ConfigError, match=r"did you mean replica\.high\.watermark"):
        given(replica_high_watermark_checkpoint_intervall_ms="1")


def test_older_names_still_count() -> None:
    config = BrokerConfig.from_settings({"broker.id": "5", "log.dir": "/data"})
    assert (config.node_id, config.log_dir) == (5, "/data")


@pytest.mark.parametrize(
    ("listeners", "told"),
    [
        ("PLAINTEXT://:9092", "localhost:9092"),
        ("PLAINTEXT://0.0.0.0:9092", "localhost:9092"),
        ("PLAINTEXT://[::1]:9092", "[::1]:9092"),
        ("plaintext://my-host:1234", "my-host:1234"),
    ],
)
def test_clients_are_told_an_address_they_can_use(listeners: str, told: str) -> None:
    assert str(given(listeners=listeners).advertised) == told


# -- properties ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a=1\nb = 2\nc:3\nd 4\n", {"a": "1", "b": "2", "c": "3", "d": "4"}),
        ("# comment\n! comment\n\n  a=1", {"a": "1"}),
        ("a=one,\\\n   two", {"a": "one,two"}),
        ("a=1\\\n\nb=2", {"a": "1", "b": "2"}),
        (r"a\=b=c", {"a=b": "c"}),
        (r"path=c:\\temp\ttab", {"path": "c:\\temp\ttab"}),
        (r"smile=\u263A", {"smile": "\u263a"}),
        ("a=1\r\nb=2\ra=3", {"a": "3", "b": "2"}),
        ("a", {"a": ""}),
        ("a=", {"a": ""}),
        ("a==b", {"a": "=b"}),
        ("url=http://x:1/#y", {"url": "http://x:1/#y"}),
        ("a=1\\", {"a": "1"}),
    ],
)
def test_properties_are_read_as_java_reads_them(text: str, found: dict[str, str]) -> None:
    assert parse_properties(text) == found


def test_a_broken_escape_names_its_line() -> None:
    with pytest.raises(ConfigError, match="line 2"):
        parse_properties("a=1\nb=\\u12")


# -- a topic's settings ----------------------------------------------------------------------------


def test_a_topic_takes_what_the_broker_says_unless_it_says_otherwise() -> None:
    broker = given(log_segment_bytes="2000000")
    assert log_config(broker, {}).segment_bytes == 2_000_000
    assert log_config(broker, {"segment.bytes": "3000000"}).segment_bytes == 3_000_000


@pytest.mark.parametrize(
    ("settings", "retention_ms"),
    [
        ({}, 168 * HOUR_MS),
        ({"log.retention.hours": "1"}, HOUR_MS),
        ({"log.retention.hours": "1", "log.retention.minutes": "2"}, 120_000),
        ({"log.retention.minutes": "2", "log.retention.ms": "3"}, 3),
        ({"log.retention.hours": "-1"}, -1),
        ({"log.retention.ms": "-1"}, -1),
    ],
)
def test_retention_is_taken_from_the_finest_unit_that_is_set(
    settings: dict[str, str], retention_ms: int
) -> None:
    assert log_config(BrokerConfig.from_settings(settings), {}).retention_ms == retention_ms


def test_segments_of_lessons_may_be_smaller_than_kafka_allows() -> None:
    with pytest.raises(ApiError):
        validate_topic_config("segment.bytes", "100")
    validate_topic_config("internal.segment.bytes", "100")
    assert log_config(BrokerConfig(), {"internal.segment.bytes": "100"}).segment_bytes == 100


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("retention", "1", "Unknown topic config name: retention"),
        ("retention.ms", None, "Null value not supported for topic configs: retention.ms"),
        (
            "retention.ms",
            "soon",
            "Invalid value soon for configuration retention.ms: Not a number of type LONG",
        ),
        (
            "retention.ms",
            "-2",
            "Invalid value -2 for configuration retention.ms: Value must be at least -1",
        ),
        (
            "message.timestamp.type",
            "createtime",
            "Invalid value createtime for configuration message.timestamp.type:"
            " String must be one of: CreateTime, LogAppendTime",
        ),
        (
            "cleanup.policy",
            "delete,delete",
            "Configuration 'cleanup.policy' values must not be duplicated.",
        ),
        ("cleanup.policy", "delete,", "Configuration 'cleanup.policy' values must not be empty."),
    ],
)
def test_a_wrong_topic_setting_is_refused_in_kafkas_words(
    name: str, value: str | None, message: str
) -> None:
    with pytest.raises(ApiError) as caught:
        validate_topic_configs({name: value})
    assert caught.value.code == ErrorCode.INVALID_CONFIG
    assert caught.value.message == message


def test_an_empty_cleanup_policy_keeps_everything() -> None:
    validate_topic_config("cleanup.policy", "")
    config = log_config(BrokerConfig(), {"cleanup.policy": ""})
    assert not config.delete
    assert not config.compact


# -- changes at run time ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("current", "op", "value", "then"),
    [
        (None, AlterOp.SET, "compact", "compact"),
        ("compact", AlterOp.DELETE, None, None),
        (None, AlterOp.APPEND, "compact", "delete,compact"),
        ("compact", AlterOp.APPEND, "compact", "compact"),
        ("compact,delete", AlterOp.SUBTRACT, "delete", "compact"),
        ("compact", AlterOp.SUBTRACT, "delete", "compact"),
        ("compact", AlterOp.SUBTRACT, "compact", ""),
    ],
)
def test_operations_on_a_list(
    current: str | None, op: AlterOp, value: str | None, then: str | None
) -> None:
    assert alter(TOPIC_CONFIGS["cleanup.policy"], current, op, value) == then


def test_only_lists_are_appended_to() -> None:
    with pytest.raises(ApiError, match=r"Can't APPEND to key retention\.ms"):
        alter(TOPIC_CONFIGS["retention.ms"], "1", AlterOp.APPEND, "2")


def test_what_a_broker_may_change_while_it_runs() -> None:
    validate_broker_configs({"log.retention.ms": "5", "message.max.bytes": "1000"})
    with pytest.raises(ApiError, match=r"Cannot update these configs dynamically: \[num.partition"):
        validate_broker_configs({"num.partitions": "5"})
    with pytest.raises(ApiError) as caught:
        validate_broker_configs({"log.retention.m": "5"})
    assert caught.value.code == ErrorCode.INVALID_CONFIG


def test_the_layers_of_a_value() -> None:
    config = given(message_max_bytes="1").with_dynamic(
        {"message.max.bytes": "2", "log.retention.ms": "7"}, {"message.max.bytes": "3"}
    )
    assert config.message_max_bytes == 3
    assert topic_value(config, {}, "retention.ms") == 7
    assert [(layer.text, layer.source.name) for layer in config.layers("message.max.bytes")] == [
        ("3", "DYNAMIC_BROKER_CONFIG"),
        ("2", "DYNAMIC_DEFAULT_BROKER_CONFIG"),
        ("1", "STATIC_BROKER_CONFIG"),
        ("1048588", "DEFAULT_CONFIG"),
    ]
    assert config.with_dynamic({}, {}).message_max_bytes == 1


def test_a_stored_value_that_no_longer_fits_is_left_out() -> None:
    config = BrokerConfig().with_dynamic(
        {"message.max.bytes": "many", "no.such.setting": "1", "num.partitions": "9"}, {}
    )
    assert config.message_max_bytes == BrokerConfig().message_max_bytes
    assert config.num_partitions == 1


# -- descriptions ----------------------------------------------------------------------------------


def test_a_description_of_a_topic_says_where_each_value_comes_from() -> None:
    broker = given(log_segment_bytes="2000000")
    entries = {e.key.name: e for e in describe_topic(broker, {"cleanup.policy": "compact"})}
    assert "internal.segment.bytes" not in entries
    policy, size, age = (
        entries[name] for name in ("cleanup.policy", "segment.bytes", "retention.ms")
    )
    assert (policy.value, policy.source) == ("compact", ConfigSource.DYNAMIC_TOPIC_CONFIG)
    assert [tuple(s) for s in policy.synonyms] == [
        ("cleanup.policy", "compact", ConfigSource.DYNAMIC_TOPIC_CONFIG),
        ("log.cleanup.policy", "delete", ConfigSource.DEFAULT_CONFIG),
    ]
    assert (size.value, size.source) == ("2000000", ConfigSource.STATIC_BROKER_CONFIG)
    assert (age.value, age.source, age.synonyms) == (
        "604800000",
        ConfigSource.DEFAULT_CONFIG,
        (),
    )


def test_a_description_of_a_broker() -> None:
    config = given(log_retention_hours="5").with_dynamic({"message.max.bytes": "2"}, {})
    entries = {e.key.name: e for e in describe_broker(config)}
    assert entries.keys() == BROKER_CONFIGS.keys()
    assert entries["num.partitions"].read_only
    assert not entries["message.max.bytes"].read_only
    assert entries["log.retention.ms"].value is None
    assert entries["log.retention.hours"].value == "5"
    assert entries["log.dirs"].key.type is ConfigType.LIST
    assert [e.key.name for e in describe_broker_default(config)] == ["message.max.bytes"]


def test_every_setting_explains_itself() -> None:
    for key in [*BROKER_CONFIGS.values(), *TOPIC_CONFIGS.values()]:
        assert key.doc.endswith("."), key.name
        assert "_" not in key.name
        assert key.default is None or key.parse(_text(key.default)) == key.default, key.name


def _text(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)
