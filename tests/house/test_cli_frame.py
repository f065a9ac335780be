"""The frame around every verb: what stands before it, how it fails, and what `--help` may cost."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

import pipeline
from pipeline import cli, errors
from pipeline.cli.context import current, printable
from pipeline.cli.progress import complain
from pipeline.export.cells import UNSAFE
from tests.lakes import make_lake
from tests.logs import event

ROOT = Path(__file__).resolve().parents[2]
ENTRY = "from pipeline.cli import main; main()"
HEAVY = {"pandas", "pyarrow", "duckdb", "streamlit", "pyiceberg", "boto3", "botocore", "altair", "numpy", "sqlalchemy"}
VERBS = sorted(each.name or "" for each in typer.main.get_command(cli.application()).commands.values())  # type: ignore[attr-defined]


def command(*words: str, code: str = ENTRY, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    run = [sys.executable, "-c", code, *words]
    return subprocess.run(run, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Puts one command, `try`, in place of all verbs; it does what the test says."""

    def install(action: Callable[[], None]) -> None:
        app = typer.Typer(cls=cli._Verbs, rich_markup_mode=None, pretty_exceptions_enable=False)
        app.callback()(cli.context.common_options)
        app.command("try")(action)
        monkeypatch.setattr(cli, "application", lambda: app)

    return install


def code_of(*words: str) -> int:
    with pytest.raises(SystemExit) as stop:
        cli.main(list(words))
    assert isinstance(stop.value.code, int)
    return stop.value.code


def tree(kind: type[errors.TrailsiftError]) -> list[type[errors.TrailsiftError]]:
    return [kind, *(below for each in kind.__subclasses__() for below in tree(each))]


@pytest.mark.parametrize("words", [["--help"], *([each, "--help"] for each in VERBS)], ids=" ".join)
def test_help_answers_without_heavy_libraries(words: list[str]) -> None:
    """Each costs 0.1 to 0.4 s to import, and help is asked for over and over."""
    code = (
        f"import sys\ntry:\n    {ENTRY}\nfinally:\n    print(*sorted({HEAVY!r} & sys.modules.keys()), file=sys.stderr)"
    )
    done = command(*words, code=code)
    assert done.returncode == 0
    assert "Usage: trailsift" in done.stdout
    assert done.stderr.split() == []


def test_a_command_makes_no_frames(tmp_path: Path) -> None:
    """pyarrow imports pandas, which takes a sixth of a short command, unless it hears that there is none."""
    code = (
        f"import sys\ntry:\n    {ENTRY}\nfinally:\n    print(*sorted({HEAVY!r} & sys.modules.keys()), file=sys.stderr)"
    )
    done = command("list", "views", "-o", "json", code=code)
    assert (done.returncode, done.stderr.split()) == (0, ["duckdb", "numpy", "pyarrow"])


def test_what_others_wrote_has_its_pandas(tmp_path: Path) -> None:
    """A source that somebody else installed may make frames, whoever asked for pandas before."""
    (tmp_path / "theirs.py").write_text("import pandas\nprint(pandas.DataFrame({'a': [1]}).sum().a)\n")
    code = (
        "import sys\nfrom pipeline.cli.lean import leave_pandas_out\nleave_pandas_out()\nimport pyarrow\n"
        f"table = pyarrow.table({{'a': [1, 2]}})\nsys.path.append({str(tmp_path)!r})\n"
        "import theirs\nprint(len(table.to_pandas()))"
    )
    done = command(code=code)
    assert (done.stdout.split(), done.stderr) == (["1", "2"], "")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_says_what_it_does(verb: str) -> None:
    app = typer.main.get_command(cli.application())
    assert app.commands[verb].help, "give the command function a docstring"  # type: ignore[attr-defined]


def test_version_is_the_distribution_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("--version") == 0
    assert capsys.readouterr().out == f"trailsift {pipeline.__version__}\n"


def test_global_options_stand_before_or_after_the_verb(verb: Callable[[Callable[[], None]], None]) -> None:
    seen: list[tuple[str, str | None, bool]] = []
    verb(lambda: seen.append((current.settings.lake, current.as_of, current.quiet)))
    for words in (["--lake", "a", "--as-of=-1d", "-q", "try"], ["try", "--as-of", "-1d", "-q", "--lake=a"]):
        assert code_of(*words) == 0
    assert seen == [("a", "-1d", True)] * 2


def test_words_after_two_dashes_are_left_alone() -> None:
    assert cli.hoist(["query", "--", "--lake", "x"]) == ["query", "--", "--lake", "x"]


