"""Count how often the model is right on rows that it has not seen."""

import json

from features import features, probability, rows

with open("model.json") as file:
    model = json.load(file)

right = total = 0
for x, y, label in rows("data/test"):
    guess = probability(model["weights"], features(x, y, model["degree"])) > 0.5
    right += int(guess) == label
    total += 1

with open("metrics.json", "w") as file:
    json.dump({"rows": total, "right": right, "accuracy": round(right / total, 4)}, file, indent=1)
print(f"{right} of {total} right: {100 * right / total:.1f} %")
