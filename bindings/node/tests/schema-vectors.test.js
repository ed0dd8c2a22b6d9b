// What bindings/vectors/schemas.txt says of canonical texts. Its sources are for the tool alone, which reads them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { findMismatch } from '../lib/agreement.js';
import { SchemaError } from '../lib/errors.js';
import { parseSchema, typeId } from '../lib/schema.js';

const read = (file) => readFileSync(new URL(`../../vectors/${file}`, import.meta.url), 'utf8');
const market = read('schemas/market.schema');
const lines = read('schemas.txt').split('\n').filter((line) => line !== '' && !line.startsWith('#'));

/** Pieces that are joined by `+`, each of which may be repeated by `*`. What is not UTF-8 is some character that is not ASCII. */
function textOf(word) {
  if (word === '-') return '';
  const piece = ([text, times = '1']) => unescape(text).repeat(Number(times));
  return word.split('+').map((part) => piece(part.split('*'))).join('');
}

function changed(from, to) {
  if (from === '-') return textOf(to);
  assert.ok(market.includes(textOf(from)));
  return market.replace(textOf(from), () => textOf(to));
}

const verbs = {
  good(name) {
    assert.ok(parseSchema(read(`schemas/${name}.schema`)).messages.size > 0);
  },
  id(name, number) {
    assert.equal(typeId(name), Number.parseInt(number, 16));
  },
  bad(name, form, where, from, to) {
    if (form !== 'text') return;
    const isNamed = (error) => error instanceof SchemaError && where.split(',').includes(/^schema:(\d+): error: ./.exec(error.message)[1]);
    assert.throws(() => parseSchema(changed(from, to)), isNamed);
  },
  differ(name, from, to, line) {
    assert.equal(findMismatch(parseSchema(market), parseSchema(changed(from, to))), textOf(line));
  },
  agree(name, from, to) {
    assert.equal(findMismatch(parseSchema(market), parseSchema(changed(from, to))), undefined);
  },
};

for (const line of lines) {
  const [verb, name, ...words] = line.split(' ');
  test(`${verb} ${name}`, () => verbs[verb](name, ...words));
}
