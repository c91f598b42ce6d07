"""A default storage class of volumes made beforehand. Unlike hostPath volumes they get the pod's group, as cloud disks do."""

from __future__ import annotations

import json
from typing import Any, Final

from tests.cluster import node
from tests.cluster.home import state

CLASS: Final = "local"
COUNT: Final = 16


def provide() -> None:
    """Create the class and its volumes."""
    storage: dict[str, Any] = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": CLASS, "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": "Retain",
    }
    items = [storage, *(_volume(number) for number in range(COUNT))]
    node.inside(
        "kubectl", "apply", "--filename", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    )


def _volume(number: int) -> dict[str, Any]:
    folder = state() / f"volumes/{number}"
    folder.mkdir(parents=True, exist_ok=True)
    expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node.NAME]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{CLASS}-{number}"},
        "spec": {
            "capacity": {"storage": "50Gi"},
            "accessModes": ["ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany"],
            "storageClassName": CLASS,
            "persistentVolumeReclaimPolicy": "Retain",
            "local": {"path": str(folder)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}},
        },
    }
