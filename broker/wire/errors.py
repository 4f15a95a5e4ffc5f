"""Everything that can go wrong, in one tree.

The tree of exceptions:

    OffsetZeroError
    ├── FrameError                    bytes that are not a message; the connection is closed
    ├── EncodeError                   a message that cannot be written: our own mistake, found early
    ├── ConfigError                   a setting that makes no sense, said in one line
    ├── InvariantError                a promise of ours is broken; the partition goes offline
    └── ApiError                      whatever the protocol has an error code for
        ├── CorruptRecordError        CORRUPT_MESSAGE
        ├── UnsupportedCompressionError   UNSUPPORTED_COMPRESSION_TYPE
        └── StorageError              KAFKA_STORAGE_ERROR

The protocol itself knows only numbers: every answer carries an `ErrorCode`. Three questions decide
what a client does with one, and each code here answers them:

- *Whose fault?* The client's (asking again in the same words is useless), the broker's or the
  cluster's (it may pass), or the data's (what is stored or sent is damaged).
- *May it be asked again?* `retriable` follows the Java client: the subclasses of its
  RetriableException.
- *Is it certain that nothing happened?* A definite error says no. An indefinite one leaves it open:
  after NOT_ENOUGH_REPLICAS_AFTER_APPEND the record is in the leader's log and may well survive. Who
  sends again after an indefinite error risks a duplicate, and that is why producers are idempotent.

Codes and names are those of Kafka's `Errors.java` (4.3).
"""

from __future__ import annotations

from enum import Enum, IntEnum


class Fault(Enum):
    """Who has to change something before the same request can succeed."""

    CLIENT = "client"
    BROKER = "broker"
    DATA = "data"


_CLIENT, _BROKER, _DATA = Fault.CLIENT, Fault.BROKER, Fault.DATA
_RETRY = True


