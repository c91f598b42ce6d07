"""Which URLs and addresses webhooks may have: a table of nasty ones."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from locution_gateway.webhooks.guard import Guard, is_public
from locution_gateway.webhooks.models import WebhookUrlRefused
from locution_gateway.webhooks.urls import parse

STRICT = Guard()


@pytest.mark.parametrize(
    ("text", "authority", "port", "target"),
    [
        ("https://hooks.example.com", "hooks.example.com", 443, "/"),
        ("https://Hooks.Example.COM:443/A?b=/c?d", "hooks.example.com", 443, "/A?b=/c?d"),
        ("https://hooks.example.com:8443?x=1", "hooks.example.com:8443", 8443, "/?x=1"),
        ("https://xn--bcher-kva.example/%C3%BC", "xn--bcher-kva.example", 443, "/%C3%BC"),
        ("https://93.184.215.14/", "93.184.215.14", 443, "/"),
        ("https://[2606:2800:21F:CB07::1]:8443/", "[2606:2800:21f:cb07::1]:8443", 8443, "/"),
        ("https://1and1.example/", "1and1.example", 443, "/"),
    ],
)
def test_a_good_url_is_taken_apart(text: str, authority: str, port: int, target: str) -> None:
    url = STRICT.check_url(text)
    assert (url.authority, url.port, url.target) == (authority, port, target)


@pytest.mark.parametrize(
    "text",
    [
        # Schemes.
        "http://hooks.example.com/", "ftp://hooks.example.com/", "file:///etc/passwd", "//a.example/",
        "HTTPS://a.example/", "https:a.example", "https:/a.example/", "https:///a.example/", "gopher://a.example/", "",
        # Users, fragments, and what makes parsers differ.
        "https://user@a.example/", "https://user:pass@a.example/", "https://a.example@127.0.0.1/",
        "https://a.example#@127.0.0.1/", "https://a.example/#x", "https://a.example\\@127.0.0.1/",
        "https://127.0.0.1\\.a.example/", "https://a.example%2f@127.0.0.1/", "https://a.example%00.b.example/",
        "https://a.example\n.b.example/", "https://a.example/\r\nX: y", "https://a.example/ x", " https://a.example/",
        "https://a.example/\t", "https://a.example\x00/", "https://ａ.example/", "https://a.example/ü", "https://①②⑦.0.0.1/",
        "https://a.example/%zz", "https://a.example/%", "https://a.example/<x>", "https://a.example/\"", "https://a.example/[",
        # Hosts that are none.
        "https://", "https://.", "https://.a.example/", "https://a.example./", "https://a..example/", "https://-a.example/",
        "https://a-.example/", "https://*/", "https://" + "a" * 64 + ".example/", "https://" + "a." * 130 + "example/",
        # Ports.
        "https://a.example:0/", "https://a.example:65536/", "https://a.example:/", "https://a.example:-1/",
        "https://a.example:443:443/", "https://a.example:99999999/",
        # Addresses in other clothes.
        "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/",
        "https://127.0.1/", "https://0/", "https://127.0.0.1./", "https://127.0.0.01/", "https://1.2.3.4.5/",
        "https://a.example.0x7f/", "https://[::1", "https://[]/", "https://[::1]x/", "https://[fe80::1%25eth0]/",
        "https://[127.0.0.1]/", "https://[v1.x]/", "https://0x/",
        # Addresses that are not public.
        "https://127.0.0.1/", "https://127.255.255.254:8080/", "https://0.0.0.0/", "https://10.1.2.3/", "https://172.31.0.1/",
        "https://192.168.1.1/", "https://169.254.169.254/latest/meta-data/", "https://100.100.100.200/", "https://100.64.0.1/",
        "https://168.63.129.16/", "https://192.0.0.192/", "https://192.88.99.1/", "https://198.18.0.1/", "https://224.0.0.1/",
        "https://239.1.1.1/", "https://255.255.255.255/", "https://240.0.0.1/", "https://203.0.113.7/",
        "https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:8.8.8.8]/", "https://[::127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/", "https://[64:ff9b:1::1]/", "https://[2002:7f00:1::]/", "https://[2001:0:7f00:1::]/",
        "https://[fe80::1]/", "https://[fc00::1]/", "https://[fd00:ec2::254]/", "https://[fec0::1]/", "https://[ff02::1]/",
        "https://[2001:db8::1]/", "https://[3fff::1]/", "https://[100::1]/", "https://[5f00::1]/", "https://[::ffff:0:127.0.0.1]/",
        # Length.
        "https://a.example/" + "x" * 2048,
    ],
)  # fmt: skip
def test_a_nasty_url_is_refused(text: str) -> None:
    with pytest.raises(WebhookUrlRefused):
        STRICT.check_url(text)


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1111", "2a00:1450::8"]
)
def test_public_addresses_are_public(text: str) -> None:
    assert is_public(ip_address(text))


def test_whatever_python_knows_as_special_is_refused() -> None:
    """The table is at least as strict as the standard library's, over addresses drawn from every /16."""
    v4 = [IPv4Address((high << 16) + low) for high in range(65536) for low in (0, 0x0101)]
    v6 = [IPv6Address((high << 112) + 1) for high in range(65536)]
    everything: list[IPv4Address | IPv6Address] = [*v4, *v6]
    for address in everything:
        if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
            assert not is_public(address), address


def test_mapped_addresses_are_refused_whatever_they_hold() -> None:
    for inner in ("127.0.0.1", "8.8.8.8", "10.0.0.1"):
        assert not is_public(IPv6Address(f"::ffff:{inner}"))
        assert not is_public(IPv6Address(int(IPv4Address(inner)) + (0x0064FF9B << 96)))
        assert not is_public(IPv6Address((0x2002 << 112) + (int(IPv4Address(inner)) << 80)))


def test_one_refused_address_refuses_all() -> None:
    url = parse("https://mixed.example/")
    STRICT.check_addresses(url, [ip_address("8.8.8.8"), ip_address("2606:4700::1111")])
    for bad in ("10.0.0.1", "::1"):
        with pytest.raises(WebhookUrlRefused):
            STRICT.check_addresses(url, [ip_address("8.8.8.8"), ip_address(bad)])
    with pytest.raises(WebhookUrlRefused):
        STRICT.check_addresses(url, [])


def test_an_operator_allows_networks_hosts_and_http() -> None:
    guard = Guard.read(" 10.20.0.0/16, hooks.internal ,fd00::/8, 127.0.0.1 ", http=True)
    guard.check_url("http://10.20.3.4:8080/")
    guard.check_url("https://[fd12::1]/")
    guard.check_url("https://127.0.0.1/")
    guard.check_addresses(parse("https://hooks.internal/"), [ip_address("192.168.7.7")])
    for text in ("https://10.21.0.1/", "https://127.0.0.2/", "https://[::1]/"):
        with pytest.raises(WebhookUrlRefused):
            guard.check_url(text)
    with pytest.raises(WebhookUrlRefused):
        guard.check_addresses(parse("https://other.internal/"), [ip_address("192.168.7.7")])


@pytest.mark.parametrize("wrong", ["10.0.0.1/8", "10.0.0/8", "hooks internal", "http://a", "*.internal", "300.1.1.1"])
def test_an_allow_list_that_does_not_parse_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Guard.read(wrong, http=False)
