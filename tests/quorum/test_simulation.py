"""Many small histories of a quorum: everything that may go wrong does, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.quorum.harness import Host, World


def disturb(world: World) -> None:
    """Something happens: to a node, to the network, or a client comes."""
    random = world.random
    host = list(world.hosts.values())[int(random.random() * len(world.hosts))]
    dice = random.random()
    if dice < 0.45:
        world.propose(count=1 + int(random.random() * 3))
    elif dice < 0.53:
        if host.up:
            host.crash(power=random.random() < 0.5)
    elif dice < 0.70:
        if not host.up:
            host.start()
    elif dice < 0.75:
        world.isolate(host.node_id)
    elif dice < 0.80:
        other = list(world.hosts)[int(random.random() * len(world.hosts))]
        world.cut({host.node_id}, {other} - {host.node_id}, one_way=random.random() < 0.5)
    elif dice < 0.90:
        world.cuts.clear()
    elif dice < 0.94:
        world.snapshot(host)
    elif dice < 0.96:
        resign(world, host)
    else:
        world.loss = max(0.0, random.random() * 0.2 - 0.05)


def resign(world: World, host: Host) -> None:
    """A node is stopped in order, and started again."""
    if host.quorum is None:
        return
    host.quorum.resign(world.now)
    host.after()
    world.run(int(world.random.random() * 300_000))
    host.crash()
    host.start()


def history(seed: int, voters: int, steps: int = 60) -> World:
    world = World(voters=voters, observers=seed % 2, seed=seed)
    world.through_codec = seed % 8 == 0
    if seed % 3 == 0:
        world.settings = {"retention_bytes": 0, "fetch_snapshot_max_bytes": 100}
    world.start()
    for _ in range(steps):
        disturb(world)
        world.run(int(world.random.random() * 400_000))
    world.heal()
    world.settle()
    world.run(2_000_000)
    world.settle()
    value = world.next_value
    assert world.propose() is not None
    world.settle()
    assert all(host.values[-1] == value for host in world.hosts.values())
    return world


@pytest.mark.parametrize("voters", [3, 5])
def test_whatever_happens_nothing_committed_is_lost_and_the_quorum_comes_back(voters: int) -> None:
    for seed in range(15):
        try:
            history(seed, voters)
        except Exception as error:
            raise AssertionError(f"seed {seed}, {voters} voters: {error}") from error


def crashes(world: World, leader: Host) -> None:
    leader.crash()


def falls_silent(world: World, leader: Host) -> None:
    world.isolate(leader.node_id)


def stops(world: World, leader: Host) -> None:
    assert leader.quorum is not None
    leader.quorum.resign(world.now)
    leader.after()


@pytest.mark.parametrize(
    ("what", "usual_ms", "most_ms"),
    [(stops, 20, 50), (crashes, 250, 1_000), (falls_silent, 700, 1_500)],
)
def test_how_soon_another_leads(
    what: Callable[[World, Host], None], usual_ms: int, most_ms: int
) -> None:
    """In virtual time, until a record of the new epoch is committed."""
    gaps = []
    for seed in range(15):
        world = World(seed=seed).start()
        world.settle()
        world.run(1_000_000 + seed * 13_000)
        old, since = world.leader, world.time
        assert old is not None
        what(world, old)
        others = [host for host in world.hosts.values() if host is not old]
        while not any(host.quorum and host.quorum.epoch_is_committed for host in others):
            world.run(2_000)
        gaps.append((world.time - since) // 1000)
    assert sorted(gaps)[len(gaps) // 2] <= usual_ms
    assert max(gaps) <= most_ms
