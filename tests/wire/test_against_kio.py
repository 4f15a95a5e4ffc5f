"""Every message in every version, byte for byte, against another implementation.

kio is generated from Kafka's own declarations, ours were written by hand: where the two agree on
bytes for all sorts of values, no field is missing, misplaced or of the wrong type.
"""

from __future__ import annotations

from typing import Any

import kio.schema.errors
import pytest
from hypothesis import given, settings

from broker.wire import codec
from broker.wire.errors import ErrorCode
from broker.wire.schema import Message
from tests.wire import kio_peer
from tests.wire.strategies import api_messages, messages, name_of, other_messages

# kio covers the wire, and the control records that clients may meet; not the metadata records.
CASES = api_messages() + [case for case in other_messages() if case[0].schema.kind != "record"]


@pytest.mark.parametrize(("cls", "version"), CASES, ids=name_of)
def test_both_write_the_same_bytes(cls: type[Message], version: int) -> None:
    @settings(max_examples=8)
    @given(messages(cls, version))
    def property_of(message: Message) -> None:
        ours = codec.encode(message, version)
        assert ours == kio_peer.encode(message, version)
        assert codec.decode(cls, version, ours) == message

    property_of()


def test_kio_knows_the_same_errors() -> None:
    theirs: Any = kio.schema.errors.ErrorCode
    assert {c.value: (c.name.lower(), c.retriable) for c in ErrorCode if c != 133} == {
        int(c.value): (c.name, c.retriable) for c in theirs if c != 133
    }
