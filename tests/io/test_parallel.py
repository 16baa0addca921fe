import threading

import pytest

from cyclegan_tf.io import parallel
from cyclegan_tf.io.parallel import AHEAD, in_order


def test_results_come_in_order_from_other_threads():
    threads = set()

    def work(number: int) -> int:
        threads.add(threading.get_ident())
        return number * number

    assert list(in_order(work, range(50))) == [n * n for n in range(50)]
    assert threading.get_ident() not in threads


@pytest.mark.parametrize(("options", "ahead"), [({}, AHEAD), ({"ahead": 7}, 7)])
def test_only_a_few_items_are_read_ahead(options, ahead):
    read = []
    items = (read.append(number) or number for number in range(100))
    results = in_order(str, items, **options)
    assert (next(results), len(read)) == ("0", ahead + 1)
    assert (next(results), len(read)) == ("1", ahead + 2)
    results.close()
    assert len(read) == ahead + 2


@pytest.mark.parametrize(("cores", "ahead", "threads"), [(2, 4, 2), (16, 4, 4), (16, 64, 16)])
def test_threads_are_as_many_as_cores_if_so_many_items_are_ahead(
    monkeypatch, cores, ahead, threads
):
    monkeypatch.setattr(parallel, "available_cores", lambda: cores)
    together = threading.Barrier(threads, timeout=30)
    used = set()

    def work(_: int) -> None:
        together.wait()  # until as many threads wait
        used.add(threading.get_ident())

    assert len(list(in_order(work, range(3 * threads), ahead=ahead))) == 3 * threads
    assert len(used) == threads


def test_error_comes_where_its_result_would():
    def work(number: int) -> float:
        return 6 / number

    results = in_order(work, [3, 2, 0, 1])
    assert [next(results), next(results)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_error_of_the_items_is_raised():
    def items():
        yield 1
        raise ValueError("the second is bad")

    with pytest.raises(ValueError, match="the second is bad"):
        list(in_order(str, items()))


def test_nothing_gives_nothing():
    assert list(in_order(str, [])) == []
