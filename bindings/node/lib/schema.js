// The canonical schema text (docs/spec/message.md) as plain objects.
import { readFileSync } from 'node:fs';

import { SchemaError } from './errors.js';

export const HEADING = 'ringmail-schema 1';
const LARGEST_MESSAGE = 65536;
const REFERENCE = 8; // bytes, aligned to 4: where content is, and how much

/** Bytes of each number. */
export const NUMBERS = {
  u8: 1, u16: 2, u32: 4, u64: 8, i8: 1, i16: 2, i32: 4, i64: 8, f32: 4, f64: 8, bool: 1,
};

function roundUp(size, align) {
  return Math.ceil(size / align) * align;
}

/** FNV-1a of a qualified name. */
export function typeId(name) {
  let hash = 2166136261;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 16777619) >>> 0;
  return hash;
}

/**
 * { enums, messages, protocols }, each a Map by qualified name, in the text's order:
 *   enum      { name, underlying, values: Map of numbers or BigInts }
 *   message   { name, size, align, id, fields: Map of { name, type, element, length, count, offset, size, ... }, fixedSizeAt,
 *               earlierSizes }
 *   protocol  { name, accepts: Map from message to reply or null }
 * Of a field `type` is as written ("market.Leg[4]"), `element` without length and count ("market.Leg", "text"); `length` is
 * that of a text, `count` that of an array, else 0; `size` is that of one element, `total` that of the field in the fixed part;
 * `isList`, `isOptional` and `isAppended` say what they do, `isVariable` that it is a reference to content, and `preset` is the default
 * or undefined, of an enum a number. `fixedSizeAt` is where the fixed size stands, if there is content, `earlierSizes` those before
 * each of the appended fields. Throws SchemaError with the line.
 */
export function parseSchema(text) {
  return text === '' ? emptySchema() : new Reader(text).read();
}

/** A canonical schema text, or the path of one. */
export function schemaText(schema = '') {
  const text = schema === '' || schema.startsWith(HEADING) ? schema : readFileSync(schema, 'utf8');
  if (text !== '' && !text.startsWith(HEADING)) {
    throw new SchemaError(`${schema}: not a canonical schema text: its first line is not '${HEADING}'`);
  }
  return text;
}

function emptySchema() {
  return { enums: new Map(), messages: new Map(), protocols: new Map() };
}

export function nounOf(schema, name) {
  if (schema.enums.has(name)) return 'an enum';
  if (schema.messages.has(name)) return 'a message';
  return schema.protocols.has(name) ? 'a protocol' : undefined;
}

class Reader {
  #lines;
  #at = 0;
  #schema = emptySchema();

  constructor(text) {
    this.#lines = text.split('\n');
  }

  read() {
    if (this.#words()?.join(' ') !== HEADING) throw this.#error(`the first line is not '${HEADING}'`);
    if (this.#lines.at(-1) !== '') throw this.#error('the last line does not end');
    while (this.#at < this.#lines.length - 1) {
      const words = this.#words();
      if (words[0] === 'enum' && words.length === 3) this.#enum(words);
      else if (words[0] === 'message' && words.length === 8) this.#message(words);
      else if (words[0] === 'protocol' && words.length === 2) this.#protocol(words);
      else throw this.#error(`cannot read '${words.join(' ')}'`);
    }
    return this.#schema;
  }

  #error(text) {
    return new SchemaError(`schema:${this.#at}: error: ${text}`);
  }

  #words() {
    return this.#lines[this.#at++]?.split(' ');
  }

  /** The words of each line below a declaration that starts so. */
  *#members(keyword) {
    while (this.#lines[this.#at].startsWith(`  ${keyword} `)) yield this.#words().slice(3);
  }

