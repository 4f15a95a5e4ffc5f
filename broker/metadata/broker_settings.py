"""Every setting of a broker that has an effect here, declared once, under Kafka's name.

`num_partitions` below is Kafka's `num.partitions`. Types, defaults and limits are Kafka 4.3's, with
exceptions that suit a broker on one's own machine: it listens on the loopback address alone, its
data lie in `broker-data` in the current folder, clients cannot make it take all memory, and whoever
falls silent is replaced sooner. Kafka waits nine seconds for a broker's heartbeat and two for a
controller's answer, which suits machines that pause for garbage collection and networks that
stutter; a second, and half of one, suit brokers on one machine, and a failover is over in less
than two seconds. The price: a broker that is stopped for longer than that loses its leaderships.

A setting that exists in Kafka and changes nothing here (the number of network threads, say) is
not listed: whoever describes this broker should see what works. A `server.properties` written for
Kafka is accepted all the same, see `without_effect`.
"""

from __future__ import annotations

from broker.metadata.config_def import (
    ConfigType,
    boolean,
    integer,
    listing,
    long,
    settings_of,
    text,
    unset,
    unset_text,
)

FOREVER = 2**63 - 1
"""Kafka's way to say "never" where a setting counts time or records (Long.MAX_VALUE)."""
UNLIMITED = 2**31 - 1


