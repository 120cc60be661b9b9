"""What `KPI_BIND` may say, and what is said of what it may not."""

from __future__ import annotations

import pytest

from app.bind import Bind, parse_bind
from app.settings import Settings


@pytest.mark.parametrize(
    ("text", "bind", "url", "is_local"),
    [
        ("127.0.0.1:8000", Bind("127.0.0.1", 8000), "http://127.0.0.1:8000/", True),
        ("localhost:80", Bind("localhost", 80), "http://localhost:80/", True),
        ("[::1]:8000", Bind("::1", 8000), "http://[::1]:8000/", True),
        (":8000", Bind("0.0.0.0", 8000), "http://127.0.0.1:8000/", False),  # noqa: S104
        ("0.0.0.0:8000", Bind("0.0.0.0", 8000), "http://127.0.0.1:8000/", False),  # noqa: S104
        ("[::]:8000", Bind("::", 8000), "http://[::1]:8000/", False),
        ("kpi.example:8000", Bind("kpi.example", 8000), "http://kpi.example:8000/", False),
        ("unix:/run/kpi.sock", Bind(path="/run/kpi.sock"), "unix:/run/kpi.sock", True),
        ("fd://3", Bind(descriptor=3), "fd://3", False),
    ],
)
def test_the_forms_that_work(text: str, bind: Bind, url: str, *, is_local: bool) -> None:
    assert parse_bind(text) == bind
    assert (bind.url(), bind.is_local) == (url, is_local)
    assert parse_bind(str(bind)) == bind


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("8000", "names no address"),
        ("127.0.0.1", "names no port"),
        ("127.0.0.1:", "names no port"),
        ("127.0.0.1:http", "names no port"),
        ("127.0.0.1:-1", "names no port"),
        ("127.0.0.1:٨٠", "names no port"),
        (":99999", "not between 0 and 65535"),
        ("127.0.0.1:00000000080", "not between 0 and 65535"),
        ("::1:8000", "ambiguous"),
        ("[::1:8000", "ambiguous"),
        ("[127.0.0.1]:8000", "no IPv6 address"),
        ("http://127.0.0.1:8000", "no address"),
        ("a b:8000", "no address"),
        ("unix:", "names no path"),
        ("unix:/" + "x" * 200, "longer than"),
    ],
)
def test_what_cannot_be_listened_on_is_refused_in_one_sentence(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        parse_bind(text)
    assert "\n" not in str(refused.value)
    with pytest.raises(ValueError, match=reason):
        Settings(bind=text)
