#!/bin/sh
# Write down what came out.
set -eu
read -r degree rest < model.txt
read -r right total percent < metrics.txt
{
    echo "# Inside or outside?"
    echo
    echo "A model of degree $degree is right on $right of $total rows ($percent %)."
} > report.md
echo "wrote report.md"
