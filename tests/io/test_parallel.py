import threading

import pytest

from cyclegan_tf.io.parallel import AHEAD, in_order


def test_results_come_in_order_from_other_threads():
    threads = set()

    def work(number: int) -> int:
        threads.add(threading.get_ident())
        return number * number

    assert list(in_order(work, range(50))) == [n * n for n in range(50)]
    assert threading.get_ident() not in threads


def test_only_a_few_items_are_read_ahead():
    read = []
    items = (read.append(number) or number for number in range(100))
    results = in_order(str, items)
    assert (next(results), len(read)) == ("0", AHEAD + 1)
    assert (next(results), len(read)) == ("1", AHEAD + 2)
    results.close()
    assert len(read) == AHEAD + 2


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
