"""Statements of a program that are there for its log: those that mention the API, or what it gave."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

GIVES = {"open", "frame"}
"""Calls of the Python API whose result is of the API."""


def of_python(source: str) -> list[str]:
    """Statements, of those with a body the head alone; imports aside."""
    tree = ast.parse(source)
    names = {"exray"}
    for node in ast.walk(tree):
        if isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name) and _gives(node.context_expr):
            names.add(node.optional_vars.id)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _gives(node.value):
            names.add(node.targets[0].id)
    heads = [(node, _head(node)) for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    return [
        ast.unparse(node).partition("\n")[0]
        for node, head in heads
        if any(isinstance(inner, ast.Name) and inner.id in names for part in head for inner in ast.walk(part))
    ]


def _gives(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in GIVES


def _head(node: ast.stmt) -> list[ast.AST]:
    """Of a statement what is not in its body; nothing of a definition or an import."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)):
        return []
    return [child for child in ast.iter_child_nodes(node) if not isinstance(child, (ast.stmt, ast.excepthandler))]


@dataclass(frozen=True)
class Braces:
    """A language of braces and semicolons."""

    api: str
    """What names the API: a regular expression. A variable that is declared after one of these counts, too."""


CPP = Braces(api=r"\bexray::\w+")
JAVA = Braces(api=r"\b(?:Capture|Frame|Options)\b")
NOISE = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|^\s*#[^\n]*|^\s*import\b[^\n]*", re.S | re.M
)
WITH_BODY = re.compile(r"(?:try|if|for|while|switch|else)\b")


def of_braces(source: str, language: Braces) -> list[str]:
    """What ends in a semicolon outside parentheses, and heads of what has a body; definitions and imports aside."""
    text = NOISE.sub(" ", source)
    variables = set(re.findall(language.api + r"(?:\s*[&*]\s*|\s+)(\w+)\s*[=({;:,)]", text))
    mentions = re.compile("|".join([language.api, *(rf"\b{name}\b" for name in sorted(variables))]))
    found, start, depth = [], 0, 0
    for at, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth or sign not in ";{}":
            continue
        piece = " ".join(text[start:at].split())
        start = at + 1
        if mentions.search(piece) and (sign != "{" or WITH_BODY.match(piece)):
            found.append(piece)
    return found
