// The canonical schema text (docs/spec/message.md) as plain objects.
import { readFileSync } from 'node:fs';

import { fits, isPresetOfText, isQualifiedName, isWord, presetText } from './canonical.js';
import { SchemaError } from './errors.js';

export const HEADING = 'ringmail-schema 1';
const LONGEST_TEXT = 524288;
const LARGEST_MESSAGE = 65536;
const DEEPEST = 32; // a message that contains no other has depth 1
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
  if (text.length > LONGEST_TEXT) throw new SchemaError(`schema:1: error: the schema is larger than ${LONGEST_TEXT} bytes`);
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

/** Refuses what a `.mail` file could not declare, and each line that is not the canonical one of what it declares. */
class Reader {
  #lines;
  #at = 0;
  #schema = emptySchema();
  #depths = new Map(); // how deep each message nests

  constructor(text) {
    this.#lines = text.split('\n');
  }

  read() {
    if (this.#words()?.join(' ') !== HEADING || this.#lines.length === 1) throw this.#error(`the first line is not '${HEADING}'`, 1);
    if (this.#lines.at(-1) !== '') throw this.#error('the last line does not end', this.#lines.length);
    let least = 0;
    while (this.#at < this.#lines.length - 1) {
      const words = this.#words();
      const order = ['enum', 'message', 'protocol'].indexOf(words[0]);
      if (order < least) throw this.#error(`cannot read '${words.join(' ')}' here`);
      least = order;
      if (words.length !== [3, 8, 2][order]) throw this.#error(`cannot read '${words.join(' ')}'`);
      if (words[0] === 'enum') this.#enum(words);
      else if (words[0] === 'message') this.#message(words);
      else this.#protocol(words);
    }
    return this.#schema;
  }

  #error(text, at = this.#at) {
    return new SchemaError(`schema:${at}: error: ${text}`);
  }

  #words() {
    return this.#lines[this.#at++]?.split(' ');
  }

  /** The words of each line below a declaration that starts so. */
  *#members(keyword) {
    while (this.#lines[this.#at].startsWith(`  ${keyword} `)) yield this.#words().slice(3);
  }

  #compare(line, at = this.#at) {
    if (this.#lines[at - 1] !== line) throw this.#error(`the canonical line is '${line}'`, at);
  }

  #declare(name) {
    if (nounOf(this.#schema, name)) throw this.#error(`${name} is already declared`);
    if (!isQualifiedName(name)) throw this.#error(`'${name}' is no name`);
  }

  #member(name, others, form) {
    if (!isWord(name) || !form.test(name)) throw this.#error(`'${name}' is no name`);
    if (others.has(name)) throw this.#error(`${name} is declared twice`);
  }

