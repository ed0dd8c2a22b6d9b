// The payloads of bindings/vectors, by classes that `ringmail gen` writes and by those that are made from a schema; and content,
// options, defaults and appended fields beyond them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

import { parseSchema } from '../lib/index.js';
import { findMismatch } from '../lib/agreement.js';
import { makeTypes } from '../lib/types.js';
import { withHost } from './host.js';

const folder = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const vectors = path.resolve(folder, '../vectors');
const output = path.join(folder, 'build/vectors');

mkdirSync(output, { recursive: true });
const run = (command, ...args) => execFileSync(command, args, { cwd: folder, stdio: 'inherit' });
run(process.env.RINGMAIL_TOOL ?? 'ringmail', 'gen', '--lang', 'ts', `${vectors}/vectors.mail`, '-o', `${output}/vectors.ts`);
run('npx', 'tsc', '-p', 'tests/vectors');
const generated = await import('../build/vectors/vectors.js');

function made() {
  const { messages, enums } = makeTypes(parseSchema(generated.$schema), generated.$schema);
  const short = ([name, declared]) => [name.split('.').at(-1), declared];
  return Object.fromEntries([...messages, ...enums].map(short));
}

const lines = readFileSync(`${vectors}/vectors.txt`, 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split(' '));
const payload = (hex) => new Uint8Array(Buffer.from(hex === '-' ? '' : hex, 'hex'));
const hex = (message) => Buffer.from(message.$memory.bytes).toString('hex') || '-';
const good = new Map(lines.filter(([kind]) => kind === 'good').map(([, name, , bytes]) => [name, bytes]));

/** What the README says of a good vector. */
function valuesOf(name, { Side, Wide }) {
  const { bid, ask } = Side;
  const points = [{ x: -1, y: 2 }, { x: 3, y: -4 }, { x: 5, y: 6 }];
  const grown2 = { number: 5, flag: true, count: 9, title: 'two' };
  return {
    numbers_most: {
      a: 255, b: 65535, c: 4294967295, d: 18446744073709551615n, e: -128, f: -32768, g: -2147483648, h: -9223372036854775808n,
      i: 1.5, j: -2.25, k: true, l: ask, m: Wide.low,
    },
    numbers_high: { e: 127, f: 32767, g: 2147483647, h: 9223372036854775807n, l: bid, m: Wide.high },
    empty: {},
    arrays: {
      numbers: [1, 2, 65535], sides: [bid, ask], name: 'abcde', names: ['é', 'xyz'], points: points.slice(0, 2),
      raw: [0, 1, 254, 255],
    },
    presets_new: {},
    presets_set: { a: 0, b: 0n, c: 0, d: 0, e: false, f: bid, g: '', h: 9 },
    options_none: {},
    options_zero: { a: 0, b: 0n, c: 0, d: false, e: bid, f: '', g: {} },
    options_all: { a: 255, b: 18446744073709551615n, c: -0.5, d: true, e: ask, f: 'abc', g: points[0] },
    content_empty: { id: 1 },
    content_full: {
      id: 2, title: 'héllo', raw: [0, 255, 7], numbers: [1n, 18446744073709551615n], points, sides: [ask, bid, ask],
      names: ['a', '', 'xyz'], flags: [true, false, true],
    },
    content_some: { id: 3, numbers: [5n], flags: [true] },
    content_two: { id: 4, title: 'abc', raw: [97, 98, 99] },
    both_none: {},
    both_empty: { title: '', raw: [], numbers: [], limit: 0n },
    both_all: { title: 't', raw: [9], numbers: [1, 2, 3], limit: 4n },
    grown_1: { number: 5, flag: true },
    grown_2: grown2,
    grown_3: { ...grown2, limit: 2.5, side: bid, numbers: [1, 2] },
    grown_2_from_1: { number: 5, flag: true },
    grown_3_from_1: { number: 5, flag: true },
    grown_3_from_2: grown2,
  }[name];
}

