"""p7.py MODEL.gguf [THREADS...]: a language model beside llama.cpp: a prompt of 256 tokens, 32 more, private memory.

The peer is llama.cpp as xllamacpp ships it, in a process of its own for each number of threads; what it says of the
instructions that it uses is printed. Both read the same tokens; keys and values are f32 on our side, f16 (its own
choice) on the peer's. Its threads spin, and fall far behind where something else runs: the load is printed with each
round, and seconds of all processors beside our seconds. That our logits are right, `make real` shows.
"""
import json
import os
import subprocess
import sys

from peer import ROOT, report

PROMPT, MORE, POSITIONS, ROUNDS = 256, 32, 1024, 5


def private():
    """MiB of this process that no file backs."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("RssAnon"))


def peer(model, threads):
    """The other side, in a process of its own: a prompt's ids a line in, seconds and tokens a line out."""
    import xllamacpp as llama

    empty = private()
    p = llama.CommonParams()
    p.model.path, p.n_ctx, p.n_parallel, p.verbosity, p.cache_ram_mib = model, POSITIONS, 1, 0, 0
    p.cpuparams.n_threads = p.cpuparams_batch.n_threads = threads
    server = llama.Server(p)
    print(json.dumps(llama.get_system_info()), flush=True)
    for line in sys.stdin:
        answer = server.handle_completions({"prompt": json.loads(line), "n_predict": MORE, "temperature": 0, "ignore_eos": True,
                                            "cache_prompt": False})
        answer = json.loads(answer) if isinstance(answer, (str, bytes)) else answer
        t = answer["timings"]
        print(json.dumps({"prompt": t["prompt_ms"] / 1e3, "more": t["predicted_ms"] / 1e3 * MORE / max(t["predicted_n"] - 1, 1), "mib": private() - empty}),
              flush=True)


class Program:
    """A process that answers lines."""

    def __init__(self, args, env=None):
        self.p = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})
        self.first = self.read()

    def read(self):
        line = self.p.stdout.readline()
        if not line:
            raise SystemExit("one side has stopped")
        return line.strip()

    def ask(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()
        return self.read()


def compare(model, threads):
    ours = Program([os.path.join(ROOT, "build/release/tests/bench/p7"), model, str(POSITIONS)],
                   {"POCL_MAX_PTHREAD_COUNT": str(threads)})
    theirs = Program([sys.executable, os.path.abspath(__file__), "--peer", model, str(threads)])
    print(f"{threads} thread{'s' * (threads > 1)}; the peer: {json.loads(theirs.first).strip()}")
    times = {"prompt": ([], []), "more": ([], [])}
    for r in range(-1, ROUNDS):  # the first warms both
        ids = [1] + [100 + (i * 7919 + r * 131) % 40000 for i in range(PROMPT - 1)]
        mine = ours.ask("prompt " + " ".join(map(str, ids))).split(), ours.ask(f"generate {MORE}").split()
        b = json.loads(theirs.ask(json.dumps(ids)))
        print(f"  load {os.getloadavg()[0]:5.2f}  ours {float(mine[0][0]):.3f} s ({float(mine[0][1]):.3f} of all processors), "
              f"{float(mine[1][0]):.3f} s ({float(mine[1][1]):.3f});  peer {b['prompt']:.3f} s, {b['more']:.3f} s"
              + ("  (warming)" if r < 0 else ""))
        for i, name in enumerate(times):
            if r >= 0:
                times[name][0].append(float(mine[i][0]))
                times[name][1].append(b[name])
    report(f"prompt of {PROMPT}, {threads} threads (goal 1.5)", *times["prompt"])
    report(f"{MORE} tokens more, {threads} threads (goal 1.2)", *times["more"])
    print(f"private memory: ours {int(ours.ask('memory')) / 1024:.0f} MiB, peer {b['mib']:.0f} MiB")
    for side in ours, theirs:
        side.p.stdin.close()
        side.p.wait()


if __name__ == "__main__":
    if sys.argv[1] == "--peer":
        peer(sys.argv[2], int(sys.argv[3]))
    else:
        for n in sys.argv[2:] or ["1", "2"]:
            compare(sys.argv[1], int(n))
