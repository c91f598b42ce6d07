"""Pools: several Deployments of an engine, each with the component's values but for its own, behind one Service."""

from __future__ import annotations

from typing import Any

import pytest
import render_chart as render

from tests.chart.manifests import LABEL, POOL, Installation, containers, environment, pod

POOLED = Installation.render(render.CHART / "ci" / "pools-values.yaml")
MINIMAL = render.CHART / "ci" / "minimal-values.yaml"
POOLS = ("bursts", "large", "slices", "spare")


def deployment(pool: str) -> dict[str, Any]:
    """Return the Deployment of a pool of asr."""
    (found,) = [one for one in POOLED.of_kind("Deployment") if one["metadata"]["labels"].get(POOL) == pool]
    return found


def limits(pool: str) -> dict[str, Any]:
    """Return the limits of a pool's container."""
    found: dict[str, Any] = containers(deployment(pool))[-1]["resources"]["limits"]
    return found


def test_each_pool_is_a_deployment_and_the_component_itself_none() -> None:
    of_asr = [one for one in POOLED.of_kind("Deployment") if one["metadata"]["labels"][LABEL] == "asr"]
    assert {one["metadata"]["name"] for one in of_asr} == {f"locution-asr-{pool}" for pool in POOLS}
    assert {one["metadata"]["name"]: one["spec"].get("replicas") for one in of_asr} == {
        "locution-asr-bursts": None,
        "locution-asr-large": 2,
        "locution-asr-slices": 3,
        "locution-asr-spare": 1,
    }


def test_one_service_one_policy_and_one_account_serve_all_pools() -> None:
    for service in ("asr", "asr-ready"):
        selector = POOLED.get("Service", service)["spec"]["selector"]
        assert POOL not in selector
        assert all(
            selector.items() <= deployment(pool)["spec"]["template"]["metadata"]["labels"].items() for pool in POOLS
        )
    assert POOL not in POOLED.get("NetworkPolicy", "asr")["spec"]["podSelector"]["matchLabels"]
    assert {pod(deployment(pool))["serviceAccountName"] for pool in POOLS} == {"locution-asr"}
    for caller in ("api", "worker"):
        given = environment(containers(POOLED.get("Deployment", caller))[-1])
        assert given["LOCUTION_ASR_ADDRESS"].startswith("locution-asr.locution.svc")


def test_a_pool_has_what_the_component_has() -> None:
    spec = pod(deployment("large"))
    assert spec["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert spec["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert spec["runtimeClassName"] == "nvidia"
    given = environment(spec["containers"][0])
    assert (given["LOCUTION_ASR_DEVICE"], given["LOCUTION_ASR_RESIDENT_MODELS"]) == ("cuda", "3")
    assert limits("large") == {"memory": "8Gi", "ephemeral-storage": "2Gi", "nvidia.com/gpu": 2}


def test_a_pool_overrides_key_by_key() -> None:
    assert limits("slices") == {"memory": "6Gi", "ephemeral-storage": "2Gi", "nvidia.com/mig-3g.20gb": 1}
    assert pod(deployment("slices"))["nodeSelector"] == {"nvidia.com/gpu.present": "true", "mig": "true"}
    assert pod(deployment("large"))["priorityClassName"] == "speech"
    assert "priorityClassName" not in pod(deployment("slices"))


def test_a_pool_without_gpus_stands_beside_those_with() -> None:
    spec = pod(deployment("spare"))
    assert not spec.keys() & {"nodeSelector", "tolerations", "runtimeClassName"}
    given = environment(spec["containers"][0])
    assert (given["LOCUTION_ASR_DEVICE"], given["LOCUTION_ASR_RESIDENT_MODELS"]) == ("cpu", "3")
    assert limits("spare") == {"memory": "8Gi", "ephemeral-storage": "2Gi"}
    assert spec["containers"][0]["image"].startswith("locution/asr-cpu:")
    assert spec["terminationGracePeriodSeconds"] == 5 + 2 * 120 + 15


@pytest.mark.parametrize("pool", POOLS)
def test_a_pool_is_spread_and_drained_by_itself(pool: str) -> None:
    selector = deployment(pool)["spec"]["selector"]["matchLabels"]
    assert selector[POOL] == pool
    spec = pod(deployment(pool))
    (term,) = spec["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert term["podAffinityTerm"]["labelSelector"]["matchLabels"] == selector
    (spread,) = spec["topologySpreadConstraints"]
    assert spread["labelSelector"] == {"matchLabels": selector}
    budgets = [one for one in POOLED.of_kind("PodDisruptionBudget") if one["metadata"]["labels"].get(POOL) == pool]
    assert [one["spec"]["selector"]["matchLabels"] for one in budgets] == ([] if pool == "spare" else [selector])
    assert all(one["spec"]["maxUnavailable"] == (2 if pool == "slices" else 1) for one in budgets)


def test_a_constraint_with_its_own_selector_keeps_it() -> None:
    own = {
        "maxSkew": 1,
        "topologyKey": "zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"a": "b"}},
    }
    found = Installation("own", render.manifests(render.template(MINIMAL, {"asr.topologySpreadConstraints": [own]})))
    assert pod(found.get("Deployment", "asr"))["topologySpreadConstraints"] == [own]


def test_without_pools_names_and_selectors_are_those_of_before() -> None:
    plain = Installation.render(MINIMAL)
    for component in ("asr", "diarizer"):
        found = plain.get("Deployment", component)
        assert found["metadata"]["name"] == f"locution-{component}"
        assert found["spec"]["selector"]["matchLabels"] == {
            "app.kubernetes.io/name": "locution",
            "app.kubernetes.io/instance": "locution",
            LABEL: component,
        }


@pytest.mark.parametrize(
    "pools",
    [
        {"Large": {}},
        {"a-name-that-is-longer-than-thirty-characters": {}},
        {"large": {"replica": 2}},
        {"large": {"serviceAccount": {"annotations": {}}}},
        {"large": {"pools": {}}},
        {"large": {"settings": {"LOCUTION_LIVE_STREAMS": "5"}}},
        {"large": {"models": ["whisper/tiny"]}},
    ],
    ids=lambda pools: str(pools),
)
def test_a_pool_takes_a_name_and_keys_that_exist(pools: dict[str, Any]) -> None:
    with pytest.raises(render.HelmError, match="values don't meet the specifications"):
        render.template(MINIMAL, {"asr.pools": pools})


@pytest.mark.parametrize("component", ["api", "worker", "registry"])
def test_engines_alone_have_pools(component: str) -> None:
    with pytest.raises(render.HelmError, match="values don't meet the specifications"):
        render.template(MINIMAL, {f"{component}.pools": {"large": {}}})
