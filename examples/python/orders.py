"""A service in Python that checks Gatehouse's access tokens itself and follows what is revoked.

Needs jwcrypto (Debian: python3-jwcrypto; PyPI: jwcrypto) and nothing else. Settings come from the environment:
ISSUER, AUDIENCE, CLIENT_ID, CLIENT_SECRET, PORT; SSL_CERT_FILE where the issuer's certificate is of an authority of one's own.
"""
import json
import os
import sys
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from feed import Revocations, introspect
from tokens import Refused, Verifier, explain, fetch_json

ISSUER = os.environ.get("ISSUER", "http://localhost:8080")
AUDIENCE = os.environ.get("AUDIENCE", ISSUER)
CLIENT = (os.environ.get("CLIENT_ID", "demo-service"), os.environ.get("CLIENT_SECRET", "demo-service-secret"))

METADATA = f"{ISSUER}/.well-known/oauth-authorization-server"
try:
    metadata = fetch_json(METADATA)
except (OSError, ValueError, HTTPException) as error:
    sys.exit(f"{METADATA} cannot be had: {explain(error)}")
verifier = Verifier(metadata, AUDIENCE)
revocations = Revocations(metadata["revocation_feed_endpoint"], CLIENT)


def check(authorization):
    """The claims of whoever calls. Raises Refused."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused(401, "credentials_required")
    header, claims = verifier.verify(token)
    if revocations.is_revoked(header, claims):
        raise Refused(401, "invalid_token")
    # Not current is not a yes: while the feed is lost, the issuer is asked about each token. It knows nothing of identities, which
    # the gateway has looked up itself, and which live for two minutes.
    is_identity = header["typ"].lower().endswith("identity+jwt")
    if not revocations.is_current() and not is_identity and not introspect(metadata["introspection_endpoint"], CLIENT, token):
        raise Refused(401, "invalid_token")
    if "orders:read" not in claims["scope"].split():
        raise Refused(403, "insufficient_scope")
    return claims


def challenge(code):
    """What would do: who shows no token is told no error (RFC 6750 section 3)."""
    return "Bearer" if code == "credentials_required" else f'Bearer error="{code}"'


class Orders(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            claims = check(self.headers.get("authorization"))
            self.answer(200, {"hello": claims["sub"], "live": revocations.is_current()})
        except Refused as refused:
            self.answer(refused.status, {"error": refused.code})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.send_header("cache-control", "no-store")
        if status in (401, 403):
            self.send_header("www-authenticate", challenge(body["error"]))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    revocations.follow()
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "4005"))), Orders)
    print(f"listening on {server.server_address[1]}", flush=True)
    server.serve_forever()
