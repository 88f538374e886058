"""A provider of identities that runs in a test: OpenID Connect's authorization code flow with PKCE, RS256, and nothing that
Clew's own library knows of. It can be told to lie."""

import base64
import hashlib
import http.server
import json
import secrets
import threading
import time
import urllib.parse

SMALL_PRIMES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37]
# DER of `DigestInfo { sha256, … }` (RFC 8017, 9.2, note 1).
SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def is_prime(number):
    """Miller and Rabin's test."""
    if any(number % prime == 0 for prime in SMALL_PRIMES):
        return number in SMALL_PRIMES
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in SMALL_PRIMES:
        power = pow(base, odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = pow(power, 2, number)
            if power == number - 1:
                break
        else:
            return False
    return True


def prime(bits):
    while True:
        candidate = secrets.randbits(bits) | (3 << (bits - 2)) | 1
        if is_prime(candidate) and (candidate - 1) % 65537:
            return candidate


class Key:
    """An RSA key that signs."""

    def __init__(self, bits=2048):
        p, q = prime(bits // 2), prime(bits // 2)
        self.modulus, self.size = p * q, bits // 8
        self.private = pow(65537, -1, (p - 1) * (q - 1))
        self.id = secrets.token_hex(4)

    def public(self):
        modulus = self.modulus.to_bytes(self.size, "big")
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id, "n": encoded(modulus), "e": "AQAB"}

    def sign(self, claims, header=None):
        header = {"alg": "RS256", "kid": self.id, "typ": "JWT"} | (header or {})
        signed = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
        digest = SHA256_PREFIX + hashlib.sha256(signed.encode()).digest()
        padded = b"\x00\x01" + b"\xff" * (self.size - len(digest) - 3) + b"\x00" + digest
        signature = pow(int.from_bytes(padded, "big"), self.private, self.modulus).to_bytes(self.size, "big")
        return f"{signed}.{encoded(signature)}"


class Provider:
    """Knows one person, whose claims a test sets, and one client."""

    def __init__(self, client_id, client_secret, redirect_url):
        self.client_id, self.client_secret, self.redirect_url = client_id, client_secret, redirect_url
        self.key = Key()
        self.person = {"sub": "4711", "preferred_username": "ada", "groups": []}
        # What a lying provider puts in the place of the truth.
        self.lies, self.header_lies, self.signing_key = {}, {}, self.key
        self.codes = {}
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                provider.get(self)

            def do_POST(self):
                provider.post(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()

    def answer(self, request, status, body=None, headers=()):
        data = json.dumps(body).encode() if body is not None else b""
        request.send_response(status)
        for name, value in [("Content-Type", "application/json"), ("Content-Length", str(len(data))), *headers]:
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(data)

    def get(self, request):
        path, _, query = request.path.partition("?")
        if path == "/.well-known/openid-configuration":
            self.answer(request, 200, {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            })
        elif path == "/keys":
            self.answer(request, 200, {"keys": [self.key.public()]})
        elif path == "/authorize":
            asked = dict(urllib.parse.parse_qsl(query))
            assert asked["client_id"] == self.client_id and asked["redirect_uri"] == self.redirect_url
            assert asked["response_type"] == "code" and "openid" in asked["scope"].split()
            assert asked["code_challenge_method"] == "S256" and len(asked["nonce"]) > 10 and len(asked["state"]) > 10
            code = secrets.token_urlsafe()
            self.codes[code] = asked
            back = urllib.parse.urlencode({"code": code, "state": asked["state"]})
            self.answer(request, 302, headers=[("Location", f"{self.redirect_url}?{back}")])
        else:
            self.answer(request, 404, {})

    def post(self, request):
        form = dict(urllib.parse.parse_qsl(request.rfile.read(int(request.headers["Content-Length"])).decode()))
        name, _, secret = base64.b64decode(request.headers.get("Authorization", "Basic ")[6:]).decode().partition(":")
        asked = self.codes.pop(form.get("code"), None)
        challenge = encoded(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        # RFC 6749, 2.3.1: both are written as forms write them.
        shown = urllib.parse.unquote_plus(name), urllib.parse.unquote_plus(secret)
        is_client = shown == (self.client_id, self.client_secret)
        if asked is None or challenge != asked["code_challenge"] or not is_client:
            return self.answer(request, 400, {"error": "invalid_grant"})
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        token = self.signing_key.sign(claims | self.person | self.lies, self.header_lies)
        self.answer(request, 200, {"access_token": "a", "token_type": "Bearer", "id_token": token})
