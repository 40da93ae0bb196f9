"""IPython's additions to Python in a cell: found, explained and taken out, line for line, without IPython.

    >>> cell = read_cell("%matplotlib inline\\nfiles = !ls\\nx = 1")
    >>> cell.text.splitlines()[2], [command.binds for command in cell.commands]
    ('x = 1', [(), ('files',)])

A line keeps its number: what is taken out leaves ``pass`` (in a block) or a comment behind.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

CommandKind = Literal["magic", "shell", "help", "autocall"]


@dataclass(frozen=True, slots=True)
class Command:
    """A line (or several joined by backslashes) of a cell that is not Python.

    Attributes:
        line, last_line: where it stands in the cell, from 1.
        text: the command without its indentation.
        name: the magic's name, or ``"!"`` / ``"?"``.
        binds: variables that it sets, as far as the line shows them.
        may_bind: it can set variables that the line does not show (``%run``, ``%store -r``).
    """

    line: int
    last_line: int
    text: str
    kind: CommandKind
    name: str
    binds: tuple[str, ...] = ()
    may_bind: bool = False


class CellText(NamedTuple):
    """A cell as Python: ``text`` has as many lines as the cell.

    Attributes:
        text: the Python; empty lines when the cell is not Python at all (``%%bash``).
        commands: what was taken out, in order; a cell magic comes first.
        cell_magic: the name of the cell magic, if there is one.
        is_python: the cell's body runs as Python in the notebook's namespace.
        tree: the parsed text, or None when it is no Python; then ``problem`` says why.
    """

    text: str
    commands: tuple[Command, ...]
    cell_magic: str | None
    is_python: bool
    tree: ast.Module | None
    problem: str | None


#: Cell magics whose body runs in the notebook's own namespace.
_TRANSPARENT = frozenset({"time", "capture", "prun", "memit", "mprun", "skip_if"})
_DYNAMIC = frozenset(
    {"run", "load", "store", "pylab", "loadpy", "recall", "rerun", "macro", "edit", "sql", "R", "Rpull"}
)
_TIMERS = ("time", "prun", "memit", "mprun", "lprun", "snakeviz")
_AUTOMAGIC = re.compile(
    r"\s*(pip|pip3|conda|mamba|cd|ls|ll|cat|cp|mv|rm|mkdir|pwd|matplotlib|load_ext|reload_ext|autoreload|config|env|"
    r"set_env|timeit|time|who|whos|history|reset|run|alias|bash|pinfo|pycat|store|uv)(\s+[^=\s(.,\[].*)?$"
)
_ASSIGNED = re.compile(r"(\s*)([A-Za-z_*(\[][^=!%#'\"]*?)\s*=\s*([%!].*)", re.DOTALL)
_TOKEN = re.compile(r"#|[rRbBuUfFtT]{0,2}('''|\"\"\"|'|\")|[()\[\]{}]")
_WORD = re.compile(r"[A-Za-z_]\w*")


def read_cell(source: str, *, deployed: bool = False) -> CellText:
    """Separate a cell's Python from IPython's commands; nothing is run.

    Args:
        source: the cell as written.
        deployed: the cell is one to deploy, so the body of ``%%deploy`` counts as Python (elsewhere it does not:
            ``%%deploy`` does not run its body in the notebook).
    """
    lines = source.replace("\r\n", "\n").split("\n")
    first = next((index for index, line in enumerate(lines) if line.strip()), None)
    commands: list[Command] = []
    magic: str | None = None
    if first is not None and lines[first].startswith("%%"):
        head = lines[first].strip()
        magic = _name(head)
        commands.append(_cell_magic(first + 1, head, magic))
        lines[first] = ""
        if magic not in _TRANSPARENT and not (deployed and magic == "deploy"):
            return CellText("\n" * (len(lines) - 1), tuple(commands), magic, False, None, None)
    _dedent(lines)
    if _may_hold_commands(lines):
        commands.extend(_take_out(lines))
    tree, problem = _parse(lines, commands)
    return CellText("\n".join(lines), tuple(commands), magic, True, tree, problem)


def read_python(text: str) -> ast.Module:
    """Parse, keeping quiet about invalid escapes and the like: they are the notebook's business, not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def assigned_names(text: str) -> tuple[str, ...]:
    """Return the variables that a line of Python sets at its top level, in order; none when it is no Python."""
    try:
        tree = read_python(text.strip())
    except (SyntaxError, ValueError):
        return ()
    return tuple(
        dict.fromkeys(
            node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )
    )


def _name(text: str) -> str:
    found = _WORD.search(text)
    return found.group() if found else ""


def _cell_magic(line: int, head: str, name: str) -> Command:
    binds: tuple[str, ...] = ()
    words = head.split()[1:]
    if name == "capture":
        binds = tuple(word for word in words if word.isidentifier())[:1]
    elif name in {"bash", "sh", "script", "cmd", "perl", "ruby"}:
        binds = tuple(words[index + 1] for index, word in enumerate(words[:-1]) if word in {"--out", "--err", "--proc"})
    known = name in _TRANSPARENT | {"deploy", "bash", "sh", "script", "timeit", "writefile", "html", "HTML", "markdown"}
    known = known or name in {"javascript", "js", "latex", "svg", "SVG", "file", "debug", "cmd", "perl", "ruby"}
    return Command(line, line, head, "magic", name, binds, may_bind=not known)


