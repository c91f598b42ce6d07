"""`locution models`: list and register models."""

from __future__ import annotations

import argparse

from locution.v1 import model_service_pb2 as pb

from locution_client.cli import arguments, exit_codes, show
from locution_client.client import Client
from locution_client.errors import ApiError

SHOWN_LANGUAGES = 3


def configure(commands: arguments.Commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("models", help="list and register models")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list the models")
    register = actions.add_parser("register", help="register weights that lie below the models root")
    register.add_argument("weights", nargs="+", type=arguments.weight, metavar="SET/WEIGHT", help="folder to register")
    register.add_argument("--default", action="store_true", help="make it the default of its kind")
    for action, run in ((listing, _list), (register, _register)):
        arguments.add_json(action)
        action.set_defaults(run=run)


async def _list(client: Client, options: argparse.Namespace) -> int:
    _print(await client.models.all(), as_json=options.json)
    return exit_codes.OK


async def _register(client: Client, options: argparse.Namespace) -> int:
    registered, code = [], exit_codes.OK
    for weight in options.weights:
        try:
            registered.append(await client.models.register(weight, make_default=options.default))
        except ApiError as error:
            show.failure(error, weight)
            code = max(code, exit_codes.of(error))
    _print(registered, as_json=options.json)
    return code


def _print(models: list[pb.Model], *, as_json: bool) -> None:
    if as_json:
        print(show.as_json(models))
    else:
        header = ("MODEL", "KIND", "PROVIDER", "STATE", "DEFAULT", "SIZE", "LANGUAGES")
        print(show.table(header, [_row(model) for model in models]))


def _row(model: pb.Model) -> tuple[str, ...]:
    return (
        model.name.removeprefix("models/"),
        pb.ModelKind.Name(model.kind).removeprefix("MODEL_KIND_").lower(),
        model.provider,
        _state(model),
        "yes" if model.is_default else "",
        f"{model.size_bytes / 1e6:.0f} MB",
        _languages(list(model.capabilities.languages)),
    )


def _state(model: pb.Model) -> str:
    name = pb.Model.State.Name(model.state).removeprefix("STATE_").lower()
    return f"{name} ({model.state_reason})" if model.state_reason else name


def _languages(codes: list[str]) -> str:
    return ", ".join(codes) if len(codes) <= SHOWN_LANGUAGES else f"{len(codes)} languages"
