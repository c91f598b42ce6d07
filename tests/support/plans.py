"""How Postgres ran a statement, those inside of functions included (auto_explain)."""

from __future__ import annotations

from typing import Any

import asyncpg

SETTINGS = """
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0;
SET auto_explain.log_nested_statements = on;
SET auto_explain.log_analyze = on;
SET auto_explain.log_timing = off;
SET client_min_messages = log;
"""


async def plans(connection: asyncpg.Connection[Any], statement: str, *values: object) -> str:
    """Run a statement and return the plans of all that ran for it, with rows counted; its changes are undone."""
    heard: list[str] = []

    def listen(_connection: object, message: Any) -> None:
        heard.append(message.message)

    connection.add_log_listener(listen)
    undone = connection.transaction()
    await undone.start()
    try:
        await connection.execute(SETTINGS)
        await connection.fetch(statement, *values)
        await connection.execute("SET client_min_messages = notice; SET auto_explain.log_min_duration = -1")
        await connection.fetchval("SELECT 1")
    finally:
        await undone.rollback()
        connection.remove_log_listener(listen)
    return "\n".join(text for text in heard if "plan:" in text)
