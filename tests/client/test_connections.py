"""The way to a peer, and the view of the cluster: versions, time-outs, backoff, who leads."""

from broker.client.admin import Admin
from broker.client.cluster_view import ClusterView, Leadership, TopicPartition
from broker.client.config import AdminConfig, ConsumerConfig
from broker.client.consumer import Consumer
from broker.events import ResponseArrived
from broker.wire.errors import ErrorCode
from broker.wire.messages.api_versions import (
    ApiVersion,
    ApiVersionsRequest,
    ApiVersionsResponse,
)
from broker.wire.messages.metadata import (
    MetadataRequest,
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)
from tests.client.scene import EvenEntropy, Scene

ORDERS = TopicPartition("orders", 0)


def scene(
    brokers: int = 2, silent: tuple[int, ...] = (), bootstrap: tuple[int, ...] = (1,)
) -> Scene:
    """An administrator with nothing to do but to know the cluster."""
    stage = Scene(Admin(bootstrap, EvenEntropy(), AdminConfig()), brokers=brokers)
    stage.silent = set(silent)
    return stage.start()


# -- ApiVersions -----------------------------------------------------------------------------------


def test_a_conversation_begins_with_the_versions() -> None:
    stage = scene()
    assert [type(send.body) for send in stage.log] == [ApiVersionsRequest, MetadataRequest]
    assert stage.machine.cluster.cluster_id == "story"
    assert list(stage.machine.cluster.brokers) == [1, 2]
    assert stage.machine.cluster.brokers[2].host == "host2"


def test_each_request_takes_the_highest_version_that_both_know() -> None:
    stage = Scene(Admin([1], EvenEntropy(), AdminConfig()))
    stage.highest[3] = 9
    stage.start()
    assert stage.log[-1].api_version == 9


def test_a_broker_that_does_not_know_our_apiversions_names_its_own() -> None:
    """KIP-511: the answer is in version 0 and says UNSUPPORTED_VERSION."""
    stage = scene(silent=(1,))
    [first] = stage.open
    assert first.api_version == 4
    mine = ApiVersion(api_key=18, min_version=0, max_version=2)
    stage.answer(
        first,
        ApiVersionsResponse(error_code=ErrorCode.UNSUPPORTED_VERSION, api_keys=[mine]),
    )
    [second] = stage.open
    assert second.api_version == 2


def test_a_broker_that_refuses_even_its_own_version_is_left_alone() -> None:
    stage = scene(silent=(1,))
    for _ in range(2):
        [send] = stage.open
        stage.answer(send, ApiVersionsResponse(error_code=ErrorCode.UNSUPPORTED_VERSION))
    assert stage.quiet
    stage.pass_ms(50)
    assert len(stage.open) == 1


# -- lost peers ------------------------------------------------------------------------------------


def test_waits_before_reconnecting_grow() -> None:
    stage = scene(silent=(1,))
    waits = []
    for _ in range(7):
        stage.take(ApiVersionsRequest)
        stage.lose(1)
        before = stage.now.mono_us
        while stage.quiet:
            stage.pass_ms(1)
        waits.append((stage.now.mono_us - before) // 1000)
    assert waits == [50, 100, 200, 400, 800, 1000, 1000]


def test_silence_counts_as_a_lost_connection() -> None:
    stage = scene(silent=(1,))
    stage.pass_ms(30_000)
    assert [close.connection for close in stage.closed] == [1]


def test_answers_that_nobody_waits_for_are_ignored() -> None:
    stage = scene()
    stage.tell(ResponseArrived(1, 999, ApiVersionsResponse()))
    stage.tell(ResponseArrived(2, 1, ApiVersionsResponse()))
    assert stage.quiet


def test_another_broker_is_asked_when_one_is_gone() -> None:
    stage = scene()
    stage.silent = {1}
    stage.lose(1)
    stage.pass_ms(1_000)
    assert stage.log[-1].peer == 2
    assert isinstance(stage.log[-1].body, MetadataRequest)


def test_when_all_known_brokers_are_gone_the_client_starts_over() -> None:
    """KIP-899: the cluster may have moved, and the bootstrap addresses may know."""
    stage = Scene(Admin([-1], EvenEntropy(), AdminConfig()))
    stage.start()
    assert list(stage.machine.cluster.brokers) == [1, 2]
    stage.silent = {1, 2}
    for peer in (-1, 1, 2):
        stage.lose(peer)
    for _ in range(20):
        for send in list(stage.open):
            stage.open.remove(send)
            stage.lose(send.peer)
        stage.pass_ms(100)
    assert any(send.peer == -1 for send in stage.log[3:])


# -- metadata --------------------------------------------------------------------------------------


def test_even_a_good_view_is_looked_at_again_after_five_minutes() -> None:
    stage = scene()
    stage.pass_ms(299_000)
    assert stage.count(MetadataRequest) == 1
    stage.pass_ms(2_000)
    assert stage.count(MetadataRequest) == 2


def test_questions_that_do_not_help_get_rarer() -> None:
    reader = Scene(Consumer([1], EvenEntropy(), ConsumerConfig()), {}).start()
    reader.follow(reader.machine.assign([ORDERS], now=reader.now))  # type: ignore[attr-defined]
    before = reader.count(MetadataRequest)
    reader.pass_ms(10_000)
    assert 10 <= reader.count(MetadataRequest) - before <= 14


def answer(epoch: int, leader: int, topic_id: bytes = b"1" * 16, code: int = 0) -> MetadataResponse:
    partition = MetadataResponsePartition(partition_index=0, leader_id=leader, leader_epoch=epoch)
    topic = MetadataResponseTopic(
        error_code=code, name="orders", topic_id=topic_id, partitions=[] if code else [partition]
    )
    return MetadataResponse(
        brokers=[MetadataResponseBroker(node_id=1, host="host1", port=9092)], topics=[topic]
    )


def test_an_answer_from_the_past_is_not_believed() -> None:
    """A broker that lags behind still names the old leader: the higher epoch wins (KIP-320)."""
    view = ClusterView()
    view.learn(answer(epoch=5, leader=2))
    view.learn(answer(epoch=4, leader=1))
    assert view.leadership(ORDERS) == Leadership(2, 5)
    view.learn(answer(epoch=6, leader=1))
    assert view.leader(ORDERS) == 1


def test_a_topic_that_was_created_again_starts_over() -> None:
    view = ClusterView()
    view.learn(answer(epoch=5, leader=2))
    view.learn(answer(epoch=0, leader=1, topic_id=b"2" * 16))
    assert view.leadership(ORDERS) == Leadership(1, 0)


def test_a_topic_that_is_gone_is_forgotten_and_one_in_trouble_is_not() -> None:
    view = ClusterView()
    view.learn(answer(epoch=5, leader=2))
    view.learn(answer(epoch=5, leader=2, code=ErrorCode.LEADER_NOT_AVAILABLE))
    assert view.leader(ORDERS) == 2
    view.learn(answer(epoch=5, leader=2, code=ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
    assert view.leader(ORDERS) is None
    assert view.topic_errors == {"orders": ErrorCode.UNKNOWN_TOPIC_OR_PARTITION}


def test_a_hint_is_news_only_if_its_epoch_is() -> None:
    view = ClusterView()
    view.learn(answer(epoch=5, leader=2))
    assert not view.learn_leader(ORDERS, Leadership(1, 5))
    assert not view.learn_leader(ORDERS, Leadership(-1, -1))
    assert view.learn_leader(ORDERS, Leadership(1, 6))
    assert not view.learn_leader(TopicPartition("unknown", 0), Leadership(1, 6))
