"""The names that the pods looked up during the checks before."""

from __future__ import annotations

import re

from tests.cluster.home import state
from tests.cluster.release import Release

QUERY = re.compile(r'"(?:A|AAAA|SRV|PTR|CNAME|TXT) IN (\S+) ')
OWN = (".cluster.local.", ".in-addr.arpa.", ".ip6.arpa.")


def test_no_pod_looked_for_a_foreign_name(release: Release) -> None:
    """The cluster's resolver was asked for names of the cluster alone: nothing reports to a vendor, nothing is downloaded"""
    asked = {name.lower() for name in QUERY.findall((state() / "logs/coredns").read_text())}
    assert any(name.startswith("locution-registry") for name in asked)
    assert {name for name in asked if not name.endswith(OWN)} == set()
