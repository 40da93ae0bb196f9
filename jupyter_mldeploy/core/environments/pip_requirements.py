"""Requirements as pip reads them: PEP 508 strings in one normal form, and requirements files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ...errors import InvalidInputError

_SHORT = {"-i": "--index-url", "-f": "--find-links", "-r": "--requirement", "-c": "--constraint", "-e": "--editable"}
_VALUED = frozenset(
    {
        "--index-url",
        "--extra-index-url",
        "--find-links",
        "--trusted-host",
        "--no-binary",
        "--only-binary",
        "--use-feature",
    }
)
_SWITCHES = frozenset({"--no-index", "--pre", "--prefer-binary", "--require-hashes"})
_COMMENT = re.compile(r"(^|\s)#.*$")
_MOST_NESTED = 20


@dataclass(slots=True)
class Requirements:
    """What a requirements file asks for.

    Attributes:
        pip: requirements in normal form, in order, without repeats.
        options: pip's options, long names, ``"--index-url https://…"``.
        hashes: name → ``sha256:…`` values that its files must have.
        pins: name → version, from constraints files.
    """

    pip: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    hashes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    pins: dict[str, str] = field(default_factory=dict)


def normal_requirement(text: str, *, where: str | None = None, field: str = "pip") -> str:
    """Return a PEP 508 requirement in normal form: ``Scikit_Learn >=1.0`` becomes ``scikit-learn>=1.0``.

    Args:
        where: how an error calls the place, for example ``"conda.yml line 7"``.

    Raises:
        InvalidInputError: it is not a requirement, or holds a password.
    """
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    at = f"{where}: " if where else ""
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise InvalidInputError(
            f"{at}{text!r} is not a pip requirement: {str(error).splitlines()[0].rstrip('.')}.",
            field=field,
            hint=_advice(text),
        ) from None
    if requirement.url:
        refuse_password(requirement.url, where=where, field=field)
    name = canonicalize_name(requirement.name)
    extras = (
        f"[{','.join(sorted(canonicalize_name(item) for item in requirement.extras))}]" if requirement.extras else ""
    )
    marker = f"; {requirement.marker}" if requirement.marker else ""
    if requirement.url:
        return f"{name}{extras} @ {requirement.url}{' ' if marker else ''}{marker}"
    return f"{name}{extras}{requirement.specifier}{marker}"


def requirement_name(requirement: str) -> str:
    """Return the normalised distribution name of a requirement in normal form."""
    found = re.match(r"[a-z0-9][a-z0-9._-]*", requirement)
    return found.group() if found else requirement


def refuse_password(url: str, *, where: str | None, field: str) -> None:
    """Raise when a URL holds a password in clear text: it would end in bundles and logs.

    Raises:
        InvalidInputError: says to use pip's ``${NAME}`` form, which is filled in when the environment is built.
    """
    parts = urlsplit(url)
    if (parts.password and "${" not in parts.password) or (
        parts.username and parts.password is None and len(parts.username) > 20 and "${" not in parts.username
    ):
        at = f"{where}: " if where else ""
        raise InvalidInputError(
            f"{at}the URL of {parts.hostname} holds a password or token in clear text.",
            field=field,
            hint="Write it as ${NAME} and set NAME in the environment, or keep it in a netrc file or keyring.",
        )


def read_requirements(source: str | Path) -> Requirements:
    """Read a requirements file.

    Args:
        source: a path, or the text itself when it has line breaks or is empty.

    Raises:
        InvalidInputError: names file, line and what is wrong with it.
    """
    found = Requirements()
    if isinstance(source, str) and ("\n" in source or not source.strip()):
        _read_text(found, source, "requirements", Path.cwd(), ())
    else:
        _read_file(found, Path(source).expanduser(), ())
    return found


def normal_option(words: list[str], *, where: str | None, folder: Path | None = None, field: str = "pip") -> str:
    """Return one of pip's options with its long name: ``["-i", url]`` becomes ``"--index-url url"``."""
    flag, equals, value = words[0].partition("=")
    flag = _SHORT.get(flag, flag)
    rest = [value, *words[1:]] if equals else words[1:]
    at = f"{where}: " if where else ""
    if flag in _SWITCHES and not rest:
        return flag
    if flag in _VALUED and len(rest) == 1:
        argument = rest[0]
        refuse_password(argument, where=where, field=field)
        if flag == "--find-links" and "://" not in argument and folder is not None:
            argument = str((folder / argument).resolve())
        return f"{flag} {argument}"
    known = ", ".join(sorted(_VALUED | _SWITCHES))
    raise InvalidInputError(
        f"{at}{' '.join(words)!r} is not an option that an environment can keep.",
        field=field,
        hint=f"{flag} takes one value." if flag in _VALUED else f"Options are: {known}.",
    )


