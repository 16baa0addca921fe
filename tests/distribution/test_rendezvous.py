import socket
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from cyclegan_tf.distribution import rendezvous
from cyclegan_tf.distribution.cluster import Cluster
from cyclegan_tf.errors import InputError


def listener(port: int = 0) -> socket.socket:
    return socket.create_server(("localhost", port))


def address(server: socket.socket) -> str:
    return f"localhost:{server.getsockname()[1]}"


def free_address() -> str:
    with closing(listener()) as server:
        return address(server)


def cluster(*addresses: str, index: int = 0) -> Cluster:
    return Cluster(addresses, index, "TF_CONFIG")


def test_workers_meet_whoever_comes_first():
    addresses = [free_address() for _ in range(3)]
    lines, servers = [], []

    def start(index: int) -> None:
        rendezvous.join(cluster(*addresses, index=index), 20, lines.append)
        servers.append(listener(int(addresses[index].split(":")[1])))  # as TensorFlow does

    threads = [threading.Thread(target=start, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
        time.sleep(0.3)
    for thread in threads:
        thread.join(20)
    assert len(servers) == 3
    for server in servers:
        server.close()
    first = f"for worker 2 of 3, {addresses[1]}; worker 3 of 3, {addresses[2]}"
    assert lines[0] == f"waiting up to 20 s {first}"


def test_who_does_not_come_is_named():
    there = listener()
    missing = free_address()
    with there, pytest.raises(rendezvous.WorkerLost) as error:
        rendezvous.join(cluster(free_address(), address(there), missing), 0.1, lambda line: None)
    assert str(error.value).startswith(f"waited 0 s in vain for worker 3 of 3, {missing}. Start")


def test_a_port_in_use_is_refused():
    with listener() as taken:
        address_taken = address(taken)
        port = address_taken.split(":")[1]
        with pytest.raises(InputError) as error:
            rendezvous.join(cluster(address_taken, free_address()))
    assert str(error.value).startswith(
        f"port {port}, which TF_CONFIG gives to the chief, {address_taken}, cannot be opened"
    )


def test_unknown_hosts_do_not_answer():
    assert not rendezvous.answers("no-such-host.invalid:80", 1)


def test_a_heartbeat_names_who_is_lost():
    there, lost = listener(), listener()
    heartbeat = rendezvous.Heartbeat(
        cluster("a:1", address(there), address(lost)), "Do this.", silent=1, stuck=1e6
    )
    heartbeat.start()
    name = address(lost)
    time.sleep(1.5)
    assert heartbeat.message is None
    lost.close()
    with there:
        assert heartbeat.verdict(20).startswith(f"lost worker 3 of 3, {name}: it was killed")
    assert heartbeat.message.endswith(" Do this.")
    heartbeat.stop()


def test_a_heartbeat_without_a_loss_says_that_a_connection_broke():
    with listener() as there:
        heartbeat = rendezvous.Heartbeat(cluster("a:1", address(there)), "Do this.")
        heartbeat.start()
        assert heartbeat.verdict(0) == "the connection to another worker broke. Do this."
        heartbeat.stop()


STUCK = """
import threading
from cyclegan_tf.distribution import rendezvous
from cyclegan_tf.distribution.cluster import Cluster
cluster = Cluster(("{lost}", "localhost:1"), 1, "TF_CONFIG")
rendezvous.Heartbeat(cluster, "Do this.", silent=0.5, stuck=0.5).start()
threading.Event().wait()
"""


def test_a_stuck_worker_ends_with_the_message():
    lost = free_address()
    script = STUCK.format(lost=lost)
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"error: lost the chief, {lost}: it was killed")
    assert ended.stderr.endswith("Do this.\n")
