"""The other workers as the network shows them: waiting until all are there, seeing one vanish.

A worker is there as long as its port takes connections: the port is opened here until all have
met, and by TensorFlow from then on. The kernel closes it when the process dies.
"""

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

from cyclegan_tf.distribution.cluster import Cluster
from cyclegan_tf.errors import Fault, InputError

MEETING_SECONDS = 300.0  # images of containers arrive minutes apart
SILENT_SECONDS = 8.0  # TensorFlow opens a port anew within two, even on a busy machine
STUCK_SECONDS = 30.0  # from the loss to the end, if TensorFlow does not let go
PROBE_SECONDS = 1.0


class WorkerLost(Fault):
    """A worker of the training is gone; the others cannot go on without it."""


def join(
    cluster: Cluster, seconds: float = MEETING_SECONDS, say: Callable[[str], None] = print
) -> None:
    """Waits until the ports of all workers have answered, and says for whom it waits.

    Args:
        cluster: all workers, and which of them this is.
        seconds: to wait.
        say: is given a line when the waiting begins, and when somebody has come.

    Raises:
        InputError: if this worker's port cannot be opened.
        WorkerLost: if somebody has not come in time.
    """
    deadline = time.monotonic() + seconds
    missing, named = _others(cluster), None
    with _open_port(cluster) as knocks:
        while missing := [i for i in missing if not answers(cluster.addresses[i])]:
            who = "; ".join(cluster.name(i) for i in missing)
            if time.monotonic() > deadline:
                raise WorkerLost(
                    f"waited {seconds:.0f} s in vain for {who}. Start the same command there, with "
                    "the task of that machine, and see that a firewall lets the port through."
                )
            if missing != named:
                say(f"waiting up to {deadline - time.monotonic():.0f} s for {who}")
                named = missing
            knocks(PROBE_SECONDS)


def answers(address: str, seconds: float = 2.0) -> bool:
    """Whether `host:port` takes a connection."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=seconds):
            return True
    except OSError:  # also names that no resolver knows (yet)
        return False


class Heartbeat:
    """Looks every second whether all other workers are there, in a thread of its own.

    Once one is lost it leaves the main thread `stuck` seconds to end the process by itself, and
    then ends it with exit code 1: a collective operation may wait for the lost one for ever.

    Args:
        cluster: all workers.
        remedy: what the user should do, a sentence that ends the message.
        silent: seconds without an answer that mean that a worker is lost.
        stuck: seconds from the loss to the end of the process.
    """

    def __init__(
        self,
        cluster: Cluster,
        remedy: str,
        *,
        silent: float = SILENT_SECONDS,
        stuck: float = STUCK_SECONDS,
    ) -> None:
        self.message: str | None = None
        self._cluster = cluster
        self._remedy = remedy
        self._silent = silent
        self._stuck = stuck
        self._ended = threading.Event()
        self._found = threading.Event()
        self._reported = False
        self._thread = threading.Thread(target=self._look, daemon=True, name="heartbeat")

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def stop(self) -> None:
        """Stops looking, unless somebody has been lost."""
        self._ended.set()
        if not self._found.is_set():
            self._thread.join()

    def verdict(self, seconds: float) -> str:
        """The message for the user, after a connection broke.

        Args:
            seconds: to wait until it is clear who is lost.
        """
        self._found.wait(seconds)
        # the others look for the lost one, too; they must not take this worker for it
        time.sleep(2 * PROBE_SECONDS)
        self._reported = True
        return self.message or f"the connection to another worker broke. {self._remedy}"

    def _look(self) -> None:
        answered = dict.fromkeys(_others(self._cluster), time.monotonic())
        while not self._ended.wait(PROBE_SECONDS):
            for i in answered:
                if answers(self._cluster.addresses[i]):
                    answered[i] = time.monotonic()
            lost = [i for i in answered if time.monotonic() - answered[i] > self._silent]
            if lost:
                who = "; ".join(self._cluster.name(i) for i in lost)
                self.message = (
                    f"lost {who}: it was killed, failed (see its own output), or its machine is "
                    f"down, and the others cannot go on without it. {self._remedy}"
                )
                self._found.set()
                time.sleep(self._stuck)
                self._end_process()

    def _end_process(self) -> None:
        if not self._reported:
            print(f"error: {self.message}", file=sys.stderr)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(1)  # the main thread is stuck in an operation that nothing can interrupt


def _others(cluster: Cluster) -> list[int]:
    return [i for i in range(cluster.count) if i != cluster.index]


@contextlib.contextmanager
def _open_port(cluster: Cluster) -> Iterator[Callable[[float], None]]:
    """Opens this worker's port; what is yielded takes connections for some seconds."""
    port = int(cluster.addresses[cluster.index].rpartition(":")[2])
    dual = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual else socket.AF_INET
    try:
        server = socket.create_server(("", port), family=family, dualstack_ipv6=dual, backlog=256)
    except OSError as error:
        raise InputError(
            f"port {port}, which {cluster.source} gives to {cluster.name(cluster.index)}, cannot "
            f"be opened on this machine ({error.strerror}); end what uses it, or take another."
        ) from None
    with server, contextlib.ExitStack() as visitors:

        def knocks(seconds: float) -> None:
            end = time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0:
                server.settimeout(left)
                with contextlib.suppress(TimeoutError, ConnectionError):
                    # closed last: who closes first blocks the port for a while
                    visitors.enter_context(server.accept()[0])

        yield knocks
