"""No client chooses the address that it is taken for, whatever it writes into its headers."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.http.client_address import MAX_HOPS, Client, TrustedProxies
from app.settings import Settings

PROXIES = TrustedProxies([ip_network("10.0.0.0/8"), ip_network("fd00::/8")])
OUTSIDE = (
    st.ip_addresses()
    .filter(lambda address: address not in PROXIES)
    .filter(lambda address: getattr(address, "ipv4_mapped", None) is None)
)
INSIDE = st.one_of(st.ip_addresses(network="10.0.0.0/8"), st.ip_addresses(network="fd00::/8"))
TEXT = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=60)
WORDS = st.lists(
    st.sampled_from(
        [*'"\\,;=[]: ', "for=", "proto=http", "unknown", "8.8.8.8", "10.0.0.1", "[2001:db8::1]"]
    ),
    max_size=12,
).map("".join)
ANYTHING = st.one_of(TEXT, WORDS)


def scope(peer: str | None, *headers: tuple[str, str], scheme: str = "http") -> dict[str, Any]:
    return {
        "client": None if peer is None else (peer, 4711),
        "scheme": scheme,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }


def forwarded_for(address: Any) -> str:
    return f'for="[{address}]:80"' if address.version == 6 else f"for={address}"


@given(OUTSIDE, st.lists(INSIDE, min_size=1, max_size=4), ANYTHING, st.booleans())
def test_x_forwarded_for_shows_the_client_whatever_it_sent(
    client: Any, proxies: list[Any], sent: str, own_line: bool
) -> None:
    """Each proxy adds the address of whoever asked it, to the line or as a line of its own."""
    *inner, peer = proxies
    added = [str(client), *map(str, inner)]
    lines = [sent, *added] if own_line else [",".join([sent, *added])]
    headers = [("X-Forwarded-For", line) for line in lines]
    assert PROXIES.client(scope(str(peer), *headers)).address == client


@given(OUTSIDE, st.lists(INSIDE, min_size=1, max_size=4), ANYTHING)
def test_forwarded_shows_the_client_or_the_proxy_whatever_it_sent(
    client: Any, proxies: list[Any], sent: str
) -> None:
    *inner, peer = proxies
    added = ", ".join(map(forwarded_for, [client, *inner]))
    both = PROXIES.client(scope(str(peer), ("forwarded", sent), ("forwarded", added)))
    assert both.address in (client, peer)
    assert PROXIES.client(scope(str(peer), ("forwarded", added))).address == client


@given(OUTSIDE, INSIDE, ANYTHING)
def test_the_header_that_the_proxy_does_not_write_is_not_believed(
    client: Any, peer: Any, sent: str
) -> None:
    ours, theirs = ("x-forwarded-for", str(client)), ("forwarded", sent)
    assert PROXIES.client(scope(str(peer), ours, theirs)).address in (client, peer)
    ours, theirs = ("forwarded", forwarded_for(client)), ("x-forwarded-for", sent)
    assert PROXIES.client(scope(str(peer), ours, theirs)).address in (client, peer)


@given(OUTSIDE, ANYTHING, ANYTHING, ANYTHING)
def test_a_peer_that_is_no_trusted_proxy_is_the_client(
    peer: Any, x_forwarded: str, proto: str, forwarded: str
) -> None:
    headers = [("x-forwarded-for", x_forwarded), ("x-forwarded-proto", proto)]
    found = PROXIES.client(scope(str(peer), *headers, ("forwarded", forwarded)))
    assert found == Client(peer, "http")


@pytest.mark.parametrize(
    ("headers", "address", "scheme"),
    [
        ([], "10.0.0.1", "http"),
        ([("x-forwarded-for", "192.0.2.1")], "192.0.2.1", "http"),
        ([("x-forwarded-for", "192.0.2.1:4711")], "192.0.2.1", "http"),
        ([("x-forwarded-for", "[2001:db8::1]:4711")], "2001:db8::1", "http"),
        ([("x-forwarded-for", "2001:db8::1")], "2001:db8::1", "http"),
        ([("x-forwarded-for", "::ffff:192.0.2.1")], "192.0.2.1", "http"),
        ([("x-forwarded-for", "8.8.8.8, 192.0.2.1, 10.0.0.9")], "192.0.2.1", "http"),
        ([("x-forwarded-for", "8.8.8.8, unknown, 10.0.0.9")], "10.0.0.9", "http"),
        ([("x-forwarded-for", "10.0.0.7, 10.0.0.9")], "10.0.0.7", "http"),
        ([("x-forwarded-for", "1.1.1.1"), ("x-forwarded-proto", "https")], "1.1.1.1", "https"),
        ([("x-forwarded-for", "1.1.1.1"), ("x-forwarded-proto", "gopher")], "1.1.1.1", "http"),
        (
            [("x-forwarded-for", "8.8.8.8, 1.1.1.1"), ("x-forwarded-proto", "http, https")],
            "1.1.1.1",
            "https",
        ),
        (
            [("x-forwarded-for", "8.8.8.8, 1.1.1.1"), ("x-forwarded-proto", "https")],
            "1.1.1.1",
            "https",
        ),
        ([("forwarded", 'For="[2001:db8::1]:4711";Proto=https;by=_x')], "2001:db8::1", "https"),
        ([("forwarded", "for=8.8.8.8,for=1.1.1.1;proto=https , for=10.1.1.1")], "1.1.1.1", "https"),
        ([("forwarded", "for=_hidden")], "10.0.0.1", "http"),
        ([("forwarded", 'for="1.1.1.1')], "10.0.0.1", "http"),
        ([("forwarded", "for=1.1.1.1"), ("x-forwarded-for", "1.1.1.1")], "1.1.1.1", "http"),
        ([("forwarded", "for=8.8.8.8"), ("x-forwarded-for", "1.1.1.1")], "10.0.0.1", "http"),
        ([("x-forwarded-for", "8.8.8.8" + ",10.0.0.9" * MAX_HOPS)], "10.0.0.9", "http"),
        ([("forwarded", "for=1.1.1.1," * 9000 + "for=1.1.1.1")], "10.0.0.1", "http"),
    ],
)
def test_what_proxies_write(headers: list[tuple[str, str]], address: str, scheme: str) -> None:
    assert PROXIES.client(scope("10.0.0.1", *headers)) == Client(ip_address(address), scheme)


def test_a_unix_socket_is_trusted_where_it_is_named() -> None:
    said = scope(None, ("x-forwarded-for", "192.0.2.1"))
    assert PROXIES.client(said) == Client(None, "http")
    assert TrustedProxies([], unix=True).client(said).address == ip_address("192.0.2.1")


def test_limits_count_an_ipv6_customer_once() -> None:
    assert Client(ip_address("2001:db8:1:2:3::4"), "http").group == "2001:db8:1:2::/64"
    assert Client(ip_address("192.0.2.1"), "http").group == "192.0.2.1"
    assert Client(None, "http").group == "unix"


def test_the_setting_names_networks() -> None:
    settings = Settings(trusted_proxies="10.0.0.0/8 192.0.2.7 fd00::/8 unix")
    assert [str(each) for each in settings.proxy_networks] == [
        "10.0.0.0/8",
        "192.0.2.7/32",
        "fd00::/8",
    ]
    assert settings.trusts_unix
    assert not Settings().trusts_unix


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/8;fd00::/8", "proxy", "*"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no network"):
        Settings(trusted_proxies=text)
