#!/usr/bin/env python3
"""Writes flights.csv from the npm package vega-datasets: flights_csv.py vega-datasets-3.2.1.tgz > flights.csv"""

import csv
import json
import sys
import tarfile

COLUMNS = ("date", "delay", "distance", "origin", "destination")

with tarfile.open(sys.argv[1]) as package:
    rows = json.load(package.extractfile("package/data/flights-20k.json"))

table = csv.writer(sys.stdout, lineterminator="\n")
table.writerow(COLUMNS)
table.writerows([row[column] for column in COLUMNS] for row in rows)
