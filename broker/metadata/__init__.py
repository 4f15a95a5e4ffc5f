"""What the cluster knows about itself: metadata records, the image made of them, the controller.

Everything that a broker must agree on with others is a record in the metadata log: a topic, where
its partitions live and who leads them, a setting, a range of producer ids. The *image* is those
records replayed up to an offset. The *controller* is the one place that decides on new records.

To read about it, in this order:

    sorted_map, registrations, image     what is known, as values that never change
    loader, snapshot, snapshot_generator from the log to the image, and from the image to a snapshot
    controller, plan                     how a decision is made and appended
    brokers, sessions                    who is there, as the controller sees it...
    lifecycle, identity                  ...and as the broker does
    partition_change, elections          who leads and who is in sync; the rules in one place
    alter_partition, reassigned,         what leaders, people and time ask of it
    reassignment, topics, chores
    features, topic_rules, configs       what decides besides
"""
