"""Pipes a frame of polars through `plumb compute` and reads what comes back; its texts and lists as polars writes them by
themselves, too, which are views.

stdin:  {"command": [plumb compute and its options]}
stdout: {"rows": what came back, "plain": what was said of the views, "packed": what was said of compressed batches}
"""

import io
import json
import subprocess
import sys

import polars as pl

command = json.load(sys.stdin)["command"]
frame = pl.DataFrame(
    {
        "x": [0.1, -0.0, float("nan"), float("-inf"), 5e-324],
        "big": [2**63 - 1, -(2**63), 0, 1, 2**53 + 1],
        "word": ["", "\ufeffmark", "a text that is longer than a view holds", "茶\0", "e\u0301"],
        "items": [[1.5, None], [], None, [-0.0], [3.25] * 5],
    }
)


def piped(**how):
    sink = io.BytesIO()
    frame.write_ipc_stream(sink, **how)
    return subprocess.run(command, input=sink.getvalue(), capture_output=True, check=False)


old = {"compat_level": pl.CompatLevel.oldest()}
done = piped(**old)
if done.returncode != 0:
    sys.exit(done.stderr.decode())
back = pl.read_ipc_stream(io.BytesIO(done.stdout))
columns = {f"same__{name}": frame[name].to_list() for name in frame.columns}
same = [repr(back[name].to_list()) == repr(values) for name, values in columns.items()]
said = [piped().stderr.decode(), piped(compression="zstd", **old).stderr.decode()]
print(json.dumps({"rows": back.height, "same": same, "plain": said[0], "packed": said[1]}))
