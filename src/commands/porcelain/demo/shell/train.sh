#!/bin/sh
# Fit a logistic regression by gradient descent, by hand. With degree 1 it can only draw a straight
# line, with degree 2 a circle.
set -eu
degree=1
for argument; do
    case $argument in
        --degree=*) degree=${argument#*=} ;;
        *) echo "what is '$argument'?" >&2; exit 2 ;;
    esac
done

cat data/train/*.csv | awk -F, -v degree="$degree" '
    $1 != "x" {
        n++
        f[n, 1] = 1; f[n, 2] = $1; f[n, 3] = $2
        f[n, 4] = $1 * $1; f[n, 5] = $2 * $2; f[n, 6] = $1 * $2
        label[n] = $3
    }
    END {
        count = (degree == 1) ? 3 : 6
        for (epoch = 0; epoch < 60; epoch++) {
            for (i = 1; i <= count; i++) gradient[i] = 0
            for (row = 1; row <= n; row++) {
                score = 0
                for (i = 1; i <= count; i++) score += w[i] * f[row, i]
                error = 1 / (1 + exp(-score)) - label[row]
                for (i = 1; i <= count; i++) gradient[i] += error * f[row, i]
            }
            for (i = 1; i <= count; i++) w[i] -= 2 * gradient[i] / n
        }
        printf "%d", degree
        for (i = 1; i <= 6; i++) printf " %.6f", w[i]
        print ""
    }' > model.txt
echo "trained, degree $degree"
