"""Bytes <-> messages. Knows no log and no cluster.

Read it in this order:

    errors       what can go wrong, and the protocol's error codes
    primitives   varints, strings, ids
    schema       the language in which messages are declared (and `versions`)
    messages/    the declarations: one file per API
    codec        messages <-> bytes; `readers` and `writers` generate the functions that do it
    frames       header and body: a request or a response as it travels
    records      record batches, the part of the protocol that is also the file format

Importing this package imports nothing else. Messages are loaded when they are first needed.
"""
