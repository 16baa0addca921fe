import json

import pytest
import tensorflow as tf

from cyclegan_tf.distribution.cluster import Cluster, Shard, read_cluster, require_cluster
from cyclegan_tf.errors import InputError

TWO = {"worker": ["a.example:2222", "b.example:2223"]}
SLURM = {
    "SLURM_STEP_NUM_TASKS": "5",
    "SLURM_PROCID": "3",
    "SLURM_STEP_NODELIST": "gpu[08-09],login1",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2),1",
    "SLURM_JOB_ID": "32007",
}


def from_tf_config(cluster, kind="worker", index=0) -> Cluster | None:
    config = {"cluster": cluster, "task": {"type": kind, "index": index}}
    return read_cluster({"TF_CONFIG": json.dumps(config)})


def test_tf_config_names_the_workers_and_this_one():
    cluster = from_tf_config(TWO, index=1)
    assert cluster == Cluster(("a.example:2222", "b.example:2223"), 1, "TF_CONFIG")
    assert (cluster.count, cluster.is_chief) == (2, False)
    assert cluster.summary() == "worker 2 of 2, chief a.example:2222, from TF_CONFIG"


def test_a_chief_comes_before_the_workers():
    jobs = {"worker": ["b:1", "c:1"], "chief": ["a:1"]}
    assert from_tf_config(jobs, "chief") == Cluster(("a:1", "b:1", "c:1"), 0, "TF_CONFIG")
    assert from_tf_config(jobs, "worker", "1") == Cluster(("a:1", "b:1", "c:1"), 2, "TF_CONFIG")
    assert from_tf_config(jobs, "chief").summary() == (
        "worker 1 of 3, this is the chief, from TF_CONFIG"
    )


def test_an_address_may_be_a_number():
    assert (
        from_tf_config({"worker": ["10.0.0.1:80", "[fe80::1]:80"]}).addresses[1] == "[fe80::1]:80"
    )


@pytest.mark.parametrize("text", ["", " ", "{}", '{"cluster": {}}', '{"environment": "cloud"}'])
def test_no_cluster_is_a_process_alone(text):
    assert read_cluster({"TF_CONFIG": text}) is None


def test_one_worker_is_a_process_alone():
    assert from_tf_config({"worker": ["a:1"]}) is None


@pytest.mark.parametrize(
    ("text", "found", "expected"),
    [
        ("{'cluster'", "is no JSON", "a JSON object"),
        ("[" * 100_000, "is nested too deeply", "a JSON object"),
        ("[1]", "it is [1]", "a JSON object"),
        ("null", "it is null", "a JSON object"),
        ('{"cluster": 5}', "cluster is 5", "lists of workers"),
        ('{"cluster": {"worker": "a:1"}}', "cluster.worker is 'a:1'", "a list of host:port"),
        ('{"cluster": {"worker": ["a"]}}', "names 'a'", "host:port"),
        ('{"cluster": {"worker": ["a:0"]}}', "names 'a:0'", "host:port, the port 1 to"),
        (
            '{"cluster": {"worker": ["a:65536"]}}',
            "names 'a:65536'",
            "host:port, the port 1 to",
        ),
        ('{"cluster": {"worker": ["a:١"]}}', "names 'a:", "host:port, the port 1 to"),
        ('{"cluster": {"worker": ["a b:1"]}}', "names 'a b:1'", "host:port"),
        ('{"cluster": {"worker": [":1"]}}', "names ':1'", "host:port"),
        ('{"cluster": {"worker": [null]}}', "names null", "host:port"),
        ('{"cluster": {"worker": [["a:1"]]}}', 'names ["a:1"]', "host:port"),
        ('{"cluster": {"worker": ["a:1", "a:1"]}}', "a:1 is named twice", "an address of its own"),
        ('{"cluster": {"ps": ["a:1"]}}', "the job 'ps'", "only chief and worker"),
        ('{"cluster": {"chief": ["a:1", "b:1"]}}', "2 chiefs", "at most one"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}}', "task is null", "the type and index"),
        ('{"cluster": {"worker": ["a:1"]}, "task": 3}', "task is 3", "the type and index"),
    ],
)
def test_malformed_tf_config_is_refused_in_one_line(text, found, expected):
    with pytest.raises(InputError) as error:
        read_cluster({"TF_CONFIG": text})
    message = str(error.value)
    assert message.startswith("TF_CONFIG: ")
    assert found in message
    assert f"expected is {expected}" in message
    assert message.endswith("Correct or unset it.")
    assert "\n" not in message
    assert len(message) < 350


