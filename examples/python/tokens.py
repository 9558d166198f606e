"""Is this token good, and is it for this service? Signature, type, issuer, audience, time."""
import json
import threading
import time
import urllib.request

from jwcrypto import jwk, jws
from jwcrypto.common import JWException, base64url_decode

TYPES = {"at+jwt", "gatehouse-identity+jwt"}
ALGORITHMS = {"EC": "ES256", "RSA": "RS256", "OKP": "EdDSA"}


class Refused(Exception):
    def __init__(self, status, code):
        super().__init__(code)
        self.status, self.code = status, code


def fetch_json(url, request=None):
    with urllib.request.urlopen(request or url, timeout=5) as answer:
        return json.load(answer)


class Verifier:
    def __init__(self, metadata, audience):
        self.issuer, self.audience, self.uri = metadata["issuer"], audience, metadata["jwks_uri"]
        self.keys, self.fetched_at, self.lock = {}, 0.0, threading.Lock()

    def find_key(self, kid):
        """The issuer's key of this id. Asked for again where it is unknown, or old; at most once in 30 s."""
        with self.lock:
            age = time.monotonic() - self.fetched_at
            if not self.keys or age > 300 or (kid not in self.keys and age > 30):
                try:
                    keys = fetch_json(self.uri)["keys"]
                    self.keys = {key["kid"]: (jwk.JWK(**key), key.get("alg") or ALGORITHMS[key["kty"]]) for key in keys}
                    self.fetched_at = time.monotonic()
                except OSError as error:
                    if not self.keys:
                        raise Refused(503, "temporarily_unavailable") from error
            return self.keys.get(kid)

    def verify(self, token):
        """The header and the claims of a good token. Raises Refused."""
        try:
            header = json.loads(base64url_decode(token.split(".")[0]))
            key = self.find_key(header["kid"])
            if key is None or header["typ"].lower().removeprefix("application/") not in TYPES:
                raise Refused(401, "invalid_token")
            signed = jws.JWS()
            # The key says by which algorithm, never the token.
            signed.allowed_algs = [key[1]]
            signed.deserialize(token, key[0])
            claims = json.loads(signed.payload)
            audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
            now = time.time()
            good = claims["iss"] == self.issuer and self.audience in audiences and claims["iat"] <= now + 10 < claims["exp"] + 10
            # A token that is bound to a key proves nothing here: nobody checks the proof.
            if not good or "cnf" in claims:
                raise Refused(401, "invalid_token")
            return header, claims
        except (JWException, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Refused(401, "invalid_token") from error
