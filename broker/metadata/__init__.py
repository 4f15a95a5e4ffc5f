"""What the cluster knows about itself: metadata records, the image made of them, the controller.

Everything that a broker must agree on with others is a record in the metadata log: a topic, where
its partitions live and who leads them, a setting, a range of producer ids. The *image* is those
records replayed up to an offset. The *controller* is the one place that decides on new records.
"""
