"""A recipe as TOML in which every setting is explained, in the words of the dataclasses' own docstrings."""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap

import tomli_w

from toprung.training.recipe import Recipe

WIDTH = 100


def explained_toml(recipe: Recipe) -> str:
    """Return TOML that :meth:`Recipe.read` takes back as the same recipe.

    Settings that are ``None`` stand there as comments: TOML has no word for them.
    """
    sections = [_entries(recipe)]
    for field in dataclasses.fields(recipe):
        part = getattr(recipe, field.name)
        if dataclasses.is_dataclass(part):
            sections.append(f"{_comment(_first_line(part))}[{field.name}]\n{_entries(part)}")
    return "\n".join(sections)


def setting_descriptions(kind: type) -> dict[str, str]:
    """Return what the ``Attributes:`` of a dataclass's docstring say, by name, each on one line."""
    _, _, listed = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    listed = textwrap.dedent(listed)
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", listed.strip("\n")):
        names, colon, text = entry.partition(":")
        if colon:
            found |= {name.strip(): " ".join(text.split()) for name in names.split(",")}
    return found


def _entries(part: object) -> str:
    """Return a section's settings, each below its description."""
    descriptions = setting_descriptions(type(part))
    lines = []
    for field in dataclasses.fields(part):  # type: ignore[arg-type]
        value = getattr(part, field.name)
        if dataclasses.is_dataclass(value):
            continue
        lines.append(_comment(descriptions[field.name]))
        lines.append(
            f"# {field.name} is not set\n" if value in (None, ()) else tomli_w.dumps({field.name: _plain(value)})
        )
    return "".join(lines)


def _plain(value: object) -> object:
    """Return a setting as TOML has it: stages are tables."""
    if not isinstance(value, tuple):
        return value
    stages = [dataclasses.asdict(stage) for stage in value]
    return [{name: inner for name, inner in stage.items() if inner is not None} for stage in stages]


def _first_line(part: object) -> str:
    return (inspect.getdoc(type(part)) or "").partition("\n\n")[0]


def _comment(text: str) -> str:
    plain = " ".join(text.replace("``", "`").split())
    return "".join(f"# {line}\n" for line in textwrap.wrap(plain, WIDTH - 2, break_long_words=False))