  #declare(map, declared) {
    if (nounOf(this.#schema, declared.name)) throw this.#error(`${declared.name} is already declared`);
    if (!/^[a-z]\w*(\.[a-z]\w*)*\.[A-Z]\w*$/.test(declared.name)) throw this.#error(`'${declared.name}' is no name`);
    map.set(declared.name, declared);
  }

  #number(text) {
    const number = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(number)) throw this.#error(`'${text}' is no number`);
    return number;
  }

  #enum([, name, underlying]) {
    if (!/^[ui](8|16|32|64)$/.test(underlying)) throw this.#error(`an enum cannot be a ${underlying}`);
    const values = new Map();
    for (const [value, number] of this.#members('value')) {
      if (!/^-?\d+$/.test(number ?? '')) throw this.#error(`'${number}' is no number`);
      values.set(value, NUMBERS[underlying] === 8 ? BigInt(number) : Number(number));
    }
    if (values.size === 0) throw this.#error(`enum ${name} has no values`);
    this.#declare(this.#schema.enums, { name, underlying, values });
  }

  #message([, name, , size, , align, , id]) {
    const message = { name, size: this.#number(size), align: this.#number(align), id: Number(id), fields: new Map() };
    message.fixedSizeAt = undefined;
    message.earlierSizes = [];
    let end = 0;
    let largest = 1;
    for (const [fieldName, type, , offset, ...more] of this.#members('field')) {
      const field = this.#field(fieldName, type, this.#number(offset), more);
      const alignment = this.#alignment(field);
      if (field.isAppended) message.earlierSizes.push((end = roundUp(end, largest)));
      else if (message.earlierSizes.length > 0) {
        throw this.#error(`message ${name}: field ${fieldName} stands behind an appended one`);
      }
      if (field.isVariable && message.fixedSizeAt === undefined) {
        message.fixedSizeAt = roundUp(end, 4);
        end = message.fixedSizeAt + 4;
      }
      if (field.offset !== roundUp(end, alignment)) {
        throw this.#error(`message ${name}: field ${fieldName} cannot be at offset ${offset}`);
      }
      end = field.offset + field.total;
      largest = Math.max(largest, alignment);
      message.fields.set(fieldName, field);
    }
    if (message.size !== roundUp(end, largest) || message.align !== largest || end > LARGEST_MESSAGE) {
      throw this.#error(`message ${name} cannot have size ${size} and align ${align}`);
    }
    if (message.id === 0 || message.id !== typeId(name)) throw this.#error(`message ${name} cannot have the id ${id}`);
    this.#declare(this.#schema.messages, message);
  }

  #field(name, type, offset, more) {
    const parts = /^(list<)?([A-Za-z][\w.]*)(?:<([1-9]\d*)>)?(>)?(\?|\[([1-9]\d*)\])?$/.exec(type);
    if (parts === null || (parts[1] === undefined) !== (parts[4] === undefined)) throw this.#error(`unknown type ${type}`);
    const [, list, element, length = '0', , behind, count = '0'] = parts;
    if (element !== 'text' && length !== '0') throw this.#error(`unknown type ${type}`);
    const hasNoSize = element === 'bytes' || (element === 'text' && length === '0');
    if (hasNoSize && (list || count !== '0')) throw this.#error(`${type} has elements of no fixed size`);
    const isAppended = more[0] === 'appended';
    const field = {
      name, type, element, length: Number(length), count: Number(count), offset, size: 0, total: 0,
      isList: list !== undefined, isOptional: behind === '?', isAppended, isVariable: hasNoSize || list !== undefined,
      preset: this.#preset(element, isAppended ? more.slice(1) : more),
    };
    field.size = this.#size(field);
    field.total = field.isVariable ? REFERENCE : field.size * (field.count || 1);
    if (field.isOptional) field.total = roundUp(field.total + 1, this.#alignment(field));
    return field;
  }

  #preset(element, [word, ...others]) {
    if (word === undefined) return undefined;
    const text = others.join(' ');
    const value = word === 'default' ? this.#presetValue(element, text) : undefined;
    if (value === undefined) throw this.#error(`cannot read '${[word, ...others].join(' ')}'`);
    return value;
  }

  #presetValue(element, text) {
    if (element === 'text') return /^".*"$/.test(text) ? text.slice(1, -1).replace(/\\(.)/g, '$1') : undefined;
    if (element === 'bool') return { false: false, true: true }[text];
    const declared = this.#schema.enums.get(element);
    if (declared !== undefined) return declared.values.get(text);
    if (NUMBERS[element] === undefined || Number.isNaN(Number(text))) return undefined;
    return /^[iu]64$/.test(element) ? BigInt(text) : Number(text);
  }

  #size({ element, length }) {
    if (element === 'text') return length || 1;
    if (element === 'bytes') return 1;
    const { enums, messages } = this.#schema;
    const size = NUMBERS[enums.get(element)?.underlying ?? element] ?? messages.get(element)?.size;
    if (size === undefined) throw this.#error(`unknown type ${element}`);
    if (size === 0) throw this.#error(`${element} is empty, and an empty message cannot be a field`);
    if (messages.get(element)?.fixedSizeAt !== undefined) {
      throw this.#error(`${element} has content of variable length, and cannot be a field`);
    }
    return size;
  }

  /** Of the field; that of an element is what it is without a list. */
  #alignment({ element, size, isVariable }) {
    if (isVariable) return 4;
    return element === 'text' ? 1 : (this.#schema.messages.get(element)?.align ?? size);
  }

  #protocol([, name]) {
    const accepts = new Map();
    for (const [message, arrow, reply] of this.#members('accepts')) {
      for (const known of arrow === undefined ? [message] : [message, reply]) {
        if (!this.#schema.messages.has(known)) throw this.#error(`unknown message ${known}`);
      }
      accepts.set(message, reply ?? null);
    }
    this.#declare(this.#schema.protocols, { name, accepts });
  }
}
