from __future__ import annotations

import hashlib
import os
import pty
import re
import shutil
import struct
import subprocess
import time
from pathlib import Path

import pytest

from .bench import Bench, receive, wait_until


def _running(bench: Bench, word: str) -> bool:
    return word in bench.shell("ps -A -o ARGS | grep -v grep | grep " + word + " || true")


def test_connects_as_a_virtual_phone_with_the_features_it_has(bench: Bench) -> None:
    line = next(row for row in bench.run("devices", "-l").stdout.decode().splitlines() if bench.phone.serial in row)
    assert "device" in line.split()
    assert "model:virtual_" in line
    assert set(bench.run("features").stdout.decode().split()) == {
        "shell_v2", "stat_v2", "ls_v2", "fixed_push_mkdir", "fixed_push_symlink_timestamp",
        "sendrecv_v2", "sendrecv_v2_lz4", "sendrecv_v2_zstd", "sendrecv_v2_dry_run_send",
    }  # fmt: skip


@pytest.mark.parametrize("status", [0, 1, 7, 126, 255])
def test_exit_codes(bench: Bench, status: int) -> None:
    assert bench.run("shell", f"exit {status}").returncode == status


def test_a_signal_is_an_exit_code_too(bench: Bench) -> None:
    assert bench.run("shell", "kill -9 $$").returncode == 128 + 9


def test_stdout_and_stderr_apart(bench: Bench) -> None:
    done = bench.run("shell", "echo out; echo err >&2; exit 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")


def test_unknown_command(bench: Bench) -> None:
    done = bench.run("shell", "no-such-command")
    assert done.returncode == 127
    assert b"no-such-command" in done.stderr


def test_stdin_reaches_the_command_and_its_end_does(bench: Bench) -> None:
    data = os.urandom(3_000_000)
    done = bench.run("shell", "sha256sum", stdin=data)
    assert done.stdout.decode().split()[0] == hashlib.sha256(data).hexdigest()


def test_a_command_that_ignores_its_stdin(bench: Bench) -> None:
    assert bench.run("shell", "exec <&-; echo done", stdin=bytes(2_000_000)).stdout == b"done\n"


def test_commands_on_stdin(bench: Bench) -> None:
    done = bench.run("shell", stdin=b"echo one\nexit 5\n")
    assert (done.returncode, done.stdout) == (5, b"one\n")


def test_exec_out_is_clean(bench: Bench) -> None:
    every = b"".join(bytes([a, b]) for a in range(256) for b in (a, 10, 13))
    bench.run("shell", "cat > /data/local/tmp/every", stdin=every)
    assert bench.run("exec-out", "cat /data/local/tmp/every").stdout == every


def test_large_output_is_whole(bench: Bench) -> None:
    out = bench.run("shell", "head -c 20000000 /dev/zero; head -c 1000000 /dev/zero >&2")
    assert (len(out.stdout), len(out.stderr)) == (20_000_000, 1_000_000)


def test_the_legacy_shell_mixes_its_streams(bench: Bench) -> None:
    assert bench.run("shell", "-x", "echo out; echo err >&2").stdout == b"out\nerr\n"


def test_a_long_command(bench: Bench) -> None:
    word = "x" * 60_000
    assert bench.shell(f"echo {word}") == f"{word}\n"


def test_a_terminal(bench: Bench) -> None:
    master, slave = pty.openpty()
    with subprocess.Popen(
        bench.adb.command("shell", "-tt", "tty >/dev/null; stty size 2>/dev/null; test -t 0 && echo yes; exit 9",
                          serial=bench.phone.serial),
        stdin=slave, stdout=subprocess.PIPE, env=bench.adb.environment(),
    ) as client:  # fmt: skip
        out, _ = client.communicate(timeout=30)
    os.close(master)
    os.close(slave)
    assert client.returncode == 9
    assert b"yes\r\n" in out


def test_the_environment_is_androids(bench: Bench) -> None:
    environment = dict(line.split("=", 1) for line in bench.shell("env").splitlines())
    assert environment["PATH"].startswith("/system/bin")
    assert environment["TMPDIR"] == "/data/local/tmp"
    assert environment["HOME"] == "/"
    assert bench.shell("pwd") == "/\n"
    assert bench.shell("id -u -n") == "shell\n"


def test_nothing_of_the_hosts_environment(bench: Bench) -> None:
    known = {
        "ANDROID_DATA", "ANDROID_ROOT", "HOME", "HOSTNAME", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER", "_",
    }  # fmt: skip
    assert {line.split("=", 1)[0] for line in bench.shell("env").splitlines()} <= known


def test_properties(bench: Bench) -> None:
    assert bench.shell("getprop ro.farm.virtual") == "1\n"
    assert bench.shell("getprop ro.no.such") == "\n"
    assert bench.shell("getprop ro.no.such other") == "other\n"
    listing = bench.shell("getprop").splitlines()
    assert f"[ro.product.model]: [virtual-{bench.phone.abi}]" in listing
    assert all(line.startswith("[") and "]: [" in line and line.endswith("]") for line in listing)
    assert "virtual" in bench.shell("getprop ro.build.fingerprint")


