"""A compact, replicated broker that speaks the Apache Kafka protocol, to read, break and use.

    import broker

    with broker.Cluster() as cluster:
        print(cluster.bootstrap_servers)      # any Kafka client connects there

Importing the package is cheap and opens nothing. `Cluster` is loaded when it is asked for, because
it needs sockets and threads, and not every place where this package is read or simulated has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from broker.cluster import Cluster

__all__ = ["Cluster", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Load `Cluster` when somebody asks for it (PEP 562)."""
    if name == "Cluster":
        from broker.cluster import Cluster

        return Cluster
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, *globals()]
