"""The plan of a run that a Ray cluster answers: what fits there and how fast it is decide the load, as on one machine."""

from __future__ import annotations

from collections.abc import Sequence

from harness.serving.instances import Instances
from harness.spec.schema import Spec
from harness.worker import timing
from harness.worker.batch import choose_batch
from harness.worker.plan import Plan, calibration_of, pool_load
from harness.worker.teams.cluster import ClusterTeam, open_session
from harness.worker.teams.team import Speed
from harness.worker.timing import NOT_TIMED
from harness.worker.workers import ChosenWorkers


def plan_cluster(spec: Spec, instances: Instances, indices: Sequence[int]) -> Plan:
    """Calibrates: an instance on this machine tells how long a sample takes, the cluster how many it answers.

    Args:
        spec: The run.
        instances: Opens instances.
        indices: Samples that are loaded and may be asked.

    Raises:
        ConfigError: The cluster is not there, has no room, or a node runs something else.
        RunFailed: A node was lost.
        harness.errors.Reported: What went wrong on a node.
    """
    threads = 1 if spec.backend.threads == "auto" else spec.backend.threads
    # First of all: most of what can be wrong shows here.
    cluster = open_session(spec, instances, threads)
    try:
        accuracy = spec.load.mode == "accuracy"
        first = instances.sut(threads)
        alone = (timing.one_answer if accuracy else timing.service_time)(
            first.answer, indices, tick=instances.control.tick
        )
        batch = choose_batch(spec, instances, first, indices, alone)
        team = ClusterTeam(instances, batch.sut, cluster, threads, alone.median_ns)
        speed = Speed(team.count * 1e9 / alone.median_ns, alone.median_ns, alone.median_ns)
        if not accuracy:
            speed = team.measure(indices)
    except BaseException:
        cluster.close()
        raise
    rates: dict[str, float] = {} if accuracy else {team.kind.name: speed.samples_per_second}
    chosen = ChosenWorkers(team, speed, NOT_TIMED if accuracy else "config", rates)
    bound_ns, target_qps = pool_load(spec, chosen, alone, batch)
    expected_ns = alone.expected_latency_ns
    if spec.load.scenario == "MultiStream":
        query_ns = alone.median_ns if accuracy else team.query_ns(indices, spec.load.samples_per_query)
        # As of one machine, a third towards fast: too many queries only take memory.
        expected_ns = spec.load.expected_latency_ns or max(1, min(2 * query_ns // 3, _cap_ns(spec)))
    return Plan(
        team=team,
        threads=threads,
        expected_latency_ns=expected_ns,
        target_qps=target_qps,
        server_target_latency_ns=bound_ns,
        calibration=calibration_of(spec, chosen, alone, batch),
    )


def _cap_ns(spec: Spec) -> int:
    return spec.load.expected_latency_cap_ns or 1 << 62
