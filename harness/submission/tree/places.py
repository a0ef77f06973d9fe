"""Where things lie in an inference tree: of v6 on beside the logs, before in folders of their own.

SC loader.py and constants.py; POL submission_rules.adoc, "Directory structure".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SCENARIOS = ("SingleStream", "MultiStream", "Offline", "Server", "Interactive")
"""Folders of scenarios, in exactly this case."""
Form = Literal["v5", "v6"]


def form_of(rules_round: str) -> Form:
    """The form of an inference round, as v6.1."""
    return "v5" if rules_round.startswith("v5.") else "v6"


def code_folder(form: Form) -> str:
    """Of a submitter's code."""
    return "code" if form == "v5" else "src"


@dataclass(frozen=True, slots=True)
class ScenarioPlace:
    """One scenario of a benchmark on a system, and where its files lie below the tree."""

    form: Form
    division: str
    submitter: str
    system: str
    benchmark: str
    """As its folder is named."""
    scenario: str
    """As its folder is named."""

    @property
    def owner(self) -> str:
        """The submitter's folder."""
        return f"{self.division}/{self.submitter}"

    @property
    def known_scenario(self) -> str:
        """As it should be spelt; of one that nobody knows its folder's name."""
        return next((one for one in SCENARIOS if one.casefold() == self.scenario.casefold()), self.scenario)

    @property
    def results(self) -> str:
        """The scenario's folder in results/."""
        return f"{self.owner}/results/{self._below}"

    @property
    def measurements(self) -> str:
        """Where user.conf and README.md lie."""
        return self.results if self.form == "v6" else f"{self.owner}/measurements/{self._below}"

    @property
    def compliance(self) -> str:
        """Where TEST01 and TEST04 lie."""
        return self.results if self.form == "v6" else f"{self.owner}/compliance/{self._below}"

    @property
    def performance(self) -> str:
        """Where the performance run's logs lie."""
        return f"{self.results}/performance/run_1"

    @property
    def accuracy(self) -> str:
        """Where the accuracy run's logs lie."""
        return f"{self.results}/accuracy"

    @property
    def _below(self) -> str:
        return f"{self.system}/{self.benchmark}/{self.scenario}"

    def measurements_file(self, files: tuple[str, ...]) -> str | None:
        """The name of the file with the five fields, among those of the folder; None where there is none.

        Args:
            files: Names of the files in `measurements`.
        """
        if self.form == "v6":
            return "measurements.json" if "measurements.json" in files else None
        # The checker takes the first by name, whatever comes after.
        return next(iter(self.own_measurements(files)), None)

    def own_measurements(self, files: tuple[str, ...]) -> list[str]:
        """Names of all files that v5 may take for the one with the five fields.

        Args:
            files: Names of the files in `measurements`.
        """
        return sorted(name for name in files if name.startswith(self.system) and name.endswith(".json"))
