"""A failover written by hand: three brokers, a crash of the leader, an election, and a return.

Like the other stories here it is played on a small stage with no broker in it, so that the figures
of the cluster can be tested with all that a cluster can come to.
"""

from __future__ import annotations

from typing import Any

from lessons.figures.fold import Trace
from tests.figures.stories import Story

PLACES = {"payments-0": 2, "payments-1": 3}
NODES = (1, 2, 3)


class Failover(Story):
    """Two partitions on three brokers, and a shop that writes to them."""

    def opening(self) -> None:
        """The cluster, before anything happens."""
        changes: list[tuple[str, Any]] = [
            (
                f"nodes/{node}",
                {"kind": "broker", "status": "up", "controller": node == 3,
                 "role": "leader" if node == 3 else "follower", "epoch": 1},
            )
            for node in NODES
        ]  # fmt: skip
        for index, (name, leader) in enumerate(PLACES.items()):
            part = {"topic": "payments", "index": index, "leader": leader, "epoch": 4}
            changes.append(
                (f"partitions/{name}", {**part, "replicas": [1, 2, 3], "isr": [1, 2, 3]})
            )
            for node in NODES:
                role = "leader" if node == leader else "follower"
                log = {"role": role, "epoch": 4, "start": 0, "hw": 0, "end": 0, "records": {}}
                changes.append((f"logs/{node}/{name}", log))
        shop = {"kind": "producer", "status": "up", "acked": 0, "sent": 0, "waiting": []}
        changes.append(("clients/shop", shop))
        self.step("command", "admin", "create_topic payments", *changes)
        self.command("create_topic", {"topic": "payments"})

    def log(self, node: int, place: str) -> dict[str, Any]:
        """A replica."""
        log: dict[str, Any] = self.state["logs"][str(node)][place]
        return log

    def leader(self, place: str) -> int:
        """Who leads."""
        leader: int = self.state["partitions"][place]["leader"]
        return leader

    def write(self, place: str, key: str) -> None:
        """The shop sends a record; everybody who is up has it a little later."""
        node, shop = self.leader(place), self.state["clients"]["shop"]
        self.step(
            "command", "shop", f"shop sends {key} to {place}",
            ("clients/shop/sent", shop["sent"] + 1),
            ("clients/shop/waiting", [*shop["waiting"], key]),
        )  # fmt: skip
        number, arrival = self.send(
            "shop", str(node), "Produce", f"{key} to {place}", 8, partition=place, keys=[key]
        )
        self.at(arrival, lambda: self.append(number, node, place, key))

    def append(self, number: int, node: int, place: str, key: str) -> None:
        """The leader appends, and its followers fetch."""
        end = self.log(node, place)["end"]
        self.step(
            "message", str(node), f"broker {node} appends {key} to {place}",
            (f"logs/{node}/{place}/records/{end}", {"key": key, "value": "paid"}),
            (f"logs/{node}/{place}/end", end + 1), received=[number],
        )  # fmt: skip
        for follower in self.state["partitions"][place]["isr"]:
            if follower != node:
                number, arrival = self.send(
                    str(node), str(follower), "Fetch response", f"{key} of {place}",
                    5 + 3 * follower, partition=place, keys=[key],
                )  # fmt: skip
                self.at(arrival, lambda n=number, f=follower: self.follow(n, f, place, key))

    def follow(self, number: int, node: int, place: str, key: str) -> None:
        """A follower appends; when all have it, it is committed."""
        if self.state["nodes"][str(node)]["status"] != "up":
            return
        leader, log = self.leader(place), self.log(node, place)
        end = log["end"] + 1
        changes: list[tuple[str, Any]] = [
            (f"logs/{node}/{place}/records/{log['end']}", {"key": key, "value": "paid"}),
            (f"logs/{node}/{place}/end", end),
        ]
        isr = self.state["partitions"][place]["isr"]
        ends = [end if each == node else self.log(each, place)["end"] for each in isr]
        if leader > 0 and min(ends) > self.log(leader, place)["hw"]:
            changes += [(f"logs/{each}/{place}/hw", min(ends)) for each in isr]
            shop = self.state["clients"]["shop"]
            changes += [("clients/shop/acked", shop["acked"] + 1),
                        ("clients/shop/waiting", shop["waiting"][1:])]  # fmt: skip
        line = f"broker {node} has {place} up to {end}"
        self.step("message", str(node), line, *changes, received=[number])

    def crash(self) -> None:
        """Broker 2 is gone, with a record that nobody else has."""
        self.step("fault", "2", "broker 2 crashes", ("nodes/2/status", "crashed"))
        self.command("crash", {"who": 2})

    def elect(self) -> None:
        """The controller fences it, and broker 1 takes its place."""
        self.step("deadline", "3", "broker 3 has not heard of broker 2 for 1 s and fences it",
                  ("nodes/2/fenced", True))  # fmt: skip
        changes: list[tuple[str, Any]] = [
            ("partitions/payments-0/leader", 1), ("partitions/payments-0/epoch", 5),
            ("partitions/payments-0/isr", [1, 3]), ("partitions/payments-1/isr", [1, 3]),
            ("logs/1/payments-0/role", "leader"), ("logs/1/payments-0/epoch", 5),
        ]  # fmt: skip
        self.step("message", "3", "the controller moves payments-0 to broker 1, epoch 5", *changes)
        self.send("3", "1", "AlterPartition", "payments-0: you lead", 6, partition="payments-0")

    def cut(self) -> None:
        """Broker 1 and broker 3 cannot reach each other."""
        self.step("fault", "network", "the link between 1 and 3 is cut", ("links/1~3", "cut"))
        self.command("cut", {"sides": [["1"], ["3"]], "one_way": False})


def failover_trace() -> Trace:
    """Six records, a crash, an election, one more record, a cut."""
    story = Failover()
    story.at(0, story.opening)
    for turn, (place, key) in enumerate(
        [("payments-0", "A"), ("payments-1", "F"), ("payments-0", "B"), ("payments-1", "D"),
         ("payments-0", "A"), ("payments-1", "F"), ("payments-0", "C")]
    ):  # fmt: skip
        story.at(20 + 30 * turn, lambda p=place, k=key: story.write(p, k))
    story.at(260, lambda: story.write("payments-0", "E"))
    story.at(270, story.crash)
    story.at(420, story.elect)
    story.at(440, lambda: story.write("payments-0", "E"))
    story.at(460, story.cut)
    return story.run()
