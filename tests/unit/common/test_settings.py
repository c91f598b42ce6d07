from __future__ import annotations

from pathlib import Path

import pytest
from locution_common.settings import (
    DatabaseSettings,
    ObjectStoreSettings,
    ServiceSettings,
    Settings,
    SettingsInvalid,
    describe,
    load,
    read,
    setting_name,
)


class Everything(ServiceSettings, DatabaseSettings, ObjectStoreSettings):
    """Every group at once."""


GOOD = {
    "LOCUTION_DATABASE_URL": "postgresql://app:canary-one@db/locution",
    "LOCUTION_S3_ENDPOINT": "s3:9000",
    "LOCUTION_S3_ACCESS_KEY": "canary-two",
    "LOCUTION_S3_SECRET_KEY": "canary-three",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def faults(cls: type[Settings] = Everything) -> dict[str, str]:
    with pytest.raises(SettingsInvalid) as invalid:
        read(cls)
    return {problem.setting: problem.fault for problem in invalid.value.problems}


def test_good_settings_are_read() -> None:
    settings = read(Everything)
    assert settings.s3_endpoint == "s3:9000"
    secret = ("DATABASE_URL", "S3_ACCESS_KEY", "S3_SECRET_KEY")
    assert set(settings.secrets()) == {GOOD[f"LOCUTION_{name}"] for name in secret}


def test_an_empty_variable_is_unset(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("LOCUTION_METRICS_LISTEN", "")
    environment.setenv("LOCUTION_S3_REGION", "")
    assert (read(Everything).metrics_listen, read(Everything).s3_region) == (None, "us-east-1")


def test_other_services_settings_are_no_fault(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("LOCUTION_ASR_DEVICE", "cpu")
    read(Everything)


def test_missing_settings_are_all_named(environment: pytest.MonkeyPatch) -> None:
    for name in GOOD:
        environment.delenv(name)
    assert faults() == dict.fromkeys(GOOD, "is required but not set")


@pytest.mark.parametrize("value", ["nowhere", ":80", "host:", "host:http", "host:65536", "host:-1"])
def test_addresses_are_host_and_port(environment: pytest.MonkeyPatch, value: str) -> None:
    environment.setenv("LOCUTION_LISTEN", value)
    assert "is not host:port" in faults()["LOCUTION_LISTEN"]


def test_half_of_a_certificate_is_refused(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("LOCUTION_TLS_CERT_FILE", "tls.crt")
    assert "LOCUTION_TLS_KEY_FILE" in faults()["LOCUTION_*"]


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        (["LOCUTION_TLS_CLIENT_CERT_FILE"], "LOCUTION_TLS_CLIENT_KEY_FILE"),
        (["LOCUTION_TLS_CLIENT_CA_FILE"], "LOCUTION_TLS_CERT_FILE"),
        (["LOCUTION_TLS_CLIENT_CERT_FILE", "LOCUTION_TLS_CLIENT_KEY_FILE"], "LOCUTION_TLS_CA_FILE"),
    ],
)
def test_tls_settings_that_would_have_no_effect_are_refused(
    environment: pytest.MonkeyPatch, given: list[str], needed: str
) -> None:
    for name in given:
        environment.setenv(name, "tls.pem")
    assert needed in faults()["LOCUTION_*"]


def test_a_secret_may_lie_in_a_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("  sixteen-characters-and-more\n")
    environment.setenv("LOCUTION_SERVICE_TOKEN_FILE", str(file))
    token = read(Everything).service_token
    assert token is not None
    assert token.get_secret_value() == "sixteen-characters-and-more"


@pytest.mark.parametrize(
    ("content", "fault"), [(None, "cannot be read"), (b"", "is empty"), (b"\xff\xfe", "not UTF-8")]
)
def test_a_bad_secret_file_is_named(
    environment: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, fault: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    environment.setenv("LOCUTION_SERVICE_TOKEN_FILE", str(file))
    assert fault in faults()["LOCUTION_SERVICE_TOKEN_FILE"]


def test_faults_come_together_and_hold_no_value(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("LOCUTION_SERVICE_TOKEN", "canary-short")
    environment.setenv("LOCUTION_SHUTDOWN_GRACE", "canary-number")
    with pytest.raises(SystemExit) as ended:
        load(Everything, ["--check-settings"], program="gateway")
    assert ended.value.code == 2
    text = capsys.readouterr().err
    assert "LOCUTION_SERVICE_TOKEN: " in text
    assert "LOCUTION_SHUTDOWN_GRACE: " in text
    assert "meaning: Seconds that running calls" in text
    assert "canary" not in text


def test_a_dump_holds_no_secret() -> None:
    settings = read(Everything)
    assert "canary" not in repr(settings) + str(settings) + settings.model_dump_json()


@pytest.mark.parametrize("cls", [ServiceSettings, DatabaseSettings, ObjectStoreSettings])
def test_every_setting_teaches(cls: type[Settings]) -> None:
    text = describe(cls, "gateway")
    for name, field in cls.model_fields.items():
        assert f"  {setting_name(name)}" in text
        assert field.description, name
        assert field.description.endswith("."), name
        assert field.examples, name


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read(Everything).listen = "other:1"


WEAK = [
    ("SERVICE_TOKEN", "change-me-service-token-0000", "known default"),
    ("SERVICE_TOKEN", "a" * 32, "different characters"),
    ("S3_SECRET_KEY", "minioadmin", "known default"),
    ("S3_SECRET_KEY", "q8f3-zk", "shorter than 12 characters"),
    ("DATABASE_URL", "postgresql://app:postgres@db/locution", "has a password that is a known default"),
    ("DATABASE_URL", "postgresql://app:q8f3zk@db/locution", "has a password that is shorter than 8 characters"),
]


@pytest.mark.parametrize(("name", "value", "fault"), WEAK)
def test_secrets_that_are_none_are_refused_outside_local(
    environment: pytest.MonkeyPatch, name: str, value: str, fault: str
) -> None:
    environment.setenv(f"LOCUTION_{name}", value)
    with pytest.raises(SettingsInvalid) as invalid:
        read(Everything)
    (problem,) = invalid.value.problems
    assert (problem.setting, fault in problem.fault) == (f"LOCUTION_{name}", True)
    text = str(problem)
    assert f"mend or unset LOCUTION_{name}" in text or f"set LOCUTION_{name}" in text
    assert value not in text
    environment.setenv("LOCUTION_ENVIRONMENT", "local")
    assert read(Everything).environment == "local"


@pytest.mark.parametrize("url", ["postgresql://app@db/locution", "postgresql:///locution?host=/run"])
def test_a_database_without_a_password_is_its_own_affair(environment: pytest.MonkeyPatch, url: str) -> None:
    environment.setenv("LOCUTION_DATABASE_URL", url)
    assert read(Everything).environment == "production"


def test_where_a_service_runs_is_one_of_two(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("LOCUTION_ENVIRONMENT", "staging")
    assert "LOCUTION_ENVIRONMENT" in faults()
