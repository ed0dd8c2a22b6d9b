// The canonical schema text (docs/spec/message.md) as plain objects.
import { SchemaError } from './errors.js';

export const HEADING = 'ringmail-schema 1';
const LARGEST_MESSAGE = 65536;

/** Bytes of each number. */
export const NUMBERS = {
  u8: 1, u16: 2, u32: 4, u64: 8, i8: 1, i16: 2, i32: 4, i64: 8, f32: 4, f64: 8, bool: 1,
};

/** FNV-1a of a qualified name. */
export function typeId(name) {
  let hash = 2166136261;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 16777619) >>> 0;
  return hash;
}

/**
 * { enums, messages, protocols }, each a Map by qualified name, in the text's order:
 *   enum      { name, underlying, values: Map of numbers or BigInts }
 *   message   { name, size, align, id, fields: Map of { name, type, element, length, count, offset, size } }
 *   protocol  { name, accepts: Map from message to reply or null }
 * Of a field `type` is as written ("market.Leg[4]"), `element` without length and count ("market.Leg", "text"); `length` is
 * that of a text, `count` that of an array, else 0; `size` is that of one element. Throws SchemaError with the line.
 */
export function parseSchema(text) {
  return text === '' ? emptySchema() : new Reader(text).read();
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
    let end = 0;
    let largest = 1;
    for (const [fieldName, type, , offset] of this.#members('field')) {
      const field = this.#field(fieldName, type, this.#number(offset));
      const alignment = this.#alignment(field);
      if (field.offset !== Math.ceil(end / alignment) * alignment) {
        throw this.#error(`message ${name}: field ${fieldName} cannot be at offset ${offset}`);
      }
      end = field.offset + field.size * (field.count || 1);
      largest = Math.max(largest, alignment);
      message.fields.set(fieldName, field);
    }
    if (message.size !== Math.ceil(end / largest) * largest || message.align !== largest || end > LARGEST_MESSAGE) {
      throw this.#error(`message ${name} cannot have size ${size} and align ${align}`);
    }
    if (message.id === 0 || message.id !== typeId(name)) throw this.#error(`message ${name} cannot have the id ${id}`);
    this.#declare(this.#schema.messages, message);
  }

  #field(name, type, offset) {
    const parts = /^([A-Za-z][\w.]*)(?:<([1-9]\d*)>)?(?:\[([1-9]\d*)\])?$/.exec(type);
    if (parts === null || (parts[1] === 'text') !== (parts[2] !== undefined)) throw this.#error(`unknown type ${type}`);
    const [, element, length = '0', count = '0'] = parts;
    const field = { name, type, element, length: Number(length), count: Number(count), offset, size: 0 };
    field.size = this.#size(field);
    return field;
  }

  #size({ element, length }) {
    if (element === 'text') return length;
    const { enums, messages } = this.#schema;
    const size = NUMBERS[enums.get(element)?.underlying ?? element] ?? messages.get(element)?.size;
    if (size === undefined) throw this.#error(`unknown type ${element}`);
    if (size === 0) throw this.#error(`${element} is empty, and an empty message cannot be a field`);
    return size;
  }

  #alignment({ element, size }) {
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
