#!/bin/sh
# Make a noisy two-class data set, as many CSV files. Points inside a circle belong to class 1, points
# outside to class 0, and a few are labelled wrong on purpose. Every shard has a seed of its own, so
# one can be drawn again and the others stay as they are.
set -eu
shards=12
redraw=none
for argument; do
    case $argument in
        --shards=*) shards=${argument#*=} ;;
        --redraw=*) redraw=${argument#*=} ;;
        *) echo "what is '$argument'?" >&2; exit 2 ;;
    esac
done

mkdir -p data/raw
shard=0
while [ "$shard" -lt "$shards" ]; do
    seed=$((shard + 1))
    if [ "$shard" = "$redraw" ]; then seed=$((seed + 1000)); fi
    awk -v seed="$seed" 'BEGIN {
        srand(seed)
        print "x,y,label"
        for (row = 0; row < 150; row++) {
            x = 2 * rand() - 1
            y = 2 * rand() - 1
            label = (x * x + y * y < 0.6366)
            if (rand() < 0.05) label = 1 - label
            printf "%.4f,%.4f,%d\n", x, y, label
        }
    }' > "data/raw/$(printf 'shard-%02d.csv' "$shard")"
    shard=$((shard + 1))
done
echo "made $shards shards of 150 rows"
