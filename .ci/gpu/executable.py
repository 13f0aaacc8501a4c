#!/usr/bin/env python3
"""Says where the test program NAME is, from what cargo writes with --message-format json: executable.py NAME."""
import json
import sys

for line in sys.stdin:
    message = json.loads(line)
    if message.get("executable") and message["target"]["name"] == sys.argv[1]:
        print(message["executable"])
