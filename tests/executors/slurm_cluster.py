"""A real Slurm on this machine: munged, slurmctld and slurmd, without systemd, in a folder of its own."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch")
CONF = """\
ClusterName=single
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MpiDefault=none
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,sched_interval=2
MinJobAge=3600
KillWait=3
MessageTimeout=5
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=4000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10
"""


def why_not() -> str | None:
    """Why no cluster can be started here."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"needs slurm-wlm and munge: {', '.join(missing)} not installed"
    return None if os.geteuid() == 0 else "Slurm's daemons are started as root only"


@dataclass(frozen=True)
class Cluster:
    folder: Path

    @property
    def conf(self) -> Path:
        return self.folder / "slurm.conf"

    def start_controller(self) -> None:
        self.call("slurmctld")
        self._wait_for("sinfo", "-h", "-o", "%T", expected="idle")

    def stop_controller(self) -> None:
        end(self.folder / "slurmctld.pid")

    def start_authentication(self) -> None:
        folder = self.folder / "munge"
        files = [f"--{name}-file={folder / name}" for name in ("key", "pid", "log", "seed")]
        subprocess.run(["munged", "--force", f"--socket={folder / 'socket'}", *files], check=True, timeout=60)

    def stop_authentication(self) -> None:
        end(self.folder / "munge" / "pid")

    def call(self, *command: str) -> str:
        environment = {**os.environ, "SLURM_CONF": str(self.conf)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    def _wait_for(self, *command: str, expected: str) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with suppress(subprocess.CalledProcessError):
                if expected in self.call(*command):
                    return
            time.sleep(0.2)
        raise RuntimeError(f"Slurm did not come up; see {self.folder}/slurmctld.log and slurmd.log")


@contextmanager
def running_cluster(folder: Path):
    """Started for the block; ``SLURM_CONF`` names it."""
    for name, mode in (("munge", 0o700), ("state", 0o755), ("spool", 0o755)):
        (folder / name).mkdir(parents=True, mode=mode)
    folder.chmod(0o755)
    cluster = Cluster(folder)
    cluster.conf.write_text(_conf(folder))
    before = os.environ.get("SLURM_CONF")
    os.environ["SLURM_CONF"] = str(cluster.conf)
    try:
        _make_key(folder / "munge" / "key")
        cluster.start_authentication()
        cluster.call("slurmd")
        cluster.start_controller()
        yield cluster
    finally:
        with suppress(subprocess.CalledProcessError, subprocess.TimeoutExpired):
            cluster.call("scancel", "--user=root")
        for file in ("slurmctld.pid", "slurmd.pid", "munge/pid"):
            end(folder / file)
        os.environ.pop("SLURM_CONF")
        if before is not None:
            os.environ["SLURM_CONF"] = before


def _conf(folder: Path) -> str:
    control, node = free_ports()
    host = socket.gethostname().partition(".")[0]
    return CONF.format(folder=folder, host=host, control_port=control, node_port=node, cpus=os.cpu_count())


def free_ports() -> list[int]:
    with socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in (one, two)]


def _make_key(file: Path) -> None:
    file.write_bytes(secrets.token_bytes(1024))
    file.chmod(0o400)


def end(pid_file: Path) -> None:
    """End a daemon and wait until it is gone."""
    with suppress(OSError, ValueError):
        pid = int(pid_file.read_text())
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + 15
        while Path(f"/proc/{pid}/exe").exists():
            time.sleep(0.1)
            if time.monotonic() > until:
                os.kill(pid, signal.SIGKILL)
