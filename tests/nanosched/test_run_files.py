"""run.json: what is read back, and what another version of the code may have written."""

import json
from dataclasses import asdict

from helpers_results import HISTORY, RECORD

from nanosched.run_files import RunRecord, checksum, read_run, write_run


def test_a_run_comes_back_as_it_was_written(tmp_path):
    record = RECORD | dict(averages={"ema:decay=0.9": 2.5, "tail:fraction=0.2": None})
    write_run(tmp_path, RunRecord(**record), HISTORY.to_csv())
    run = read_run(tmp_path)
    assert asdict(run.record) == record and run.curve_csv == HISTORY.to_csv()
    assert run.curve.loss.tolist() == HISTORY.loss


def test_what_another_version_wrote_beside_is_left_out_and_what_is_missing_is_not_made_up(tmp_path):
    curve = HISTORY.to_csv()
    (tmp_path / "curve.csv").write_text(curve)
    later, damaged = RECORD | dict(beside=["ema"]), dict(list(RECORD.items())[1:])
    for fields, readable in ((later, True), (damaged, False)):
        text = json.dumps(fields | dict(checksum=checksum(fields, curve)))
        (tmp_path / "run.json").write_text(text)
        assert (read_run(tmp_path) is not None) is readable


def test_a_changed_number_is_no_run(tmp_path):
    write_run(tmp_path, RunRecord(**RECORD), HISTORY.to_csv())
    path = tmp_path / "run.json"
    path.write_text(path.read_text().replace("2.5", "2.4"))
    assert read_run(tmp_path) is None
