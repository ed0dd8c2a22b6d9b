"""How the canonical schema text spells names and numbers (docs/spec/message.md)."""

from __future__ import annotations

import math
import re
import struct

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*")
_TOO_LARGE_FOR_F32 = (2 - 2**-24) * 2.0**127  # halfway to what would be the next one
_RESERVED_SPACES = {"ringmail", "std"}
_RESERVED_TYPES = {"EOF", "False", "NULL", "None", "Self", "True"}


def is_word(word: str) -> bool:
    return _WORD.fullmatch(word) is not None and len(word) <= 64 and not word.startswith("ringmail_")


def is_qualified_name(name: str) -> bool:
    *spaces, word = name.split(".")
    return (
        len(name) <= 255
        and bool(spaces)
        and all(is_word(space) and space[0].islower() and space not in _RESERVED_SPACES for space in spaces)
        and is_word(word)
        and word[0].isupper()
        and word not in _RESERVED_TYPES
    )


def fits(number: int | float, type_name: str) -> bool:
    """Whether a type holds that number."""
    if type_name[0] == "f":
        return math.isfinite(number) and (type_name == "f64" or abs(number) < _TOO_LARGE_FOR_F32)
    bits = int(type_name[1:])
    least = -(1 << bits - 1) if type_name[0] == "i" else 0
    return least <= number < least + (1 << bits)


def preset_text(type_name: str, preset: int | float | str) -> str:
    """A default, as it stands in the text."""
    if isinstance(preset, str):
        return '"' + preset.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if type_name == "bool":
        return "true" if preset else "false"
    return _float_text(preset, type_name) if type_name[0] == "f" else str(preset)


def _float_text(number: float, type_name: str) -> str:
    """The fewest digits that give the same value back, in scientific notation where that is shorter."""

    bits = struct.Struct("<f" if type_name == "f32" else "<d").pack
    tries = (f"{number:.{digits}e}" for digits in range(17))
    scientific = next(text for text in tries if fits(float(text), type_name) and bits(float(text)) == bits(number))
    mantissa, exponent = scientific.split("e")
    sign, digits = ("-" if mantissa[0] == "-" else ""), mantissa.lstrip("-").replace(".", "")
    point = 1 + int(exponent)
    if point <= 0:
        fixed = "0." + "0" * -point + digits
    elif point >= len(digits):
        fixed = digits + "0" * (point - len(digits))
    else:
        fixed = digits[:point] + "." + digits[point:]
    return min(sign + fixed, scientific, key=len)
