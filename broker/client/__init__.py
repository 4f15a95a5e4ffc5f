"""The other half of Kafka's guarantees: producer, consumer and admin, as state machines.

Much of what people call "Kafka's promises" is kept by the client: which partition a key goes to,
that a retry is no duplicate, that records stay in order while five requests are on their way, from
where a reader goes on. Here all of that is plain code without a socket: the clients have the same
joint as a broker (`broker.events`), so the simulator can step them and a test can read as a story.

    machine = Producer(bootstrap=[1], entropy=entropy, config=ProducerConfig(linger_ms=0))
    effects = machine.start(now)                    # list[Send | Close]
    delivery, effects = machine.send("orders", key=b"A", value=b"created", now=now)
    effects = machine.handle(ResponseArrived(peer, correlation_id, body), now)
    when = machine.deadline()                       # mono_us, or None: nothing to wait for

The contract with the host, the same for all three machines:

- `start(now)`, `handle(event, now)` and every command return the effects to carry out, in order;
  commands take `now` as a keyword. Reading state (properties) has no effects and needs no time.
- Events a client understands: `ResponseArrived(peer, ...)`, `PeerLost(peer)`, `DeadlineCame()`.
  An answer nobody waits for any more (it came after its time-out) is ignored.
- Effects a client asks for: `Send(peer, correlation_id, api_version, body)`, the first of which
  on a fresh way to a peer is always ApiVersions; and `Close(peer, reason)` after a time-out: the
  peer has not answered for `request_timeout_ms`, and what is in flight to it is given up. No
  `PeerLost` need follow a `Close` (it does no harm if it does).
- A peer is a node id. The bootstrap peers are whatever ids the host understands; real ones as in
  the simulator, or -1, -2 ... where only addresses are known yet. `machine.cluster.brokers` says
  where each node listens, once the first Metadata answer is in.
- `Produce` with acks=0 has no answer: the host gets the `Send` and reports nothing.

Configurations are frozen dataclasses with the names and defaults of the Java client.
`ClientConfig` is common to all: client_id="", request_timeout_ms=30_000, retry_backoff_ms=100,
retry_backoff_max_ms=1_000, reconnect_backoff_ms=50, reconnect_backoff_max_ms=1_000,
metadata_max_age_ms=300_000.

Producer(bootstrap: Sequence[int], entropy: Entropy, config: ProducerConfig = ProducerConfig(),
         partitioner: Partitioner | None = None)
    ProducerConfig: acks=-1 (also 0, 1), enable_idempotence=True, linger_ms=5, batch_size=16_384,
        max_request_size=1_048_576, delivery_timeout_ms=120_000, retries=2**31 - 1,
        max_in_flight_requests_per_connection=5, compression_type="none", buffer_memory=32 MiB
    send(topic: str, *, value: bytes | None, key: bytes | None = None, partition: int | None = None,
         timestamp_ms: int | None = None, headers: Headers = (), now) -> tuple[Delivery, effects]
    flush(*, now) -> effects            send what lingers without waiting
    deliveries not done yet: .pending: int; .buffered_bytes: int; .fatal: ErrorCode | None
    .producer_id, .producer_epoch
    Delivery (one per record, mutable, plain): topic, partition (None until chosen), key, value,
        timestamp_ms, headers, status, offset, code, text; .done
        status: Status.PENDING, ACKED (offset is set; -1 with acks=0), FAILED (it is certainly not
        in the log; `code` says why) or UNKNOWN (it may be in the log, and may yet appear there)

Consumer(bootstrap, entropy, config: ConsumerConfig = ConsumerConfig())
    ConsumerConfig: auto_offset_reset="latest" ("earliest", "none"), fetch_min_bytes=1,
        fetch_max_wait_ms=500, fetch_max_bytes=50 MiB, max_partition_fetch_bytes=1 MiB,
        max_poll_records=500
    assign(partitions: Iterable[TopicPartition | tuple[str, int]], *, at: int | None = None, now)
        replaces the assignment; new partitions start `at` an offset (or BEGINNING, END), or
        where auto_offset_reset says
    seek(topic, partition, offset, *, now) -> effects
    seek_to_beginning(topic, partition, *, now) · seek_to_end(...) -> effects
    seek_to_timestamp(topic, partition, timestamp_ms, *, now) -> effects
    pause(topic, partition, *, now) · resume(topic, partition, *, now) -> effects
    poll(*, now, max_records: int | None = None) -> tuple[list[ConsumedRecord], effects]
        takes records out of `.records`; moves the positions; asks for more where room came free
    .records: deque[ConsumedRecord]     fetched and not yet polled, in order within a partition
    .assignment: tuple[TopicPartition, ...]
    .position(topic, partition) -> int | None     next offset to be polled; None: not known yet
    .high_watermark(topic, partition) -> int | None
    .errors: dict[TopicPartition, ErrorCode]      partitions that cannot go on by themselves
    ConsumedRecord: topic, partition, offset, timestamp, key, value, headers

Admin(bootstrap, entropy, config: AdminConfig = AdminConfig())
    AdminConfig: default_api_timeout_ms=60_000
    create_topics([NewTopic(name, num_partitions=-1, replication_factor=-1, configs={})], *,
                  validate_only=False, now) -> tuple[Operation, effects]
    delete_topics(names, *, now) · describe_topics(names | None, *, now) · describe_cluster(*, now)
    describe_configs([ConfigResource("topic" | "broker", name)], *, now)
    incremental_alter_configs({ConfigResource: {key: value | None}}, *, now)     None deletes
    list_offsets({TopicPartition: timestamp_ms | EARLIEST | LATEST | MAX_TIMESTAMP}, *, now)
    create_partitions({topic: count}, *, assignments=None, validate_only=False, now)
    elect_leaders(partitions | None, *, unclean=False, now)     None: wherever it is needed
    alter_partition_reassignments({TopicPartition: replicas | None}, *, now)     None: called off
    list_partition_reassignments(*, now) · describe_quorum(*, now)
    Operation (mutable, plain): name, status (Status), results: dict[key, Result]; .done
        Result: code (ErrorCode), text, value

Where things are, in the order in which they are best read:

    outcomes       Delivery, Operation, Result, Status: what became of what was asked for
    config         the settings                     backoff       waits that grow
    connections    requests in flight, versions, time-outs; for all three machines
    cluster_view   who leads what                   metadata      keeping that up to date
    machine        the loop that all three machines share
    partitioner    key -> partition                 accumulator   records -> batches
    idempotence    sequence numbers                 sender        batches -> requests, and answers
    producer       Producer
    positions      where a reader stands            fetcher       long polls -> records
    consumer       Consumer, with BEGINNING and END from `positions`
    admin_types, admin_calls, admin_cluster, admin  Admin, NewTopic, ConfigResource

A server's error is data, never an exception: look at `code` and `text`. Exceptions are for calls
that make no sense (a partition that is not assigned, an unknown compression).
"""
