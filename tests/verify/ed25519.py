"""Ed25519 verification in plain Python, RFC 8032 section 5.1; for checking, not constant-time."""
import hashlib

P = 2 ** 255 - 19
ORDER = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_MINUS_1 = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)


def point_add(p, q):
    a = (p[1] - p[0]) * (q[1] - q[0]) % P
    b = (p[1] + p[0]) * (q[1] + q[0]) % P
    c = 2 * p[3] * q[3] * D % P
    d = 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_decode(data):
    """The point of 32 bytes, or None."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def point_encode(p):
    inverse = pow(p[2], P - 2, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


class Multiples:
    """A point with all i * 16^j of it, so that a product is 64 additions."""

    def __init__(self, point):
        self.rows = []
        for _ in range(64):
            row = [NEUTRAL]
            for _ in range(15):
                row.append(point_add(row[-1], point))
            self.rows.append(row)
            point = point_add(row[-1], point)

    def times(self, n):
        total = NEUTRAL
        for row in self.rows:
            total = point_add(total, row[n & 15])
            n >>= 4
        return total


MULTIPLES = {}


def multiples_of(key):
    """The table of the base point (key None) or of minus the public key; None if it is no key."""
    if key not in MULTIPLES:
        if key is None:
            point = point_decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
        else:
            point = point_decode(key)
            point = point and (P - point[0], point[1], 1, P - point[3])
        MULTIPLES[key] = point and Multiples(point)
    return MULTIPLES[key]


def ed25519_verify(key, message, signature):
    if len(key) != 32 or len(signature) != 64 or multiples_of(key) is None:
        return False
    s = int.from_bytes(signature[32:], "little")
    if s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    r = point_add(multiples_of(None).times(s), multiples_of(key).times(h))
    return point_encode(r) == signature[:32]
