import subprocess
import sys

import click
import pytest

from toprung.cli.main import VERBS, group

CALL = """
import sys
from toprung.cli.main import main
try:
    main()
finally:
    heavy = {"torch", "torchvision", "timm", "accelerate", "numpy", "cv2", "PIL"} & set(sys.modules)
    assert not heavy, heavy
"""


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, which fails when it imports anything heavy."""
    done = subprocess.run([sys.executable, "-c", CALL, *arguments], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_the_main_help_lists_every_verb_and_imports_nothing_heavy(option: str) -> None:
    done = call(option)
    assert done.returncode == 0
    words = done.stdout.split()
    for verb, line in VERBS.items():
        assert verb in words
        assert line.split()[-1] in words


@pytest.mark.parametrize("option", ["--help", "-h"])
@pytest.mark.parametrize("verb", VERBS)
def test_every_verbs_help_imports_nothing_heavy(verb: str, option: str) -> None:
    done = call(verb, option)
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: toprung {verb} ")
    assert len(done.stdout.splitlines()) > 5


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_every_verb_is_explained(verb: str) -> None:
    command = group.get_command(click.Context(group), verb)
    assert command is not None
    assert command.name == verb
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{verb} {parameter.opts[0]}"


def test_the_version_is_the_packages() -> None:
    import toprung

    assert call("--version").stdout.strip() == f"toprung, version {toprung.__version__}"


@pytest.mark.parametrize(
    ("typed", "meant"), [("trian", "train"), ("vlidate", "validate"), ("boards", "board"), ("recipes", "recipe")]
)
def test_an_unknown_verb_suggests_the_nearest(typed: str, meant: str) -> None:
    done = call(typed)
    assert done.returncode == 2
    assert f"No such command '{typed}'" in done.stderr
    assert meant in done.stderr.partition("Did you mean")[2]


def test_a_verb_like_no_other_is_refused_without_a_guess() -> None:
    done = call("zzzz")
    assert done.returncode == 2
    assert "Did you mean" not in done.stderr


def test_an_unknown_option_is_a_usage_error() -> None:
    done = call("recipe", "--sett", "a=b")
    assert done.returncode == 2
    assert "--set" in done.stderr


def test_without_a_verb_the_help_is_shown() -> None:
    done = call()
    assert "Commands:" in done.stdout + done.stderr


def test_a_users_mistake_is_one_line_and_no_traceback() -> None:
    done = call("recipe", "finetun")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: there is no preset 'finetun'")
    assert "Did you mean finetune" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_module_is_the_command_line() -> None:
    done = subprocess.run([sys.executable, "-m", "toprung", "recipe"], capture_output=True, text=True, check=True)
    assert "finetune" in done.stdout
