"""What is left when the release is gone."""

from __future__ import annotations

from tests.cluster.release import Release, helm, objects, wait_for


def test_uninstall_leaves_data_and_secrets(release: Release) -> None:
    """`helm uninstall` leaves the volumes and the generated Secret, and nothing else"""
    helm("uninstall", release.name, "--wait")
    wait_for(lambda: not objects("pods", "app.kubernetes.io/name=locution"), "the pods to go")
    left = {
        kind: sorted(each["metadata"]["name"] for each in objects(kind))
        for kind in ("persistentvolumeclaims", "secrets", "services", "deployments", "statefulsets", "networkpolicies")
    }
    assert left == {
        "persistentvolumeclaims": ["data-locution-postgres-0", "data-locution-s3-0", "locution-models"],
        "secrets": ["locution-evaluation"],
        "services": [],
        "deployments": [],
        "statefulsets": [],
        "networkpolicies": [],
    }
