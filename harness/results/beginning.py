"""A result before anything is known of the run, and one of a run that broke.

What is needed before the worker starts; `harness.run.outcome`, which scores, is imported while it works.
"""

from __future__ import annotations

from dataclasses import replace

from harness.config.official.compliance_tests import NEEDED_BY
from harness.machine import facts as system
from harness.own_version import CommitAsked, version
from harness.results import files as results
from harness.results.figures import Memory
from harness.results.record import Compliance, Result
from harness.results.subject import BackendFacts, DataSet, HarnessFacts, ModelFacts, Reference
from harness.spec.schema import Spec


def started(spec: Spec) -> Result:
    """The result of a run that has not begun; describes the machine."""
    asked, machine = CommitAsked(), system.describe()
    return Result(
        status="started",
        reasons=(),
        warnings=(),
        unstable=(),
        task=spec.benchmark,
        title=spec.title,
        scenario=spec.load.scenario,
        mode=spec.load.mode,
        preset=spec.load.preset,
        rules=spec.load.rules,
        rules_notes=tuple(spec.load.rules_notes),
        round=spec.load.round,
        model=ModelFacts.of(spec.model),
        dataset=DataSet.of(spec.dataset),
        options=spec.options,
        backend=BackendFacts(spec.backend.name),
        loadgen=None,
        parity=None,
        performance=None,
        accuracy=None,
        accuracy_card=None,
        memory=Memory(),
        machine=None,
        system=machine,
        made_by=HarnessFacts(version(), asked.answer()),
        labels=spec.labels,
        compliance=_compliance(spec),
        reference=Reference.of(spec.reference) if spec.asks_reference else None,
    )


def _compliance(spec: Spec) -> Compliance | None:
    """The test that a run is made under; whether it passed is for those to say who know the runs that it vouches for."""
    test = spec.load.compliance
    return Compliance(test, None, ("the runs that it vouches for are not done",), NEEDED_BY) if test else None


def failed(result: Result, error: BaseException) -> Result:
    """The result of a run that broke."""
    return replace(
        result,
        status="failed",
        reasons=(results.failure(error),),
        performance=None,
        accuracy=None,
        accuracy_card=None,
    )