class ErrorCode(IntEnum):
    """The error codes of the Kafka protocol, each with its meaning.

    A member is an int and can be put into any `error_code` field as it is.
    """

    fault: Fault
    retriable: bool
    text: str

    def __new__(
        cls, code: int, fault: Fault = _CLIENT, text: str = "", retriable: bool = False
    ) -> ErrorCode:
        member = int.__new__(cls, code)
        member._value_ = code
        member.fault = fault
        member.text = text
        member.retriable = retriable
        return member

    @property
    def definite(self) -> bool:
        """True if what was asked for has certainly not happened."""
        return self not in _INDEFINITE

    UNKNOWN_SERVER_ERROR = -1, _BROKER, "The broker failed in a way it did not foresee."
    NONE = 0, _CLIENT, "No error."
    OFFSET_OUT_OF_RANGE = 1, _CLIENT, "The offset lies outside of what the log holds."
    CORRUPT_MESSAGE = 2, _DATA, "A record batch is damaged: its checksum or length is off.", _RETRY
    UNKNOWN_TOPIC_OR_PARTITION = 3, _CLIENT, "No such topic or partition on this broker.", _RETRY
    INVALID_FETCH_SIZE = 4, _CLIENT, "The fetch size is invalid."
    LEADER_NOT_AVAILABLE = 5, _BROKER, "The partition has no leader at the moment.", _RETRY
    NOT_LEADER_OR_FOLLOWER = 6, _BROKER, "This broker does not lead the partition.", _RETRY
    REQUEST_TIMED_OUT = 7, _BROKER, "The request was not done in time.", _RETRY
    BROKER_NOT_AVAILABLE = 8, _BROKER, "The broker is not available."
    REPLICA_NOT_AVAILABLE = 9, _BROKER, "The replica is not available.", _RETRY
    MESSAGE_TOO_LARGE = 10, _CLIENT, "A record batch is larger than max.message.bytes."
    STALE_CONTROLLER_EPOCH = 11, _BROKER, "The controller has moved to another node."
    OFFSET_METADATA_TOO_LARGE = 12, _CLIENT, "The metadata of an offset commit is too large."
    NETWORK_EXCEPTION = 13, _BROKER, "The connection was lost before the answer came.", _RETRY
    COORDINATOR_LOAD_IN_PROGRESS = 14, _BROKER, "The coordinator is still loading.", _RETRY
    COORDINATOR_NOT_AVAILABLE = 15, _BROKER, "The coordinator is not available.", _RETRY
    NOT_COORDINATOR = 16, _BROKER, "This broker is not the coordinator.", _RETRY
    INVALID_TOPIC_EXCEPTION = 17, _CLIENT, "The topic name is invalid, or the topic is internal."
    RECORD_LIST_TOO_LARGE = 18, _CLIENT, "The batch is larger than a whole log segment."
    NOT_ENOUGH_REPLICAS = 19, _BROKER, "Too few replicas are in sync to accept a write.", _RETRY
    NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20, _BROKER, "Written, but too few are in sync.", _RETRY
    INVALID_REQUIRED_ACKS = 21, _CLIENT, "acks must be 0, 1 or -1 (all)."
    ILLEGAL_GENERATION = 22, _CLIENT, "The generation of the group is over."
    INCONSISTENT_GROUP_PROTOCOL = 23, _CLIENT, "The member shares no protocol with the group."
    INVALID_GROUP_ID = 24, _CLIENT, "The group id is invalid."
    UNKNOWN_MEMBER_ID = 25, _CLIENT, "The coordinator does not know this member."
    INVALID_SESSION_TIMEOUT = 26, _CLIENT, "The session timeout is outside of the allowed range."
    REBALANCE_IN_PROGRESS = 27, _BROKER, "The group is rebalancing: join again."
    INVALID_COMMIT_OFFSET_SIZE = 28, _CLIENT, "The offset commit is too large."
    TOPIC_AUTHORIZATION_FAILED = 29, _CLIENT, "Not allowed on this topic."
    GROUP_AUTHORIZATION_FAILED = 30, _CLIENT, "Not allowed on this group."
    CLUSTER_AUTHORIZATION_FAILED = 31, _CLIENT, "Not allowed on this cluster."
    INVALID_TIMESTAMP = 32, _CLIENT, "A record's timestamp is out of the accepted range."
    UNSUPPORTED_SASL_MECHANISM = 33, _CLIENT, "The SASL mechanism is not supported."
    ILLEGAL_SASL_STATE = 34, _CLIENT, "The request does not fit the state of authentication."
    UNSUPPORTED_VERSION = 35, _CLIENT, "This version of the API is not supported."
    TOPIC_ALREADY_EXISTS = 36, _CLIENT, "A topic of this name exists already."
    INVALID_PARTITIONS = 37, _CLIENT, "The number of partitions is below 1."
    INVALID_REPLICATION_FACTOR = 38, _CLIENT, "The replication factor is below 1, or too high."
    INVALID_REPLICA_ASSIGNMENT = 39, _CLIENT, "The assignment of replicas is invalid."
    INVALID_CONFIG = 40, _CLIENT, "The configuration is invalid."
    NOT_CONTROLLER = 41, _BROKER, "This node is not the controller.", _RETRY
    INVALID_REQUEST = 42, _CLIENT, "The request makes no sense."
    UNSUPPORTED_FOR_MESSAGE_FORMAT = 43, _CLIENT, "The message format does not allow this."
    POLICY_VIOLATION = 44, _CLIENT, "The request violates a policy of the cluster."
    OUT_OF_ORDER_SEQUENCE_NUMBER = 45, _CLIENT, "The sequence leaves a gap: a batch is missing."
    DUPLICATE_SEQUENCE_NUMBER = 46, _CLIENT, "A batch with this sequence number is in the log."
    INVALID_PRODUCER_EPOCH = 47, _CLIENT, "The producer's epoch is old: another took its place."
    INVALID_TXN_STATE = 48, _CLIENT, "The transaction's state does not allow this."
    INVALID_PRODUCER_ID_MAPPING = 49, _CLIENT, "The transactional id has another producer id."
    INVALID_TRANSACTION_TIMEOUT = 50, _CLIENT, "The timeout exceeds transaction.max.timeout.ms."
    CONCURRENT_TRANSACTIONS = 51, _BROKER, "The transaction is busy with something else.", _RETRY
    TRANSACTION_COORDINATOR_FENCED = 52, _BROKER, "The transaction coordinator was replaced."
    TRANSACTIONAL_ID_AUTHORIZATION_FAILED = 53, _CLIENT, "Not allowed with this transactional id."
    SECURITY_DISABLED = 54, _CLIENT, "Security features are disabled."
    OPERATION_NOT_ATTEMPTED = 55, _BROKER, "Not tried, because another part of the batch failed."
    KAFKA_STORAGE_ERROR = 56, _BROKER, "The disk failed under the log.", _RETRY
    LOG_DIR_NOT_FOUND = 57, _CLIENT, "No such log directory."
    SASL_AUTHENTICATION_FAILED = 58, _CLIENT, "Authentication failed."
    UNKNOWN_PRODUCER_ID = 59, _BROKER, "Nothing is known of this producer id any more."
    REASSIGNMENT_IN_PROGRESS = 60, _BROKER, "The partition is being reassigned."
    DELEGATION_TOKEN_AUTH_DISABLED = 61, _CLIENT, "Delegation tokens are not enabled."
    DELEGATION_TOKEN_NOT_FOUND = 62, _CLIENT, "No such delegation token."
    DELEGATION_TOKEN_OWNER_MISMATCH = 63, _CLIENT, "The token belongs to someone else."
    DELEGATION_TOKEN_REQUEST_NOT_ALLOWED = 64, _CLIENT, "Not allowed on this kind of connection."
    DELEGATION_TOKEN_AUTHORIZATION_FAILED = 65, _CLIENT, "Not allowed with this token."
    DELEGATION_TOKEN_EXPIRED = 66, _CLIENT, "The delegation token has expired."
    INVALID_PRINCIPAL_TYPE = 67, _CLIENT, "The type of principal is not supported."
    NON_EMPTY_GROUP = 68, _CLIENT, "The group still has members."
    GROUP_ID_NOT_FOUND = 69, _CLIENT, "No such group."
    FETCH_SESSION_ID_NOT_FOUND = 70, _BROKER, "No such fetch session.", _RETRY
    INVALID_FETCH_SESSION_EPOCH = 71, _BROKER, "The epoch of the fetch session is wrong.", _RETRY
    LISTENER_NOT_FOUND = 72, _BROKER, "The leader has no listener of this name.", _RETRY
    TOPIC_DELETION_DISABLED = 73, _CLIENT, "Deleting topics is disabled."
    FENCED_LEADER_EPOCH = 74, _CLIENT, "The leader epoch in the request is old.", _RETRY
    UNKNOWN_LEADER_EPOCH = 75, _BROKER, "The leader epoch in the request is news here.", _RETRY
    UNSUPPORTED_COMPRESSION_TYPE = 76, _CLIENT, "The compression is not supported."
    STALE_BROKER_EPOCH = 77, _BROKER, "The broker has been registered anew since."
    OFFSET_NOT_AVAILABLE = 78, _BROKER, "The leader is too new to know the offset.", _RETRY
    MEMBER_ID_REQUIRED = 79, _CLIENT, "Join again, with the member id of this answer."
    PREFERRED_LEADER_NOT_AVAILABLE = 80, _BROKER, "The preferred leader is not available.", _RETRY
    GROUP_MAX_SIZE_REACHED = 81, _CLIENT, "The group is full."
    FENCED_INSTANCE_ID = 82, _CLIENT, "Another member took over this group.instance.id."
    ELIGIBLE_LEADERS_NOT_AVAILABLE = 83, _BROKER, "No eligible leader is available.", _RETRY
    ELECTION_NOT_NEEDED = 84, _CLIENT, "The partition needs no election.", _RETRY
    NO_REASSIGNMENT_IN_PROGRESS = 85, _CLIENT, "The partition is not being reassigned."
    GROUP_SUBSCRIBED_TO_TOPIC = 86, _CLIENT, "The group is subscribed to the topic."
    INVALID_RECORD = 87, _CLIENT, "The broker refuses a record of the batch."
    UNSTABLE_OFFSET_COMMIT = 88, _BROKER, "Offsets of an open transaction are pending.", _RETRY
    THROTTLING_QUOTA_EXCEEDED = 89, _CLIENT, "The quota is used up: slow down.", _RETRY
    PRODUCER_FENCED = 90, _CLIENT, "A newer producer has the same transactional id."
    RESOURCE_NOT_FOUND = 91, _CLIENT, "No such resource."
    DUPLICATE_RESOURCE = 92, _CLIENT, "A resource is named twice."
    UNACCEPTABLE_CREDENTIAL = 93, _CLIENT, "The credential is not acceptable."
    INCONSISTENT_VOTER_SET = 94, _BROKER, "One of the two nodes is not an expected voter."
    INVALID_UPDATE_VERSION = 95, _CLIENT, "The version given for the update is invalid."
    FEATURE_UPDATE_FAILED = 96, _BROKER, "The features could not be updated."
    PRINCIPAL_DESERIALIZATION_FAILURE = 97, _BROKER, "The forwarded principal is unreadable."
    SNAPSHOT_NOT_FOUND = 98, _BROKER, "No such snapshot."
    POSITION_OUT_OF_RANGE = 99, _CLIENT, "The position lies outside of the snapshot."
    UNKNOWN_TOPIC_ID = 100, _CLIENT, "No topic with this id on this broker.", _RETRY
    DUPLICATE_BROKER_REGISTRATION = 101, _BROKER, "Another broker has this id."
    BROKER_ID_NOT_REGISTERED = 102, _BROKER, "No broker is registered with this id."
    INCONSISTENT_TOPIC_ID = 103, _BROKER, "The log belongs to another topic id.", _RETRY
    INCONSISTENT_CLUSTER_ID = 104, _CLIENT, "The request is meant for another cluster."
    TRANSACTIONAL_ID_NOT_FOUND = 105, _CLIENT, "No such transactional id."
    FETCH_SESSION_TOPIC_ID_ERROR = 106, _BROKER, "The session mixes topic names and ids.", _RETRY
    INELIGIBLE_REPLICA = 107, _BROKER, "The new ISR names a replica that may not join it."
    NEW_LEADER_ELECTED = 108, _BROKER, "The partition was changed, and has a new leader."
    OFFSET_MOVED_TO_TIERED_STORAGE = 109, _BROKER, "The offset has moved to tiered storage."
    FENCED_MEMBER_EPOCH = 110, _CLIENT, "The member is fenced: give up all, and join again."
    UNRELEASED_INSTANCE_ID = 111, _CLIENT, "Another member still uses the instance id."
    UNSUPPORTED_ASSIGNOR = 112, _CLIENT, "The group does not support this assignor."
    STALE_MEMBER_EPOCH = 113, _CLIENT, "The member's epoch is old: heartbeat, then try again."
    MISMATCHED_ENDPOINT_TYPE = 114, _CLIENT, "The request went to the wrong kind of endpoint."
    UNSUPPORTED_ENDPOINT_TYPE = 115, _CLIENT, "This kind of endpoint is not supported."
    UNKNOWN_CONTROLLER_ID = 116, _CLIENT, "No controller has this id."
    UNKNOWN_SUBSCRIPTION_ID = 117, _CLIENT, "The telemetry subscription is unknown or old."
    TELEMETRY_TOO_LARGE = 118, _CLIENT, "The telemetry is too large."
    INVALID_REGISTRATION = 119, _BROKER, "The controller refuses the broker's registration."
    TRANSACTION_ABORTABLE = 120, _CLIENT, "The transaction must be aborted; then go on."
    INVALID_RECORD_STATE = 121, _CLIENT, "The record's state does not allow this acknowledgement."
    SHARE_SESSION_NOT_FOUND = 122, _BROKER, "No such share session.", _RETRY
    INVALID_SHARE_SESSION_EPOCH = 123, _BROKER, "The share session's epoch is wrong.", _RETRY
    FENCED_STATE_EPOCH = 124, _BROKER, "The share group's state epoch does not match."
    INVALID_VOTER_KEY = 125, _CLIENT, "The voter's key is not that of this replica."
    DUPLICATE_VOTER = 126, _CLIENT, "The voter is in the set already."
    VOTER_NOT_FOUND = 127, _CLIENT, "The voter is not in the set."
    INVALID_REGULAR_EXPRESSION = 128, _CLIENT, "The regular expression is invalid."
    REBOOTSTRAP_REQUIRED = 129, _CLIENT, "The client's metadata is of no use: bootstrap again."
    STREAMS_INVALID_TOPOLOGY = 130, _CLIENT, "The topology is invalid."
    STREAMS_INVALID_TOPOLOGY_EPOCH = 131, _CLIENT, "The topology's epoch is invalid."
    STREAMS_TOPOLOGY_FENCED = 132, _CLIENT, "The topology's epoch is old."
    SHARE_SESSION_LIMIT_REACHED = 133, _BROKER, "There are too many share sessions.", _RETRY


