"""The image of deploy/Dockerfile, built and run step by step without Docker."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.server_process import STARTED, free_port
from tests.machines import with_mounts

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
SECONDS = 300

pytestmark = [pytest.mark.slow, pytest.mark.timeout(420), pytest.mark.xdist_group("package")]

# The base image is this machine, seen through a layer that takes all that is written, with the
# Python of the tests for the image's.
FROM = """
root=$PWD/{name} && mkdir -p $root {name}.upper {name}.work
mount -t overlay overlay -o lowerdir=/,upperdir=$PWD/{name}.upper,workdir=$PWD/{name}.work $root
mount --rbind /proc $root/proc
mount --rbind /dev $root/dev
mount -t tmpfs -o mode=1777 tmpfs $root/tmp
cat /etc/resolv.conf >resolv.conf && cat resolv.conf >$root/etc/resolv.conf
for folder in {parents}; do chmod a+rx $root$folder; done
chroot $root {python} -m venv /image
"""


@dataclass
class Stage:
    """The steps of a stage as shell commands, and what the image is started with."""

    name: str
    steps: list[str] = field(default_factory=list)
    folder: str = "/"
    user: str = "root"
    environment: dict[str, str] = field(default_factory=dict)
    command: dict[str, list[str]] = field(default_factory=dict)

    def take(self, word: str, rest: str) -> None:
        """Add one instruction of the Dockerfile."""
        match word:
            case "WORKDIR":
                self.folder = rest
                self.steps.append(f"mkdir -p $root{rest}")
            case "COPY":
                self._copy(rest.split())
            case "RUN":
                self.steps.append(self.inside(f"cd {self.folder} && {rest}"))
            case "ENV":
                self.environment |= dict(pair.split("=", 1) for pair in shlex.split(rest))
            case "USER":
                self.user = rest
            case "ENTRYPOINT" | "CMD":
                self.command[word] = json.loads(rest)
            case "EXPOSE" | "STOPSIGNAL":
                pass
            case _:
                raise AssertionError(f"{word} is not known here")

    def _copy(self, words: list[str]) -> None:
        base = str(ROOT)
        if words[0].startswith("--from="):
            base = f"$PWD/{words.pop(0).removeprefix('--from=')}"
        *sources, to = words
        target = f"$root{os.path.join(self.folder, to)}"  # noqa: PTH118 - `to` may be absolute
        self.steps.append(f"mkdir -p {target}")
        for source in sources:
            path = f"{base}/{source.lstrip('/')}"
            # Docker copies what a folder holds, and a file as it is.
            self.steps.append(
                f"if test -d {path}; then cp -r {path}/. {target}; else cp {path} {target}; fi"
            )

    def inside(self, command: str, **more: str) -> str:
        given = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        environment = {
            "PIP_NO_COMPILE": "1",  # for a demo of seconds, most of it would be in vain
            **given,
            "PATH": f"/image/bin:{os.defpath}:/usr/sbin:/sbin",
            "HOME": "/root",
            **self.environment,
            **more,
        }
        words = [f"{name}={value}" for name, value in environment.items()]
        return shlex.join(
            [
                "chroot",
                f"--userspec={self.user}",
                "ROOT",
                "env",
                "-i",
                *words,
                "sh",
                "-euc",
                command,
            ]
        ).replace("ROOT", "$root", 1)


def stages() -> list[Stage]:
    """Return the Dockerfile's stages."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    found: list[Stage] = []
    for line in filter(None, text.splitlines()):
        word, rest = line.split(None, 1)
        if word == "FROM":
            found.append(Stage(rest.partition(" AS ")[2] or "image"))
        else:
            found[-1].take(word, rest)
    return found


def test_what_it_builds_from_is_all_that_the_build_needs(tmp_path: Path) -> None:
    """Also where nothing may be mounted: its copies alone make the wheel."""
    context, wheels = tmp_path / "context", tmp_path / "wheels"
    build = stages()[0]
    steps = [step for step in build.steps if not step.startswith("chroot ")]
    subprocess.run(
        ["sh", "-euc", "\n".join(["root=$1", *steps]), "sh", context], check=True, timeout=SECONDS
    )
    (built,) = (step for step in build.steps if "pip wheel" in step)
    assert "--wheel-dir /wheels ." in built
    made = subprocess.run(
        [
            sys.executable,
            *["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"],
            wheels,
            ".",
        ],
        cwd=context / "src",
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    assert len(list(wheels.glob("kpi_stream-*.whl"))) == 1


@with_mounts
def test_the_image_builds_and_runs_the_demo(tmp_path: Path) -> None:
    """As its own user, in the folder that it works in, from the wheel."""
    python = Path(sys.executable).resolve()
    parents = " ".join(str(parent) for parent in python.parents[:-1])
    port = free_port()
    script = ["mount -t tmpfs -o size=2g tmpfs .", "cd ."]
    for stage in stages():
        script += [FROM.format(name=stage.name, python=python, parents=parents), *stage.steps]
    final = stages()[-1]
    assert final.user != "root"
    program = shlex.join([*final.command["ENTRYPOINT"], "demo"])
    script.append(
        f"exec {final.inside(f'cd {final.folder} && exec {program}', KPI_BIND=f'127.0.0.1:{port}')}"
    )
    process = subprocess.Popen(
        ["unshare", "--mount", "--propagation=private", "sh", "-euc", "\n".join(script)],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        said = []
        while STARTED not in (line := process.stderr.readline()):
            said.append(line)
            assert line, b"".join(said).decode()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/kpi", timeout=20) as response:
            assert b"cpu_utilisation" in response.read()
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()
