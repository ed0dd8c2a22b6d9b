// The classes of a schema's messages, made when the host has told it. What `ringmail gen --lang ts` writes has the same members:
// those that are no fields start with a $.
import { inspect } from 'node:util';

import { boolElement, messageElement, numberElement, numbers, several, single, textElement } from './fields.js';
import { OwnMemory, bytesOf } from './memory.js';

/** { messages, enums }: Maps of classes and of frozen objects by qualified name. */
export function makeTypes(schema, text) {
  const enums = new Map();
  for (const { name, values } of schema.enums.values()) enums.set(name, Object.freeze(Object.fromEntries(values)));
  const messages = new Map();
  for (const message of schema.messages.values()) messages.set(message.name, makeClass(schema, text, messages, message));
  return { messages, enums };
}

function makeClass(schema, text, messages, { name, size, id, fields }) {
  const accessors = new Map();
  const checks = [];
  for (const field of fields.values()) {
    accessors.set(fieldName(field.name), accessorOf(schema, messages, name, field));
    const check = checkOf(schema, messages, field);
    if (check) checks.push(check);
  }

  const Type = class {
    static $type = id;
    static $size = size;
    static $name = name;
    static $schema = text;

    constructor(given, memory = new OwnMemory(new Uint8Array(size)), at = 0) {
      this.$memory = memory;
      this.$at = at;
      if (given !== undefined) this.$set(given);
    }

    static $over(bytes) {
      if (bytes.byteLength !== size) throw new RangeError(`${name} has ${size} bytes, and ${bytes.byteLength} were given`);
      return new Type(undefined, new OwnMemory(bytes));
    }
    static $valid(bytes) {
      return bytes.byteLength === size && checks.every((check) => check(bytes));
    }

    get $name() {
      return name;
    }
    $set(given) {
      if (given instanceof Type) {
        const { target } = this.$memory;
        new Uint8Array(target.buffer, target.byteOffset + this.$at, size).set(bytesOf(given));
        return this;
      }
      for (const [key, value] of Object.entries(given)) {
        const accessor = accessors.get(key);
        if (accessor === undefined) throw new TypeError(`${name} has no field ${key}`);
        if (value !== undefined) accessor.set(this, value);
      }
      return this;
    }
    $copy() {
      return new Type().$set(this);
    }
    $object() {
      return Object.fromEntries([...accessors.keys()].map((key) => [key, plain(this[key])]));
    }
    [inspect.custom](depth, options, inspectIt) {
      return `${name} ${inspectIt(this.$object(), options)}`;
    }
  };
  Object.defineProperty(Type, 'name', { value: name.slice(name.lastIndexOf('.') + 1) });
  for (const [key, { get, set }] of accessors) {
    Object.defineProperty(Type.prototype, key, {
      get() {
        return get(this);
      },
      set(value) {
        set(this, value);
      },
      enumerable: true,
    });
  }
  return Type;
}

/** A message says by its constructor what it is. */
function fieldName(name) {
  return name === 'constructor' ? 'constructor_' : name;
}

function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (ArrayBuffer.isView(value)) return Array.from(value);
  return value?.$object ? value.$object() : value;
}

function accessorOf(schema, messages, message, { name, element, length, count, offset, size }) {
  const what = `${message}.${name}`;
  const underlying = schema.enums.get(element)?.underlying;
  if (count > 0 && !underlying && element !== 'bool' && element !== 'text' && !messages.has(element)) {
    return numbers(element, offset, count, what);
  }
  const one =
    element === 'text'
      ? textElement(length)
      : element === 'bool'
        ? boolElement
        : messages.has(element)
          ? messageElement(messages.get(element))
          : numberElement(underlying ?? element);
  return count > 0 ? several(one, offset, size, count, what) : single(one, offset, what);
}

/** Whether the bytes of a message hold a value of this field; none where any bytes do. */
function checkOf(schema, messages, { element, count, offset, size }) {
  const declared = schema.enums.get(element);
  const Type = messages.get(element);
  if (element !== 'bool' && !declared && !Type) return undefined;
  const numbersDeclared = declared && new Set(declared.values.values());
  const reader = declared && numberElement(declared.underlying);
  const isValue = (part) => {
    if (Type) return Type.$valid(part);
    if (!declared) return part[0] <= 1;
    return numbersDeclared.has(reader.read({ view: new DataView(part.buffer, part.byteOffset, part.byteLength) }, 0));
  };
  return (bytes) => {
    for (let i = 0; i < (count || 1); ++i) {
      if (!isValue(bytes.subarray(offset + i * size, offset + (i + 1) * size))) return false;
    }
    return true;
  };
}