# After these, what was asked for may have happened. NOT_LEADER_OR_FOLLOWER is among them because a
# leader that is deposed while an acks=all write waits answers with it, and the new leader may have
# the record; the coordinators' two, because they stand for a failed write of their own log.
_INDEFINITE = frozenset(
    {
        ErrorCode.UNKNOWN_SERVER_ERROR,
        ErrorCode.NOT_LEADER_OR_FOLLOWER,
        ErrorCode.REQUEST_TIMED_OUT,
        ErrorCode.NETWORK_EXCEPTION,
        ErrorCode.COORDINATOR_NOT_AVAILABLE,
        ErrorCode.NOT_COORDINATOR,
        ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        ErrorCode.DUPLICATE_SEQUENCE_NUMBER,
        ErrorCode.CONCURRENT_TRANSACTIONS,
        ErrorCode.KAFKA_STORAGE_ERROR,
        ErrorCode.NEW_LEADER_ELECTED,
    }
)


class OffsetZeroError(Exception):
    """The root: every error that this package raises on purpose."""


class FrameError(OffsetZeroError):
    """These bytes are not a message of the protocol. Nothing else may escape the decoder.

    Where a message ends is unknown after this, so the connection cannot be used any further.
    """


class EncodeError(OffsetZeroError):
    """This message cannot be written in this version: a value is out of range, or would be lost."""