def _read_file(found: Requirements, path: Path, outer: tuple[Path, ...], *, constraint: bool = False) -> None:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        inside = f" (from {outer[-1].name})" if outer else ""
        raise InvalidInputError(
            f"The requirements file {str(path)!r}{inside} cannot be read: {error.strerror}.", field="environment"
        ) from None
    except UnicodeDecodeError:
        raise InvalidInputError(
            f"The requirements file {str(path)!r} is not UTF-8 text.", field="environment"
        ) from None
    resolved = path.resolve()
    if resolved in outer or len(outer) > _MOST_NESTED:
        raise InvalidInputError(f"The requirements file {str(path)!r} includes itself.", field="environment")
    _read_text(found, text, path.name, path.parent, (*outer, resolved), constraint=constraint)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    buffer, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start or number
        if line.rstrip().endswith("\\") and not line.lstrip().startswith("#"):
            buffer += line.rstrip()[:-1] + " "
            continue
        whole = _COMMENT.sub("", buffer + line).strip()
        if whole:
            yield start, whole
        buffer, start = "", 0
    if buffer.strip():
        yield start, _COMMENT.sub("", buffer).strip()


def _read_text(
    found: Requirements, text: str, file: str, folder: Path, outer: tuple[Path, ...], *, constraint: bool = False
) -> None:
    for number, line in _logical_lines(text):
        where = f"{file} line {number}"
        if line.startswith("-"):
            _option(found, line, where, folder, outer)
            continue
        requirement, hashes = _split_hashes(line, where)
        if constraint:
            _constrain(found, requirement, where)
            continue
        normal = normal_requirement(_named(requirement, where), where=where, field="environment")
        if normal not in found.pip:
            found.pip.append(normal)
        if hashes:
            found.hashes[requirement_name(normal)] = hashes


def _option(found: Requirements, line: str, where: str, folder: Path, outer: tuple[Path, ...]) -> None:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise InvalidInputError(
            f"{where}: {line!r} cannot be read: {str(error).lower()}.", field="environment"
        ) from None
    flag, equals, value = words[0].partition("=")
    if len(flag) > 2 and not flag.startswith("--") and flag[:2] in _SHORT and not equals:
        words[:1] = [flag[:2], flag[2:]]  # -rmore.txt
        flag = flag[:2]
    flag = _SHORT.get(flag, flag)
    argument = value if equals else " ".join(words[1:])
    if flag in {"--requirement", "--constraint"}:
        _read_file(found, folder / argument, outer, constraint=flag == "--constraint")
    elif flag == "--editable":
        normal = normal_requirement(_named(argument, where, editable=True), where=where, field="environment")
        if normal not in found.pip:
            found.pip.append(normal)
    else:
        option = normal_option(words, where=where, folder=folder, field="environment")
        if option not in found.options:
            found.options.append(option)


