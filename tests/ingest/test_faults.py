"""What goes wrong around a run: readers beside it, a disk that is full, clocks that are off."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.config import Settings
from pipeline.doctor import examine
from pipeline.engines.duckdb import connect
from pipeline.errors import TrailsiftError
from pipeline.ingest import ingest
from pipeline.lake.tables import Lake
from tests.ingest.test_command import trailsift
from tests.lake.contents import check_sums, contents, table
from tests.logs import event, write

ROOT = Path(__file__).resolve().parents[2]
_BY_BATCH = """
select e.batch_id, e.rows, l.rows as ledger
from (select batch_id, count(*) as rows from lake.events group by all) e
left join (select batch_id, sum(events_new)::bigint as rows from lake.ledger group by all) l using (batch_id)
order by all
"""


def logs(folder: Path, objects: int = 30, records: int = 20) -> Path:
    """Objects over three days, whose batches differ in size."""
    for number in range(objects):
        rows = [
            event(eventID=f"{number}-{n}", eventTime=f"2026-10-{1 + n % 3:02}T10:00:00Z")
            for n in range(records + number)
        ]
        write(folder / f"{number:02}.json.gz", rows)
    return folder


_ONE_BY_ONE = """
import sys
from pathlib import Path
from pipeline.config import Settings
from pipeline.ingest import ingest
for path in sorted(Path(sys.argv[1]).iterdir()):
    ingest(sys.argv[2], [str(path)], Settings(jobs=1))
"""


def test_a_reader_sees_whole_commits_only(tmp_path: Path) -> None:
    folder, lake = logs(tmp_path / "logs", 6), tmp_path / "lake"
    total = sum(20 + number for number in range(6))
    writer = subprocess.Popen([sys.executable, "-c", _ONE_BY_ONE, str(folder), str(lake)], cwd=ROOT)
    seen: set[int] = set()
    while writer.poll() is None:
        try:
            with connect(Lake.open(lake)) as engine:
                batches = engine.query(_BY_BATCH).to_pylist()
        except TrailsiftError:
            continue  # the lake is being made
        assert all(each["rows"] == each["ledger"] for each in batches), batches
        seen.add(sum(each["rows"] for each in batches))
    assert writer.returncode == 0
    assert max(seen) <= total
    assert len(seen) > 2, f"the reader hardly ran beside the writer ({sorted(seen)})"
    check_sums(lake, events_new=total, duplicates=0, quarantined=0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of three megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a small file system (root)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_fills_up_loses_nothing(tmp_path: Path, small_disk: Path) -> None:
    folder, lake = logs(tmp_path / "logs"), small_disk / "lake"
    filler = small_disk / "filler"
    assert trailsift("ingest", folder / "00.json.gz", "--lake", lake, "--no-progress").returncode == 0
    with filler.open("wb") as file:  # all but a little
        try:
            while True:
                file.write(bytes(65536))
                file.flush()
        except OSError:
            pass
    with filler.open("r+b") as file:
        file.truncate(filler.stat().st_size - 48 * 1024)
    full = trailsift("ingest", folder, "--lake", lake, "--no-progress")
    assert full.returncode == 1
    assert "Traceback" not in full.stderr
    assert len(full.stderr.splitlines()) == 1, full.stderr
    filler.unlink()
    assert trailsift("ingest", folder, "--lake", lake, "--no-progress").returncode == 0
    whole = tmp_path / "whole"
    ingest(whole, [str(folder)], Settings(jobs=1))
    assert contents(lake) == contents(whole)
    check_sums(lake, events_new=sum(20 + number for number in range(30)), duplicates=0, quarantined=0)


def test_events_of_the_future_are_kept_and_told(tmp_path: Path) -> None:
    ahead = datetime.now(UTC) + timedelta(days=400)
    records = [event(eventID="now"), event(eventID="ahead", eventTime=f"{ahead:%Y-%m-%dT%H:%M:%SZ}")]
    lake = tmp_path / "lake"
    ingest(lake, [str(write(tmp_path / "a.json.gz", records))], Settings(jobs=1))
    assert table(lake, "events").num_rows == 2
    problems = examine(Settings(lake=str(lake)))["problems"]
    assert any("in the future" in each for each in problems), problems


def test_a_clock_that_jumps_back_between_runs_changes_nothing(tmp_path: Path) -> None:
    folder, lake = logs(tmp_path / "logs", 4), tmp_path / "lake"
    later = "import pipeline.lake.batch as b, datetime as d\n" + (
        "class Off(d.datetime):\n"
        "    @classmethod\n"
        "    def now(cls, tz=None): return d.datetime.now(tz) - d.timedelta(days=3650)\n"
        "b.datetime = Off\n"
        "from pipeline.cli import main; main()"
    )
    assert trailsift("ingest", folder / "00.json.gz", "--lake", lake, "--no-progress").returncode == 0
    command = [sys.executable, "-c", later, "ingest", str(folder), "--lake", str(lake), "--no-progress", "-o", "json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["objects_skipped"] == 1
    years = table(lake, "ledger", "select distinct year(ingested_at) as year from rows").num_rows
    assert years == 2  # the second run did see another clock
    check_sums(lake, events_new=20 + 21 + 22 + 23, duplicates=0, quarantined=0)
