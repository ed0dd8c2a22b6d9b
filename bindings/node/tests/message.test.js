// Messages without a host: classes made from a schema, and those of generated code, which are checked to be alike.
import assert from 'node:assert/strict';
import test from 'node:test';

import { SchemaError, parseSchema } from '../lib/index.js';
import { SCHEMA } from './host.js';
import { Quote, Tick } from './messages.js';

test('fields that are not given are zero', () => {
  assert.deepEqual(new Tick().$object(), {
    time: 0n,
    price: 0,
    side: 0,
    live: false,
    symbol: '',
    legs: Array.from({ length: 4 }, () => ({ ratio: 0 })),
    weights: [0, 0, 0],
    bytes: Array(40).fill(0),
  });
});

test('what does not fit is refused with the name of the field', () => {
  const refused = (fields, error, message) => assert.throws(() => new Tick(fields), { name: error, message });
  refused({ time: 1 }, 'TypeError', 'market.Tick.time cannot be 1: a u64 is a BigInt');
  refused({ time: -1n }, 'RangeError', 'market.Tick.time cannot be -1: it is a u64');
  refused({ price: '1' }, 'TypeError', 'market.Tick.price cannot be "1": it is a number');
  refused({ symbol: 1 }, 'TypeError', 'market.Tick.symbol cannot be 1: it is a text');
  refused({ bytes: [256] }, 'RangeError', 'market.Tick.bytes[0] cannot be 256: u8 is 0 to 255');
  refused({ weights: [1, 2, 3, 4] }, 'RangeError', 'market.Tick.weights has 3 elements, and 4 were given');
  refused({ legs: [{ ratio: 2 ** 31 }] }, 'RangeError', 'market.Leg.ratio cannot be 2147483648: i32 is -2147483648 to 2147483647');
  refused({ lag: [] }, 'TypeError', 'market.Tick has no field lag');
});

test('texts are cut between characters and end at a zero', () => {
  const text = (symbol) => new Tick({ symbol }).symbol;
  assert.equal(text('Zürich'), 'Zürich');
  assert.equal(text('x'.repeat(15) + 'ü'), 'x'.repeat(15));
  assert.equal(text('a\0b'), 'a');
  const tick = new Tick({ symbol: 'long enough' });
  tick.symbol = 'ab';
  assert.equal(tick.symbol, 'ab');
});

test('arrays that are shorter leave zeroes, and may be their own source', () => {
  const tick = new Tick({ weights: [1, 2, 3], legs: [{ ratio: 1 }, { ratio: 2 }] });
  tick.weights = tick.weights.subarray(1);
  assert.deepEqual([...tick.weights], [2, 3, 0]);
  tick.legs = [tick.legs[1]];
  assert.deepEqual(tick.legs.map((leg) => leg.ratio), [2, 0, 0, 0]);
});

test('a copy is of its own, and bytes are looked at before they are trusted', () => {
  const tick = new Tick({ price: 1, side: 1 });
  const copy = tick.$copy();
  copy.price = 2;
  assert.equal(tick.price, 1);
  const bytes = tick.$memory.bytes.slice();
  assert.ok(Tick.$valid(bytes));
  assert.ok(!Tick.$valid(bytes.subarray(1)));
  bytes[16] = 2;
  assert.ok(!Tick.$valid(bytes), 'no Side is 2');
  bytes[16] = 1;
  bytes[17] = 2;
  assert.ok(!Tick.$valid(bytes), 'no bool is 2');
  bytes[17] = 1;
  assert.ok(Tick.$valid(Buffer.concat([bytes, Buffer.from('more')])), 'a newer version may have more');
  assert.throws(() => Quote.$over(bytes.subarray(0, 15)), { message: 'these 15 bytes are no market.Quote' });
});

test('a schema is read as the specification says, and else refused with the line', () => {
  const schema = parseSchema(SCHEMA);
  assert.deepEqual([...schema.enums.get('market.Side').values], [['bid', 0], ['ask', 1]]);
  assert.equal(schema.protocols.get('market.Pricer').accepts.get('market.Tick'), 'market.Quote');
  const refused = (from, to, message) =>
    assert.throws(() => parseSchema(SCHEMA.replace(from, to)), (error) => error instanceof SchemaError && error.message === message);
  refused('schema 1', 'schema 2', "schema:1: error: the first line is not 'ringmail-schema 1'");
  refused('field price f64 offset 8', 'field price f64 offset 12', 'schema:9: error: message market.Tick: field price cannot be at offset 12');
  refused('text<16>', 'text<0>', 'schema:12: error: unknown type text<0>');
  refused('market.Leg[4]', 'market.Lag[4]', 'schema:13: error: unknown type market.Lag');
  refused(/id 0x\w+\n  field bid/, 'id 0x00000001\n  field bid', 'schema:16: error: message market.Quote cannot have the id 0x00000001');
  refused('enum market.Side u8', 'enum market.Side f32', 'schema:2: error: an enum cannot be a f32');
});