class ConfigError(OffsetZeroError):
    """A setting or an argument makes no sense. The text is one line, and names it."""


class InvariantError(OffsetZeroError):
    """Something that must always hold does not. Going on could harm data, so nobody does."""


class ApiError(OffsetZeroError):
    """A refusal that the protocol has a code for. Handlers turn it into an answer."""

    def __init__(self, code: ErrorCode, message: str = "") -> None:
        super().__init__(message or code.text)
        self.code = code
        self.message = message or code.text


class CorruptRecordError(ApiError):
    """A record batch is damaged, on the wire or on disk."""

    def __init__(self, message: str = "") -> None:
        super().__init__(ErrorCode.CORRUPT_MESSAGE, message)


class UnsupportedCompressionError(ApiError):
    """A batch is compressed in a way that nobody here can undo (perhaps for want of a wheel)."""

    def __init__(self, message: str = "") -> None:
        super().__init__(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, message)


class StorageError(ApiError):
    """The disk refused to read or write."""

    def __init__(self, message: str = "") -> None:
        super().__init__(ErrorCode.KAFKA_STORAGE_ERROR, message)


def invariant(condition: object, sentence: str) -> None:
    """Insist that something holds. Unlike `assert`, this survives `python -O`.

    >>> invariant(2 >= 1, "the high watermark never passes the log end offset")
    """
    if not condition:
        raise InvariantError(sentence)
