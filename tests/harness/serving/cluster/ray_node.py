"""A node of a Ray cluster on loopback, as Ray's own cluster utility makes them: PARENT KIND PORT FOLDER RESOURCES.

It says `up` when it is, and ends with the process that started it.
"""

from __future__ import annotations

import json
import signal
import sys

from harness.machine.child_process import live_and_die_with

if __name__ == "__main__":
    parent, kind, port, folder, resources = sys.argv[1:]
    live_and_die_with(int(parent))
    import ray._private.node
    import ray._private.parameter

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
        common |= {"gcs_server_port": int(port), "no_monitor": True}
    else:
        common |= {"gcs_address": f"127.0.0.1:{port}", "node_manager_port": 0}
    ray._private.node.Node(
        ray._private.parameter.RayParams(**common), head=kind == "head", shutdown_at_exit=True, spawn_reaper=True
    )
    sys.stdout.write("up\n")
    sys.stdout.flush()
    signal.pause()
