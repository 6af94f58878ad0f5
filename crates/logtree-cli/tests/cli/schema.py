"""What Python's jsonschema says to configs: one JSON string a line on standard input, one `true` or `false` a line out.

The argument is the schema's file.
"""

import json
import sys

from jsonschema import Draft202012Validator

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
for line in sys.stdin:
    print(json.dumps(validator.is_valid(json.loads(json.loads(line)))))