@pytest.mark.parametrize(
    ("kind", "index", "found", "expected"),
    [
        ("chief", 0, "task.type is 'chief'", "worker"),
        (None, 0, "task.type is null", "worker"),
        (["worker"], 0, 'task.type is ["worker"]', "worker"),
        ("worker", 2, "task.index is 2", "0 to 1: the cluster has 2 of type worker"),
        ("worker", -1, "task.index is -1", "0 to 1"),
        ("worker", "one", "task.index is 'one'", "0 to 1"),
        ("worker", True, "task.index is true", "0 to 1"),
        ("worker", 1.0, "task.index is 1.0", "0 to 1"),
        ("worker", None, "task.index is null", "0 to 1"),
    ],
)
def test_wrong_task_is_refused(kind, index, found, expected):
    with pytest.raises(InputError) as error:
        from_tf_config(TWO, kind, index)
    assert f"{found}; expected is {expected}" in str(error.value)


def test_slurm_tasks_are_numbered_node_by_node():
    cluster = read_cluster(SLURM)
    assert cluster.addresses == (
        "gpu08:12007", "gpu08:12008", "gpu09:12007", "gpu09:12008", "login1:12007",
    )  # fmt: skip
    assert cluster.summary() == "worker 4 of 5, chief gpu08:12007, from Slurm"


def test_slurm_hosts_are_those_of_tensorflows_resolver(monkeypatch):
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)
    resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
        port_base=12007, gpus_per_node=2, gpus_per_task=1, auto_set_gpu=False
    )
    assert resolver.cluster_spec().as_dict() == {"worker": list(read_cluster(SLURM).addresses)}
    assert resolver.get_task_info() == ("worker", 3)


def test_slurm_keeps_its_own_order_of_nodes():
    changes = {"SLURM_STEP_NODELIST": "n[2,9-10]x", "SLURM_STEP_TASKS_PER_NODE": "1(x3)"}
    cluster = read_cluster(SLURM | changes | {"SLURM_STEP_NUM_TASKS": "3", "SLURM_PROCID": "0"})
    assert [address.split(":")[0] for address in cluster.addresses] == ["n2x", "n9x", "n10x"]
    assert cluster.is_chief


def test_a_slurm_job_of_one_task_is_a_process_alone():
    assert read_cluster(SLURM | {"SLURM_STEP_NUM_TASKS": "1"}) is None
    assert read_cluster({"SLURM_JOB_ID": "5", "SLURM_NTASKS": "4"}) is None  # a shell, no srun


@pytest.mark.parametrize(
    "change",
    [
        {"SLURM_PROCID": "5"},
        {"SLURM_PROCID": ""},
        {"SLURM_STEP_NUM_TASKS": "6"},
        {"SLURM_STEP_NODELIST": "gpu[08-"},
        {"SLURM_STEP_NODELIST": "gpu[0-99999999]"},
        {"SLURM_STEP_TASKS_PER_NODE": "2(x3"},
        {"SLURM_STEP_TASKS_PER_NODE": ""},
    ],
)
def test_slurm_variables_that_do_not_fit_are_refused(change):
    with pytest.raises(InputError, match="do not fit together; start with srun"):
        read_cluster(SLURM | change)


def test_tf_config_wins_over_slurm():
    text = json.dumps({"cluster": TWO, "task": {"type": "worker", "index": 0}})
    assert read_cluster(SLURM | {"TF_CONFIG": text}).source == "TF_CONFIG"


def test_several_machines_that_nothing_names_are_refused():
    with pytest.raises(InputError, match=r"needs two or more workers.*set TF_CONFIG=.*srun"):
        require_cluster({})


def test_only_the_chief_writes_where_it_was_told(tmp_path):
    path = tmp_path / "run"
    chief, other = (Cluster(("a:1", "b:1"), index, "TF_CONFIG") for index in (0, 1))
    with chief.own_folder(path) as folder:
        assert folder == path
    with other.own_folder(path) as folder:
        assert folder.name == "run"
        folder.mkdir()
        (folder / "x").write_text("thrown away")
        assert not path.exists()
    assert not folder.parent.exists()


def test_a_share_is_the_batch_divided_by_all_replicas():
    assert Shard(1, 2, 3).size(12) == 2
    with pytest.raises(ValueError, match=r"evenly among 2 workers of 3 replicas.*batch_size=8"):
        Shard(1, 2, 3).size(8)
    with pytest.raises(ValueError, match="index=2, count=2"):
        Shard(2, 2)
