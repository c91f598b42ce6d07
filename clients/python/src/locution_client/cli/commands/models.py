"""`locution models`: list, register, enable and disable models, and choose defaults."""

from __future__ import annotations

from locution.v1 import model_service_pb2 as pb

from locution_client.cli import exit_codes, show
from locution_client.cli.app import Commands
from locution_client.cli.arguments import JSON, argument, model_name, switch
from locution_client.client import Client
from locution_client.errors import ApiError

SHOWN_LANGUAGES = 3
HEADER = ("MODEL", "KIND", "PROVIDER", "STATE", "DEFAULT", "SIZE", "LANGUAGES")

app = Commands("List and manage models.")
MODEL = argument("model", type=model_name, metavar="SET/MODEL", help="name of the model")


@app.verb("list", JSON)
async def _list(client: Client, json: bool) -> None:
    """List the models."""
    show.listing(await client.models.all(), HEADER, _row, json=json)


@app.verb("get", MODEL, JSON)
async def _get(client: Client, model: str, json: bool) -> None:
    """Show one model."""
    _show(await client.models.get(model), json=json)


@app.verb("disable", MODEL, argument("--reason", required=True, metavar="TEXT", help="why, for people"), JSON)
async def _disable(client: Client, model: str, reason: str, json: bool) -> None:
    """Disable a model for new jobs. Running jobs continue."""
    _show(await client.models.disable(model, reason), json=json)


@app.verb("enable", MODEL, JSON)
async def _enable(client: Client, model: str, json: bool) -> None:
    """Enable a model again, after a check that its files are unchanged."""
    _show(await client.models.enable(model), json=json)


@app.verb("default", MODEL, JSON)
async def _default(client: Client, model: str, json: bool) -> None:
    """Make a model the default of its kind."""
    _show(await client.models.set_default(model), json=json)


@app.verb(
    "register",
    argument("models", nargs="+", type=model_name, metavar="SET/MODEL", help="folder below the models root"),
    switch("--default", "make the model the default of its kind"),
    JSON,
)
async def _register(client: Client, models: list[str], default: bool, json: bool) -> int:
    """Register models whose files are below the server's models root."""
    registered, code = [], exit_codes.OK
    for model in models:
        try:
            registered.append(await client.models.register(model, make_default=default))
        except ApiError as error:
            show.failure(error, model)
            code = max(code, exit_codes.of(error))
    show.listing(registered, HEADER, _row, json=json)
    return code


def _show(model: pb.Model, *, json: bool) -> None:
    able = model.capabilities
    abilities = [field.name.replace("_", " ") for field, _ in able.ListFields() if field.name != "languages"]
    lines = [("model", model.name), ("kind", _kind(model)), ("provider", model.provider), ("layout", model.layout)]
    lines += [("state", _state(model)), ("default", "yes" if model.is_default else "no"), ("size", _size(model))]
    lines += [("checksum", model.checksum), ("languages", ", ".join(able.languages)), ("can do", ", ".join(abilities))]
    if model.HasField("qualification"):
        found = model.qualification
        rates = f"{found.fast_word_error_rate:.2%} FAST, {found.accurate_word_error_rate:.2%} ACCURATE"
        lines.append(("qualification", f"{'passed' if found.passed else 'failed'}: {rates}, {found.word_count} words"))
    lines += [("in memory of", f"{model.serving_replicas} replicas"), ("created", show.when(model, "create_time"))]
    show.one(model, [*lines, ("changed", show.when(model, "update_time"))], json=json)


def _row(model: pb.Model) -> tuple[str, ...]:
    languages = list(model.capabilities.languages)
    return (
        model.name.removeprefix("models/"),
        _kind(model),
        model.provider,
        _state(model),
        "yes" if model.is_default else "",
        _size(model),
        ", ".join(languages) if len(languages) <= SHOWN_LANGUAGES else f"{len(languages)} languages",
    )


def _kind(model: pb.Model) -> str:
    return pb.ModelKind.Name(model.kind).removeprefix("MODEL_KIND_").lower()


def _size(model: pb.Model) -> str:
    return f"{model.size_bytes / 1e6:.0f} MB"


def _state(model: pb.Model) -> str:
    name = pb.Model.State.Name(model.state).removeprefix("STATE_").lower()
    return f"{name} ({model.state_reason})" if model.state_reason else name