def _split_hashes(line: str, where: str) -> tuple[str, tuple[str, ...]]:
    parts = re.split(r"\s+(?=--)", line)
    hashes = []
    for option in parts[1:]:
        found = re.fullmatch(r"--hash[=\s]\s*(\w+:[0-9a-fA-F]+)", option.strip())
        if not found:
            raise InvalidInputError(
                f"{where}: {option!r} is not an option that a requirement can keep.",
                field="environment",
                hint="Only --hash=ALGORITHM:DIGEST is.",
            )
        hashes.append(found.group(1).lower())
    return parts[0].strip(), tuple(hashes)


def _named(text: str, where: str, *, editable: bool = False) -> str:
    """Turn what pip takes without a name (URLs of wheels and repositories) into ``name @ url``."""
    looks_local = text.startswith((".", "/", "~", "file:")) or (
        text.endswith((".whl", ".tar.gz", ".zip")) and "://" not in text
    )
    if editable and "://" not in text:
        looks_local = True
    if looks_local and " @ " not in text:
        raise InvalidInputError(
            f"{where}: {text!r} is a place on this machine, which an environment cannot take along.",
            field="environment",
            hint="Ship the code with --source-directory or --include, or publish it as a package.",
        )
    if "://" not in text or re.match(r"[\w.\-]+\s*(\[[^\]]*\])?\s*@\s", text):
        return text
    egg = re.search(r"[#&]egg=([\w.\-]+(?:\[[\w,.\-]+\])?)", text)
    name = egg.group(1) if egg else None
    file = unquote(urlsplit(text).path.rsplit("/", 1)[-1])
    if name is None and file.endswith(".whl"):
        name = file.split("-")[0]
    elif name is None and (found := re.match(r"(.+?)-\d[^/]*\.(?:tar\.gz|zip)$", file)):
        name = found.group(1)
    if name is None:
        raise InvalidInputError(
            f"{where}: {text!r} does not say which distribution it is.",
            field="environment",
            hint=f"Write: name @ {text}.",
        )
    return f"{name} @ {re.sub(r'#egg=[^&]*(&|$)', lambda match: '#' if match.group(1) else '', text)}"


def _constrain(found: Requirements, text: str, where: str) -> None:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    normal = normal_requirement(text, where=where, field="environment")
    requirement = Requirement(normal)
    name = canonicalize_name(requirement.name)
    specifiers = list(requirement.specifier)
    if len(specifiers) == 1 and specifiers[0].operator == "==" and not specifiers[0].version.endswith(".*"):
        found.pins[name] = specifiers[0].version
        return
    for index, other in enumerate(found.pip):
        if requirement_name(other) == name and not Requirement(other).url:
            merged = Requirement(other)
            merged.specifier &= requirement.specifier
            found.pip[index] = normal_requirement(str(merged))
            return
    raise InvalidInputError(
        f"{where}: the constraint {text!r} is a range for something that is not required above it.",
        field="environment",
        hint="Pin it (name==version), or move it among the requirements.",
    )


def _advice(text: str) -> str | None:
    if re.fullmatch(r"[\w.\-]+=[\w.*]+", text.strip()):
        return f"Write {text.strip().replace('=', '==')!r}: one equals sign is conda's way."
    return "A requirement is a name with an optional version range, for example 'scikit-learn>=1.4'."


def join_requirements(pip: Iterable[str], conda: Iterable[str]) -> list[str]:
    """Return pip's requirements with those that only conda has, all in pip's form.

    Of a package that both name, pip's version counts, as it is installed after conda's. Where pip names none (also for
    what an extra stands for), conda's holds: pip would find it installed and leave it.
    """
    from packaging.requirements import Requirement

    wanted = {requirement_name(item): Requirement(item) for item in conda}
    joined = []
    for item in pip:
        requirement, other = Requirement(item), wanted.pop(requirement_name(item), None)
        open_to_conda = not (requirement.specifier or requirement.url or requirement.marker)
        if other is not None and other.specifier and open_to_conda:
            requirement.specifier = other.specifier
            joined.append(str(requirement))
        else:
            joined.append(item)
    return [*joined, *(str(item) for item in wanted.values())]
