"""The README holds: its commands run, its links lead somewhere, and nothing a user can say or set is missing."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer

import pipeline
from pipeline import cli, errors
from pipeline.config import Settings
from tests.assurance.chains import Trail, key_file, to_bucket, to_folder
from tests.aws import moto
from tests.aws.cloudtrail import CloudTrail

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
CHANGES = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}

# First words of a command -> why it is not run here.
ELSEWHERE = {
    "git clone": "needs the network",
    "make": "the targets are run by the gate itself",
    "trailsift dash": "serves until it is stopped; tests/dashboards runs it",
    "pip install": "tests/house/test_wheel.py installs the wheel",
}
# Commands that say by their exit code that they found what was asked for.
CODES = {"--fail-on": 3}


def commands() -> list[str]:
    """Each `$ ` line of the README's console blocks with the indented lines that go on with it, to the letter."""
    blocks = re.findall(r"^```console\n(.*?)^```", README, re.S | re.M)
    return [each.strip() for block in blocks for each in re.findall(r"^\$ (.*(?:\n    .*)*)", block, re.M)]


def verbs(group: Any, path: str = "") -> list[str]:
    """Every command there is, with those of groups written as `lake info`."""
    found = []
    for name, each in group.commands.items():
        if each.hidden:
            continue
        found += verbs(each, f"{path}{name} ") if hasattr(each, "commands") else [f"{path}{name}"]
    return found


VERBS = verbs(typer.main.get_command(cli.application()))


def own_logs_commands() -> list[str]:
    """Those of the section on logs of one's own, which are run against AWS on loopback."""
    section = re.search(r"^## Your own logs\n(.*?)^## ", README, re.M | re.S)
    assert section
    return [each for each in commands() if each in section[1]]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the README's first commands leave it: the sample logs, and the lake made from them."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "sample_logs").symlink_to(ROOT / "sample_logs")
    there = set(commands()) - set(own_logs_commands())
    prepare(folder, [each for each in commands() if each in there], {})
    return folder


@pytest.fixture(scope="module")
def own_logs(
    tmp_path_factory: pytest.TempPathFactory, aws_server: moto.Aws, cloudtrail_server: CloudTrail
) -> tuple[Path, dict[str, str]]:
    """A folder, a bucket, a queue and an event history of a small trail, and the lake made from them."""
    folder = tmp_path_factory.mktemp("own")
    aws_server.reset()
    trail = Trail(bucket="example-trail-logs").hours(5, logs=2)
    to_folder(folder, trail)
    to_bucket(aws_server.client("s3"), trail)
    key_file(folder / "keys.json", "first")
    aws_server.client("sqs").create_queue(QueueName="trail-logs")
    cloudtrail_server.reset()
    environment = aws_server.environment | cloudtrail_server.environment
    prepare(folder, own_logs_commands(), environment)
    return folder, environment


def prepare(folder: Path, there: list[str], environment: dict[str, str]) -> None:
    """Puts `trailsift` on the folder's path, and runs what fills the lake."""
    tools = folder / "bin"
    tools.mkdir()
    entry = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pipeline.cli import main; main()"
    (tools / "trailsift").write_text(f'#!/bin/sh\nexec {sys.executable} -c {shlex.quote(entry)} "$@"\n')
    (tools / "trailsift").chmod(0o755)
    for command in [each for each in there if each.startswith(("trailsift ingest", "trailsift iam import"))]:
        done = shell(folder, command, environment)
        assert done.returncode == 0, f"$ {command}\n{done.stderr}"


def shell(folder: Path, command: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    variables = os.environ | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}"} | (environment or {})
    run = ["bash", "-o", "pipefail", "-c", command]
    return subprocess.run(run, cwd=folder, env=variables, capture_output=True, text=True, check=False)