def _dedent(lines: list[str]) -> None:
    # IPython accepts a cell that is indented as a whole.
    first = next((line for line in lines if line.strip()), "")
    margin = first[: len(first) - len(first.lstrip(" \t"))]
    if margin:
        lines[:] = [line.removeprefix(margin) for line in lines]


def _may_hold_commands(lines: list[str]) -> bool:
    for line in lines:
        text = line.strip()
        if text and (text[0] in "%!?,;/" or "?" in text or "!" in text or "%" in text):
            return True
    return False


def _take_out(lines: list[str]) -> Iterator[Command]:
    """Blank the commands in ``lines`` and yield them."""
    skip_to = 0
    for index, code in _statement_lines(lines):
        if index < skip_to:
            continue
        text = lines[index].strip()
        found = _command(text, code.strip())
        if found is None:
            continue
        last = index
        if found.kind != "help":
            while lines[last].endswith("\\") and last + 1 < len(lines):
                last += 1
        skip_to = last + 1
        whole = " ".join(line.strip().removesuffix("\\").strip() for line in lines[index : last + 1])
        _blank(lines, index, last, whole)
        yield replace(_command(whole, whole) or found, line=index + 1, last_line=last + 1)


def _blank(lines: list[str], first: int, last: int, text: str) -> None:
    indent = lines[first][: len(lines[first]) - len(lines[first].lstrip())]
    lines[first] = f"{indent}pass  # {text}" if indent else f"# {text}"
    for index in range(first + 1, last + 1):
        lines[index] = ""


def _command(text: str, code: str) -> Command | None:
    """Return the command that a line at the start of a statement is, or None; line numbers are set by the caller."""
    if not code:
        return None
    if code.endswith("?") or (code[0] == "?" and len(code) > 1):
        return Command(0, 0, text, "help", "?")
    if code[0] == "!":
        return Command(0, 0, text, "shell", "!")
    if code[0] == "%":
        name = _name(code)
        body = text.lstrip("%")[len(name) :].strip()
        binds = assigned_names(_without_options(body)) if name in _TIMERS else ()
        return Command(0, 0, text, "magic", name, binds, may_bind=name in _DYNAMIC)
    if code[0] in ",;/" and len(code) > 1 and (code[1].isalpha() or code[1] == "_"):
        return Command(0, 0, text, "autocall", code[0])
    match = _ASSIGNED.match(code)
    if match and not match.group(3).startswith(("!=", "%=")):
        binds = assigned_names(f"{match.group(2)} = 0")
        if binds:
            kind: CommandKind = "shell" if match.group(3)[0] == "!" else "magic"
            name = "!" if kind == "shell" else _name(match.group(3))
            return Command(0, 0, text, kind, name, binds)
    return None


def _without_options(body: str) -> str:
    words = body.split(" ")
    while words and words[0].startswith("-"):
        words.pop(0)
    return " ".join(words)


def _statement_lines(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield index and code (without a comment) of each line that begins outside brackets, strings and continuations."""
    depth, quote, continued = 0, "", False
    for index, line in enumerate(lines):
        fresh = depth == 0 and not quote and not continued
        # A command's own text (quotes, brackets) says nothing about Python's: it must not change the state.
        text = line.lstrip()
        if fresh and text[:1] in {"%", "!", "?"} and text:
            yield index, line
            continued = line.endswith("\\")
            continue
        if fresh and _ASSIGNED.match(line) and assigned_names(_ASSIGNED.sub(r"\2 = 0", line.strip())):
            yield index, line
            continued = line.endswith("\\")
            continue
        position, code_end = 0, len(line)
        while position < len(line):
            if quote:
                position, quote = _leave_string(line, position, quote)
                continue
            token = _TOKEN.search(line, position)
            if token is None:
                break
            position = token.end()
            if token.group() == "#":
                code_end = token.start()
                break
            if token.group(1):
                quote = token.group(1)
            else:
                depth = max(0, depth + (1 if token.group() in "([{" else -1))
        if len(quote) == 1 and not line.endswith("\\"):
            quote = ""
        continued = not quote and code_end == len(line) and line.endswith("\\")
        if fresh:
            yield index, line[:code_end]


def _leave_string(line: str, position: int, quote: str) -> tuple[int, str]:
    while True:
        end = line.find(quote, position)
        escape = line.find("\\", position)
        if escape != -1 and (end == -1 or escape < end):
            position = escape + 2
            continue
        return (len(line), quote) if end == -1 else (end + len(quote), "")


def _parse(lines: list[str], commands: list[Command]) -> tuple[ast.Module | None, str | None]:
    for _ in range(12):
        try:
            return read_python("\n".join(lines)), None
        except (SyntaxError, ValueError) as error:
            number = getattr(error, "lineno", None) or 0
            line = lines[number - 1] if 0 < number <= len(lines) else ""
            if not _AUTOMAGIC.match(line):
                return None, f"{getattr(error, 'msg', error)} (line {number})"
            # `pip install x` without its percent sign: IPython takes it for the magic.
            commands.append(Command(number, number, line.strip(), "magic", _name(line), may_bind="run" in line[:5]))
            _blank(lines, number - 1, number - 1, line.strip())
    return None, "too many lines that are not Python"
