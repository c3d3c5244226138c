"""The health of a data set as a page for the terminal: what there is first, then what wants a look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from toprung.data.health import Extent, HealthReport, SamePicture
from toprung.ladder.wording import NONE, amount, plural

_CLASSES = 40  # listed at most: the largest and the smallest half of that
_FILES = 20  # listed at most; --json has them all
_GROUPS = 10
_EXAMPLES = 3  # groups of duplicates, which do less harm
_PER_GROUP = 6  # files of one group
_BAR = 24  # columns
_COLOURS = {"train": "cyan", "val": "magenta", "test": "blue"}


def print_health(health: HealthReport, source: Path, split_made: str, console: Console) -> None:
    """Print the account.

    Args:
        health: what to tell.
        source: what the user pointed at; files below it are named from there.
        split_made: where the splits come from, in words.
        console: where to; with color where it is a terminal.
    """
    page = _Page(source, console)
    classes = plural(len(health.classes), "class", "classes")
    page.line((f"{source}: {plural(health.pictures, 'picture')} in {classes}", "bold"))
    page.draw(page.class_table(health))
    page.draw(page.facts(health, split_made))
    page.line()
    page.duplicates(health)
    page.files(health)
    page.labels(health)
    page.leaks(health)


class _Page:
    """Draws with what the console can show."""

    def __init__(self, source: Path, console: Console) -> None:
        self._console = console
        self._encoding = console.encoding
        self._fancy = console.encoding.lower().startswith("utf")
        place = source.absolute()
        self._root = place if place.is_dir() else place.parent
        self._bar_columns = min(_BAR, max(0, console.width - 56))  # a narrow terminal has room for names and numbers

    def line(self, *parts: tuple[str, str]) -> None:
        """Print text and style, without breaking lines: a path is there to be copied."""
        self._console.print(Text.assemble(*((self._plain(text), style) for text, style in parts)), soft_wrap=True)

    def draw(self, what: RenderableType) -> None:
        """Print a table."""
        self._console.print(what)

    def class_table(self, health: HealthReport) -> Table:
        """Return pictures per class and split, with a bar each."""
        splits = list(health.counts)
        totals = {name: sum(health.counts[split][name] for split in splits) for name in health.classes}
        table = Table(box=SIMPLE_HEAD if self._fancy else None, pad_edge=False, show_footer=True)
        table.add_column("class", overflow="fold", footer="all")
        table.add_column("pictures", justify="right", overflow="fold", footer=self._amount(health.pictures))
        table.add_column("", no_wrap=True, overflow="crop")
        for split in splits:
            total = sum(health.counts[split].values())
            style, footer = _COLOURS[split], self._amount(total)
            table.add_column(split, justify="right", overflow="fold", style=style, footer=footer)
        most = max(totals.values(), default=1)
        for name in _shown(totals):
            if name is None:
                table.add_row(Text(f"({len(totals) - _CLASSES} more)", "dim"), *[""] * (2 + len(splits)))
                continue
            counts = [health.counts[split][name] for split in splits]
            bar = self._bar(dict(zip(splits, counts, strict=True)), most)
            table.add_row(Text(self._plain(name)), self._amount(totals[name]), bar, *map(self._amount, counts))
        return table

    def facts(self, health: HealthReport, split_made: str) -> Table:
        """Return how the splits came about, and of what kind the files are."""
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(style="dim")
        table.add_column(overflow="fold")
        rows = {
            "splits": split_made,
            "formats": _frequencies(health.formats),
            "modes": _frequencies(health.modes),
            "width": _extent(health.width),
            "height": _extent(health.height),
        }
        for name, value in rows.items():
            table.add_row(name, Text(self._plain(value)))
        return table

    def duplicates(self, health: HealthReport) -> None:
        """Tell how many pictures stand there more than once, and within or across what."""
        kinds = (("same file", health.exact_duplicates), ("same look", health.near_duplicates))
        if not any(groups for _, groups in kinds):
            self._good("no picture stands there twice")
            return
        table = Table(box=SIMPLE_HEAD if self._fancy else None, pad_edge=False)
        table.add_column("duplicates", overflow="fold")
        for header in ("pictures", "files", "in two splits", "under two labels"):
            table.add_column(header, justify="right", overflow="fold")
        for name, groups in kinds:
            torn = sum(len(set(group.splits)) > 1 for group in groups)
            disputed = sum(len(set(group.labels)) > 1 for group in groups)
            numbers = (len(groups), sum(len(group.paths) for group in groups), torn, disputed)
            table.add_row(name, *map(self._amount, numbers))
        self.draw(table)
        for name, groups in kinds:
            if groups:
                self.line((f"{name}, for example:", "dim"))
                self._examples(groups)
        self.line()

    def files(self, health: HealthReport) -> None:
        """Tell which files cannot be read, and which are named wrongly."""
        if health.unreadable:
            self._bad(f"{plural(len(health.unreadable), 'file')} cannot be read and will be left out:", "yellow")
            self._list((self._path(path), reason) for path, reason in health.unreadable[:_FILES])
            self._more(len(health.unreadable) - _FILES)
        else:
            self._good("every file can be read to its end")
        if health.wrong_extension:
            wrong = plural(len(health.wrong_extension), "file")
            self._bad(f"{wrong} named as another format than the content, which is what counts:", "yellow")
            self._list((self._path(path), f"is {name}") for path, name in health.wrong_extension[:_FILES])
            self._more(len(health.wrong_extension) - _FILES)

    def labels(self, health: HealthReport) -> None:
        """Tell which pictures have two labels."""
        if health.conflicts:
            count = len(health.conflicts)
            many = f"{plural(count, 'picture')} {'stands' if count == 1 else 'stand'}"
            self._bad(f"{many} under two labels, of which at most one is right:", "yellow")
            self._groups(health.conflicts)
        else:
            self._good("no picture stands under two labels")

    def leaks(self, health: HealthReport) -> None:
        """Tell which pictures stand in two splits."""
        if len(health.counts) < 2:
            return
        if health.leaks:
            count = len(health.leaks)
            many = f"{plural(count, 'picture')} {'stands' if count == 1 else 'stand'}"
            self._bad(f"LEAK: {many} in more than one split, so a score on it would be too good:", "bold red")
            self._groups(health.leaks)
        else:
            self._good("no picture stands in two splits")

    def _groups(self, groups: Sequence[SamePicture]) -> None:
        for group in groups[:_GROUPS]:
            likeness = "same file" if group.kind == "exact" else f"same look, {group.distance} of 64 bits differ"
            self.line(("    " + likeness, "dim"))
            rows = list(zip(group.paths, group.splits, group.labels, strict=True))
            self._list(((self._path(path), f"{split}  {label}") for path, split, label in rows[:_PER_GROUP]), indent=6)
            self._more(len(rows) - _PER_GROUP, indent=6)
        self._more(len(groups) - _GROUPS)

    def _examples(self, groups: Sequence[SamePicture]) -> None:
        joint = " ≈ " if groups[0].kind == "near" else " = "
        for group in groups[:_EXAMPLES]:
            more = (
                [("", "")]
                if len(group.paths) <= _PER_GROUP
                else [(f" and {len(group.paths) - _PER_GROUP} more", "dim")]
            )
            self.line(("    " + joint.join(map(self._path, group.paths[:_PER_GROUP])), ""), *more)
        self._more(len(groups) - _EXAMPLES)

    def _list(self, rows: Iterable[tuple[str, str]], indent: int = 4) -> None:
        """Print two columns."""
        kept = list(rows)
        width = min(max((len(first) for first, _ in kept), default=0), 60)
        for first, second in kept:
            self.line((" " * indent + first.ljust(width), ""), ("  " + second, "dim"))

    def _more(self, count: int, indent: int = 4) -> None:
        if count > 0:
            self.line((" " * indent + f"and {amount(count)} more (--json lists all)", "dim"))

    def _good(self, what: str) -> None:
        self.line((("✓ " if self._fancy else "ok  "), "green"), (what, ""))

    def _bad(self, what: str, style: str) -> None:
        self.line((("✗ " if self._fancy else "!   "), style), (what, style))

    def _bar(self, counts: dict[str, int], most: int) -> Text:
        """Return one bar for all splits, each from where the last one ends, so that roundings do not add up."""
        bar, drawn, until = Text(), 0, 0
        for split, count in counts.items():
            until += count
            columns = round(self._bar_columns * until / most) - drawn
            bar.append(("█" if self._fancy else "#") * columns, _COLOURS[split])
            drawn += columns
        return bar

    def _path(self, path: Path) -> str:
        return str(path.relative_to(self._root) if path.is_relative_to(self._root) else path)

    def _amount(self, count: int) -> str:
        return self._plain(amount(count)) if count else self._plain(NONE)

    def _plain(self, text: str) -> str:
        """Replace what the terminal cannot show, and control characters, which would move its cursor."""
        plain = "".join(c if c.isprintable() or c == "\u202f" else "?" for c in text)
        if not self._fancy:
            plain = plain.replace("\u202f", " ").replace(NONE, "-").replace("≈", "~").replace("×", "x")
        return plain.encode(self._encoding, "replace").decode(self._encoding, "replace")


def _shown(totals: dict[str, int]) -> list[str | None]:
    """Return the classes to list; ``None`` stands for those between the largest and the smallest."""
    if len(totals) <= _CLASSES:
        return list(totals)
    ordered = sorted(totals, key=lambda name: (-totals[name], name))
    half = _CLASSES // 2
    return [*ordered[:half], None, *ordered[-half:]]


def _frequencies(names: dict[str, int]) -> str:
    return ", ".join(f"{name} {amount(count)}" for name, count in names.items())


def _extent(extent: Extent) -> str:
    if extent.min == extent.max:
        return f"{amount(extent.min)} px"
    return f"{amount(extent.min)} to {amount(extent.max)} px, median {amount(extent.median)}"