def test_there_are_commands() -> None:
    assert len([each for each in commands() if each.startswith("trailsift")]) >= 10


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_readme_runs(command: str, request: pytest.FixtureRequest) -> None:
    for words, reason in ELSEWHERE.items():
        if command.startswith(words):
            pytest.skip(f"{words}: {reason}")
    if command in own_logs_commands():
        folder, environment = request.getfixturevalue("own_logs")
        done = shell(folder, command, environment)
    else:
        done = shell(request.getfixturevalue("sandbox"), command)
    expected = next((code for option, code in CODES.items() if option in command), 0)
    assert done.returncode == expected, f"$ {command}\n{done.stdout}{done.stderr}"
    assert done.stdout or done.stderr, "it says nothing; why would the README show it?"


@pytest.mark.parametrize("sql", re.findall(r"^```sql\n(.*?)^```", README, re.M | re.S))
def test_a_question_of_the_readme_is_one(sql: str, tmp_path: Path) -> None:
    from pipeline.catalog import Catalog, home

    shutil.copytree(home() / "views", tmp_path / "views")
    (tmp_path / "investigate").mkdir()
    (tmp_path / "investigate" / "root_calls.sql").write_text(sql)
    assert "investigate/root_calls" in Catalog.load(tmp_path).queries


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_in_the_readme(verb: str) -> None:
    table = re.search(r"^\| command \| does \|$.*?^$", README, re.M | re.S)
    assert table and re.search(rf"`{verb}\b", table[0])


def test_every_verb_in_the_readme_exists() -> None:
    named = set(re.findall(r"\btrailsift ([a-z][a-z-]*)", " ".join(re.findall(r"`[^`]+`", README))))
    assert named - {each.split()[0] for each in VERBS} == set()


@pytest.mark.parametrize("setting", [each.name for each in fields(Settings) if each.name != "origin"])
def test_every_setting_is_in_the_readme(setting: str) -> None:
    assert f"`{setting}`" in README
    own = ("sources", "exclusions", "sinks", "placeholders", "names")
    assert setting in own or f"`TRAILSIFT_{setting.upper()}`" in README


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.M))
    named = set(re.findall(r"(?:^\$ |`)make ([a-z]+)", README, re.M))
    assert named and named <= targets


def test_every_make_target_says_what_it_does() -> None:
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.M)
    assert phony
    assert set(phony[1].split()) == set(re.findall(r"^([a-z]+):.*## \S", MAKEFILE, re.M))


def test_every_exit_code_is_in_the_readme() -> None:
    codes = {each.exit_code for each in errors.TrailsiftError.__subclasses__()} | {0, 1, 2, 3, 4, 5, 130}
    for code in codes:
        assert re.search(rf"^\| {code} \|", README, re.M), f"exit code {code}"


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#\s]+)[^)]*\)", README + CHANGELOG))))
def test_a_link_leads_somewhere(link: str) -> None:
    assert link.startswith("https://") or (ROOT / link).exists()


def test_the_changelog_is_in_form() -> None:
    """Keep a Changelog 1.1.0: newest first, a date a version, changes under its six headings."""
    assert CHANGELOG.startswith("# Changelog\n")
    versions = re.findall(r"^## (.*)$", CHANGELOG, re.M)
    assert all(re.fullmatch(r"\[Unreleased\]|\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", each) for each in versions)
    numbers = [tuple(map(int, re.findall(r"\d+", each)[:3])) for each in versions if each != "[Unreleased]"]
    assert numbers == sorted(numbers, reverse=True)
    assert set(re.findall(r"^### (.*)$", CHANGELOG, re.M)) <= CHANGES
    assert versions[0] == "[Unreleased]" or f"[{pipeline.__version__}]" in versions[0]


@pytest.mark.parametrize("section", re.split(r"^## ", CHANGELOG, flags=re.M)[1:], ids=lambda text: text.split("\n")[0])
def test_every_version_of_the_changelog_says_something(section: str) -> None:
    assert re.search(r"^### .*\n\n- ", section, re.M)
