"""Put a quarter of every shard aside, to test on rows that training never sees.

The choice depends on the row itself, not on its place: rows that were for testing stay for testing
when there is more data.
"""

import pathlib
import zlib

counts = {"train": 0, "test": 0}
for part in counts:
    pathlib.Path("data", part).mkdir(parents=True, exist_ok=True)

for shard in sorted(pathlib.Path("data/raw").glob("*.csv")):
    header, *rows = shard.read_text().splitlines()
    parts = {"train": [], "test": []}
    for row in rows:
        parts["test" if zlib.crc32(row.encode()) % 4 == 0 else "train"].append(row)
    for part, chosen in parts.items():
        counts[part] += len(chosen)
        pathlib.Path("data", part, shard.name).write_text("\n".join([header, *chosen]) + "\n")
print(f"{counts['train']} rows to train on, {counts['test']} to test on")
