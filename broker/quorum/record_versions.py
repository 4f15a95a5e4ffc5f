"""In which version each metadata record is written.

Readers take them all. A writer takes the newest that the cluster's metadata.version allows, except
where an older one says the same (Kafka's `MetadataVersion` and `ImageWriterOptions`).
"""

from __future__ import annotations

from broker.wire.messages.metadata_records import BrokerRegistrationChangeRecord
from broker.wire.schema import Message


def record_version(record: Message) -> int:
    """The version to write a record in, at metadata.version 30."""
    if isinstance(record, BrokerRegistrationChangeRecord):
        return _lowest(record)
    return record.schema.versions.high


def _lowest(record: BrokerRegistrationChangeRecord) -> int:
    """The lowest version that can say it: each version added one optional field."""
    fields = {field.name: field for field in record.schema.fields}
    for name, version in (
        ("cordoned_log_dirs", 3),
        ("log_dirs", 2),
        ("in_controlled_shutdown", 1),
    ):
        if name in fields and not fields[name].is_default(getattr(record, name)):
            return version
    return 0
