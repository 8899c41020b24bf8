"""Fit a logistic regression by gradient descent, by hand."""

import argparse
import json

from features import features, probability, rows

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--degree", type=int, default=1)
parser.add_argument("--epochs", type=int, default=60)
parser.add_argument("--rate", type=float, default=2.0)
arguments = parser.parse_args()

data = [(features(x, y, arguments.degree), label) for x, y, label in rows("data/train")]
weights = [0.0] * len(data[0][0])
for _ in range(arguments.epochs):
    # The gradient of the mean loss: how wrong we are, times what we looked at.
    gradient = [0.0] * len(weights)
    for row, label in data:
        error = probability(weights, row) - label
        for place, value in enumerate(row):
            gradient[place] += error * value
    for place, slope in enumerate(gradient):
        weights[place] -= arguments.rate * slope / len(data)

with open("model.json", "w") as file:
    json.dump({"degree": arguments.degree, "weights": weights}, file, indent=1)
print(f"trained on {len(data)} rows, degree {arguments.degree}, {arguments.epochs} epochs")
