"""Write the chart's Grafana dashboards: `python deploy/helm/dashboards.py`. A test compares them with the files.

In a query, HERE stands for the choice of the installation. A panel shows what an operator asks, in the title's words.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).resolve().parent / "locution" / "files" / "dashboards"
HERE: Final = 'namespace="$namespace"'
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
WIDTH: Final = 12
HEIGHT: Final = 8

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Panel:
    """A graph: its title, Grafana's name of the unit, and its queries by legend."""

    title: str
    unit: str
    queries: dict[str, str]


def quantile(share: str, metric: str, by: str = "", where: str = "") -> str:
    """Return the query of a quantile over five minutes."""
    labels, chosen = f"le, {by}" if by else "le", f"HERE, {where}" if where else "HERE"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket{{{chosen}}}[5m])))"


def mean(metric: str) -> str:
    """Return the query of a histogram's mean over five minutes."""
    return f"sum(rate({metric}_sum{{HERE}}[5m])) / sum(rate({metric}_count{{HERE}}[5m]))"


SERVICE: Final = (
    Panel(
        "Calls by process and status",
        "reqps",
        {"{{job}} {{code}}": "sum by (job, code) (rate(locution_rpc_server_handled_total{HERE}[5m]))"},
    ),
    Panel(
        "Errors by method and reason",
        "reqps",
        {"{{method}} {{reason}}": "sum by (method, reason) (rate(locution_rpc_server_errors_total{HERE}[5m]))"},
    ),
    Panel(
        "Duration of calls, 95 of 100",
        "s",
        {"{{method}}": quantile("0.95", "locution_rpc_server_duration_seconds", "method")},
    ),
    Panel("Calls in progress", "short", {"{{method}}": "sum by (method) (locution_rpc_server_in_flight{HERE})"}),
    Panel("Live streams", "short", {"{{pod}}": "sum by (pod) (locution_live_streams{HERE})"}),
    Panel(
        "Live: from the end of a word to its confirmation",
        "s",
        {
            "half": quantile("0.5", "locution_live_confirm_seconds"),
            "95 of 100": quantile("0.95", "locution_live_confirm_seconds"),
        },
    ),
    Panel(
        "Live: audio by which text trails, 95 of 100",
        "s",
        {
            "partials": quantile("0.95", "locution_live_partial_lag_seconds"),
            "finals": quantile("0.95", "locution_live_final_lag_seconds"),
        },
    ),
    Panel("Live: finals", "ops", {"finals": "sum(rate(locution_live_finals_total{HERE}[5m]))"}),
    Panel(
        "Health probes that pass",
        "short",
        {"{{job}} {{probe}}": "min by (job, probe) (locution_health_probe_up{HERE})"},
    ),
    Panel(
        "Lag of the event loop, 99 of 100",
        "s",
        {"{{pod}}": quantile("0.99", "locution_event_loop_lag_seconds", "pod")},
    ),
    Panel(
        "Failures of background tasks",
        "ops",
        {"{{job}} {{task}}": "sum by (job, task) (rate(locution_background_task_failures_total{HERE}[5m]))"},
    ),
    Panel("Background tasks that run", "short", {"{{task}}": "min by (task) (locution_background_task_up{HERE})"}),
    Panel(
        "Webhook attempts by outcome",
        "ops",
        {"{{outcome}}": "sum by (outcome) (rate(locution_webhook_attempts_total{HERE}[5m]))"},
    ),
    Panel(
        "Webhook attempts: duration, 95 of 100",
        "s",
        {"{{outcome}}": quantile("0.95", "locution_webhook_attempt_seconds", "outcome")},
    ),
    Panel("Webhook deliveries that wait", "short", {"waiting": "max(locution_webhook_backlog{HERE})"}),
    Panel("Webhooks: the first delivery is late by", "s", {"late": "max(locution_webhook_late_seconds{HERE})"}),
)

