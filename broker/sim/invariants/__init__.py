"""What must hold inside of the cluster, looked at from outside, step by step.

The broker asserts its invariants itself, beside the state that they guard. Here they are checked
once more by somebody who shares no code with it and sees all brokers at once. After each step only
what was touched is looked at, so a run may be long.

    agreement   a replicated log: log matching, leader completeness, one leader in an epoch. For
                each partition, and for the metadata log
    partitions  a partition: offsets in their order, high watermark and min ISR, maximal ISR,
                sequences
    cluster     the quorum and the image: majorities, ISR and eligible leader replicas, fencing
    copies      who still has a record: the rules by which a loss is allowed, and named as such
    watch       the watcher, which brings them together

Anomalies that clients saw are another matter: see `checker` and `promises`.
"""

from broker.sim.invariants.watch import Invariants

__all__ = ["Invariants"]
