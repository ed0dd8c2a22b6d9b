"""Schemas that the tests use, with every type there is."""

from ringmail._ringmail import type_id

import ringmail
from ringmail._schema import make_types

FLIGHTS = f"""ringmail-schema 1
enum flights.Cause u8
  value weather 1
  value carrier 2
message flights.Flight size 24 align 8 id {type_id("flights.Flight"):#010x}
  field date u64 offset 0
  field delay i32 offset 8
  field distance u16 offset 12
  field origin text<3> offset 14
  field destination text<3> offset 17
  field cause flights.Cause offset 20
message flights.Ask size 0 align 1 id {type_id("flights.Ask"):#010x}
message flights.Answer size 8 align 8 id {type_id("flights.Answer"):#010x}
  field mean f64 offset 0
message flights.Batch size 48 align 8 id {type_id("flights.Batch"):#010x}
  field delays f64[4] offset 0
  field legs flights.Leg[2] offset 32
message flights.Other size 0 align 1 id {type_id("flights.Other"):#010x}
protocol flights.Statistics
  accepts flights.Flight
  accepts flights.Ask -> flights.Answer
"""
# A message stands behind every message that it contains.
FLIGHTS = FLIGHTS.replace(
    "message flights.Batch",
    f"message flights.Leg size 8 align 4 id {type_id('flights.Leg'):#010x}\n"
    "  field a i32 offset 0\n  field b i32 offset 4\nmessage flights.Batch",
)

MARKET = f"""ringmail-schema 1
enum market.Side u8
  value bid 0
  value ask 1
enum market.Limit i64
  value least -9223372036854775808
  value none 0
  value default 7
enum market.Mask u64
  value empty 0
  value all 18446744073709551615
message market.Leg size 16 align 4 id {type_id("market.Leg"):#010x}
  field ratio i16 offset 0
  field weights f32[2] offset 4
  field open bool offset 12
message market.Tick size 120 align 8 id {type_id("market.Tick"):#010x}
  field time u64 offset 0
  field price f64 offset 8
  field quantity u32 offset 16
  field side market.Side offset 20
  field live bool offset 21
  field symbol text<16> offset 22
  field legs market.Leg[2] offset 40
  field limit market.Limit offset 72
  field mask market.Mask offset 80
  field sides market.Side[3] offset 88
  field flags bool[3] offset 91
  field codes text<3>[2] offset 94
  field best market.Leg offset 100
message market.Numbers size 40 align 8 id {type_id("market.Numbers"):#010x}
  field a u8 offset 0
  field b u16 offset 2
  field c u32 offset 4
  field d u64 offset 8
  field e i8 offset 16
  field f i16 offset 18
  field g i32 offset 20
  field h i64 offset 24
  field i f32 offset 32
message market.Words size 6 align 2 id {type_id("market.Words"):#010x}
  field class u8 offset 0
  field copy u16 offset 2
  field self u8 offset 4
  field side market.Side offset 5
message market.Arrays size 72 align 8 id {type_id("market.Arrays"):#010x}
  field a u8[4] offset 0
  field b i16[2] offset 4
  field c i64[2] offset 8
  field d f32[4] offset 24
  field e f64[4] offset 40
message market.Reset size 0 align 1 id {type_id("market.Reset"):#010x}
protocol market.Pricer
  accepts market.Tick -> market.Numbers
  accepts market.Reset
protocol market.Silent
"""


class Types:
    """The classes of a schema, by the last part of their names."""

    def __init__(self, text: str) -> None:
        types, enums = make_types(ringmail.parse_schema(text))
        for name, declared in {**types, **enums}.items():
            setattr(self, name.rpartition(".")[2], declared)