QUEUE: Final = (
    Panel("Audio that waits", "s", {"{{kind}}": "max by (kind) (locution_queue_audio_seconds{HERE})"}),
    Panel("The oldest stage waits for", "s", {"{{kind}}": "max by (kind) (locution_queue_oldest_seconds{HERE})"}),
    Panel("Stages that wait", "short", {"{{kind}}": "max by (kind) (locution_queue_stages{HERE})"}),
    Panel("Stages that workers hold", "short", {"{{kind}}": "max by (kind) (locution_queue_leased_stages{HERE})"}),
    Panel(
        "Stages taken from the queue",
        "ops",
        {"{{kind}}": "sum by (kind) (rate(locution_stage_claims_total{HERE}[5m]))"},
    ),
    Panel(
        "Stages that run, by worker",
        "short",
        {"{{pod}} {{kind}}": "sum by (pod, kind) (locution_stages_running{HERE})"},
    ),
    Panel(
        "Attempts that ended, by outcome",
        "ops",
        {"{{kind}} {{outcome}}": "sum by (kind, outcome) (rate(locution_stage_attempts_total{HERE}[5m]))"},
    ),
    Panel(
        "Failures by reason",
        "ops",
        {"{{kind}} {{reason}}": "sum by (kind, reason) (rate(locution_stage_failures_total{HERE}[5m]))"},
    ),
    Panel("Duration of stages, 95 of 100", "s", {"{{kind}}": quantile("0.95", "locution_stage_seconds", "kind")}),
    Panel(
        "Seconds of work for a second of audio",
        "short",
        {
            "{{kind}}": "sum by (kind) (rate(locution_stage_seconds_sum{HERE}[5m]))"
            " / sum by (kind) (rate(locution_stage_audio_seconds_total{HERE}[5m]))"
        },
    ),
    Panel(
        "Decode children that ended, by outcome",
        "ops",
        {"{{outcome}}": "sum by (outcome) (rate(locution_decode_children_total{HERE}[5m]))"},
    ),
    Panel(
        "Stages taken from silent workers",
        "ops",
        {"{{kind}}": "sum by (kind) (rate(locution_stage_leases_expired_total{HERE}[5m]))"},
    ),
    Panel(
        "Rows that background work fails on",
        "short",
        {"{{work}} {{state}}": "max by (work, state) (locution_troubled_rows{HERE})"},
    ),
)


def engine(name: str) -> tuple[Panel, ...]:
    """Return what both engines measure."""
    metric = f"locution_{name}"
    return (
        Panel(
            f"{name}: audio done",
            "short",
            {"{{traffic}} s/s": f"sum by (traffic) (rate({metric}_audio_seconds_total{{HERE}}[5m]))"},
        ),
        Panel(
            f"{name}: seconds of computing for a second of audio",
            "short",
            {
                "real-time factor": f"sum(rate({metric}_batch_seconds_sum{{HERE}}[5m]))"
                f" / sum(rate({metric}_audio_seconds_total{{HERE}}[5m]))"
            },
        ),
        Panel(f"{name}: windows in a batch, mean", "short", {"windows": mean(f"{metric}_batch_windows")}),
        Panel(f"{name}: how full batches are, mean", "percentunit", {"fill": mean(f"{metric}_batch_fill_ratio")}),
        Panel(
            f"{name}: duration of a batch",
            "s",
            {
                "half": quantile("0.5", f"{metric}_batch_seconds"),
                "95 of 100": quantile("0.95", f"{metric}_batch_seconds"),
            },
        ),
        Panel(
            f"{name}: memory of loaded models",
            "bytes",
            {"{{pod}}": f"sum by (pod) ({metric}_model_memory_bytes{{HERE}})"},
        ),
        Panel(f"{name}: loaded models", "short", {"{{pod}}": f"sum by (pod) ({metric}_loaded_models{{HERE}})"}),
    )