for (const [kind, types] of [['generated', generated], ['made', made()]]) {
  test(`good vectors are written and read, ${kind}`, () => {
    for (const [name, bytes] of good) {
      const Type = types[lines.find((line) => line[1] === name)[2]];
      const values = valuesOf(name, types);
      assert.ok(values, `${name} has no values here`);
      const message = new Type(values);
      assert.equal(hex(message), bytes, name);
      assert.ok(Type.$valid(payload(bytes)), name);
      const read = Type.$over(payload(bytes)).$object();
      assert.deepEqual(read, message.$object(), name);
      for (const [field, value] of Object.entries(values)) {
        if (field !== 'g' || name === 'presets_set') assert.deepEqual(read[field], value, `${name}.${field}`);
      }
    }
  });

  test(`read vectors hold what good ones do, ${kind}`, () => {
    for (const [what, name, message, bytes, same] of lines) {
      if (what !== 'read') continue;
      const Type = types[message];
      assert.ok(Type.$valid(payload(bytes)), name);
      const read = Type.$over(payload(bytes)).$object();
      assert.deepEqual(read, Type.$over(payload(good.get(same))).$object(), name);
      assert.equal(hex(new Type(read)), good.get(same), name);
    }
  });

  test(`bad vectors are refused, ${kind}`, () => {
    for (const [what, name, message, bytes] of lines) {
      if (what === 'bad') assert.ok(!types[message].$valid(payload(bytes)), name);
    }
  });

  test(`content is set as often as one likes, and not in the bytes of others, ${kind}`, () => {
    const { Content, Both, Grown3, Side } = types;
    const content = new Content({ id: 1, points: [{ x: 1 }, { x: 2 }], title: 'before' });
    content.points = content.points.slice(1);
    content.numbers = new BigUint64Array([7n]);
    content.title = 'later, and longer';
    content.numbers[0] = 8n;
    const expected = new Content({ id: 1, points: [{ x: 2 }], title: 'later, and longer', numbers: [8n] });
    assert.equal(hex(content), hex(expected));
    assert.deepEqual(content.$copy().$object(), content.$object());
    const both = new Both({ title: 'a', limit: 1n });
    both.title = null;
    both.limit = null;
    assert.equal(hex(both), hex(new Both()));
    const lying = Content.$over(content.$memory.bytes.slice());
    assert.throws(() => (lying.title = 'x'), /the content of this vectors.Content cannot become another where it lies/);
    const older = Grown3.$over(payload(good.get('grown_1')));
    assert.deepEqual([older.count, older.title, older.side, older.limit], [7, '', Side.ask, null]);
    assert.throws(() => (older.count = 1), /vectors.Grown3.count was not sent, and there is no room for it/);
    assert.equal(hex(older.$copy()), good.get('grown_3_from_1'));
  });

  test(`what does not fit is refused with its field, and references are checked when they are read, ${kind}`, () => {
    const { Content } = types;
    const content = new Content({ title: 'abc' });
    const before = hex(content);
    assert.throws(() => (content.raw = [256]), /vectors.Content.raw/);
    assert.throws(() => (content.numbers = [-1n]), /vectors.Content.numbers/);
    assert.equal(hex(content), before);
    const bytes = content.$memory.bytes.slice();
    new DataView(bytes.buffer).setUint32(12, 2 ** 32 - 1, true);
    assert.throws(() => Content.$over(bytes).title, /4294967295 elements of 1 bytes are not in their message/);
  });
}

test('what one of two schemas has appended is no difference', () => {
  const appended = '  field numbers list<u32> offset 48 appended\n';
  const there = parseSchema(generated.$schema);
  const grown = there.messages.get('vectors.Grown3');
  const here = structuredClone(there);
  here.messages.get('vectors.Grown3').fields.delete('numbers');
  assert.ok(grown.fields.has('numbers'), appended);
  assert.equal(findMismatch(here, there), undefined);
  assert.equal(findMismatch(there, here), undefined);
  here.messages.get('vectors.Grown3').fields.delete('flag');
  assert.equal(findMismatch(there, here), 'message vectors.Grown3 has no field flag there');
  const other = structuredClone(there);
  other.messages.get('vectors.Content').fields.get('points').size = 12;
  const line = 'message vectors.Content: field points has elements of 8 bytes here and 12 there';
  assert.equal(findMismatch(there, other), line);
});

for (const [kind, types] of [
  ['generated', `import * as types from ${JSON.stringify(path.join(output, 'vectors.js'))};`],
  ['made', 'const types = Object.fromEntries(["Grown2", "Grown3", "Options", "Content"].map((name) => [name, peer.type(`vectors.${name}`)]));'],
]) {
  const isMade = kind === 'made';
  test(
    `messages of variable length come and go, ${kind}`,
    withHost(
      `${isMade ? '' : types}
       const peer = await ringmail.attach();
       ${isMade ? types : ''}
       peer.on(types.Grown2, ({ number, title, count }) => new types.Grown3({ number, title: title + title, numbers: [count] }));
       peer.on(types.Options, async (options, sender) => {
         await sender.send(new types.Content({ title: 'abc', points: [{ x: 1 }] }));
         await sender.write(new types.Content({ title: 'lent', numbers: new BigUint64Array(2), points: [{}] }), (lent) => {
           lent.numbers[1] = 5n;
           lent.points[0].y = -1;
         });
       });
       await peer.run();`,
      { schema: generated.$schema },
      async (host) => {
        const { Grown2, Grown3, Options, Content } = generated;
        await host.waitFor('ready');
        for (const title of ['two', '']) {
          host.order('ask', Grown2.$type, 0, 1, hex(new Grown2({ number: 3, title })));
          const reply = (await host.waitFor('reply')).at(-1);
          assert.equal(reply, hex(new Grown3({ number: 3, title: title + title, numbers: [7] })));
        }
        host.order('send', Options.$type, 3, hex(new Options()));
        assert.equal((await host.waitFor('mail')).at(-1), hex(new Content({ title: 'abc', points: [{ x: 1 }] })));
        const lent = new Content({ title: 'lent', numbers: [0n, 5n], points: [{ y: -1 }] });
        assert.equal((await host.waitFor('mail')).at(-1), hex(lent));
        await host.stop();
      },
    ),
  );
}