@pytest.mark.parametrize("words", [["nosuch"], ["--nosuch"], ["--lake"], ["--lake=x", "nosuch"]], ids=" ".join)
def test_a_wrong_command_line_is_one_line_and_two(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(*words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.fullmatch(r"trailsift: .+; see trailsift --help\n", captured.err)


def test_a_misspelt_verb_is_told_the_right_one(
    verb: Callable[[Callable[[], None]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    verb(lambda: None)
    assert code_of("tyr") == 2
    assert "Did you mean 'try'?" in capsys.readouterr().err


def test_without_a_verb_the_help_is_shown() -> None:
    done = command()
    assert done.returncode == 2
    assert "Usage: trailsift" in done.stderr


@pytest.mark.parametrize("kind", tree(errors.TrailsiftError), ids=lambda each: each.__name__)
def test_an_error_is_one_line_with_its_exit_code(
    kind: type[errors.TrailsiftError],
    verb: Callable[[Callable[[], None]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails() -> None:
        raise kind("a\x1b[31m/b\nc", "is wrong", "mend it")

    verb(fails)
    assert code_of("try") == kind.exit_code
    assert capsys.readouterr().err == "trailsift: a\ufffd[31m/b c: is wrong; mend it\n"


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = re.findall(r"(\w+Error)\s+(\d+)\s", errors.__doc__ or "")
    assert drawn == [(each.__name__, str(each.exit_code)) for each in tree(errors.TrailsiftError)]
    assert {each.exit_code for each in tree(errors.TrailsiftError)} <= {1, 2, 4, 5}


def test_an_unforeseen_error_is_one_line_too(
    verb: Callable[[Callable[[], None]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def fails() -> None:
        raise ValueError("first\nsecond")

    verb(fails)
    assert code_of("try") == 1
    assert capsys.readouterr().err.splitlines() == [
        "trailsift: ValueError: first second; run again with --debug for the whole story"
    ]
    with pytest.raises(ValueError, match="first"):
        cli.main(["try", "--debug"])


def test_debug_shows_the_traceback() -> None:
    done = command("--debug", "--config", "/nowhere/trailsift.toml", "doctor")
    assert done.returncode != 0
    assert "Traceback" in done.stderr
    assert "UsageError: /nowhere/trailsift.toml: no such file" in done.stderr


def test_a_verb_s_own_exit_code_is_kept(verb: Callable[[Callable[[], None]], None]) -> None:
    def finds() -> None:
        raise typer.Exit(3)

    verb(finds)
    assert code_of("try") == 3


def test_an_interrupt_is_130() -> None:
    code = """
import signal, time, typer
from pipeline import cli
app = typer.Typer(cls=cli._Verbs)
app.callback()(cli.context.common_options)
def wait():
    print("ready", flush=True)
    time.sleep(60)
app.command("wait")(wait)
cli.application = lambda: app
cli.main(["wait"])
"""
    run = [sys.executable, "-c", code]
    with subprocess.Popen(run, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "ready\n"
        waiting.send_signal(signal.SIGINT)
        _, said = waiting.communicate(timeout=30)
    assert waiting.returncode == 130
    assert said == "trailsift: interrupted; run the same command again to go on\n"


def test_a_reader_that_leaves_early_is_no_failure() -> None:
    code = """
import typer
from pipeline import cli
app = typer.Typer(cls=cli._Verbs)
app.callback()(cli.context.common_options)
def talk():
    for number in range(100_000):
        print(number)
app.command("talk")(talk)
cli.application = lambda: app
cli.main(["talk"])
"""
    run = [sys.executable, "-c", code]
    with subprocess.Popen(run, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as talking:
        assert talking.stdout is not None and talking.stderr is not None
        talking.stdout.readline()
        talking.stdout.close()
        said = talking.stderr.read()
    assert (talking.returncode, said) == (0, "")


def test_talk_is_one_line_whatever_the_log_says(capsys: pytest.CaptureFixture[str]) -> None:
    """A name of the log cannot make a line of its own, nor turn the order in which text is shown (Unicode TR 36)."""
    current.say("role/a\ntrailsift: all is well\r\u2028b\x1b[2K\u061c\u200f\u202e\u2066")
    complain(["object a\nb"], current)
    said = capsys.readouterr().err
    assert said == f"role/a trailsift: all is well  b{chr(0xFFFD)}[2K{chr(0xFFFD) * 4}\ntrailsift: object a b\n"


def test_the_terminal_gets_nothing_that_cells_would_not_show() -> None:
    """What `pipeline.export.cells` finds unsafe is unsafe here too; tabs and line breaks are text's own."""
    every = "".join(map(chr, range(0x110000)))
    assert not set(UNSAFE.findall(printable(every))) - {"\t", "\n"}


def test_a_newest_event_that_is_yet_to_come_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Relative times count back from the newest event; one of a clock far ahead would empty every window unseen."""
    lake = make_lake(tmp_path / "lake", [event(), event(eventTime="2999-01-01T00:00:00Z")])
    assert code_of("query", "select 1", "--lake", str(lake.path)) == 0
    assert "ahead" not in capsys.readouterr().err
    code_of("detect", "--from", "-1d", "--lake", str(lake.path))
    said = capsys.readouterr().err
    assert "days ahead of this machine's clock (2999-01-01T00:00:00Z); --as-of counts from another time" in said


def test_what_is_printed_is_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    """Python's documentation of PYTHONIOENCODING: stdout of this encoding refuses all that it lacks."""
    lake = str(make_lake(tmp_path / "lake", [event(userAgent="\u00e9\u2014")]).path)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    run = [sys.executable, "-c", ENTRY, "investigate", "worker", "-o", "json", "--lake", lake]
    found = subprocess.run(run, env=environment, capture_output=True, check=False)
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout.decode())["timeline"][0]["userAgent"] == "\u00e9\u2014"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError(13, "Permission denied", "/lake/data/x"), "/lake/data/x: Permission denied"),
        (OSError(28, "No space left on device"), "files: No space left on device"),
    ],
)
def test_what_the_system_refuses_is_told_with_its_place(
    error: OSError,
    told: str,
    verb: Callable[[Callable[[], None]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise error

    verb(fail)
    assert code_of("try") == 1
    assert capsys.readouterr().err == f"trailsift: {told}; see that there is room, and leave to read and write\n"