  #number(text) {
    const number = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(number)) throw this.#error(`'${text}' is no number`);
    return number;
  }

  #enum([, name, underlying]) {
    this.#declare(name);
    if (!/^[ui](8|16|32|64)$/.test(underlying)) throw this.#error(`an enum cannot be a ${underlying}`);
    const at = this.#at;
    const values = new Map();
    for (const [value, text] of this.#members('value')) {
      if (!/^-?\d+$/.test(text ?? '')) throw this.#error(`'${text}' is no number`);
      const number = NUMBERS[underlying] === 8 ? BigInt(text) : Number(text);
      if (!fits(number, underlying)) throw this.#error(`${text} does not fit ${underlying}`);
      if ([...values.values()].includes(number)) throw this.#error(`${text} is the number of another value`);
      this.#member(value, values, /^[A-Za-z]/);
      this.#compare(`  value ${value} ${number}`);
      values.set(value, number);
    }
    if (values.size === 0) throw this.#error(`enum ${name} has no values`, at);
    this.#schema.enums.set(name, { name, underlying, values });
  }

  #message([, name, , size, , align, , id]) {
    this.#declare(name);
    const at = this.#at;
    const message = { name, size: 0, align: 1, id: typeId(name), fields: new Map() };
    message.fixedSizeAt = undefined;
    message.earlierSizes = [];
    let end = 0;
    let depth = 1;
    for (const [fieldName, type, , offset, ...more] of this.#members('field')) {
      this.#member(fieldName, message.fields, /^[a-z]/);
      const field = this.#field(fieldName, type ?? '', this.#number(offset ?? ''), more);
      const alignment = this.#alignment(field);
      if (field.isAppended) message.earlierSizes.push((end = roundUp(end, message.align)));
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
      this.#compare(this.#lineOf(field));
      end = field.offset + field.total;
      depth = Math.max(depth, 1 + (this.#depths.get(field.element) ?? 0));
      if (depth > DEEPEST) throw this.#error(`messages nest deeper than ${DEEPEST}`);
      message.align = Math.max(message.align, alignment);
      message.fields.set(fieldName, field);
    }
    message.size = roundUp(end, message.align);
    if (size !== `${message.size}` || align !== `${message.align}` || message.size > LARGEST_MESSAGE) {
      throw this.#error(`message ${name} cannot have size ${size} and align ${align}`, at);
    }
    const hexadecimal = `0x${message.id.toString(16).padStart(8, '0')}`;
    if (message.id === 0 || id !== hexadecimal) throw this.#error(`message ${name} cannot have the id ${id}`, at);
    const { messages } = this.#schema;
    if ([...messages.values()].some((other) => other.id === message.id)) {
      throw this.#error(`message ${name} has the id of another one`, at);
    }
    this.#compare(`message ${name} size ${size} align ${align} id ${id}`, at);
    messages.set(name, message);
    this.#depths.set(name, depth);
  }

  #field(name, type, offset, more) {
    const parts = /^(list<)?([A-Za-z][\w.]*)(?:<([1-9]\d*)>)?(>)?(\?|\[([1-9]\d*)\])?$/.exec(type);
    if (parts === null || (parts[1] === undefined) !== (parts[4] === undefined)) throw this.#error(`unknown type ${type}`);
    const [, list, element, length = '0', , behind, count = '0'] = parts;
    if (element !== 'text' && length !== '0') throw this.#error(`unknown type ${type}`);
    const hasNoSize = element === 'bytes' || (element === 'text' && length === '0');
    if (hasNoSize && (list || count !== '0')) throw this.#error(`${type} has elements of no fixed size`);
    if (list && count !== '0') throw this.#error(`${type} is an array of lists`);
    const isAppended = more[0] === 'appended';
    const words = isAppended ? more.slice(1) : more;
    if (words.length > 0 && (list || hasNoSize || behind)) throw this.#error(`a field of type ${type} has no default of its own`);
    const field = {
      name, type, element, length: Number(length), count: Number(count), offset, size: 0, total: 0,
      isList: list !== undefined, isOptional: behind === '?', isAppended, isVariable: hasNoSize || list !== undefined,
      preset: this.#preset(element, Number(length), words),
    };
    field.size = this.#size(field);
    field.total = field.isVariable ? REFERENCE : field.size * (field.count || 1);
    if (field.total > LARGEST_MESSAGE) throw this.#error(`${type} is larger than the largest message, ${LARGEST_MESSAGE} bytes`);
    if (field.isOptional) field.total = roundUp(field.total + 1, this.#alignment(field));
    return field;
  }

  #lineOf({ name, type, element, offset, isAppended, preset }) {
    const line = `  field ${name} ${type} offset ${offset}${isAppended ? ' appended' : ''}`;
    if (preset === undefined) return line;
    const values = this.#schema.enums.get(element)?.values;
    const text = values ? [...values.keys()].find((value) => values.get(value) === preset) : presetText(element, preset);
    return `${line} default ${text}`;
  }

  #preset(element, length, [word, ...others]) {
    if (word === undefined) return undefined;
    const text = others.join(' ');
    const value = word === 'default' ? this.#presetValue(element, text) : undefined;
    if (value === undefined) throw this.#error(`cannot read '${[word, ...others].join(' ')}'`);
    const isHeld = element === 'text' ? value.length <= length : !(element in NUMBERS) || element === 'bool' || fits(value, element);
    if (!isHeld) throw this.#error(`the default ${text} does not fit`);
    return value;
  }

  #presetValue(element, text) {
    if (element === 'text') return isPresetOfText(text) ? text.slice(1, -1).replace(/\\(.)/g, '$1') : undefined;
    if (element === 'bool') return { false: false, true: true }[text];
    const declared = this.#schema.enums.get(element);
    if (declared !== undefined) return declared.values.get(text);
    if (NUMBERS[element] === undefined || text === '' || Number.isNaN(Number(text))) return undefined;
    if (/^[iu]/.test(element) && !/^-?\d+$/.test(text)) return undefined;
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
    this.#declare(name);
    const accepts = new Map();
    for (const [message, arrow, reply] of this.#members('accepts')) {
      for (const known of arrow === undefined ? [message] : [message, reply]) {
        if (!this.#schema.messages.has(known)) throw this.#error(`unknown message ${known}`);
      }
      if (accepts.has(message)) throw this.#error(`${message} is accepted twice`);
      this.#compare(`  accepts ${message}${reply === undefined ? '' : ` -> ${reply}`}`);
      accepts.set(message, reply ?? null);
    }
    this.#schema.protocols.set(name, { name, accepts });
  }
}
