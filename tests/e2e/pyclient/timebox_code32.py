"""Codes that people read out and type: proto/README.md, "Codes"."""

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
READ_AS = str.maketrans("OIL", "011")


class BadCode(ValueError):
    """The text is no code: a letter, the length, the fill bits or the check is wrong."""


def times_x(element):
    """The product with x in GF(32), x^5 + x^2 + 1."""
    element <<= 1
    return element ^ 0b100101 if element & 32 else element


def check_value(values):
    """The check character's value: the sum of x^i * d(i), d(1) being the last of `values`."""
    total = 0
    for value in values:
        total = times_x(total ^ value)
    return total


def encode(data):
    fill = -len(data) * 8 % 5
    number, count = int.from_bytes(data, "big") << fill, (len(data) * 8 + fill) // 5
    values = [number >> 5 * i & 31 for i in reversed(range(count))]
    text = "".join(LETTERS[v] for v in values + [check_value(values)])
    return "-".join(text[i:i + 4] for i in range(0, len(text), 4))


def decode(text, size):
    """The `size` bytes of a code."""
    letters = text.replace("-", "").replace(" ", "").upper().translate(READ_AS)
    fill = -size * 8 % 5
    values = [LETTERS.find(letter) for letter in letters]
    if len(values) != (size * 8 + fill) // 5 + 1 or -1 in values:
        raise BadCode("not a code of %d bytes" % size)
    if check_value(values[:-1]) != values[-1]:
        raise BadCode("a character is wrong")
    number = 0
    for value in values[:-1]:
        number = number << 5 | value
    if number & ((1 << fill) - 1):
        raise BadCode("a character is wrong")
    return (number >> fill).to_bytes(size, "big")
