"""p1.py: GEMM, 3x3 convolution, attention and group norm at SD 1.5's shapes, f32, against PyTorch on the CPU.

Both sides get the same operands; PyTorch keeps pictures channels-last too where that is faster for it. The results are
compared. Usage: p1.py [part of a row's name]
"""
import math
import os
import statistics
import subprocess
import sys
import tempfile

import numpy as np
import torch

import peer

PROGRAM = os.path.join(peer.ROOT, "build", "release", "tests", "bench", "p1")
ROWS = [("linear", *s) for s in (
    (8192, 320, 320), (8192, 320, 2560), (8192, 1280, 320), (2048, 640, 640), (2048, 640, 5120), (512, 1280, 1280),
    (512, 1280, 10240), (128, 1280, 1280), (154, 768, 640))] + [("matmul", 1024, 1024, 1024), ("matmul", 2048, 2048, 2048)] + [
    ("conv2d", *s, 3) for s in (
        (2, 64, 64, 320, 320), (2, 64, 64, 640, 320), (2, 64, 64, 960, 320), (2, 32, 32, 640, 640),
        (2, 32, 32, 1280, 640), (2, 16, 16, 1280, 1280), (2, 16, 16, 2560, 1280), (2, 8, 8, 1280, 1280),
        (1, 512, 512, 128, 128), (1, 256, 256, 256, 256), (1, 128, 128, 512, 512), (1, 64, 64, 512, 512))] + [
    ("attention", *s) for s in (  # batch, queries, keys, heads, width of a head
        (2, 4096, 4096, 8, 40), (2, 1024, 1024, 8, 80), (2, 256, 256, 8, 160), (2, 64, 64, 8, 160), (2, 4096, 77, 8, 40),
        (2, 1024, 77, 8, 80), (2, 256, 77, 8, 160), (1, 4096, 4096, 1, 512))] + [
    ("group_norm", *s, 32) for s in (  # batch, height, width, channels, groups; no part of row P1's mean
        (2, 64, 64, 320), (2, 32, 32, 640), (2, 16, 16, 1280), (1, 512, 512, 128))]


class Ours:
    def __init__(self, folder):
        self.process = subprocess.Popen([PROGRAM], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit("p1 has stopped")
        return answer


def operands(row):
    """Operands, the work (a multiply-add is two), and forms of the same in PyTorch: the fastest one is the peer."""
    if row[0] == "conv2d":
        _, b, h, w, i, o, k = row
        x, f = torch.randn(b, h, w, i), torch.randn(o, i, k, k)
        p, last = x.permute(0, 3, 1, 2), f.contiguous(memory_format=torch.channels_last)
        plain = p.contiguous()
        conv = torch.nn.functional.conv2d
        return x, f, 2.0 * b * h * w * i * o * k * k, [
            lambda: conv(plain, f, padding=k // 2).permute(0, 2, 3, 1), lambda: conv(p, last, padding=k // 2).permute(0, 2, 3, 1)]
    if row[0] == "attention":
        _, b, t, s, h, d = row
        q, kv = torch.randn(b, t, h * d), torch.randn(2, b, s, h * d)
        heads = [x.view(b, -1, h, d).transpose(1, 2) for x in (q, kv[0], kv[1])]
        apart = [x.contiguous() for x in heads]
        attend = torch.nn.functional.scaled_dot_product_attention
        return q, kv, 4.0 * b * t * s * h * d, [
            lambda: attend(*heads).transpose(1, 2).reshape(b, t, h * d), lambda: attend(*apart).transpose(1, 2).reshape(b, t, h * d)]
    if row[0] == "group_norm":
        _, b, h, w, c, groups = row
        x, g = torch.randn(b, h, w, c), torch.randn(c)
        p, silu, norm = x.permute(0, 3, 1, 2), torch.nn.functional.silu, torch.nn.functional.group_norm
        return x, g, 8.0 * b * h * w * c, [  # bytes that must move
            lambda p=p: silu(norm(p, groups, g, g, 1e-5)).permute(0, 2, 3, 1) for p in (p, p.contiguous())]
    _, m, k, n = row
    x = torch.randn(m, k)
    if row[0] == "matmul":
        f = torch.randn(k, n)
        return x, f, 2.0 * m * n * k, [lambda: x @ f]
    f = torch.randn(n, k)
    return x, f, 2.0 * m * n * k, [lambda: torch.nn.functional.linear(x, f)]


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    torch.set_grad_enabled(False)
    torch.manual_seed(1)
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(folder)
        for row in ROWS:
            name = row[0] + " " + "x".join(map(str, row[1:]))
            if wanted not in name:
                continue
            x, w, work, forms = operands(row)
            x.numpy().tofile(os.path.join(folder, "x.bin"))
            w.numpy().tofile(os.path.join(folder, "w.bin"))
            ours.ask(" ".join(map(str, row)))
            ours.ask("save")
            expected = forms[0]().numpy()
            got = np.fromfile(os.path.join(folder, "y.bin"), dtype=np.float32).reshape(expected.shape)
            error = float(np.linalg.norm(got.astype(np.float64) - expected) / np.linalg.norm(expected))
            form = min(forms, key=lambda f: min(peer.seconds(f) for _ in range(3)))
            times = max(1, math.ceil(0.05 / peer.seconds(form)))

            def theirs():
                return peer.seconds(lambda: [form() for _ in range(times)]) / times
            ours.ask(f"time {times}")
            a, b = peer.interleave(lambda: float(ours.ask(f"time {times}")), theirs)
            spread = sorted(q / p for p, q in zip(a, b))
            ratio, unit = statistics.median(spread), "GB/s" if row[0] == "group_norm" else "GFLOP/s"
            if row[0] != "group_norm":
                ratios.append(ratio)
            print(f"{name:34} ours {statistics.median(a) * 1e3:8.2f} ms {work / statistics.median(a) / 1e9:6.0f} {unit:7}  "
                  f"peer {work / statistics.median(b) / 1e9:6.0f}  ratio {ratio:5.2f} ({spread[0]:.2f}..{spread[-1]:.2f})"
                  f"  error {error:.1e}", flush=True)
            if error > 2e-5:
                raise SystemExit("the results differ")
    if ratios:
        print(f"geometric mean {math.exp(sum(map(math.log, ratios)) / len(ratios)):.2f}, least {min(ratios):.2f}, rows {len(ratios)}")


if __name__ == "__main__":
    main()
