#!/bin/sh
# Count how often the model is right on rows that it has not seen.
set -eu
cat data/test/*.csv | awk -F, '
    BEGIN {
        getline line < "model.txt"
        split(line, w, " ")
    }
    $1 != "x" {
        score = w[2] + w[3] * $1 + w[4] * $2 + w[5] * $1 * $1 + w[6] * $2 * $2 + w[7] * $1 * $2
        right += ((score > 0) == $3)
        total++
    }
    END { printf "%d %d %.1f\n", right, total, 100 * right / total }' > metrics.txt
read -r right total percent < metrics.txt
echo "$right of $total right: $percent %"
