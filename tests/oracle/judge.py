"""What joserfc makes of tokens.

Each line of the input is the name of a set of keys and a token in hexadecimal. Each line of the output is `accepted` and the subject
in JSON, or the exception's name. The first argument is the time; the second the sets, `{name: [{kid, alg, secret}, …]}` in JSON.
"""

import json
import sys
import warnings

from joserfc import jwt
from joserfc.jwk import KeySet, OctKey

ISSUER = AUDIENCE = "https://api.example.com"


def key(entry):
    named = {name: entry[name] for name in ("kid", "alg") if entry.get(name)}
    return OctKey.import_key(entry["secret"], named)


def judge(keys, token):
    algorithms = sorted({key.alg for key in keys.keys})
    claims = jwt.decode(token, keys, algorithms=algorithms).claims
    rules.validate(claims)
    return "accepted " + json.dumps(claims["sub"])


# It warns of secrets that are words.
warnings.simplefilter("ignore")
rules = jwt.JWTClaimsRegistry(
    now=int(sys.argv[1]),
    iss={"essential": True, "value": ISSUER},
    aud={"essential": True, "value": AUDIENCE},
    sub={"essential": True},
    exp={"essential": True},
)
rings = {name: KeySet([key(entry) for entry in entries]) for name, entries in json.loads(sys.argv[2]).items()}
for line in sys.stdin:
    ring, token = line.rstrip("\n").split(" ")
    try:
        print(judge(rings[ring], bytes.fromhex(token)))
    except Exception as error:  # what it is, is the answer
        print(type(error).__name__)
