"""The farm's own app on a virtual phone, played by a script.

Where `am instrument` would start the app's process, it starts the agent, in the app's folder and under that process's name;
it prints what Android prints (tests/run/test_instrument.py has the sources).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from farm import builds, virtual
from farm.run.app.package import BENCH

if TYPE_CHECKING:
    from pathlib import Path

    from farm.virtual import VirtualPhone

AM = r"""#!/system/bin/sh
app=dev.exray.bench home=/data/data/dev.exray.bench
case "$1" in
  force-stop) while pids=$(pidof $app:agent); do kill -9 $pids 2> /dev/null; sleep 0.02; done; exit 0 ;;
  instrument) ;;
  *) exec /system/bin/sh /system/bin/am.of-the-phone "$@" ;;
esac
for component; do :; done
if [ "$component" != $app/.Runner ]; then
  print -r -- "INSTRUMENTATION_STATUS: Error=Unable to find instrumentation info for: ComponentInfo{$component}"
  print -r -- "INSTRUMENTATION_STATUS_CODE: -1"
  exit 1
fi
set -A words
while [ $# -gt 0 ]; do
  if [ "$1" = -e ]; then
    case "$2" in
      command) command=$3 ;;
      label.*) words+=(--label "${2#label.}=$3") ;;
      runtime) cp "$3" $home/runtime; words+=(--runtime $home/runtime) ;;
      *) words+=("--$2" "$3") ;;
    esac
    shift 2
  fi
  shift
done
mkdir -p /sdcard/Android/data/$app/files
[ "$command" = run ] || { print "INSTRUMENTATION_RESULT: exit=0"; print "INSTRUMENTATION_CODE: -1"; exit 0; }
cd $home/files
{ (exec -a $app:agent /data/app/$app/agent run "${words[@]}"); print "exit=$?"; } 2> $home/told | while IFS= read -r line; do
  case "$line" in
    *'"progress"'*)
      done=${line#*'"done":'} of=${line#*'"of":'}
      print -r -- "INSTRUMENTATION_STATUS: progress=${done%%[,\}]*}/${of%%[,\}]*}
INSTRUMENTATION_STATUS_CODE: 1" ;;
    exit=*)
      [ $line = exit=0 ] || print -r -- "INSTRUMENTATION_RESULT: error=$(tail -n 1 $home/told)"
      print -r -- "INSTRUMENTATION_RESULT: $line
INSTRUMENTATION_CODE: -1" ;;
    *) print -r -- "INSTRUMENTATION_STATUS: line=$line
INSTRUMENTATION_STATUS_CODE: 1" ;;
  esac
done
"""


def install(phone: VirtualPhone, folder: Path, *, debuggable: bool) -> Path:
    """Put it on the phone; the app's file, by whose hash the farm knows that it is there."""
    (folder / "app.toml").write_text(
        f'package = "{BENCH}"\nprogram = "agent"\ndebuggable = {str(debuggable).lower()}\n'
    )
    (folder / "agent").write_bytes(builds.place("linux-x86_64", "exray-agent").read_bytes())
    apk = folder / "base.apk"
    apk.write_bytes(b"no APK: what it is known by is its hash")
    virtual.install(phone, folder)
    here = phone.root / "system" / "bin"
    (here / "am.of-the-phone").write_bytes((here / "am").read_bytes())
    (here / "am").write_text(AM)
    (phone.root / "data" / "app" / BENCH / "agent").chmod(0o755)
    return apk
