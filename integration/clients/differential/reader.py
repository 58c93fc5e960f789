"""Says where Python reads a message otherwise than the gateway did.

One JSON object per line on standard input: {"body": base64, "seen": {method, name, uri, uris, arguments}}, where
arguments is in the form of `canonical`, or null. One line out per line in: empty if json.loads and
pydantic_core.from_json both agree, else what differs.
"""

import base64
import json
import struct
import sys

from pydantic_core import from_json


URI_METHODS = ("resources/read", "resources/subscribe", "resources/unsubscribe", "completion/complete")


def canonical(value):
    """A form that compares across languages: numbers by the bits of their double, objects as sorted pairs."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        if float(value) != value:
            return ["number", str(value)]
        return ["number", struct.pack(">d", float(value) + 0.0).hex()]
    if isinstance(value, list):
        return ["array", [canonical(item) for item in value]]
    pairs = sorted(value.items(), key=lambda pair: pair[0].encode("utf-16-be"))
    return ["object", [[key, canonical(item)] for key, item in pairs]]


def reading(message):
    """What a server that holds this message would act on."""
    method = message.get("method")
    params = message.get("params")
    asked = message if params is None and method == "tools/call" else params
    asked = asked if isinstance(asked, dict) else {}
    named = asked
    if method == "completion/complete":
        named = asked.get("ref") or {}
    listen = asked.get("notifications") if method == "subscriptions/listen" else None
    arguments = asked.get("arguments") if method in ("tools/call", "prompts/get") else None
    return {
        "method": method,
        "name": named.get("name") if method in ("tools/call", "prompts/get", "completion/complete") else None,
        "uri": named.get("uri") if method in URI_METHODS else None,
        "uris": (listen or {}).get("resourceSubscriptions"),
        "arguments": None if arguments is None else canonical(arguments),
    }


def difference(body, seen):
    for name, read in (("json", json.loads), ("pydantic_core", from_json)):
        try:
            message = read(body)
        except (ValueError, RecursionError) as error:
            return f"{name} refuses it: {error}"
        if not isinstance(message, dict):
            return f"{name} reads {type(message).__name__}"
        if "method" not in message:
            if seen["method"]:
                return f"{name} reads no method"
            continue
        for what, value in reading(message).items():
            if (value or None) != (seen[what] or None):
                return f"{name} reads {what} as {value!r}"
    return ""


for line in sys.stdin:
    question = json.loads(line)
    print(json.dumps(difference(base64.b64decode(question["body"]), question["seen"])), flush=True)
