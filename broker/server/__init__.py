"""The front of a broker on asyncio: sockets, frames, limits, timers, and a thread that syncs.

Everything that touches the world is here, and nothing that knows what a record is. `host.py` drives
the state machine and carries out its effects; `connection.py` keeps the answers of a client in the
order of its questions.
"""
