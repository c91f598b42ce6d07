"""Migrations: a Job for each schema has the owner's credential alone, and pods wait until their schema is new enough."""

from __future__ import annotations

from typing import Any

import pytest
import render_chart as render

from tests.chart.manifests import COMPONENTS, LABEL, Installation, containers, environment, pod

MINIMAL = render.CHART / "ci" / "minimal-values.yaml"
EVERYTHING = Installation.render(render.CHART / "ci" / "everything-values.yaml")
OWNER = "LOCUTION_MIGRATION_DATABASE_URL"
APPLICATION = "LOCUTION_DATABASE_URL"
MODULES = {"gateway": "locution_gateway", "registry": "locution_registry"}
USERS = {"api": "gateway", "worker": "gateway", "registry": "registry"}


def secrets(workload: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return the Secret and key of each secret that a workload's pods mount, by its setting."""
    sources = [
        one["secret"] for volume in pod(workload)["volumes"] for one in volume.get("projected", {}).get("sources", [])
    ]
    return {item["path"]: (secret["name"], item["key"]) for secret in sources for item in secret["items"]}


@pytest.mark.parametrize("schema", MODULES)
def test_a_job_migrates_each_schema_as_its_owner(schema: str) -> None:
    job = EVERYTHING.get("Job", f"migrate-{schema}")
    (container,) = containers(job)
    assert container["command"] == ["python", "-m", MODULES[schema], "migrate"]
    assert secrets(job) == {OWNER: ("postgres", f"{schema}-owner")}
    given = environment(container)
    assert given[f"{OWNER}_FILE"] == f"/etc/locution/secrets/{OWNER}"
    assert given["LOCUTION_MIGRATION_WAIT"] == "300"
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "OnFailure"


@pytest.mark.parametrize("schema", MODULES)
def test_without_an_owner_the_application_role_migrates(schema: str) -> None:
    assert secrets(Installation.render(MINIMAL).get("Job", f"migrate-{schema}")) == {
        APPLICATION: ("postgres", f"{schema}-url")
    }


def test_the_owners_credential_is_in_no_other_pod(installation: Installation) -> None:
    jobs = [job for schema in MODULES if (job := installation.find("Job", f"migrate-{schema}"))]
    owners = {secrets(job)[OWNER] for job in jobs if OWNER in secrets(job)}
    for workload in installation.workloads():
        if workload not in jobs:
            assert not owners & set(secrets(workload).values()), workload["metadata"]["name"]
            assert OWNER not in secrets(workload)


@pytest.mark.parametrize("component", USERS)
def test_pods_wait_for_their_schema_in_their_own_role(component: str, installation: Installation) -> None:
    deployment = installation.get("Deployment", component)
    wait, main = containers(deployment)[-2:]
    assert (wait["name"], wait["command"][2:]) == ("await-schema", [MODULES[USERS[component]], "await-schema"])
    assert (wait["image"], environment(wait)[f"{APPLICATION}_FILE"]) == (
        main["image"],
        environment(main)[f"{APPLICATION}_FILE"],
    )
    job = installation.find("Job", f"migrate-{USERS[component]}")
    assert job is None or wait["image"] == containers(job)[0]["image"]


def test_engines_wait_for_no_schema(installation: Installation) -> None:
    for component in set(COMPONENTS) - USERS.keys():
        assert "initContainers" not in pod(installation.get("Deployment", component))


def test_jobs_are_no_hooks_so_that_helm_may_wait_for_pods_that_wait_for_them() -> None:
    for schema in MODULES:
        assert "annotations" not in EVERYTHING.get("Job", f"migrate-{schema}")["metadata"]


def names(changes: dict[str, object] | None = None) -> set[str]:
    """Return the names of the migrations' Jobs."""
    found = Installation("found", render.manifests(render.template(MINIMAL, changes)))
    return {
        job["metadata"]["name"]
        for job in found.of_kind("Job")
        if job["metadata"]["labels"][LABEL].startswith("migrate")
    }


@pytest.mark.parametrize("changes", [{"image.tag": "2.0.0"}, {"commonLabels": {"team": "speech"}}], ids=str)
def test_a_jobs_name_is_new_whenever_its_pod_is_because_kubernetes_changes_no_job(changes: dict[str, object]) -> None:
    plain = names()
    assert len(plain) == 2
    assert names() == plain
    assert len(names(changes) - plain) == 2


@pytest.mark.parametrize("prefix", ["a", "a-name-of-the-most-characters-that-the-chart-keeps-of-it"])
def test_a_jobs_name_fits_the_label_of_its_pods(prefix: str) -> None:
    for name in names({"fullnameOverride": prefix}):
        assert name.startswith(prefix[:37].rstrip("-"))
        assert len(name) <= 63


def test_who_migrates_by_hand_gets_no_job_and_pods_still_wait() -> None:
    found = Installation("by hand", render.manifests(render.template(MINIMAL, {"migrations.enabled": False})))
    assert found.of_kind("Job") == []
    assert containers(found.get("Deployment", "api"))[0]["name"] == "await-schema"


def test_the_stores_of_an_evaluation_let_the_jobs_in_and_nobody_calls_them() -> None:
    evaluation = Installation.render(render.CHART / "values-evaluation.yaml")
    (rule,) = evaluation.get("NetworkPolicy", "postgres")["spec"]["ingress"]
    allowed = {peer["podSelector"]["matchLabels"][LABEL] for peer in rule["from"]}
    assert allowed == {*USERS, *(f"migrate-{schema}" for schema in MODULES)}
    for schema in MODULES:
        policy = evaluation.get("NetworkPolicy", f"migrate-{schema}")["spec"]
        assert ("Ingress" in policy["policyTypes"], policy.get("ingress")) == (True, None)
        assert secrets(evaluation.get("Job", f"migrate-{schema}")) == {OWNER: ("locution-evaluation", "migration-url")}


def test_steps_have_the_files_that_the_urls_may_name() -> None:
    for component in USERS:
        for container in containers(EVERYTHING.get("Deployment", component)):
            assert "/etc/certificates" in {mount["mountPath"] for mount in container["volumeMounts"]}
