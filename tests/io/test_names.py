import pytest

from cyclegan_tf.io.names import FreeNames, is_file_name, same_file


@pytest.mark.parametrize("name", ["a b", "č", "1", "x" * 200, "a.b", ".hidden"])
def test_names_that_serve(name):
    assert is_file_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "..", ". .", "a/b", "a\\b", "C:x", "a\nb", "\x1b[2J", "x" * 201, "nul", "Com1", "\udce4"],
)
def test_names_that_some_system_would_not_take(name):
    assert not is_file_name(name)


def test_names_that_are_one_file_somewhere_are_the_same():
    assert same_file("TWIN.jpg") == same_file("twin.JPG")
    assert same_file("\u00e9") == same_file("e\u0301")
    assert same_file("a") != same_file("b")


def test_taken_names_get_numbers_in_order():
    names = FreeNames()
    taken = [names.take(*n) for n in [("1", ".jpg"), ("1", ".jpg"), ("1", ".png"), ("1", ".jpg")]]
    assert taken == ["1.jpg", "1-2.jpg", "1.png", "1-3.jpg"]
    assert names.changed == 2


def test_numbered_name_is_not_given_twice():
    names = FreeNames()
    assert [names.take(n, ".png") for n in ("a-2", "a", "A", "a-2")] == [
        "a-2.png", "a.png", "A-3.png", "a-2-2.png",
    ]  # fmt: skip


def test_what_is_no_file_name_becomes_the_pictures_number():
    names = FreeNames()
    assert [names.take(n, ".png") for n in ("x", "../y", "", "4", "a/b")] == [
        "x.png", "2.png", "3.png", "4.png", "5.png",
    ]  # fmt: skip
    assert names.changed == 3


def test_many_doubles_are_named_quickly():
    names = FreeNames()
    taken = [names.take("same", ".jpg") for _ in range(20_000)]
    assert len(set(taken)) == 20_000
    assert taken[-1] == "same-20000.jpg"
