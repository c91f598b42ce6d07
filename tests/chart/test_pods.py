"""How pods run: unprivileged, bounded scratch, GPUs by value, probes that exist, a grace period that suffices."""

from __future__ import annotations

from typing import Any, cast

import pytest
import render_chart as render
from grpc_health.v1 import health_pb2
from locution.engine.v1 import asr_service_pb2, diarizer_service_pb2
from locution.registry.v1 import registry_service_pb2
from locution.v1 import job_service_pb2
from locution_common.health import Health

from tests.chart.manifests import COMPONENTS, ENGINES, Installation, containers, environment, pod

SERVED = {
    "api": job_service_pb2.DESCRIPTOR.services_by_name["JobService"].full_name,
    "worker": "",  # it serves nothing but its health: the server as a whole
    "registry": registry_service_pb2.DESCRIPTOR.services_by_name["RegistryService"].full_name,
    "asr": asr_service_pb2.DESCRIPTOR.services_by_name["AsrService"].full_name,
    "diarizer": diarizer_service_pb2.DESCRIPTOR.services_by_name["DiarizerService"].full_name,
}
MARGIN_SECONDS = 10


def _all_containers(installation: Installation) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(pod(workload), container) for workload in installation.workloads() for container in containers(workload)]


def test_nobody_is_root_or_gains_privileges(installation: Installation) -> None:
    for spec, container in _all_containers(installation):
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security.get("runAsUser", 1) > 0, "only values-openshift leaves the user to the cluster"
        assert ("runAsUser" in security) == (installation.name != "values-openshift")
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        own = container["securityContext"]
        assert own == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()


def test_scratch_is_bounded_and_models_are_read_only_but_for_their_loader(installation: Installation) -> None:
    for spec, container in _all_containers(installation):
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        for mount in container["volumeMounts"]:
            volume = volumes.get(mount["name"], {})
            assert not volume.keys() & {"hostPath"}
            if "emptyDir" in volume:
                assert volume["emptyDir"]["sizeLimit"]
            if mount["name"] in ("models", "secrets"):
                loads = mount["name"] == "models" and container["name"] == "load"
                assert mount.get("readOnly", False) is not loads


def test_the_group_may_write_to_the_models_volume_whoever_mounts_it_first(installation: Installation) -> None:
    for workload in installation.workloads():
        for volume in pod(workload)["volumes"]:
            claim = volume.get("persistentVolumeClaim", {})
            assert "readOnly" not in claim, "Kubernetes gives a volume that is mounted read-only to nobody"


def test_the_loader_runs_where_and_as_the_others_do() -> None:
    values = render.CHART / "values-evaluation.yaml"
    chosen = {"nodeSelector": {"pool": "a"}, "tolerations": [{"key": "a", "operator": "Exists"}]}
    changes = {"models.load.enabled": True, "defaults.settings": {"LOCUTION_ENVIRONMENT": "local"}}
    changes |= {f"defaults.{key}": value for key, value in chosen.items()}
    rendered = render.manifests(render.template(values, changes))
    (job,) = [each for each in rendered if each["kind"] == "Job" and each["metadata"]["name"] == "locution-models-load"]
    assert {key: pod(job)[key] for key in chosen} == chosen
    assert environment(containers(job)[0])["LOCUTION_ENVIRONMENT"] == "local"


def test_a_read_only_volume_is_mounted_so_and_not_loaded() -> None:
    values = render.CHART / "values-production.yaml"
    mounted = render.manifests(render.template(values, {"models.readOnlyVolume": True}))
    claims = [
        volume["persistentVolumeClaim"]
        for manifest in mounted
        if manifest["kind"] == "Deployment"
        for volume in pod(manifest)["volumes"]
        if "persistentVolumeClaim" in volume
    ]
    assert claims == [{"claimName": "locution-models", "readOnly": True}] * 3
    with pytest.raises(render.HelmError, match="the volume is read-only"):
        render.template(values, {"models.readOnlyVolume": True, "models.load.enabled": True})


def test_images_are_pinned(installation: Installation) -> None:
    for _, container in _all_containers(installation):
        assert container["image"].rpartition(":")[2] not in ("", "latest", container["image"])


def test_the_gpu_is_asked_for_by_engines_alone(production: Installation) -> None:
    for component in COMPONENTS:
        spec = pod(production.get("Deployment", component))
        limits = spec["containers"][0]["resources"]["limits"]
        if component in ENGINES:
            assert limits["nvidia.com/gpu"] == 1
            assert spec["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
            assert spec["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
        else:
            assert "nvidia.com/gpu" not in limits
            assert "nodeSelector" not in spec


@pytest.mark.parametrize("component", COMPONENTS)
def test_readiness_asks_for_the_service_that_is_served(component: str, installation: Installation) -> None:
    main = containers(installation.get("Deployment", component))[-1]
    assert main["readinessProbe"]["grpc"] == {"port": 50052, "service": SERVED[component]}


async def test_liveness_asks_for_a_name_that_health_answers_whatever_the_probes_say(production: Installation) -> None:
    async def unreachable() -> None:
        raise ConnectionError("the database is away")

    health = Health()
    health.add({"database": unreachable}, ["locution.v1.JobService"])
    await health.publish_not_serving()
    assert await health.check() is False
    for component in COMPONENTS:
        main = containers(production.get("Deployment", component))[-1]
        for probe in ("livenessProbe", "startupProbe"):
            request = health_pb2.HealthCheckRequest(service=main[probe]["grpc"]["service"])
            response = await health.servicer.Check(request, cast("Any", _Unused()))
            assert response.status == health_pb2.HealthCheckResponse.SERVING
    ready = health_pb2.HealthCheckRequest(service="locution.v1.JobService")
    response = await health.servicer.Check(ready, cast("Any", _Unused()))
    assert response.status == health_pb2.HealthCheckResponse.NOT_SERVING


class _Unused:
    """A call's context; the health servicer needs it only to refuse a name that it does not know."""

    async def abort(self, code: object, details: str = "") -> None:
        raise AssertionError(f"health does not know the service: {code} {details}")


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_grace_period_outlasts_the_shutdown(component: str, installation: Installation) -> None:
    """locution_common.service: the wait for endpoints, the grace for calls, the same for work, then flush and close."""
    spec = pod(installation.get("Deployment", component))
    given = environment(spec["containers"][0])
    delay, grace = float(given["LOCUTION_SHUTDOWN_DELAY"]), float(given["LOCUTION_SHUTDOWN_GRACE"])
    assert spec["terminationGracePeriodSeconds"] >= delay + 2 * grace + MARGIN_SECONDS


def test_pods_that_take_calls_wait_until_their_endpoint_is_gone(installation: Installation) -> None:
    for component in set(COMPONENTS) - {"worker"}:
        given = environment(containers(installation.get("Deployment", component))[-1])
        assert float(given["LOCUTION_SHUTDOWN_DELAY"]) >= 1


def test_autoscaled_deployments_leave_replicas_to_the_autoscaler(installation: Installation) -> None:
    scalers = installation.of_kind("HorizontalPodAutoscaler") + installation.of_kind("ScaledObject")
    scaled = {scaler["spec"]["scaleTargetRef"]["name"] for scaler in scalers}
    for deployment in installation.of_kind("Deployment"):
        assert ("replicas" in deployment["spec"]) != (deployment["metadata"]["name"] in scaled)
