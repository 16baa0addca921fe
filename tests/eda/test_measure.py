import numpy as np
import pytest

from cyclegan_tf.eda.measure import Measurers, measure
from cyclegan_tf.errors import Fault
from tests.pictures import flat, noise, png


def entries(count: int) -> list[tuple[str, str, bytes]]:
    return [(f"folder/{i}.png", str(i), png(flat(i))) for i in range(count)]


def test_image_is_measured():
    found = measure(png(flat(100, 16)))
    assert found.fault == ""
    assert found.counts[:, 100].tolist() == [256] * 3
    assert (found.grey == 100).all()
    expected = {"width": 16, "height": 16, "mode": "RGB", "format": "PNG", "red": 100.0}
    expected |= {"brightness": pytest.approx(100), "saturation": 0.0, "colourfulness": 0.0}
    assert {key: found.row[key] for key in expected} == expected
    assert found.row["bytes"] == len(png(flat(100, 16)))


def test_what_is_no_image_has_a_fault_and_nothing_else():
    found = measure(b"no image")
    assert "no readable image" in found.fault
    assert (found.row, found.counts, found.grey) == ({}, None, None)


def test_digests_tell_bytes_and_pixels_apart():
    one, other, moved = png(noise(1)), png(noise(1)) + b"more", png(np.roll(noise(1), 1, axis=0))
    rows = [measure(data).row for data in (one, other, moved)]
    assert rows[0]["file"] != rows[1]["file"]
    assert rows[0]["pixels"] == rows[1]["pixels"]
    assert rows[0]["pixels"] != rows[2]["pixels"]  # the same colours elsewhere
    wide, high = (measure(png(flat(1, 8).reshape(shape))).row for shape in ((4, 16, 3), (16, 4, 3)))
    assert wide["pixels"] != high["pixels"]


@pytest.fixture(scope="module")
def two():
    with Measurers(0, processes=2) as measurers:
        yield measurers


def test_processes_answer_in_order_and_alike(two):
    found = list(two.in_order(entries(30)))
    assert [(origin, name) for origin, name, _ in found] == [e[:2] for e in entries(30)]
    for (_, _, encoded), (_, _, measured) in zip(entries(30), found, strict=True):
        alone = measure(encoded)
        assert measured.row == alone.row
        np.testing.assert_array_equal(measured.counts, alone.counts)
        np.testing.assert_array_equal(measured.grey, alone.grey)


def test_processes_go_on_after_what_is_no_image_and_after_a_reader_that_fails(two):
    assert [m.fault != "" for _, _, m in two.in_order([("x", "x", b""), *entries(1)])] == [
        True,
        False,
    ]

    def failing():
        yield from entries(3)
        raise ValueError("the file is cut off")

    with pytest.raises(ValueError, match="cut off"):
        list(two.in_order(failing()))
    assert len(list(two.in_order(entries(3)))) == 3


def test_images_are_read_only_a_few_ahead(two):
    read = []
    results = two.in_order(read.append(entry) or entry for entry in entries(40))
    next(results)
    assert len(read) == 5
    results.close()


def test_few_images_start_no_process(monkeypatch):
    monkeypatch.setattr("cyclegan_tf.eda.measure.available_cores", lambda: 64)
    monkeypatch.setattr(
        "cyclegan_tf.eda.measure._Process", lambda: pytest.fail("started a process")
    )
    with Measurers(399) as measurers:
        assert [name for _, name, _ in measurers.in_order(entries(3))] == ["0", "1", "2"]


@pytest.mark.parametrize(("cores", "total", "started"), [(1, 9999, 0), (2, 400, 2), (64, 9999, 8)])
def test_as_many_processes_as_cores_up_to_eight(monkeypatch, cores, total, started):
    class Counted:
        def end(self) -> None:
            processes.append(self)

    processes: list[Counted] = []
    monkeypatch.setattr("cyclegan_tf.eda.measure.available_cores", lambda: cores)
    monkeypatch.setattr("cyclegan_tf.eda.measure._Process", Counted)
    with Measurers(total):
        pass
    assert len(processes) == started


def test_process_that_dies_is_told():
    with Measurers(0, processes=1) as measurers:
        assert len(list(measurers.in_order(entries(1)))) == 1
        measurers._processes[0]._process.kill()
        measurers._processes[0]._process.wait()
        with pytest.raises(Fault, match="a process that measured images has ended"):
            list(measurers.in_order(entries(20)))
