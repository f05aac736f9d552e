"""Reads cases, one JSON a line, and says for each whether PyJWT and jwcrypto take the token."""

import json
import sys

import jwt
from jwcrypto import jwk as jwcrypto_jwk
from jwcrypto import jwt as jwcrypto_jwt

pyjwt_keys = {}
jwcrypto_keys = {}


def by_pyjwt(case):
    text = json.dumps(case["jwk"], sort_keys=True)
    if text not in pyjwt_keys:
        pyjwt_keys[text] = jwt.PyJWK(case["jwk"], case["algorithms"][0]).key
    jwt.decode(
        case["token"],
        pyjwt_keys[text],
        algorithms=case["algorithms"],
        options={"require": ["exp"]},
    )


def by_jwcrypto(case):
    text = json.dumps(case["jwk"], sort_keys=True)
    if text not in jwcrypto_keys:
        jwcrypto_keys[text] = jwcrypto_jwk.JWK(**case["jwk"])
    token = jwcrypto_jwt.JWT(algs=case["algorithms"], check_claims={"exp": None}, expected_type="JWS")
    token.leeway = 0
    token.deserialize(case["token"], jwcrypto_keys[text])


for line in sys.stdin:
    case = json.loads(line)
    answer = {}
    for name, read in (("pyjwt", by_pyjwt), ("jwcrypto", by_jwcrypto)):
        try:
            read(case)
            answer[name] = "ok"
        except Exception as error:
            answer[name] = f"{type(error).__name__}: {error}"[:200]
    print(json.dumps(answer))
