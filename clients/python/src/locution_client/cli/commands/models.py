"""`locution models`: list and register models."""

from __future__ import annotations

from locution.v1 import model_service_pb2 as pb

from locution_client.cli import exit_codes, show
from locution_client.cli.app import Commands
from locution_client.cli.arguments import JSON, argument, model_name, switch
from locution_client.client import Client
from locution_client.errors import ApiError

SHOWN_LANGUAGES = 3
HEADER = ("MODEL", "KIND", "PROVIDER", "STATE", "DEFAULT", "SIZE", "LANGUAGES")

app = Commands("List and register models.")


@app.verb("list", JSON)
async def _list(client: Client, json: bool) -> None:
    """List the models."""
    show.listing(await client.models.all(), HEADER, _row, json=json)


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


def _row(model: pb.Model) -> tuple[str, ...]:
    languages = list(model.capabilities.languages)
    return (
        model.name.removeprefix("models/"),
        pb.ModelKind.Name(model.kind).removeprefix("MODEL_KIND_").lower(),
        model.provider,
        _state(model),
        "yes" if model.is_default else "",
        f"{model.size_bytes / 1e6:.0f} MB",
        ", ".join(languages) if len(languages) <= SHOWN_LANGUAGES else f"{len(languages)} languages",
    )


def _state(model: pb.Model) -> str:
    name = pb.Model.State.Name(model.state).removeprefix("STATE_").lower()
    return f"{name} ({model.state_reason})" if model.state_reason else name
