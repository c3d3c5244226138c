import base64
import hashlib
import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.ladder.make_run import make_run
from tests.ladder.spoil import HOSTILE, spoil
from toprung.errors import RunError
from toprung.ladder.charts import Series, line_chart
from toprung.ladder.report import write_report
from toprung.ladder.wording import duration, parameters, percent, percent_span, plural

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Holds a page to what a browser would do with it: elements balanced, tags and attributes listed."""

    def __init__(self, file: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.html = file.read_text(encoding="utf-8")
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(self.html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.text += data

    def count(self, tag: str, style: str = "") -> int:
        return sum(name == tag and (not style or style in (a.get("class") or "").split()) for name, a in self.tags)


def words(page: Page) -> str:
    return re.sub(r"\s+", " ", page.text)


def test_headline_is_the_test_split_with_its_interval(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a")
    page = Page(write_report(run))
    accuracy = json.loads((run / "scores.json").read_text())["test"]["accuracy"]
    told = words(page)
    assert f"{accuracy['correct']} of 120 test pictures right ({percent(accuracy['value'])}" in told.replace(
        " %", "\u202f%"
    )
    assert percent_span(accuracy["low"], accuracy["high"]).replace("\u202f", " ") in told.replace("\u202f", " ")
    assert "took no part in training" in told
    assert "slightly optimistic" not in told
    assert "Accuracy, validation" in told


def test_without_a_test_split_the_optimism_is_said(tmp_path: Path) -> None:
    told = words(Page(write_report(make_run(tmp_path / "a", splits=("val",), pictures=40))))
    assert "of 40 validation pictures right" in told
    assert "There is no test split: the best epoch (10) was chosen on these same pictures" in told
    assert "With only 40 pictures the interval is wide" in told


def test_the_page_needs_nothing_from_outside(tmp_path: Path) -> None:
    page = Page(write_report(make_run(tmp_path / "a", leaks=True)))
    assert not re.search(r"https?://|//[a-z]+\.|@import|url\(", page.html)
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/webp;base64,"))


def test_content_policy_allows_exactly_the_one_script(tmp_path: Path) -> None:
    html = write_report(make_run(tmp_path / "a")).read_text(encoding="utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", html, re.S)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert "default-src &#39;none&#39;" in html or "default-src 'none'" in html
    assert f"script-src 'sha256-{digest}'" in html


def test_class_names_paths_and_everything_else_are_escaped(tmp_path: Path) -> None:
    hostile = [HOSTILE, "</style><b>", "{{ 7 * 7 }}", "ünï 猫"]
    run = make_run(tmp_path / "a", classes=hostile, paths=[f"/x/{HOSTILE}.png"], leaks=True, status="failed")
    record = json.loads((run / "run.json").read_text())
    for key in ("name", "command", "model", "error", "created", "selection", "toprung", "status"):
        record[key] = HOSTILE
    record["marks"] = [HOSTILE]
    record["data"]["path"] = HOSTILE
    (run / "run.json").write_text(json.dumps(record))
    (run / "environment.json").write_text(json.dumps({HOSTILE: HOSTILE}))
    (run / "recipe.toml").write_text(f"[{json.dumps(HOSTILE)}]\n{json.dumps(HOSTILE)} = {json.dumps(HOSTILE)}\n")
    health = json.loads((run / "data" / "health.json").read_text())
    health["unreadable"] = [{"path": HOSTILE, "reason": HOSTILE}]
    health["formats"] = {HOSTILE: 3}
    (run / "data" / "health.json").write_text(json.dumps(health))
    (run / "load_report.json").write_text(
        json.dumps({"dialect": HOSTILE, "source": HOSTILE, "dropped": [[HOSTILE, HOSTILE]], "assumptions": [HOSTILE]})
    )
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"kind": "note", "text": HOSTILE}) + "\n")
    page = Page(write_report(run))
    assert page.count("script") == 1
    assert page.html.count("<script>") == 1
    assert "<img src=x" not in page.html
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert HOSTILE in page.text
    assert "{{ 7 * 7 }}" in page.text
    assert page.count("h1") == 1


@pytest.mark.parametrize(
    "missing",
    [
        "run.json",
        "recipe.toml",
        "environment.json",
        "load_report.json",
        "scores.json",
        "metrics.jsonl",
        "data/health.json",
        "predictions/test.npz",
        "predictions/val.npz",
    ],
)
def test_any_file_may_be_missing_or_damaged(tmp_path: Path, missing: str) -> None:
    run = make_run(tmp_path / "a", epochs=2)
    (run / missing).unlink()
    assert "test pictures right" in words(Page(write_report(run)))
    (run / missing).write_bytes(b"{\xff\x00[broken")
    told = words(Page(write_report(run)))
    assert "test pictures right" in told
    assert "Not all of the run folder could be read" in told or missing == "metrics.jsonl"


def test_an_empty_folder_still_renders(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    told = words(Page(write_report(tmp_path / "empty")))
    for said in (
        "No scores",
        "No epoch was recorded",
        "no data/health.json",
        "no recipe",
        "no environment.json",
    ):
        assert said in told


def test_failed_running_and_interrupted_runs_say_so(tmp_path: Path) -> None:
    for status, said in (
        ("failed", "This run failed: the loss became NaN at step 40"),
        ("running", "not finished"),
        ("interrupted", "was interrupted"),
    ):
        assert said in words(Page(write_report(make_run(tmp_path / status, status=status, epochs=1))))


def test_scores_are_computed_from_predictions_where_missing(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a", epochs=1)
    before = words(Page(write_report(run)))
    (run / "scores.json").unlink()
    assert words(Page(write_report(run))) == before


def test_missing_folder_and_newer_format_are_errors(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run folder"):
        write_report(tmp_path / "none")
    run = make_run(tmp_path / "a", epochs=1)
    (run / "run.json").write_text('{"format": 99}')
    with pytest.raises(RunError, match="update toprung"):
        write_report(run)


def test_two_classes_get_a_matrix_and_two_hundred_get_pairs(tmp_path: Path) -> None:
    few = Page(write_report(make_run(tmp_path / "few", classes=("cat", "dog"), splits=("test",))))
    assert few.count("table", "matrix") == 1
    assert "Top-5" not in few.text
    names = [f"class {i}" for i in range(200)]
    many = Page(write_report(make_run(tmp_path / "many", classes=names, splits=("test",), pictures=600)))
    assert many.count("table", "matrix") == 0
    assert "With 200 classes a matrix cannot be read" in words(many)
    assert many.count("ol", "pairs") == 1
    assert len(many.html) < 1_500_000


def test_leaks_are_a_red_warning_and_silence_the_claim_of_independence(tmp_path: Path) -> None:
    page = Page(write_report(make_run(tmp_path / "a", leaks=True)))
    assert page.count("div", "bad") >= 1
    assert "1 picture stands in more than one split" in words(page)
    assert "took no part in training" not in words(page)
    assert Page(write_report(make_run(tmp_path / "b"))).count("div", "bad") == 0


def test_mistakes_show_pictures_and_placeholders(tmp_path: Path) -> None:
    pytest.importorskip("toprung.images.files")
    picture = tmp_path / "p.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 640, 3), dtype=np.uint8)).save(picture)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    run = make_run(tmp_path / "a", paths=[str(picture), str(broken), str(tmp_path / "gone.png")], skill=1.0)
    page = Page(write_report(run))
    uris = {a["src"] for tag, a in page.tags if tag == "img"}
    assert len(uris) == 1
    (uri,) = uris
    with Image.open(io.BytesIO(base64.b64decode((uri or "").split(",")[1]))) as small:
        assert (small.format, small.size) == ("WEBP", (224, 32))
    assert "picture not found" in words(page).replace("picturenot", "picture not")


def test_a_relative_path_starts_at_the_data_folder(tmp_path: Path) -> None:
    pytest.importorskip("toprung.images.files")
    Image.new("RGB", (20, 20), "red").save(tmp_path / "p.png")
    run = make_run(tmp_path / "a", paths=["p.png"], skill=1.0)
    record = json.loads((run / "run.json").read_text()) | {"data": {"path": str(tmp_path)}}
    (run / "run.json").write_text(json.dumps(record))
    assert Page(write_report(run)).count("img") > 0


def test_everything_right(tmp_path: Path) -> None:
    told = words(Page(write_report(make_run(tmp_path / "a", skill=60.0))))
    assert "None: every picture was answered right." in told


def test_report_needs_no_torch_and_no_scikit_learn(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a", epochs=1)
    code = (
        "import sys; from pathlib import Path; from toprung.ladder.report import write_report;"
        "write_report(Path(sys.argv[1]));"
        "assert not {'torch', 'sklearn', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(run)], check=True)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_no_content_of_the_files_breaks_the_page(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    run = tmp_path_factory.mktemp("run") / "a"
    make_run(run, epochs=1, pictures=20, leaks=True)
    for name in ("run.json", "data/health.json", "load_report.json", "scores.json", "environment.json"):
        content = spoil(data, json.loads((run / name).read_text()))
        if name == "run.json" and isinstance(content, dict):
            content["format"] = 1
        (run / name).write_text(json.dumps(content))
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()[-3:]]
    (run / "metrics.jsonl").write_text("\n".join(json.dumps(spoil(data, line)) for line in lines))
    Page(write_report(run))


@given(
    st.lists(st.tuples(st.floats(-1e9, 1e9), st.floats(allow_nan=False)), max_size=6),
    st.none() | st.floats(-1e9, 1e9),
)
def test_line_charts_stay_inside_their_box(points: list[tuple[float, float]], mark: float | None) -> None:
    svg = line_chart([Series("a", "val", sorted(points), dots=True)], x_label="x", title="t", show=str, mark=mark)
    for x, y in re.findall(r'<circle class="dot val" cx="([^"]+)" cy="([^"]+)"', svg):
        assert 0 <= float(x) <= 340
        assert 0 <= float(y) <= 236
    assert "nan" not in svg.replace("nance", "")


def test_words() -> None:
    assert percent(0.873) == "87.3\u202f%"
    assert percent(None) == percent("x") == percent(float("nan")) == "–"
    assert percent_span(0.831, 0.906) == "83.1–90.6\u202f%"
    assert [duration(s) for s in (3.14, 42, 252, 11100, -1)] == [
        "3.1\u202fs",
        "42\u202fs",
        "4\u202fmin 12\u202fs",
        "3\u202fh 05\u202fmin",
        "–",
    ]
    assert parameters(86_567_656) == "86.6\u202fM"
    assert [plural(n, "class", "classes") for n in (0, 1, 2000)] == [
        "0 classes",
        "1 class",
        "2\u202f000 classes",
    ]
