"""secrets.generate: drawn once, kept by upgrades, strong enough for the services, and never a placeholder."""

from __future__ import annotations

import base64
import http.server
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
import render_chart as render

EVALUATION = render.CHART / "values-evaluation.yaml"
MINIMAL = render.CHART / "ci" / "minimal-values.yaml"
KEYS = {"service-token", "session-key", "bootstrap-key", "access-key", "secret-key", "postgres-password"}
URLS = {"gateway-url", "worker-url", "registry-url", "migration-url"}


def _secret(manifests: list[render.Manifest]) -> dict[str, str]:
    (found,) = [one for one in manifests if one["kind"] == "Secret"]
    assert found["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    held: dict[str, str] = found["stringData"]
    return held


def _checksums(manifests: list[render.Manifest]) -> set[str]:
    deployments = [one for one in manifests if one["kind"] == "Deployment"]
    return {one["spec"]["template"]["metadata"]["annotations"]["checksum/secret"] for one in deployments}


def test_one_rendering_draws_each_once() -> None:
    manifests = render.manifests(render.template(EVALUATION))
    held = _secret(manifests)
    assert held.keys() == KEYS | URLS
    assert len({held[key] for key in KEYS}) == len(KEYS)
    assert {urlsplit(held[url]).password for url in URLS} == {held["postgres-password"]}
    assert len(_checksums(manifests)) == 1


def test_two_renderings_without_a_cluster_share_nothing() -> None:
    one, two = (_secret(render.manifests(render.template(EVALUATION))) for _ in range(2))
    assert not set(one.values()) & set(two.values())


def test_given_values_go_before_drawn_ones() -> None:
    given = "k8f3zw7q-given-q8f3zk7w"
    held = _secret(render.manifests(render.template(EVALUATION, {"secrets.bootstrapKey.value": given})))
    assert held["bootstrap-key"] == given


def test_secrets_of_other_stores_are_not_invented() -> None:
    with pytest.raises(render.HelmError, match=r"s3.accessKey: set existingSecret \(or, for evaluation, value\)"):
        render.template(MINIMAL, {"secrets.generate": True, "s3.accessKey.existingSecret": ""})


@pytest.mark.parametrize(
    "path",
    ["secrets.serviceToken.value", "secrets.bootstrapKey.value", "s3.secretKey.value", "evaluation.postgres.password"],
)
@pytest.mark.parametrize("value", ["change-me-service-token-0000", "CHANGEME-0123456789abcdef"])
def test_placeholders_are_refused_and_not_repeated(path: str, value: str) -> None:
    with pytest.raises(render.HelmError, match=f"{path}: is a placeholder") as refused:
        render.template(EVALUATION, {path: value})
    assert value not in str(refused.value)


KINDS = {
    "v1": ("Secret", "ConfigMap", "Service", "ServiceAccount", "PersistentVolumeClaim"),
    "apps/v1": ("Deployment", "StatefulSet"),
    "batch/v1": ("Job",),
    "policy/v1": ("PodDisruptionBudget",),
    "networking.k8s.io/v1": ("NetworkPolicy",),
}


def _group(name: str) -> dict[str, Any]:
    group, version = name.split("/")
    one = {"groupVersion": name, "version": version}
    return {"name": group, "versions": [one], "preferredVersion": one}


def _resources(name: str) -> dict[str, Any]:
    plural = {"NetworkPolicy": "networkpolicies"}
    resources = [
        {"name": plural.get(kind, f"{kind.lower()}s"), "namespaced": True, "kind": kind, "verbs": ["get"]}
        for kind in KINDS[name]
    ]
    return {"kind": "APIResourceList", "groupVersion": name, "resources": resources}


class _Cluster(http.server.BaseHTTPRequestHandler):
    """As much of the Kubernetes API as `lookup` asks: discovery, and one Secret."""

    secret: ClassVar[dict[str, Any]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.asked.append(path)
        body = self._body(path)
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(
            json.dumps(body or {"kind": "Status", "apiVersion": "v1", "reason": "NotFound", "code": 404}).encode()
        )

    def _body(self, path: str) -> dict[str, Any] | None:
        if path == "/version":
            return {"major": "1", "minor": "35", "gitVersion": f"v{render.KUBERNETES}"}
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            return {
                "kind": "APIGroupList",
                "apiVersion": "v1",
                "groups": [_group(name) for name in KINDS if "/" in name],
            }
        if path.endswith("/secrets/locution-evaluation"):
            return self.secret
        version = path.removeprefix("/apis/").removeprefix("/api/")
        return _resources(version) if version in KINDS else None

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def _cluster(held: dict[str, str]) -> Iterator[str]:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in held.items()}
    owner = {"meta.helm.sh/release-name": render.RELEASE, "meta.helm.sh/release-namespace": render.NAMESPACE}
    names = {"name": "locution-evaluation", "namespace": render.NAMESPACE}
    metadata = {**names, "annotations": owner, "labels": {"app.kubernetes.io/managed-by": "Helm"}}
    _Cluster.secret = {"kind": "Secret", "apiVersion": "v1", "metadata": metadata, "data": data}
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Cluster) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _kubeconfig(address: str) -> str:
    cluster = {"name": "c", "cluster": {"server": address}}
    context = {"name": "c", "context": {"cluster": "c", "user": ""}}
    kinds = {"kind": "Config", "apiVersion": "v1", "current-context": "c"}
    return json.dumps({**kinds, "clusters": [cluster], "contexts": [context]})


def test_an_upgrade_keeps_what_the_cluster_holds(tmp_path: Path) -> None:
    """`helm template --dry-run=server` asks a cluster as an upgrade does."""
    before = _secret(render.manifests(render.template(EVALUATION)))
    held = {key: before[key] for key in KEYS - {"session-key"}}
    command = [render.program(), "template", render.RELEASE, str(render.CHART), "--namespace", render.NAMESPACE]
    command += ["--values", str(EVALUATION), "--dry-run=server", "--disable-openapi-validation"]
    with _cluster(held) as address:
        config = tmp_path / "kubeconfig"
        config.write_text(_kubeconfig(address), encoding="utf-8")
        where = {**os.environ, "KUBECONFIG": str(config), "HOME": str(tmp_path)}
        done = subprocess.run(command, env=where, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, (done.stderr, _Cluster.asked)
    after = _secret(render.manifests(done.stdout))
    assert {key: after[key] for key in held} == held
    assert len(after["session-key"]) == 40, "what an older release did not have is drawn"
    assert {urlsplit(after[url]).password for url in URLS} == {held["postgres-password"]}
