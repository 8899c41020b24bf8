"""Make a noisy two-class data set, as many CSV files.

Points inside a circle belong to class 1, points outside to class 0, and a few are labelled wrong on
purpose. Every shard has a seed of its own, so one can be drawn again and the others stay as they are.
"""

import argparse
import math
import pathlib
import random

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--shards", type=int, default=12)
parser.add_argument("--rows", type=int, default=150)
parser.add_argument("--noise", type=float, default=0.05)
parser.add_argument("--redraw", type=int, help="draw this shard with another seed")
arguments = parser.parse_args()

# Half of the square lies inside a circle of this radius, so neither class can be guessed blindly.
RADIUS = math.sqrt(2 / math.pi)

directory = pathlib.Path("data/raw")
directory.mkdir(parents=True, exist_ok=True)
for shard in range(arguments.shards):
    dice = random.Random(shard + 1000 * (shard == arguments.redraw))
    with open(directory / f"shard-{shard:02}.csv", "w") as file:
        file.write("x,y,label\n")
        for _ in range(arguments.rows):
            x, y = dice.uniform(-1, 1), dice.uniform(-1, 1)
            label = int(math.hypot(x, y) < RADIUS)
            if dice.random() < arguments.noise:
                label = 1 - label
            file.write(f"{x:.4f},{y:.4f},{label}\n")
print(f"made {arguments.shards} shards of {arguments.rows} rows")
