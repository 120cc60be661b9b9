"""Encoding against a reader that follows the WHATWG text."""

from hypothesis import given
from hypothesis import strategies as st

from app.live import events
from app.live.subscriber import Payload
from tests.sse_reader import Event, read


def test_a_burst_gives_its_last_event_the_cursor() -> None:
    blocks = [events.fields("value", b"1"), events.fields("gap", b"2")]
    assert events.burst(blocks, "c9") == b"event: value\ndata: 1\n\nevent: gap\ndata: 2\nid: c9\n\n"


def test_a_burst_of_nothing_stores_the_cursor_without_an_event() -> None:
    assert events.burst([], "c9") == b"id: c9\n\n"


def test_retry_is_a_block_of_its_own() -> None:
    assert events.retry((1500, 1500)) == b"retry: 1500\n\n"


lines = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\x00"))


@given(st.lists(lines, min_size=1), st.sampled_from(["\n", "\r\n", "\r"]))
def test_any_data_comes_back_with_its_lines(parts: list[str], newline: str) -> None:
    data = newline.join(parts)
    written = events.burst([events.fields("value", data.encode())], "c1")
    (event,) = read(written)
    assert event == Event("value", "\n".join(parts), "c1")


@given(st.binary(max_size=100_000))
def test_a_chunk_is_framed_as_rfc_9112_says(plain: bytes) -> None:
    size, rest = Payload(plain).chunked.split(b"\r\n", 1)
    assert int(size, 16) == len(plain)
    assert rest == plain + b"\r\n"