ENGINES: Final = (
    *engine("asr"),
    Panel("asr: audio that waits", "s", {"{{pod}}": "sum by (pod) (locution_asr_queued_audio_seconds{HERE})"}),
    Panel(
        "asr: wait of a window, 95 of 100",
        "s",
        {"{{traffic}}": quantile("0.95", "locution_asr_queue_seconds", "traffic")},
    ),
    Panel(
        "asr: what became of the audio",
        "percentunit",
        {
            "{{outcome}}": "sum by (outcome) (rate(locution_asr_audio_seconds_total{HERE}[5m]))"
            " / ignoring (outcome) group_left () sum(rate(locution_asr_audio_seconds_total{HERE}[5m]))"
        },
    ),
    Panel(
        "asr: share of the speech that has text",
        "percentunit",
        {
            "with text": "sum(rate(locution_asr_text_speech_seconds_total{HERE}[5m]))"
            " / sum(rate(locution_asr_speech_seconds_total{HERE}[5m]))"
        },
    ),
    Panel(
        "asr: dropped and failed spans by reason",
        "ops",
        {"{{reason}}": "sum by (reason) (rate(locution_asr_dropped_spans_total{HERE}[5m]))"},
    ),
    Panel(
        "asr: share of windows that were decoded more than once",
        "percentunit",
        {
            "redone": "sum(rate(locution_asr_redone_windows_total{HERE}[5m]))"
            " / sum(rate(locution_asr_queue_seconds_count{HERE}[5m]))"
        },
    ),
    *engine("diarizer"),
    Panel("diarizer: windows that wait", "short", {"{{pod}}": "sum by (pod) (locution_diarizer_queued_windows{HERE})"}),
    Panel(
        "diarizer: clustered sections",
        "ops",
        {"sections": "sum(rate(locution_diarizer_clustered_sections_total{HERE}[5m]))"},
    ),
)

TENANTS: Final = (
    Panel("Tenants whose work waits", "short", {"{{kind}}": "max by (kind) (locution_queue_tenants{HERE})"}),
    Panel("Slots that are held", "short", {"{{kind}}": "sum by (kind) (locution_slots_held{HERE})"}),
    Panel(
        "Share of a process's held slots that one tenant holds, at most",
        "percentunit",
        {"{{pod}} {{kind}}": "max by (pod, kind) (locution_slots_held_most{HERE} / (locution_slots_held{HERE} > 0))"},
    ),
    Panel(
        "Lent slots that went back to a tenant below its floor",
        "ops",
        {"{{kind}}": "sum by (kind) (rate(locution_slots_taken_back_total{HERE}[5m]))"},
    ),
    Panel(
        "Slots that were held after their call",
        "ops",
        {"{{kind}}": "sum by (kind) (rate(locution_slots_reaped_total{HERE}[5m]))"},
    ),
    Panel(
        "Calls refused by a quota, a rate or for lack of room",
        "reqps",
        {
            "{{reason}}": "sum by (reason) (rate(locution_rpc_server_errors_total{HERE,"
            ' reason=~"QUOTA_EXCEEDED|RATE_LIMITED|OVERLOADED|LIVE_OVERLOADED|ENGINE_OVERLOADED"}[5m]))'
        },
    ),
    Panel(
        "Calls refused by identity",
        "reqps",
        {
            "{{reason}}": "sum by (reason) (rate(locution_rpc_server_errors_total{HERE,"
            ' reason=~"UNAUTHENTICATED|PERMISSION_DENIED|CREDENTIAL_EXPIRED|SESSION_REQUIRED"}[5m]))'
        },
    ),
)

DASHBOARDS: Final = {"service": SERVICE, "queue": QUEUE, "engines": ENGINES, "tenants": TENANTS}


def dashboard(name: str) -> Json:
    """Return a dashboard as Grafana reads it."""
    return {
        "uid": f"locution-{name}",
        "title": f"Locution: {name}",
        "tags": ["locution"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": _variables()},
        "panels": [_graph(number, panel) for number, panel in enumerate(DASHBOARDS[name])],
    }


def _variables() -> list[Json]:
    source = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    query = "label_values(locution_health_probe_up, namespace)"
    namespace = {"name": "namespace", "label": "Namespace", "type": "query", "datasource": SOURCE, "refresh": 2}
    return [source, {**namespace, "query": {"query": query, "refId": "namespace"}, "definition": query}]


def _graph(number: int, panel: Panel) -> Json:
    row, column = divmod(number, 24 // WIDTH)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": SOURCE,
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": SOURCE,
                "expr": query.replace("HERE", HERE),
                "legendFormat": legend,
            }
            for place, (legend, query) in enumerate(panel.queries.items())
        ],
    }


def written(name: str) -> str:
    """Return a dashboard as its file holds it."""
    return json.dumps(dashboard(name), indent=1) + "\n"


def main() -> int:
    """Rewrite the dashboards."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in DASHBOARDS:
        path = FOLDER / f"{name}.json"
        path.write_text(written(name), encoding="utf-8")
        sys.stdout.write(f"{path.name}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
