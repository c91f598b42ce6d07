"""Whose address a call counts for: the peer's, or what trusted proxies say."""

from __future__ import annotations

import pytest
from locution_gateway.platform.addresses import ClientAddresses, read_networks

PROXIES = "10.0.0.0/8,fd00:20::/48"


def address(peer: str, *forwarded: str, proxies: str = PROXIES) -> str:
    metadata = [("x-forwarded-for", value) for value in forwarded]
    return ClientAddresses(read_networks(proxies)).of(peer, [("user-agent", "x"), *metadata])


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("ipv4:192.0.2.1:4711", "192.0.2.1"),
        ("ipv6:%5B2001:db8:1:2:3:4:5:6%5D:4711", "2001:db8:1:2::/64"),
        ("ipv6:[2001:db8:1:2::9]:4711", "2001:db8:1:2::/64"),
        ("ipv6:%5B::ffff:192.0.2.1%5D:4711", "192.0.2.1"),
        ("ipv6:%5Bfe80::1%25eth0%5D:4711", "fe80::/64"),
        ("unix:/tmp/socket", "local"),
        ("unix:10.0.0.1", "local"),
        ("", "local"),
    ],
)
def test_the_peer_counts_and_ipv6_by_its_network(peer: str, expected: str) -> None:
    assert address(peer) == expected


def test_nobody_else_states_an_address() -> None:
    assert address("ipv4:192.0.2.1:4711", "198.51.100.7") == "192.0.2.1"
    assert address("ipv4:10.0.0.1:4711", "198.51.100.7", proxies="") == "10.0.0.1"
    assert address("unix:/tmp/socket", "198.51.100.7") == "local"


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        (["198.51.100.7"], "198.51.100.7"),
        (["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        (["203.0.113.9, 198.51.100.7, 10.1.1.1"], "198.51.100.7"),
        (["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
        (["203.0.113.9, 198.51.100.7", "fd00:20::5"], "198.51.100.7"),
        (["198.51.100.7:55"], "198.51.100.7"),
        (["[2001:db8:1:2::9]:55"], "2001:db8:1:2::/64"),
        (["10.1.1.1"], "10.1.1.1"),
        (["198.51.100.7, unknown"], "10.0.0.1"),
        (["198.51.100.7, unknown, 10.1.1.1"], "10.1.1.1"),
        ([""], "10.0.0.1"),
        ([], "10.0.0.1"),
    ],
)
def test_a_trusted_proxy_states_the_last_address_that_is_no_proxy(forwarded: list[str], expected: str) -> None:
    assert address("ipv4:10.0.0.1:4711", *forwarded) == expected


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/8,", "proxy", "0.0.0.0/0", "::/0", "10.0.0.0/33", ","])
def test_other_settings_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        read_networks(text)


def test_no_proxy_is_trusted_by_default() -> None:
    assert read_networks("") == ()
