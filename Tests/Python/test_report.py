"""The report: well-formed, self-contained, and it shows what the study holds."""
import base64
import html.parser
import math
import re
import xml.etree.ElementTree as ElementTree

import pytest
import rnncell
from rnncell import anatomy, charts
from rnncell.comparison import Comparison, Run
from rnncell.report import page

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Checker(html.parser.HTMLParser):
    """Fails on a tag that closes another; collects text, pictures and addresses."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.pictures, self.addresses, self.counts = [], [], [], [], {}

    def handle_starttag(self, tag, attributes):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.addresses += [value for name, value in attributes if name in ("href", "src")]
        if tag == "img":
            self.pictures.append(dict(attributes)["src"])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.counts[tag] = self.counts.get(tag, 0) + 1

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def told_study(strategy="evolution", count=25, seed=0):
    study = rnncell.Study(strategy=strategy, seed=seed, trials=count)
    for place in range(count):
        proposal = study.ask()
        study.tell(proposal.id, 2 + 5 / (place + 1) + len(proposal.equations) / 1000)
    return study


def checked(text):
    checker = Checker()
    checker.feed(text)
    checker.close()
    assert not checker.open, checker.open
    return checker


def test_a_report_is_well_formed_and_needs_no_network(tmp_path):
    study = told_study()
    study.report(tmp_path / "report.html", others=[told_study("random", seed=1)])
    text = (tmp_path / "report.html").read_text()
    checker = checked(text)
    assert text.startswith("<!DOCTYPE html>")
    assert not [address for address in checker.addresses if not address.startswith("data:")]
    assert "@import" not in text and "<script" not in text
    for chart in re.findall(r"<svg class=\"chart\".*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(chart)
    line = anatomy.line_of(study)
    assert len(checker.pictures) == 10 + (min(len(line), 12) if len(line) > 1 else 0)
    for picture in checker.pictures:
        ElementTree.fromstring(base64.b64decode(picture.split(",", 1)[1]))
    shown = "".join(checker.text)
    assert study.best.equations.split("\n")[0] in shown
    assert "random" in shown and "Kendall" in shown and "Leaderboard" in shown
    assert list(tmp_path.iterdir()) == [tmp_path / "report.html"]


def test_a_report_of_nothing_says_so():
    checker = checked(page([rnncell.Study(strategy="random")]))
    assert "No cell has been scored yet." in "".join(checker.text)


def test_a_report_shows_a_comparison():
    cells = {"found": rnncell.Cell.stock("ugrnn"), "lstm": rnncell.Cell.stock("lstm")}
    runs = [Run(name, seed, 8, 100, 50, loss + 0.01 * seed, loss + 0.01 * seed, 1.0)
            for name, loss in (("found", 1.0), ("lstm", 1.5)) for seed in range(3)]
    comparison = Comparison(cells, [0, 1, 2], runs)
    assert "found is better than lstm" in "".join(checked(page([told_study()], comparison)).text)


@pytest.mark.parametrize("points", [
    [], [(0.0, 1.0)], [(1.0, 2.0), (1.0, 2.0)], [(0.0, 1.0), (1e6, 1e9)], [(5.0, 0.0), (6.0, -3.0)],
    [(1e-9, 1e-9), (2e-9, 3e-9)],
])
@pytest.mark.parametrize("kind", ["line", "dots", "front", "level"])
def test_charts_of_any_points_are_drawn(points, kind):
    drawing = charts.chart([charts.Series("a < b", kind, points)], "x", "y")
    if points:
        ElementTree.fromstring(drawing[:drawing.index("</svg>") + 6])
        assert "a &lt; b" in drawing and "nan" not in drawing


@pytest.mark.parametrize("low, high", [(18_728, 19_274), (10_000, 971_000), (0.1, 0.97)])
def test_numbers_on_the_axes_are_not_cut_off(low, high):
    # In each the last number stands near the right edge.
    drawing = charts.chart([charts.Series("a", "dots", [(low, 2.0), (high, 1.0)])], "x", "y", x_zero=False)
    numbers = re.findall(r'class="tick middle" x="([\d.]+)"[^>]*>([^<]+)<', drawing)
    assert len(numbers) > 1
    for x, text in numbers:
        assert 3.5 * len(text) <= float(x) <= charts.WIDTH - 3.5 * len(text)


@pytest.mark.parametrize("low, high", [(0, 1), (0.001, 0.0013), (-5, 1e6), (2.2, 2.25), (99, 101)])
def test_ticks_are_round_and_few(low, high):
    places = charts.ticks(low, high)
    assert 2 <= len(places) <= 7
    assert all(low - 1e-9 <= place <= high + 1e-9 for place in places)
    gaps = {round((b - a) / (places[1] - places[0]), 6) for a, b in zip(places, places[1:])}
    assert gaps == {1.0} and not any(math.isnan(place) for place in places)


def test_kendalls_tau_is_the_share_of_pairs_in_order():
    assert anatomy.kendall([(1, 1), (2, 3), (3, 2), (4, 4)]) == pytest.approx(4 / 6)
    assert anatomy.kendall([(1, 2), (2, 1), (math.nan, 0)]) == -1
    assert math.isnan(anatomy.kendall([(1, 1)]))


def climbing(strategy, **options):
    """A study of three rungs in which each cell is worth what its length says, more so on each rung."""
    study = rnncell.Study(strategy=strategy, seed=3, trials=120, rungs=3, updates=90, **options)
    try:
        while True:
            proposal = study.ask()
            worth = abs(len(proposal.equations) - 60) / 100
            study.tell(proposal.id, rnncell.Score(3 - proposal.rung + worth, tokens=proposal.updates,
                                                  step_seconds=1e-6 * len(proposal.equations)))
    except rnncell.StateError:
        return study


def test_a_report_shows_rungs_predictions_and_the_line_from_the_seed_to_the_winner():
    study = climbing("auto")
    rows = [row for row in study.history if row.rung_losses]
    assert all(row.rung_losses[-1] == row.valid_loss for row in rows)
    assert all(len(row.rung_losses) == row.rung + 1 == len(row.rung_predictions) for row in rows)
    guessed = [row for row in rows if math.isfinite(row.rung_predictions[0])]
    assert guessed and all(abs(row.rung_predictions[0] - row.rung_losses[0]) < 2 for row in guessed)
    shown = "".join(checked(page([study])).text)
    for part in ("Rungs", "tau with the last", "Predictions", "from the graph and the parent",
                 "From seed to winner", "changes."):
        assert part in shown
    line = anatomy.line_of(study)
    assert line[0].id == study.best.id and not line[-1].parents
    assert all(child.parents[0] == parent.id for child, parent in zip(line, line[1:]))


def test_a_report_shows_species_the_front_and_warns_of_a_score_that_orders_badly():
    evolved = climbing("evolution")
    assert any(row.species_count > 0 for row in evolved.history)
    assert "Species" in "".join(checked(page([evolved])).text)
    assert anatomy.warning(evolved) == ""
    assert "microseconds a step" in "".join(checked(page([climbing("random", front=True)])).text)
    study = rnncell.Study(strategy="random", trials=20, rungs=2, updates=9)
    try:
        while True:
            proposal = study.ask()
            study.tell(proposal.id, 5 - proposal.id / 100 if proposal.rung else 5 + proposal.id / 100)
    except rnncell.StateError:
        assert study.info.tau == -1
    assert "below 0.3" in anatomy.warning(study)
    assert "below 0.3" in "".join(checked(page([study])).text)
