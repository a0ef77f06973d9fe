"""A node of a Ray cluster on loopback, as Ray's own cluster utility makes them: PARENT KIND PORT FOLDER RESOURCES.

It says `up GCS_PORT NODE_ID` when it is, and ends with the process that started it. A head, whose PORT is 0, answers each
line of its standard input by the nodes that live, and whether nothing is set aside there.
"""

from __future__ import annotations

import json
import signal
import sys

from harness.machine.child_process import live_and_die_with


def seen(gcs_address: str) -> dict[str, bool]:
    """As a run would: `harness.serving.cluster.session.Session.nodes`."""
    state = ray._private.state.GlobalState()
    state._initialize_global_state(ray._private.services._get_gcs_client_options(gcs_address))
    free = state.available_resources_per_node()
    alive = {each["NodeID"]: each["Resources"] for each in state.node_table() if each["Alive"]}
    return {
        node: all(free[node].get(name, 0) >= amount for name, amount in total.items() if "memory" not in name)
        for node, total in alive.items()
        if node in free
    }


if __name__ == "__main__":
    parent, kind, port, folder, resources = sys.argv[1:]
    live_and_die_with(int(parent))
    import ray._private.node
    import ray._private.parameter
    import ray._private.services
    import ray._private.state

    common = {
        "node_ip_address": "127.0.0.1",
        "num_cpus": 1,
        "num_gpus": 0,
        "object_store_memory": 80_000_000,
        "include_dashboard": False,
        "include_log_monitor": False,
        "min_worker_port": 0,
        "max_worker_port": 0,
        "resources": json.loads(resources),
        "temp_dir": folder,
    }
    if kind == "head":
        # Its own choice: a port that was free a moment ago may be another's by now.
        common |= {"gcs_server_port": 0, "no_monitor": True}
    else:
        common |= {"gcs_address": f"127.0.0.1:{port}", "node_manager_port": 0}
    node = ray._private.node.Node(
        ray._private.parameter.RayParams(**common), head=kind == "head", shutdown_at_exit=True, spawn_reaper=True
    )
    sys.stdout.write(f"up {node.gcs_address.rpartition(':')[2]} {node._node_id}\n")
    sys.stdout.flush()
    for _ in sys.stdin:
        sys.stdout.write(json.dumps(seen(node.gcs_address)) + "\n")
        sys.stdout.flush()
    signal.pause()
