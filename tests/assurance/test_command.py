"""`trailsift verify` as people and scripts see it: exit codes, the object, the table, one line for an error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.assurance.problems import GAPS, KINDS
from tests.assurance.chains import HOUR, START, Trail, key_file, stamp, to_bucket, to_folder
from tests.aws.moto import Aws

KEYS = {"digests_checked", "digests_valid", "logs_listed", "logs_in_lake", "logs_valid", "unsigned_head", "from", "to"}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the command; gives exit code, what it printed and what it said."""
    monkeypatch.chdir(tmp_path)
    keys = str(key_file(tmp_path / "keys.json", "first"))

    def command(place: object, *options: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            cli.main(["verify", str(place), "--keys", keys, *options])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return command


def test_a_folder_offline(run: Any, tmp_path: Path) -> None:
    folder = to_folder(tmp_path / "trail", Trail().hours(4))
    code, out, err = run(folder, "-o", "json")
    told = json.loads(out)
    assert code == 0 and told.keys() >= KEYS | {"problems", "chains", "verdict"}
    assert (told["digests_checked"], told["digests_valid"], told["unsigned_head"]) == (4, 3, 1)
    assert told["problems"] == [] and "there is no lake" in err
    assert told["chains"][0].keys() >= KEYS | {"chain", "account", "region", "trail", "verdict", "keys"}


def test_a_bucket(run: Any, aws: Aws) -> None:
    code, out, _ = run(to_bucket(aws.client("s3"), Trail().hours(4)), "-o", "json")
    told = json.loads(out)
    assert (code, told["verdict"], told["unsigned_head"]) == (0, "valid", 0)
    assert told["digests_valid"] == told["digests_checked"] == 4


def test_something_wrong_is_exit_code_1_and_said_with_what_to_do(run: Any, tmp_path: Path) -> None:
    trail = Trail().hours(6)
    trail.spoil(trail.logs[0])
    trail.remove(trail.digests[2], trail.logs[4])
    code, out, _ = run(to_folder(tmp_path / "trail", trail))
    assert code == 1
    for kind in ("altered_log", "missing_digest", "missing_log"):
        assert f"{kind} (1): {KINDS[kind][0]}" in out
        assert KINDS[kind][1][:40] in out
    code, out, _ = run(tmp_path / "trail", "-o", "json")
    problems = json.loads(out)["problems"]
    assert code == 1 and all(each.keys() >= {"kind", "object", "detail"} for each in problems)


def test_a_gap_is_exit_code_5_in_a_window_that_was_asked_for(run: Any, tmp_path: Path) -> None:
    trail = Trail().hours(3)
    trail.stop()
    folder = to_folder(tmp_path / "trail", trail.hours(3))
    assert run(folder)[0] == 0
    code, out, _ = run(folder, "--from", stamp(START), "--to", stamp(START + 11 * HOUR))
    assert code == 5 and "nothing vouches for 2026-11-01T13:01:31Z to 2026-11-01T18:01:31Z" in out


def test_no_digests_is_exit_code_5(run: Any, tmp_path: Path) -> None:
    trail = Trail().hours(2)
    trail.remove(*trail.digests)
    code, out, err = run(to_folder(tmp_path / "trail", trail))
    assert (code, out) == (5, "") and "there are no digest files; turn on" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere"], "no such file or folder"),
        (["sqs:https://sqs.eu-west-1.amazonaws.com/1/q"], "holds no digests"),
        ([".", "-o", "csv"], "no format of verify"),
        ([".", "--from", "2026-11-02", "--to", "2026-11-01"], "is not before"),
        ([".", "--keys", "none.json"], "cannot be read"),
    ],
)
def test_what_cannot_be_done_is_exit_code_2(run: Any, words: list[str], told: str) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "") and told in err and err.count("\n") == 1


def test_the_result_is_kept_in_the_lake(run: Any, tmp_path: Path) -> None:
    from pipeline.assurance.integrity import integrity
    from pipeline.engines.duckdb import connect
    from tests.lakes import make_lake

    lake = make_lake(tmp_path / "kept", [])
    _, out, err = run(to_folder(tmp_path / "trail", Trail().hours(4)), "--lake", str(lake.path))
    assert "no lake" not in err and "✔" not in out and "? incomplete" in out
    with connect(lake) as engine:
        assert integrity(engine).digests_checked == 4


def test_names_cannot_drive_a_terminal(run: Any, tmp_path: Path) -> None:
    listed = {"s3Bucket": "b", "s3Object": "\x1b[31mred[bold]", "hashValue": "0" * 64, "hashAlgorithm": "SHA-256"}
    trail = Trail().hours(1)
    trail.hour(change=lambda content: content["logFiles"].append(listed))
    code, out, _ = run(to_folder(tmp_path / "trail", trail.hours(2)))
    assert code == 1 and "\x1b" not in out and "red[bold]" in out


def test_files_that_were_unpacked_or_keep_no_layout(run: Any, tmp_path: Path) -> None:
    import gzip

    trail, flat = Trail().hours(4), tmp_path / "flat"
    flat.mkdir()
    for key, data in trail.objects.items():
        (flat / key.rpartition("/")[2]).write_bytes(data)
    unpacked = to_folder(tmp_path / "unpacked", trail)
    for path in list(unpacked.rglob("*.gz")):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    for folder in (flat, unpacked):
        code, out, _ = run(folder, "-o", "json")
        told = json.loads(out)
        assert code == 0, told["problems"]
        assert (told["digests_valid"], told["logs_valid"], told["problems"]) == (3, 4, [])


def test_every_kind_says_what_it_is_and_what_to_do() -> None:
    assert set(KINDS) > GAPS
    for meaning, remedy in KINDS.values():
        assert len(meaning.split()) > 3 and len(remedy.split()) > 3 and not (meaning + remedy).endswith(".")
