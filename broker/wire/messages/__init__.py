"""The messages of the protocol: one file per API, declarations only.

Each file says what an API is for, what changed in each of its versions and which KIP (Kafka
Improvement Proposal) changed it. The versions declared are those that are served here. Kafka 4.0
dropped the oldest versions of many APIs, and so they start where Kafka's do.

`APIS` is the index. The codec looks here for the module to import when a message comes in that it
has not seen yet; a new API needs its file and its line.
"""

from __future__ import annotations

from typing import Final

APIS: Final[dict[int, tuple[str, str]]] = {
    0: ("Produce", "produce"),
    1: ("Fetch", "fetch"),
    2: ("ListOffsets", "list_offsets"),
    3: ("Metadata", "metadata"),
    18: ("ApiVersions", "api_versions"),
    19: ("CreateTopics", "create_topics"),
    20: ("DeleteTopics", "delete_topics"),
    22: ("InitProducerId", "init_producer_id"),
    23: ("OffsetForLeaderEpoch", "offset_for_leader_epoch"),
    32: ("DescribeConfigs", "describe_configs"),
    35: ("DescribeLogDirs", "describe_log_dirs"),
    37: ("CreatePartitions", "create_partitions"),
    43: ("ElectLeaders", "elect_leaders"),
    44: ("IncrementalAlterConfigs", "incremental_alter_configs"),
    45: ("AlterPartitionReassignments", "alter_partition_reassignments"),
    46: ("ListPartitionReassignments", "list_partition_reassignments"),
    52: ("Vote", "vote"),
    53: ("BeginQuorumEpoch", "begin_quorum_epoch"),
    54: ("EndQuorumEpoch", "end_quorum_epoch"),
    55: ("DescribeQuorum", "describe_quorum"),
    56: ("AlterPartition", "alter_partition"),
    57: ("UpdateFeatures", "update_features"),
    58: ("Envelope", "envelope"),
    59: ("FetchSnapshot", "fetch_snapshot"),
    60: ("DescribeCluster", "describe_cluster"),
    62: ("BrokerRegistration", "broker_registration"),
    63: ("BrokerHeartbeat", "broker_heartbeat"),
    64: ("UnregisterBroker", "unregister_broker"),
    67: ("AllocateProducerIds", "allocate_producer_ids"),
    70: ("ControllerRegistration", "controller_registration"),
    75: ("DescribeTopicPartitions", "describe_topic_partitions"),
}
"""API key -> (name, module)."""
