"""Is this token good, and is it for this service? Signature, type, issuer, audience, time."""
import json
import ssl
import threading
import time
import urllib.request
from http.client import HTTPException

from jwcrypto import jwk, jws
from jwcrypto.common import JWException, base64url_decode

TYPES = {"at+jwt", "gatehouse-identity+jwt"}
NEVER = float("-inf")
ALGORITHMS = {"EC": "ES256", "RSA": "RS256", "OKP": "EdDSA"}


class Refused(Exception):
    def __init__(self, status, code):
        super().__init__(code)
        self.status, self.code = status, code


def fetch_json(url, request=None):
    with urllib.request.urlopen(request or url, timeout=5) as answer:
        return json.load(answer)


def explain(error):
    """Why something could not be fetched, and what helps."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return f"{reason.verify_message}; SSL_CERT_FILE names a file with the authorities that are believed in the place of the system's"
    return str(error) or repr(error)


def read_key(key):
    """A key by its id, with its algorithm; nothing for one that is of no use here."""
    try:
        return key["kid"], (jwk.JWK(**key), key.get("alg") or ALGORITHMS[key["kty"]])
    except (JWException, ValueError, KeyError, TypeError):
        return None


class Verifier:
    def __init__(self, metadata, audience):
        self.issuer, self.audience, self.uri = metadata["issuer"], audience, metadata["jwks_uri"]
        self.keys, self.fetched_at, self.asked_at = {}, NEVER, NEVER
        self.lock = threading.Lock()

    def find_key(self, kid):
        """The issuer's key of this id. A known one is used at once, and renewed behind the caller's back when it is old."""
        known = self.keys.get(kid)
        if known and time.monotonic() - self.fetched_at < 86400:
            if time.monotonic() - self.asked_at > 300 and self.lock.acquire(blocking=False):
                threading.Thread(target=self.renew, daemon=True).start()
            return known
        with self.lock:
            # An unknown one is asked for at most once in 30 s, however that ends: whoever waits here waits for one answer.
            if time.monotonic() - self.asked_at > (30 if self.keys else 1):
                self.ask()
        if time.monotonic() - self.fetched_at > 86400:
            raise Refused(503, "temporarily_unavailable")
        return self.keys.get(kid)

    def renew(self):
        try:
            self.ask()
        finally:
            self.lock.release()

    def ask(self):
        try:
            self.keys = dict(filter(None, map(read_key, fetch_json(self.uri)["keys"])))
            self.fetched_at = time.monotonic()
        except (OSError, ValueError, KeyError, TypeError, HTTPException):
            pass  # Those at hand go on for a day.
        finally:
            self.asked_at = time.monotonic()

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
            good = claims["iss"] == self.issuer and self.audience in audiences and claims["iat"] - 60 <= now < claims["exp"]
            # A token that is bound to a key proves nothing here: nobody checks the proof.
            if not good or "cnf" in claims:
                raise Refused(401, "invalid_token")
            return header, claims
        except (JWException, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Refused(401, "invalid_token") from error