class BrokerSettings:
    """The settings, by subject."""

    # -- who and where ----------------------------------------------------------------------------
    node_id = integer(1, "The number of this broker in its cluster.", at_least=0)
    broker_rack = unset_text("The rack the broker stands in, as clients see it in Metadata.")
    log_dirs = listing(("broker-data",), "The folder that holds all data. One folder only.")
    listeners = listing(
        ("PLAINTEXT://127.0.0.1:9092",),
        "Where to listen, NAME://host:port. An empty host stands for every address; port 0 for"
        " any free port.",
    )
    advertised_listeners = listing((), "The address that clients are told to connect to.")
    listener_security_protocol_map = text("", "The protocol of each listener, NAME:PLAINTEXT.")
    inter_broker_listener_name = unset_text("The listener that other brokers use; there is one.")

    # -- the cluster ------------------------------------------------------------------------------
    process_roles = listing(
        ("broker", "controller"),
        "What this node is: a broker (it holds partitions), a controller (it votes), or both.",
        choices=("broker", "controller"),
    )
    controller_quorum_voters = listing(
        (), "The controllers, ID@HOST:PORT each; none: this node decides alone."
    )
    controller_listener_names = listing(
        (), "Listeners that nodes use among themselves, to vote and to reach the controller."
    )
    controller_quorum_fetch_timeout_ms = integer(
        600, "Without an answer of its leader for so long a voter calls an election.", at_least=1
    )
    controller_quorum_election_timeout_ms = integer(
        400, "Without a majority of votes for so long an election is given up.", at_least=1
    )
    controller_quorum_election_backoff_max_ms = integer(
        300, "How long a voter that was not elected waits at most to try again.", at_least=1
    )
    controller_quorum_request_timeout_ms = integer(
        2_000, "How long a request among the controllers may take.", at_least=1
    )
    controller_quorum_fetch_max_bytes = integer(
        1024 * 1024, "The most that one Fetch of metadata brings.", at_least=1
    )
    controller_quorum_fetch_snapshot_max_bytes = integer(
        1024 * 1024, "The most that one FetchSnapshot brings.", at_least=1
    )
    broker_heartbeat_interval_ms = integer(
        250, "How often a broker tells the controller that it is alive.", at_least=1
    )
    broker_session_timeout_ms = integer(
        1_000, "A broker that was not heard of for so long is fenced: it leads nothing.", at_least=1
    )
    initial_broker_registration_timeout_ms = integer(
        60_000, "A start that found no controller for so long is given up.", at_least=1
    )
    request_timeout_ms = integer(
        30_000, "How long a request to the controller is tried for a client.", at_least=1
    )

    # -- connections and requests -----------------------------------------------------------------
    socket_request_max_bytes = integer(
        100 * 1024 * 1024, "The largest request; a larger one closes its connection.", at_least=1
    )
    socket_listen_backlog_size = integer(
        50, "How many connections may wait to be accepted.", at_least=1
    )
    connections_max_idle_ms = long(
        600_000, "A connection on which nothing came for so long is closed; negative: never."
    )
    max_connections = integer(
        UNLIMITED, "How many connections may be open; the next is closed.", at_least=0, dynamic=True
    )
    max_connections_per_ip = integer(
        UNLIMITED, "How many connections one address may open.", at_least=0, dynamic=True
    )
    queued_max_requests = integer(
        500, "How many requests of a connection may wait before it is not read on.", at_least=1
    )
    queued_max_request_bytes = long(
        -1, "The memory for requests, and for answers nobody takes; negative: 512 MiB."
    )
    fetch_max_bytes = integer(
        55 * 1024 * 1024, "The most that one Fetch response carries.", at_least=1024
    )
    max_incremental_fetch_session_cache_slots = integer(
        1000, "How many fetch sessions are remembered (KIP-227).", at_least=0
    )
    max_request_partition_size_limit = integer(
        2000, "How many partitions one response describes.", at_least=1
    )

    # -- topics -----------------------------------------------------------------------------------
    auto_create_topics_enable = boolean(
        True, "Create a topic when a client first asks for its metadata and allows it."
    )
    delete_topic_enable = boolean(True, "Allow topics to be deleted.")
    num_partitions = integer(1, "Partitions of a topic where nobody says how many.", at_least=1)
    default_replication_factor = integer(1, "Replicas of a topic where nobody says how many.")
    min_insync_replicas = integer(
        1,
        "How many replicas must have a record, the leader among them, before acks=all is answered.",
        at_least=1,
        dynamic=True,
    )
    unclean_leader_election_enable = boolean(
        False, "Let a replica lead that may lack acknowledged records.", dynamic=True
    )
    unclean_leader_election_interval_ms = long(
        300_000, "How often partitions that may be led uncleanly are looked for.", at_least=1
    )
    auto_leader_rebalance_enable = boolean(
        True, "Give the lead back to preferred replicas from time to time."
    )
    leader_imbalance_check_interval_seconds = long(
        300, "How often the preferred replicas are looked after.", at_least=1
    )
    compression_type = text(
        "producer",
        "How stored batches are compressed: as the producer sent them.",
        choices=("producer",),
        dynamic=True,
    )
    message_max_bytes = integer(
        1024 * 1024 + 12, "The largest record batch, compressed.", at_least=0, dynamic=True
    )

    # -- the log: segments ------------------------------------------------------------------------
    log_segment_bytes = integer(
        1024**3, "The size at which a segment is closed.", at_least=1024 * 1024, dynamic=True
    )
    log_roll_ms = unset(
        ConfigType.LONG, "The age at which a segment is closed.", at_least=1, dynamic=True
    )
    log_roll_hours = integer(168, "The same in hours, where log.roll.ms is not set.", at_least=1)
    log_index_interval_bytes = integer(
        4096, "Bytes of records between two entries of an index.", at_least=0, dynamic=True
    )
    log_index_size_max_bytes = integer(
        10 * 1024 * 1024, "The largest index of a segment.", at_least=4, dynamic=True
    )
    log_message_timestamp_type = text(
        "CreateTime",
        "Whose clock stamps a record: the producer's or the broker's.",
        choices=("CreateTime", "LogAppendTime"),
        dynamic=True,
    )
    log_message_timestamp_before_max_ms = long(
        FOREVER, "How far in the past a record's timestamp may lie.", at_least=0, dynamic=True
    )
    log_message_timestamp_after_max_ms = long(
        3_600_000, "How far in the future a record's timestamp may lie.", at_least=0, dynamic=True
    )

    # -- the log: retention -----------------------------------------------------------------------
    log_cleanup_policy = listing(
        ("delete",),
        "delete: old segments go. compact: records need keys, and are all kept for now.",
        choices=("compact", "delete"),
        dynamic=True,
    )
    log_retention_ms = unset(
        ConfigType.LONG,
        "How long records are kept; -1: without a limit.",
        at_least=-1,
        dynamic=True,
    )
    log_retention_minutes = unset(ConfigType.INT, "The same in minutes.")
    log_retention_hours = integer(168, "The same in hours, where neither of the others is set.")
    log_retention_bytes = long(
        -1, "The size at which a partition's oldest segments go; -1: no limit.", dynamic=True
    )
    log_retention_check_interval_ms = long(
        300_000, "How often old segments are looked for.", at_least=1
    )
    log_segment_delete_delay_ms = long(
        60_000, "How long a deleted file stays, renamed, on the disk.", at_least=0, dynamic=True
    )

    # -- the log: durability ----------------------------------------------------------------------
    log_flush_interval_messages = long(
        FOREVER, "Sync a partition after so many records.", at_least=1, dynamic=True
    )
    log_flush_interval_ms = unset(
        ConfigType.LONG, "Sync a partition after so much time.", at_least=0, dynamic=True
    )
    log_flush_scheduler_interval_ms = long(
        FOREVER, "How often partitions that are due are looked for."
    )
    log_flush_offset_checkpoint_interval_ms = integer(
        60_000, "How often it is noted down how far each log is synced.", at_least=0
    )
    log_flush_start_offset_checkpoint_interval_ms = integer(
        60_000, "How often it is noted down where each log starts.", at_least=0
    )
    replica_high_watermark_checkpoint_interval_ms = long(
        5_000, "How often the high watermarks are noted down."
    )
    producer_id_expiration_ms = integer(
        86_400_000, "How long an idle producer's sequence is remembered.", at_least=1, dynamic=True
    )

    # -- replicas ---------------------------------------------------------------------------------
    replica_lag_time_max_ms = long(
        30_000, "A follower that was not at the end for so long is no longer in sync."
    )
    replica_fetch_wait_max_ms = integer(
        500, "How long a leader may hold back a follower's fetch for more to come."
    )
    replica_fetch_min_bytes = integer(
        1, "A follower's fetch is answered when there is so much.", at_least=0
    )
    replica_fetch_max_bytes = integer(
        1024 * 1024, "The most that a follower fetches of one partition at once.", at_least=0
    )
    replica_fetch_response_max_bytes = integer(
        10 * 1024 * 1024, "The most that a follower fetches of all partitions at once.", at_least=0
    )
    replica_fetch_backoff_ms = integer(
        100, "How long a follower leaves a partition alone after an error.", at_least=0
    )
    replica_socket_timeout_ms = integer(
        30_000, "A follower gives up a fetch that was not answered for so long.", at_least=1
    )
    replica_selector_class = unset_text(
        "Where consumers read: RackAwareReplicaSelector names the closest replica (KIP-392)."
    )
    controlled_shutdown_enable = boolean(
        True, "A broker that stops hands its leaderships over first."
    )

    # -- the metadata log -------------------------------------------------------------------------
    metadata_log_max_record_bytes_between_snapshots = long(
        20 * 1024 * 1024, "A snapshot follows so many bytes of metadata records.", at_least=1
    )
    metadata_log_max_snapshot_interval_ms = long(
        3_600_000, "A snapshot follows after so much time; 0: never by time.", at_least=0
    )
    metadata_max_retention_bytes = long(
        100 * 1024 * 1024, "How much of log and snapshots is kept before the oldest goes."
    )
    metadata_max_retention_ms = long(
        7 * 24 * 3_600_000, "How long log and snapshots are kept before the oldest goes."
    )
    metadata_log_segment_bytes = integer(
        1024**3, "The size at which a segment of it is closed.", at_least=8 * 1024 * 1024
    )
    internal_metadata_log_segment_bytes = unset(
        ConfigType.INT, "The same without that limit, for tests.", at_least=1024, internal=True
    )
    metadata_log_segment_ms = long(
        7 * 24 * 3_600_000, "The age at which a segment of it is closed.", at_least=1
    )
    metadata_max_idle_interval_ms = integer(
        500, "An idle controller writes an empty record so often; 0: never.", at_least=0
    )


