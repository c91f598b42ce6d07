"""What a database role may do, and what it needs for the statements of its process.

The database itself judges: `EXPLAIN` checks the rights of a statement as its execution would, by table, column and
function. It does not run triggers and functions, so those that need rights of the caller are not judged.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

_VERB = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")

GRANTS = """
SELECT g.privilege_type || ' ON ' || c.oid::regclass AS what, c.relname AS name
FROM pg_class c, aclexplode(c.relacl) g WHERE c.relnamespace = $1::regnamespace AND g.grantee = $2::regrole
UNION ALL
SELECT format('%s (%I) ON %s', g.privilege_type, a.attname, c.oid::regclass), c.relname
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid, aclexplode(a.attacl) g
WHERE c.relnamespace = $1::regnamespace AND g.grantee = $2::regrole
UNION ALL
SELECT 'EXECUTE ON FUNCTION ' || p.oid::regprocedure, p.proname
FROM pg_proc p, aclexplode(p.proacl) g WHERE p.pronamespace = $1::regnamespace AND g.grantee = $2::regrole
ORDER BY 1
"""


@dataclass(frozen=True, order=True)
class Definition:
    """A function, class or constant at the top level of a module."""

    module: str
    name: str


class Code:
    """The top-level definitions of a package, and which of them name which others."""

    def __init__(self, package: str, root: Path) -> None:
        paths = {_module(package, path.relative_to(root)): path for path in root.rglob("*.py")}
        trees = {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in paths.items()}
        self._imports = {module: dict(_imports(tree)) for module, tree in trees.items()}
        self._nodes = {
            Definition(module, name): node for module, tree in trees.items() for name, node in _definitions(tree)
        }

    def statements(self, *starts: Definition) -> dict[Definition, str]:
        """Return the SQL statements that these definitions reach by name."""
        return {found: text for found in sorted(self._reached(starts)) if (text := _statement(found))}

    def all_statements(self) -> dict[Definition, str]:
        """Return the SQL statements of the package."""
        return {found: text for found in sorted(self._nodes) if (text := _statement(found))}

    def _reached(self, starts: Sequence[Definition]) -> set[Definition]:
        reached: set[Definition] = set()
        waiting = list(starts)
        while waiting:
            found = waiting.pop()
            if found not in reached and found in self._nodes:
                reached.add(found)
                waiting += self._named(found)
        return reached

    def _named(self, where: Definition) -> Iterator[Definition]:
        imports = self._imports[where.module]
        for node in ast.walk(self._nodes[where]):
            match node:
                case ast.Name(id=name):
                    yield imports.get(name, Definition(where.module, name))
                case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in imports:
                    yield Definition(f"{imports[name].module}.{imports[name].name}", attribute)


def _module(package: str, path: Path) -> str:
    return ".".join((package, *path.with_suffix("").parts)).removesuffix(".__init__")


def _imports(tree: ast.Module) -> Iterator[tuple[str, Definition]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield alias.asname or alias.name, Definition(node.module, alias.name)


def _definitions(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                yield name, node


def _statement(found: Definition) -> str | None:
    if not found.name.strip("_").isupper() or found.module.endswith("__main__"):
        return None
    value = getattr(importlib.import_module(found.module), found.name)
    return value if isinstance(value, str) and _VERB.match(value) else None


async def refused(connection: asyncpg.Connection, role: str, statements: Mapping[Definition, str]) -> list[str]:
    """Return the statements that a role may not run."""
    return [
        f"{found}: {fault}" for found, text in statements.items() if (fault := await _fault(connection, role, text))
    ]


async def surplus(
    connection: asyncpg.Connection, schema: str, role: str, statements: Mapping[Definition, str]
) -> list[str]:
    """Return what is granted to a role although its statements do not need it: UPDATE of whole tables, for example."""
    return [
        what
        for what, name in await connection.fetch(GRANTS, schema, role)
        if what.startswith("UPDATE ON")
        or not await _needs(connection, role, what, [text for text in statements.values() if f".{name}" in text])
    ]


async def _needs(connection: asyncpg.Connection, role: str, what: str, statements: Sequence[str]) -> bool:
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(f"REVOKE {what} FROM {role}")
        for text in statements:
            if await _fault(connection, role, text):
                return True
        return False
    finally:
        await transaction.rollback()


async def _fault(connection: asyncpg.Connection, role: str, statement: str) -> str | None:
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(f"SET LOCAL ROLE {role}")
        await connection.execute(f"EXPLAIN (GENERIC_PLAN) {statement}")
    except asyncpg.InsufficientPrivilegeError as error:
        return str(error)
    finally:
        await transaction.rollback()
    return None
