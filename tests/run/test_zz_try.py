import sys, time, json
from pathlib import Path
import pytest
from tests.run.test_perform import bench
def test_try(adb, make_phone, tmp_path):
    phone = make_phone()
    b = bench(adb, phone, tmp_path)
    seen = []
    t0=time.monotonic()
    run = b.perform(b.submission(repetitions=20), lambda s,d,o: seen.append((round(time.monotonic()-t0,2), s)) if not seen or seen[-1][1]!=s else None)
    print([s for s in seen])
    d = run.model_dump()
    for k in ("conditions","energy","samples","throttled","partial"):
        if k=="samples":
            for s in d[k].pop("series"): print("  series", s["quantity"], s["source"], s["by"], len(s["points"]), s["points"][:2])
        print(k, json.dumps(d[k], indent=1, default=str))
    import pyarrow.parquet as pq
    t = pq.read_table(run.samples.path); print(t.schema); print(t.slice(0,3).to_pylist())
