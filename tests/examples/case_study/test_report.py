"""The case study as tables, the same for a page and for a terminal."""

from __future__ import annotations

from typing import Any

from examples.case_study.record import CaseStudy, Claim, Finding, PredictedGain
from examples.case_study.report import claims_table, gains_table
from workbench.explain.figures.html_table import html_table
from workbench.records import Interval, PredictedValue

CLAIM = Claim(name="ram", sentence="A <cache> helps", figures="1.12x & more", source="one run")


def finding(verdict: str, **settings: Any) -> Finding:
    values = {"measured": "1.50x [1.40, 1.60]", "origin": "measured", "reason": "it is faster", **settings}
    return Finding.model_validate({"claim": CLAIM, "verdict": verdict, **values})


def study(*findings: Finding) -> CaseStudy:
    return CaseStudy(
        created_at="", machine="a CPU", headline="", findings=list(findings), gains=[], conclusions=[], notes=[]
    )


def test_a_row_says_what_was_claimed_measured_and_found() -> None:
    table = claims_table(study(finding("holds"), finding("does not hold"), finding("not decided")))
    assert table.texts[0] == ("A <cache> helps", "1.12x & more one run", "1.50x [1.40, 1.60]", "holds it is faster")
    assert [row[3].tone for row in table.rows] == ["good", "alarm", "soft"]


def test_names_that_look_like_markup_are_escaped_in_a_page() -> None:
    page = str(html_table(claims_table(study(finding("holds")))))
    assert "A &lt;cache&gt; helps" in page
    assert "<cache>" not in page


def test_what_rests_on_a_simulated_device_says_so() -> None:
    simulated, measured = claims_table(study(finding("holds", origin="simulated"), finding("holds"))).texts
    assert "simulated device" in simulated[2]
    assert "simulated" not in measured[2]


def test_a_gain_stands_beside_the_one_that_was_predicted() -> None:
    gain = PredictedGain(
        variant="b",
        changes=["Normalize x0"],
        predicted=PredictedValue(estimate=0.1, low=0.05, high=0.15),
        measured=Interval(estimate=0.12, ci95=(0.08, 0.16)),
        verdict="holds",
        reason="inside",
    )
    unknown = gain.model_copy(update={"predicted": None, "measured": None, "changes": []})
    known_row, unknown_row = gains_table([gain, unknown]).texts
    assert known_row == ("b", "Normalize x0", "10.0 % [5.0 %, 15.0 %]", "12.0 % [8.0 %, 16.0 %]", "holds inside")
    assert unknown_row[1:4] == ("-", "-", "-")
