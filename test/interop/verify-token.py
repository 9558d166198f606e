"""Verifies an ID token and an access token of Gatehouse with jwcrypto. Reads JSON from stdin, writes JSON to stdout."""
import json
import sys

from jwcrypto import jwk, jwt

given = json.load(sys.stdin)
keys = jwk.JWKSet.from_json(json.dumps(given["jwks"]))
verified = {}
for name, audience in (("id_token", given["client_id"]), ("access_token", given["audience"])):
    token = jwt.JWT(
        jwt=given[name],
        key=keys,
        algs=["RS256", "ES256"],
        check_claims={"iss": given["issuer"], "aud": audience, "exp": None},
    )
    verified[name] = {"header": json.loads(token.header), "claims": json.loads(token.claims)}
json.dump(verified, sys.stdout)