def test_dumpsys_says_what_the_state_files_say(bench: Bench) -> None:
    level = bench.phone.root / "data/virtual/override/battery/level"
    level.parent.mkdir(parents=True)
    assert "  level: 100\n" in bench.shell("dumpsys battery")
    level.write_text("42\n")
    assert "  level: 42\n" in bench.shell("dumpsys battery")
    shutil.rmtree(level.parent.parent)
    thermal = bench.shell("dumpsys thermalservice")
    assert "Thermal Status: 0\n" in thermal
    assert re.search(r"\tTemperature\{mValue=\d+\.\d, mType=2, mName=virtual-battery, mStatus=0\}\n", thermal)
    assert b"Can't find service: nothing" in bench.run("shell", "dumpsys nothing").stderr


def test_the_phone_has_a_root_and_processes_of_its_own(bench: Bench) -> None:
    assert bench.run("shell", f"ls {Path(__file__).resolve()}").returncode != 0
    assert bench.run("shell", "ls /home /root /tmp /etc/shadow").returncode != 0
    assert bench.shell("ps -A -o PID | sed 1d | head -n 1").strip() == "1"
    assert bench.run("shell", f"kill -0 {os.getpid()}").returncode != 0 or os.getpid() < 100
    assert "lo" in bench.shell("cat /proc/net/dev")
    assert "eth" not in bench.shell("cat /proc/net/dev")


@pytest.mark.parametrize(
    "place", ["/", "/system/bin", "/data/virtual/battery", "/usr/lib64", "/proc/sys/kernel/hostname"]
)
def test_the_system_is_read_only(bench: Bench, place: str) -> None:
    target = place if place.startswith("/proc") else f"{place}/new"
    assert bench.run("shell", f"echo x > {target}").returncode != 0


def test_no_privileges_and_none_to_be_had(bench: Bench) -> None:
    status = bench.shell("cat /proc/self/status")
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    for command in (
        "mount -o remount,rw /",
        "umount /proc",
        "chroot / true",
        "cat /proc/1/environ",
        "ls /proc/1/root/",
    ):
        assert bench.run("shell", command).returncode != 0, command


def test_a_program_of_the_hosts_c_library_runs(bench: Bench) -> None:
    program = Path("/usr/bin/env").resolve()
    bench.run("push", str(program), "/data/local/tmp/program")
    assert "HOME=/" in bench.shell("/data/local/tmp/program")


def test_the_process_dies_with_its_client(bench: Bench) -> None:
    def sleeping() -> list[str]:  # themselves, not the shell in whose command they stand
        return re.findall(r"^sleep 987[12]$", bench.shell("ps -A -o ARGS"), re.MULTILINE)

    client = bench.start("shell", "sleep 9871 & sleep 9872; true")
    wait_until(lambda: len(sleeping()) == 2, 60)
    client.kill()
    client.communicate()
    wait_until(lambda: not sleeping(), 60)


def test_what_a_command_leaves_in_the_background_lives_on(bench: Bench) -> None:
    bench.shell("sleep 9861 >/dev/null 2>&1 </dev/null & exit 0")
    wait_until(lambda: _running(bench, "9861"))  # it may have yet to start
    bench.shell("true")  # another shell's end is not its end either
    assert _running(bench, "9861")
    bench.shell("pkill -f '[s]leep 9861'")


def test_a_reader_that_stops_reading_stops_the_writer(bench: Bench) -> None:
    status = Path(f"/proc/{bench.phone.pid}/status")

    def resident() -> int:
        return int(next(line for line in status.read_text().splitlines() if line.startswith("VmRSS")).split()[1])

    before = resident()
    with bench.open("exec:yes 0123456789") as stream:
        assert receive(stream, 1 << 20).startswith(b"0123456789\n")
        time.sleep(1.0)
        assert resident() < before + 16_384, "kilobytes"


def test_endless_input_that_nobody_reads_is_not_kept(bench: Bench) -> None:
    status = Path(f"/proc/{bench.phone.pid}/statm")
    before = int(status.read_text().split()[1])
    with bench.open("shell,v2,raw:sleep 5") as stream:
        stream.settimeout(1.0)
        with pytest.raises(TimeoutError):
            stream.sendall((struct.pack("<BI", 0, 65536) + bytes(65536)) * 1000)
    assert int(status.read_text().split()[1]) < before + 4096, "pages"


def test_an_unknown_service_is_refused(bench: Bench) -> None:
    with pytest.raises(ConnectionRefusedError):
        bench.open("jdwp:1")
    assert bench.run("shell", "true").returncode == 0


def test_many_at_once(bench: Bench) -> None:
    clients = [bench.start("shell", f"echo {number}; exit {number}") for number in range(24)]
    for number, client in enumerate(clients):
        out, _ = client.communicate(timeout=60)
        assert (client.returncode, out) == (number, f"{number}\n".encode())
