"""The command `broker`: start one, look into its files, look at its code.

Each part imports what it needs when it runs: a broker that starts reads no dump code, and a dump
loads no asyncio. Nobody at a terminal ever sees a traceback (`--verbose` shows it to those who
look for a bug). Exit statuses: 0 done, 1 it could not be done, 2 it was asked for wrongly, 130
interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn, cast

from broker import __version__
from broker.wire.errors import ConfigError, FrameError, OffsetZeroError

if TYPE_CHECKING:
    from broker.metadata.configs import BrokerConfig
    from broker.server.server import Server

FAILED, MISUSED, INTERRUPTED = 1, 2, 130

_TOP = """\
A broker that speaks the Apache Kafka protocol, small enough to read.

  broker start                           run one on 127.0.0.1:9092
  broker start --brokers 3               run three, each with a copy of everything
  broker dump broker-data/orders-0/*.log show what is in its files
  broker simulate --seeds 1000           try to break a cluster in virtual time
  broker codec Produce 9                 show the code that reads and writes a message
  broker COMMAND --help                  say more
"""

_START = """\
Run a broker until Ctrl-C or SIGTERM ends it, or several that form a cluster.

Any Kafka client connects to the address that is printed once the broker answers. Data stay in
the data directory, in Apache Kafka's own format, and are there again after the next start.
"""

_START_MORE = """\
settings bear Kafka's names, and are taken in this order: options, --set, --config, defaults.
  broker start --set num.partitions=4 --set auto.create.topics.enable=false
  broker start --config server.properties --data-dir /var/lib/broker
  broker start --host 0.0.0.0 --set advertised.listeners=PLAINTEXT://my-host:9092
`broker settings` lists them.

three brokers on this machine, each a process and a controller of the cluster, too:
  broker start --brokers 3 --port 9092 --data-dir data
They answer on ports 9092, 9093 and 9094, their controllers on 9102 and on, and keep their data in
data/1, data/2 and data/3. Topics get three replicas unless they say otherwise, and acks=all means
two of them at least. --set and --config apply to all. Kill one (its process is named) and the
others go on; this starts it again, in a terminal of its own:
  broker start --brokers 3 --port 9092 --data-dir data --node 2

one broker of a cluster on several machines: the same on each, but for node.id and the host
  process.roles=broker,controller
  node.id=1
  listeners=PLAINTEXT://host-1:9092,CONTROLLER://host-1:9102
  controller.listener.names=CONTROLLER
  controller.quorum.voters=1@host-1:9102,2@host-2:9102,3@host-3:9102
in a server.properties, then: broker start --config server.properties

Ctrl-C ends the broker in order: others lead what it led, everything is on the disk, status 0.
A second Ctrl-C ends it at once (status 130); the next start then looks after the logs.
"""

_DUMP = """\
Show what is in files of a data directory: .log .index .timeindex .snapshot and the checkpoints,
each batch and record as people read them. The files are only read: the broker may be running.
"""

_SIMULATE = """\
Run clusters in virtual time with faults drawn from a seed, and check that nothing is lost, written
twice or out of order, and that all becomes well when the faults are over. A seed that fails is a
command that shows it again.
"""

_CODEC = """\
Show the Python source that reads and writes one version of a message. It is generated from the
declaration in broker/wire/messages, and compiled when the message is first used.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    given = _parser().parse_args(arguments)
    try:
        status: int = given.run(given)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough (`broker dump ... | head`). Python would
        # complain once more when it flushes at exit: nothing is left to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ConfigError as error:
        return _complain(given, error, MISUSED)
    except (OffsetZeroError, OSError) as error:
        return _complain(given, error, FAILED)
    except Exception as error:  # a bug of ours, in one line all the same
        return _complain(given, error, FAILED)


def _complain(given: argparse.Namespace, error: Exception, status: int) -> int:
    if getattr(given, "verbose", False):
        raise error
    text = " ".join(str(error).split())
    if not isinstance(error, OffsetZeroError):
        if isinstance(error, OSError) and error.strerror:
            text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        else:
            text = f"{type(error).__name__}: {text} (--verbose shows where)"
    print(f"broker: {text}", file=sys.stderr)
    return status


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line; the usage is for those who ask."""

    def error(self, message: str) -> NoReturn:
        self.exit(MISUSED, f"{self.prog}: {message} ({self.prog} --help says more)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="broker", description=_TOP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"broker {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_start(commands)
    dump = _add(commands, "dump", "show what is in files of a data directory", _DUMP, dump_files)
    dump.add_argument("files", metavar="FILE", nargs="+", help="a file of a data directory")
    codec = _add(commands, "codec", "show the code that reads and writes a message", _CODEC, codecs)
    codec.add_argument("name", metavar="NAME", help="an API or message: Produce, FetchResponse")
    codec.add_argument("version", metavar="VERSION", type=int, help="a version of it: 9")
    _add_simulate(commands)
    _add(commands, "settings", "list the settings of a broker", "", settings)
    _add(commands, "version", "say the version", "", version)
    return parser


def _add_simulate(commands: argparse._SubParsersAction[_Parser]) -> None:
    more = _add(commands, "simulate", "try to break a cluster", _SIMULATE, simulate)
    more.add_argument("--seeds", metavar="N", type=int, help="so many seeds (default: 1000)")
    more.add_argument("--from", metavar="SEED", type=int, dest="first", help="the first one")
    more.add_argument("--minutes", metavar="M", type=float, help="as many seeds as there is time")
    more.add_argument(
        "--seed", metavar="SEED", type=int, help="one seed; told in short if it fails"
    )
    more.add_argument("--brokers", metavar="N", type=int, help="of so many brokers (default: 1-5)")
    more.add_argument("--bug", metavar="NAME", help="with a bug of the museum put back in")
    more.add_argument("--trace", metavar="FILE", help="write the trace of --seed to a file")
    more.add_argument("--workers", metavar="N", type=int, help="processes (default: one a core)")


def _add_start(commands: argparse._SubParsersAction[_Parser]) -> None:
    start = _add(commands, "start", "run a broker", _START, run_broker, _START_MORE)
    start.add_argument(
        "--data-dir", metavar="DIR", help="where data are kept (log.dirs; default: broker-data)"
    )
    start.add_argument("--host", metavar="HOST", help="where to listen (default: 127.0.0.1)")
    start.add_argument(
        "--port",
        metavar="PORT",
        type=_port,
        help="the port to listen on (default: 9092; 0: any free one)",
    )
    start.add_argument(
        "--brokers", metavar="N", type=int, help="how many brokers to run together (default: 1)"
    )
    start.add_argument(
        "--node", metavar="ID", type=int, help="run only this one of --brokers, in this process"
    )
    start.add_argument("--config", metavar="FILE", help="a server.properties file")
    start.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="one setting; may be given often",
    )


def _add(
    commands: argparse._SubParsersAction[_Parser],
    name: str,
    summary: str,
    description: str,
    run: object,
    epilog: str | None = None,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=summary,
        description=description or summary.capitalize() + ".",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="say more, errors in full")
    parser.set_defaults(run=run)
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port: expected 0 to 65535")
    return int(text)


# -- broker start ----------------------------------------------------------------------------------


def run_broker(given: argparse.Namespace) -> int:
    """`broker start`"""
    from broker.server.options import Given, broker_configs

    configs = broker_configs(cast(Given, given))
    _log_to_stderr(given.verbose)
    _import_asyncio_without_ssl()
    try:
        if len(configs) > 1:
            return _run_together(configs)
        from broker.server.run import run

        run(configs[0], _announce)
    except ConfigError as error:
        # The settings were right; the machine has something against them.
        return _complain(given, error, FAILED)
    return 0


def _announce(server: Server) -> None:
    config, folder = server.config, os.path.abspath(server.config.log_dir)
    port = server.port or config.listener.port  # what alone is a controller has no clients
    where = config.listener._replace(port=port)
    _say(f"broker {config.node_id} answers on {where} (data in {folder})")


def _run_together(configs: Sequence[BrokerConfig]) -> int:
    import shlex

    from broker.server.together import Child, run_together

    folder = os.path.dirname(os.path.abspath(configs[0].log_dir))

    def announce(children: Sequence[Child]) -> None:
        where = ",".join(child.address for child in children)
        _say(f"brokers 1 to {len(children)} answer on {where} (data in {folder})")

    return run_together(configs, announce, again=f"broker {shlex.join(sys.argv[1:])}")


def _say(line: str) -> None:
    with suppress(OSError):  # a broker goes on though nobody listens to what it says
        print(line, flush=True)


def _import_asyncio_without_ssl() -> None:
    """asyncio does without, and no listener speaks TLS yet: a quicker start, 4 MB less memory."""
    if "ssl" in sys.modules:
        return
    sys.modules["ssl"] = None  # type: ignore[assignment]
    try:
        import asyncio  # noqa: F401
    finally:
        del sys.modules["ssl"]


def _log_to_stderr(verbose: bool) -> None:
    import logging

    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)-7s %(message)s",
    )
    logging.getLogger("asyncio").setLevel(logging.WARNING)


# -- the others ------------------------------------------------------------------------------------


def dump_files(given: argparse.Namespace) -> int:
    """`broker dump`"""
    from broker.log.dump import dump
    from broker.wire.codec import decode_metadata_record

    def metadata_record(value: bytes) -> str:
        try:
            record, version = decode_metadata_record(value)
        except FrameError as error:
            return f"damaged: {error}"
        return f"v{version} {record}"

    for file in given.files:
        for line in dump(file, metadata_record):
            print(line)
    return 0


def codecs(given: argparse.Namespace) -> int:
    """`broker codec`"""
    from broker.wire.codec import describe

    print(describe(given.name, given.version))
    return 0


def simulate(given: argparse.Namespace) -> int:
    """`broker simulate`"""
    from broker.sim.simulate import main as run_simulations

    return run_simulations(given)


def settings(given: argparse.Namespace) -> int:
    """`broker settings`"""
    from broker.metadata.broker_settings import BROKER_CONFIGS
    from broker.metadata.config_def import format_value

    for name, key in BROKER_CONFIGS.items():
        default = format_value(key.default)
        print(f"{name}={default or ''}\n    {key.doc}")
    return 0


def version(given: argparse.Namespace) -> int:
    """`broker version`"""
    print(f"broker {__version__} (Python {sys.version.split()[0]})")
    return 0
