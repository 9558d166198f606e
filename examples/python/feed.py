"""What is revoked, followed as it happens. The rules are in docs/guides/checking-tokens.md."""
import base64
import json
import random
import sys
import threading
import time
import urllib.parse
import urllib.request
from http.client import HTTPException

from tokens import Refused, explain, fetch_json

KINDS = {"jti": "jti", "sid": "sid", "gid": "gid", "client": "client_id", "sub": "sub", "kid": None}
LOST_AFTER = 15
FOREVER = float("inf")


def basic(client):
    text = ":".join(urllib.parse.quote_plus(part) for part in client)
    return "Basic " + base64.b64encode(text.encode()).decode()


def introspect(endpoint, client, token):
    """Whether the issuer says that the token is good. Nobody who can be asked is not a yes."""
    form = urllib.parse.urlencode({"token": token}).encode()
    request = urllib.request.Request(endpoint, data=form, headers={"authorization": basic(client)})
    try:
        return fetch_json(endpoint, request).get("active") is True
    except (OSError, ValueError, HTTPException) as error:
        raise Refused(503, "temporarily_unavailable") from error


class Revocations:
    def __init__(self, url, client):
        self.url, self.client = url, client
        self.marks = {kind: {} for kind in KINDS}
        self.last_id = None
        self.heard_at = -FOREVER

    def is_current(self):
        return 0 <= time.time() - self.heard_at <= LOST_AFTER

    def is_revoked(self, header, claims):
        for kind, claim in KINDS.items():
            value = header.get("kid") if claim is None else claims.get(claim)
            mark = self.marks[kind].get(value)
            if mark and claims["iat"] <= mark[0]:
                return True
        # What was made from a token ends with it.
        return any(origin in self.marks["jti"] for origin in claims.get("origins", []))

    def follow(self):
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        failures = 0
        while True:
            try:
                self.read()
                failures = 0
            except (OSError, ValueError, KeyError, TypeError, HTTPException) as error:
                failures += 1
                # Said once, and not at each try. A stream that ends in order is no failure.
                if failures == 1:
                    print(f"the feed {self.url} is lost: {explain(error)}", file=sys.stderr, flush=True)
            # At random, so that not everybody comes back at once.
            time.sleep(random.uniform(0, min(2**failures, 10)))

    def read(self):
        headers = {"accept": "text/event-stream", "authorization": basic(self.client)}
        if self.last_id is not None:
            headers["last-event-id"] = self.last_id
        request = urllib.request.Request(self.url, headers=headers)
        # The timeout is that of each read: a dead connection says nothing at all.
        with urllib.request.urlopen(request, timeout=LOST_AFTER) as stream:
            caught_up, fields = False, {}
            for line in stream:
                name, _, value = line.decode().rstrip("\r\n").partition(":")
                if name:
                    fields[name] = value.removeprefix(" ")
                elif not value:
                    caught_up = self.take(fields) or caught_up
                    fields = {}
                if caught_up:
                    self.heard_at = time.time()

    def take(self, fields):
        """Takes one event; whether it says that everything has been told."""
        if fields.get("event") == "revoked":
            for entry in json.loads(fields["data"]):
                self.add(entry)
        if "id" in fields:
            self.last_id = fields["id"]
        return fields.get("event") == "current"

    def add(self, entry):
        # An unknown kind raises KeyError: what cannot be applied is a feed that is lost.
        marks = self.marks[entry["kind"]]
        before = FOREVER if entry["issued_before"] is None else entry["issued_before"]
        known = marks.get(entry["value"], (-FOREVER, 0))
        marks[entry["value"]] = (max(before, known[0]), max(entry["expires_at"], known[1]))
        if len(marks) % 1000 == 0:
            now = time.time()
            self.marks[entry["kind"]] = {value: mark for value, mark in marks.items() if mark[1] > now}
