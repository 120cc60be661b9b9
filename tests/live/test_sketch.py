"""The sketch's law: 2t words locate up to t changes exactly, and more are never mistaken."""

from hypothesis import given
from hypothesis import strategies as st

from app.live.sketch import Sketch, locate

FIRST = 29_700_000  # about the number of a minute in these years
digests = st.integers(-(2**63), 2**63 - 1)


def make(window: list[int], words: int) -> Sketch:
    made = Sketch(words)
    for offset, digest in enumerate(window):
        made.change(FIRST + offset, 0, digest)
    return made


def sketch(window: list[int], words: int) -> list[int]:
    return make(window, words).words(words)


def positions(window: list[int]) -> range:
    return range(FIRST, FIRST + len(window))


@st.composite
def changed_windows(draw: st.DrawFn, most: int) -> tuple[list[int], list[int], list[int]]:
    window = draw(st.lists(digests, min_size=most, max_size=130))
    at = draw(st.lists(st.sampled_from(range(len(window))), unique=True, max_size=most))
    after = list(window)
    for index in at:
        after[index] = draw(digests.filter(window[index].__ne__))
    really = [i for i, (a, b) in enumerate(zip(window, after, strict=True)) if a != b]
    return window, after, sorted(FIRST + i for i in really)


@given(changed_windows(8))
def test_sixteen_words_locate_up_to_eight_changes(
    windows: tuple[list[int], list[int], list[int]],
) -> None:
    before, after, changed = windows
    assert locate(sketch(before, 16), sketch(after, 16), positions(before)) == changed


@given(changed_windows(1))
def test_two_words_locate_one_change(windows: tuple[list[int], list[int], list[int]]) -> None:
    before, after, changed = windows
    assert locate(sketch(before, 2), sketch(after, 2), positions(before)) == changed


@given(st.lists(digests, min_size=20, max_size=60), st.integers(9, 20))
def test_more_changes_than_the_words_can_tell_are_noticed(window: list[int], count: int) -> None:
    after = [digest + 1 if i < count else digest for i, digest in enumerate(window)]
    assert locate(sketch(window, 16), sketch(after, 16), positions(window)) is None


@given(st.lists(digests, min_size=1, max_size=30), st.data())
def test_a_sketch_kept_up_to_date_equals_one_made_anew(
    window: list[int], data: st.DataObject
) -> None:
    kept = make(window, 8)
    index = data.draw(st.integers(0, len(window) - 1))
    digest = data.draw(digests)
    kept.change(FIRST + index, window[index], digest)
    assert kept.words(8) == sketch([*window[:index], digest, *window[index + 1 :]], 8)
