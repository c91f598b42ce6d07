"""`locution webhooks`: have a server of one's own told what happens to jobs."""

from __future__ import annotations

import argparse
import json

from locution.v1 import webhook_service_pb2 as pb

from locution_client.cli import arguments, exit_codes, show
from locution_client.cli.output import UsageError
from locution_client.client import Client

PREFIX = "WEBHOOK_EVENT_TYPE_"
EVENTS = {
    f"job.{name.removeprefix(PREFIX + 'JOB_').lower()}": value
    for name, value in pb.WebhookEventType.items()
    if name.startswith(PREFIX + "JOB_")
}


def configure(commands: arguments.Commands) -> None:
    """Add the command and its own commands."""
    parser = commands.add_parser("webhooks", help="have servers of yours told what happens to jobs")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    create = actions.add_parser("create", help="create a webhook and print its secret, this once")
    create.add_argument("url", metavar="URL", help="https://host/path")
    create.add_argument("--label", default="", metavar="TEXT", help="label for people")
    _add_events(create, "(job.succeeded, job.failed, job.cancelled)")
    arguments.add_json(create)
    create.set_defaults(run=_create)
    listing = actions.add_parser("list", help="list the webhooks")
    arguments.add_json(listing)
    listing.set_defaults(run=_list)
    _configure_update(actions)
    rotate = _on_one(actions, "rotate-secret", _rotate, "make a new secret and print it, this once")
    rotate.add_argument("--overlap", type=arguments.span, metavar="TIME", help="how long the old ones stay good (24h)")
    _on_one(actions, "get", _get, "show one webhook")
    _on_one(actions, "test", _test, "have a test sent")
    _on_one(actions, "delete", _delete, "delete a webhook with its deliveries")
    deliveries = _on_one(actions, "deliveries", _deliveries, "list the newest deliveries of a webhook")
    deliveries.add_argument("--filter", default="", metavar="F", help="for example 'state = DEAD' (AIP-160)")
    deliveries.add_argument("--limit", type=int, default=50, metavar="N", help="how many (50)")
    redeliver = actions.add_parser("redeliver", help="send deliveries again")
    redeliver.add_argument("deliveries", nargs="+", type=arguments.delivery, metavar="DELIVERY", help="its whole name")
    arguments.add_json(redeliver)
    redeliver.set_defaults(run=_redeliver)


def _configure_update(actions: arguments.Commands) -> None:
    update = _on_one(actions, "update", _update, "change a webhook")
    update.add_argument("--url", metavar="URL", help="where it leads")
    update.add_argument("--label", metavar="TEXT", help="label for people")
    _add_events(update, "(as they are)")
    switch = update.add_mutually_exclusive_group()
    switch.add_argument("--enable", dest="disabled", action="store_const", const=False, help="let it go on")
    switch.add_argument("--disable", dest="disabled", action="store_const", const=True, help="send nothing")


def _on_one(actions: arguments.Commands, name: str, run: object, text: str) -> argparse.ArgumentParser:
    action = arguments.action(actions, name, run, text)
    action.add_argument("webhook", type=arguments.webhook, metavar="WEBHOOK", help="webhooks/ID")
    return action


def _add_events(parser: argparse.ArgumentParser, default: str) -> None:
    text = f"what it is told; may be repeated {default}"
    parser.add_argument("--event", action="append", choices=sorted(EVENTS), help=text)


async def _create(client: Client, options: argparse.Namespace) -> int:
    events = [EVENTS[name] for name in options.event or ()]
    made = await client.webhooks.create(pb.Webhook(url=options.url, display_name=options.label, event_types=events))
    _show(made, as_json=options.json)
    return exit_codes.OK


async def _list(client: Client, options: argparse.Namespace) -> int:
    webhooks = await client.webhooks.all()
    header = ("WEBHOOK", "STATE", "EVENTS", "URL", "LABEL")
    rows = [(each.name, _state(each), _events(each), each.url, each.display_name) for each in webhooks]
    print(show.as_json(webhooks) if options.json else show.table(header, rows))
    return exit_codes.OK


async def _get(client: Client, options: argparse.Namespace) -> int:
    _show(await client.webhooks.get(options.webhook), as_json=options.json)
    return exit_codes.OK


async def _update(client: Client, options: argparse.Namespace) -> int:
    events = None if options.event is None else [EVENTS[name] for name in options.event]
    wanted = {
        "url": options.url,
        "display_name": options.label,
        "event_types": events,
        "disabled": options.disabled,
    }
    fields = {name: value for name, value in wanted.items() if value is not None}
    if not fields:
        raise UsageError("nothing to change: give --url, --label, --event, --enable or --disable")
    changed = await client.webhooks.update(pb.Webhook(name=options.webhook, **fields), fields)
    _show(changed, as_json=options.json)
    return exit_codes.OK


async def _rotate(client: Client, options: argparse.Namespace) -> int:
    _show(await client.webhooks.rotate_secret(options.webhook, overlap=options.overlap), as_json=options.json)
    return exit_codes.OK


async def _delete(client: Client, options: argparse.Namespace) -> int:
    await client.webhooks.delete(options.webhook)
    return exit_codes.OK


async def _test(client: Client, options: argparse.Namespace) -> int:
    _table([await client.webhooks.test(options.webhook)], as_json=options.json)
    return exit_codes.OK


async def _deliveries(client: Client, options: argparse.Namespace) -> int:
    found = await client.webhooks.deliveries(options.webhook, options.limit, matching=options.filter)
    _table(list(found), as_json=options.json)
    return exit_codes.OK


async def _redeliver(client: Client, options: argparse.Namespace) -> int:
    _table([await client.webhooks.redeliver(name) for name in options.deliveries], as_json=options.json)
    return exit_codes.OK


def _show(webhook: pb.Webhook, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(show.to_dict(webhook), indent=2, ensure_ascii=False))
        return
    lines = [("webhook", webhook.name), ("state", _state(webhook)), ("label", webhook.display_name)]
    lines += [("url", webhook.url), ("events", _events(webhook)), ("created", webhook.create_time.ToJsonString())]
    if webhook.HasField("failing_since_time"):
        lines.append(("failing", f"since {webhook.failing_since_time.ToJsonString()}"))
    if webhook.HasField("secret"):
        lines.append(("secret", webhook.secret))
    print("\n".join(f"{name:<11} {text}" for name, text in lines))


def _table(deliveries: list[pb.WebhookDelivery], *, as_json: bool) -> None:
    header = ("DELIVERY", "STATE", "EVENT", "JOB", "ATTEMPTS", "ANSWER")
    print(show.as_json(deliveries) if as_json else show.table(header, [_row(each) for each in deliveries]))


def _row(delivery: pb.WebhookDelivery) -> tuple[str, ...]:
    answered = str(delivery.response_status) if delivery.HasField("response_status") else "-"
    return (
        delivery.name,
        pb.WebhookDelivery.State.Name(delivery.state).removeprefix("STATE_"),
        _event(delivery.event_type),
        delivery.job or "-",
        str(delivery.attempts),
        delivery.error or answered,
    )


def _state(webhook: pb.Webhook) -> str:
    if not webhook.disabled:
        return "enabled"
    return f"disabled ({webhook.disabled_reason})" if webhook.disabled_reason else "disabled"


def _events(webhook: pb.Webhook) -> str:
    return ", ".join(map(_event, webhook.event_types))


def _event(event: pb.WebhookEventType.ValueType) -> str:
    name = pb.WebhookEventType.Name(event).removeprefix(PREFIX)
    return f"job.{name.removeprefix('JOB_').lower()}" if name.startswith("JOB_") else f"webhook.{name.lower()}"
