"""`locution webhooks`: send job events to other servers."""

from __future__ import annotations

from datetime import timedelta

from locution.v1 import webhook_service_pb2 as pb

from locution_client.cli import durations, naming, show
from locution_client.cli.app import Commands
from locution_client.cli.arguments import ID, JSON, LABEL, LIMIT, WEBHOOK, Argument, argument, either, pattern, words
from locution_client.cli.output import UsageError
from locution_client.client import Client

PREFIX = "WEBHOOK_EVENT_TYPE_"
EVENTS = {
    f"job.{name.removeprefix(PREFIX + 'JOB_').lower()}": value
    for name, value in sorted(pb.WebhookEventType.items())
    if name.startswith(PREFIX + "JOB_")
}


SCHEMES = naming.words(pb.Webhook.SignatureScheme.items(), "SIGNATURE_SCHEME_")
DELIVERY = ("DELIVERY", "STATE", "EVENT", "JOB", "ATTEMPTS", "ANSWER")

delivery_name = pattern(
    rf"webhooks/{ID}/deliveries/{ID}",
    "Not a delivery name. List the names with `locution webhooks deliveries WEBHOOK`.",
)


def events(default: str) -> Argument:
    """Declare the option that chooses events."""
    return words("--event", EVENTS, f"event to send; repeatable {default}", action="append")


app = Commands("Send job events to your own servers.")


@app.verb(
    "create",
    argument("url", metavar="URL", help="receiver address: https://host/path"),
    LABEL,
    events("(default: job.succeeded, job.failed and job.cancelled)"),
    words("--signature", SCHEMES, "how deliveries are signed (default: hmac-sha256)", default=0),
    JSON,
)
async def _create(
    client: Client, url: str, label: str | None, event: list[int] | None, signature: int, json: bool
) -> None:
    """Create a webhook. Prints its secret, which is never shown again, or with ed25519 its public key."""
    wanted = pb.Webhook(url=url, display_name=label or "", event_types=event)  # type: ignore[arg-type]
    wanted.signature_scheme = signature  # type: ignore[assignment]
    _show(await client.webhooks.create(wanted), json=json)


@app.verb("list", JSON)
async def _list(client: Client, json: bool) -> None:
    """List the webhooks."""
    show.listing(
        await client.webhooks.all(),
        ("WEBHOOK", "STATE", "EVENTS", "URL", "LABEL"),
        lambda each: (each.name, _state(each), _events(each), each.url, each.display_name),
        json=json,
    )


@app.verb("get", WEBHOOK, JSON)
async def _get(client: Client, webhook: str, json: bool) -> None:
    """Show a webhook."""
    _show(await client.webhooks.get(webhook), json=json)


@app.verb(
    "update",
    WEBHOOK,
    argument("--url", metavar="URL", help="receiver address: https://host/path"),
    LABEL,
    events("(default: no change)"),
    either("start sending", "stop sending"),
    JSON,
)
async def _update(
    client: Client,
    webhook: str,
    url: str | None,
    label: str | None,
    event: list[int] | None,
    enable: bool | None,
    json: bool,
) -> None:
    """Change a webhook."""
    disabled = None if enable is None else not enable
    wanted = {"url": url, "display_name": label, "event_types": event, "disabled": disabled}
    fields = {name: value for name, value in wanted.items() if value is not None}
    if not fields:
        raise UsageError("nothing to change. Use --url, --label, --event, --enable or --disable")
    changed = pb.Webhook(name=webhook, **fields)  # type: ignore[arg-type]
    _show(await client.webhooks.update(changed, fields), json=json)


@app.verb(
    "rotate-secret",
    WEBHOOK,
    durations.option(
        "--overlap",
        "time for which the old secrets stay valid (default: 24h)",
        pb.RotateWebhookSecretRequest,
        "overlap_duration",
    ),
    JSON,
)
async def _rotate_secret(client: Client, webhook: str, overlap: timedelta | None, json: bool) -> None:
    """Replace the secret or the key pair. Prints the new secret, which is never shown again, or the new public key."""
    _show(await client.webhooks.rotate_secret(webhook, overlap=overlap), json=json)


@app.verb("test", WEBHOOK, JSON)
async def _test(client: Client, webhook: str, json: bool) -> None:
    """Send a test event."""
    show.listing([await client.webhooks.test(webhook)], DELIVERY, _row, json=json)


@app.verb("delete", WEBHOOK, JSON)
async def _delete(client: Client, webhook: str, json: bool) -> None:
    """Delete a webhook with its deliveries."""
    await client.webhooks.delete(webhook)


@app.verb(
    "deliveries",
    WEBHOOK,
    argument("--filter", default="", metavar="F", help="AIP-160 filter, for example 'state = DEAD'"),
    LIMIT,
    JSON,
)
async def _deliveries(client: Client, webhook: str, filter: str, limit: int, json: bool) -> None:
    """List the newest deliveries of a webhook."""
    show.listing(await client.webhooks.deliveries(webhook, limit, matching=filter), DELIVERY, _row, json=json)


@app.verb(
    "redeliver",
    argument("deliveries", nargs="+", type=delivery_name, metavar="DELIVERY", help="name: webhooks/ID/deliveries/ID"),
    JSON,
)
async def _redeliver(client: Client, deliveries: list[str], json: bool) -> None:
    """Send deliveries again."""
    show.listing([await client.webhooks.redeliver(name) for name in deliveries], DELIVERY, _row, json=json)


def _show(webhook: pb.Webhook, *, json: bool) -> None:
    lines = [("webhook", webhook.name), ("state", _state(webhook)), ("label", webhook.display_name)]
    lines += [("url", webhook.url), ("events", _events(webhook)), ("created", webhook.create_time.ToJsonString())]
    if webhook.HasField("failing_since_time"):
        lines.append(("failing", f"since {webhook.failing_since_time.ToJsonString()}"))
    lines.append(("signature", naming.word(SCHEMES, webhook.signature_scheme)))
    if webhook.HasField("public_key"):
        lines.append(("public key", webhook.public_key))
    if webhook.HasField("secret"):
        lines.append(("secret", webhook.secret))
    show.one(webhook, lines, json=json)


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
