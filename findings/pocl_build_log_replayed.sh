#!/bin/bash
# pocl_build_log_replayed.sh: a program that PoCL finds in its own cache has the build log of the run that compiled it.
#
# Expected: the build log is what the compiler said in this build; where nothing is compiled, as on a second run, it is empty.
# Happens: PoCL keeps the log beside the program in its cache, and gives it back word for word in every later process, down to the name of a
#   temporary source file that is long gone. A log with warnings in it does not show that a kernel was compiled just now.
# Version: PoCL 3.0-rc2 as in pocl-binary-distribution 3.0 (Debian 12's 3.1 does the same), pyopencl 2026.1.4. The output seen stands below.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q uv==0.13.9
"$work/env/bin/uv" pip install -q --python "$work/env/bin/python" pyopencl==2026.1.4 pocl-binary-distribution==3.0 \
    numpy==2.4.6

cat >"$work/seen" <<'END'
PoCL 3.0-rc2
first run: implicit conversion from 'long' to 'int' changes value from 4294967296123 to 123
second run: the same log
the file that it names: is gone
END
cat >"$work/show.py" <<'END'
import os
import subprocess
import sys

if len(sys.argv) == 1:
    os.environ.update(POCL_CACHE_DIR=os.path.abspath("cache"), PYOPENCL_NO_CACHE="1")
    os.mkdir("cache")
    import pyopencl

    os.environ["OCL_ICD_VENDORS"] = os.path.join(os.path.dirname(pyopencl.__file__), ".libs")
    command = [sys.executable, __file__, "build"]
    first, second = (subprocess.run(command, check=True, capture_output=True, text=True).stdout for run in (1, 2))
    version, log = first.split(chr(10), 1)
    print(version)
    print("first run:", log.split(":", 4)[-1].strip())
    print("second run:", "the same log" if second == first else second)
    print("the file that it names:", "is there" if os.path.exists(log.split(":")[1].strip()) else "is gone")
else:
    import pyopencl

    device = pyopencl.get_platforms()[0].get_devices()[0]
    source = "kernel void store(global int *x) { x[0] = 4294967296123; }"
    program = pyopencl.Program(pyopencl.Context([device]), source).build(cache_dir=False)
    print(" ".join(device.platform.version.split()[2:4]))
    print(program.get_build_info(device, pyopencl.program_build_info.LOG))
END
cd "$work"
env/bin/python show.py >now 2>log || { cat now log; exit 1; }
if diff seen now; then cat now; echo OK; else echo "changed: < is what was seen before, > what is seen now"; exit 1; fi