BROKER_CONFIGS = settings_of(BrokerSettings)
"""Every setting of a broker by Kafka's name: what DescribeConfigs lists."""

ALIASES = {"broker.id": "node.id", "log.dir": "log.dirs"}
"""Older names that Kafka still reads, and what they are called here."""

# A promise of safety must not be taken and dropped: these stop the broker instead.
REFUSED = frozenset(
    (
        "alter.config.policy.class.name",
        "authorizer.class.name",
        "client.quota.callback.class",
        "create.topic.policy.class.name",
    )
)

_FAMILIES_WITHOUT_EFFECT = """
    add.partitions. alter.log.dirs. controlled. controller. delegation. group. kafka.metrics.
    leader. listener.name. log.cleaner. log.local. metadata. metric. metrics. offset. offsets.
    quota. remote. replica. replication. sasl. security. share. ssl. telemetry. transaction.
    transactional.
"""
_NAMES_WITHOUT_EFFECT = """
    background.threads compression.gzip.level compression.lz4.level compression.zstd.level
    config.providers connection.failed.authentication.delay.ms connections.max.reauth.ms
    cordoned.log.dirs delete.records.purgatory.purge.interval.requests early.start.listeners
    fetch.purgatory.purge.interval.requests follower.fetch.last.tiered.offset.enable
    log.dir.failure.timeout.ms log.initial.task.delay.ms log.preallocate log.roll.jitter.hours
    log.roll.jitter.ms max.connection.creation.rate max.connections.per.ip.overrides
    num.io.threads num.network.threads num.recovery.threads.per.data.dir
    num.replica.alter.log.dirs.threads num.replica.fetchers principal.builder.class
    producer.id.expiration.check.interval.ms producer.purgatory.purge.interval.requests
    server.max.startup.time.ms socket.connection.setup.timeout.max.ms
    socket.connection.setup.timeout.ms socket.receive.buffer.bytes socket.send.buffer.bytes
    unstable.api.versions.enable unstable.feature.versions.enable
"""
# What else Kafka 4.3 reads from server.properties (AbstractKafkaConfig), by family and by name.
_FAMILIES = tuple(_FAMILIES_WITHOUT_EFFECT.split())
_NAMES = frozenset(_NAMES_WITHOUT_EFFECT.split())


def without_effect(name: str) -> bool:
    """Whether Kafka has such a setting and this broker has no use for it."""
    if name in _NAMES:
        return True
    # A slip of the pen in a setting that works must not pass for one of a family that does not.
    return name.startswith(_FAMILIES) and not _close_to(name, 0.95)


def closest(name: str) -> str | None:
    """The setting that someone who wrote `name` may have meant."""
    return _close_to(name, 0.6)


def _close_to(name: str, likeness: float) -> str | None:
    from difflib import get_close_matches  # costs a few milliseconds, and is rarely needed

    matches = get_close_matches(name, [*BROKER_CONFIGS, *ALIASES], 1, cutoff=likeness)
    return matches[0] if matches else None
