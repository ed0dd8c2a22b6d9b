// The classes of a schema's messages, made when the host has told it. What `ringmail gen --lang ts` writes has the same members:
// those that are no fields start with a $.
import { inspect } from 'node:util';

import { isContent, numbersContent, put, sentSize, severalContent, textContent } from './content.js';
import { ARRAYS, boolElement, messageElement, numberElement, numbers, optional, several, single, textElement } from './fields.js';
import { LentMemory, OwnMemory, bytesOf } from './memory.js';

/** { messages, enums }: Maps of classes and of frozen objects by qualified name. */
export function makeTypes(schema, text) {
  const enums = new Map();
  for (const { name, values } of schema.enums.values()) enums.set(name, Object.freeze(Object.fromEntries(values)));
  const messages = new Map();
  for (const message of schema.messages.values()) messages.set(message.name, makeClass(schema, text, messages, message));
  return { messages, enums };
}

function makeClass(schema, text, messages, message) {
  const { name, size, id, fields, fixedSizeAt, earlierSizes } = message;
  const accessors = new Map();
  const checks = [];
  const initial = new Uint8Array(size); // the fixed part of a new message
  for (const field of fields.values()) {
    const key = fieldName(field.name);
    accessors.set(key, completed(key, accessorOf(schema, messages, name, field), field, () => new Type()));
    checks.push(...checksOf(schema, messages, field));
  }

  const Type = class {
    static $type = id;
    static $size = size;
    static $align = message.align;
    static $name = name;
    static $schema = text;
    static $earlier = earlierSizes;
    static $fixedSizeAt = fixedSizeAt;
    static $contents = [...fields.values()].filter(({ isVariable }) => isVariable).map((field) => contentOf(messages, field));
    static $initial = initial;

    constructor(given, memory = new OwnMemory(initial.slice()), at = 0) {
      this.$memory = memory;
      this.$at = at;
      if (given !== undefined) this.$set(given);
    }

    /** How much of the fixed part these bytes have; -1: they are none. */
    static $sent(view, at = 0) {
      return sentSize(view, at, Type);
    }
    static $over(bytes) {
      const memory = new LentMemory(bytes);
      if (Type.$sent(memory.view) < 0) throw new RangeError(`these ${bytes.byteLength} bytes are no ${name}`);
      return new Type(undefined, memory);
    }
    static $valid(bytes) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const sent = Type.$sent(view);
      return sent >= 0 && checks.every((check) => check(bytes, view, sent));
    }

    get $length() {
      const length = this.$memory.view.byteLength - this.$at;
      return fixedSizeAt === undefined ? Math.min(length, size) : length;
    }
    $has(offset) {
      return offset < Type.$sent(this.$memory.view, this.$at);
    }
    get $name() {
      return name;
    }
    $set(given) {
      if (given instanceof Type && fixedSizeAt === undefined && earlierSizes.length === 0) {
        const { target } = this.$memory;
        new Uint8Array(target.buffer, target.byteOffset + this.$at, size).set(bytesOf(given));
        return this;
      }
      const contents = new Map(); // put at once: each time all content moves
      for (const key of given instanceof Type ? accessors.keys() : Object.keys(given)) {
        const accessor = accessors.get(key);
        const value = given[key];
        if (accessor === undefined) throw new TypeError(`${name} has no field ${key}`);
        if (value === undefined) continue;
        if (accessor.pack) contents.set(accessor.offset, accessor.pack(value));
        else accessor.set(this, value);
      }
      put(this.$memory, Type, contents);
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
  start(messages, message, new Type(undefined, new LentMemory(initial)), initial);
  Object.defineProperty(Type, 'name', { value: name.slice(name.lastIndexOf('.') + 1) });
  for (const [key, { get, set }] of accessors) {
    Object.defineProperty(Type.prototype, key, {
      get() {
        return get(this);
      },
      set(value) {
        if (set) set(this, value);
        else this.$set({ [key]: value });
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

/** [where the reference is, size and alignment of an element, where the byte of a ? is or 0] */
function contentOf(messages, { element, offset, size, isOptional }) {
  const align = element === 'text' ? 1 : (messages.get(element)?.$align ?? size);
  return [offset, size, align, isOptional ? offset + 8 : 0];
}

/** What a new message holds, as far as it is not zero. */
function start(messages, { size, fields, fixedSizeAt }, fresh, initial) {
  if (fixedSizeAt !== undefined) fresh.$memory.view.setUint32(fixedSizeAt, size, true);
  for (const { name, element, preset, offset, count, isVariable, isOptional } of fields.values()) {
    if (preset !== undefined) fresh.$set({ [fieldName(name)]: preset });
    const Type = isVariable || isOptional ? undefined : messages.get(element);
    for (let i = 0; Type && i < (count || 1); ++i) initial.set(Type.$initial, offset + i * Type.$size);
  }
}

/** Looks first whether the field was sent, and whether it is there. */
function completed(key, { get, set, pack }, { offset, isAppended, isVariable, isOptional }, fresh) {
  const isNone = ({ $memory }) => $memory.view.getUint8(offset + 8) === 0;
  const getThere = isVariable && isOptional ? (message) => (isNone(message) ? null : get(message)) : get;
  const needs = (message, value) => {
    if (!message.$has(offset)) throw new RangeError(`${message.$name}.${key} was not sent, and there is no room for it`);
    set(message, value);
  };
  return {
    offset,
    get: isAppended ? (message) => (message.$has(offset) ? getThere(message) : fresh()[key]) : getThere,
    set: isAppended && set ? needs : set,
    pack: pack && isOptional ? (value) => (value === null ? null : pack(value)) : pack,
  };
}

function accessorOf(schema, messages, message, field) {
  const { name, element, length, count, offset, size, isList, isOptional, isVariable } = field;
  const what = `${message}.${name}`;
  const underlying = schema.enums.get(element)?.underlying;
  const isNumber = ARRAYS[element] !== undefined;
  if (isVariable && !isList) return element === 'text' ? textContent(offset, what) : numbersContent(Uint8Array, numberElement('u8'), offset, what);
  if (count > 0 && isNumber) return numbers(element, offset, count, what);
  const one =
    element === 'text'
      ? textElement(length)
      : element === 'bool'
        ? boolElement
        : messages.has(element)
          ? messageElement(messages.get(element))
          : numberElement(underlying ?? element);
  if (isList) return isNumber ? numbersContent(ARRAYS[element], one, offset, what) : severalContent(one, offset, size, what);
  if (isOptional) return optional(one, offset, size, what);
  return count > 0 ? several(one, offset, size, count, what) : single(one, offset, what);
}

/** Functions of (bytes, view, sent) that say whether the bytes of a message hold a value of this field; none where any bytes do. */
function checksOf(schema, messages, field) {
  const { offset, size, count, isAppended, isOptional, isVariable } = field;
  const isElement = elementCheck(schema, messages, field);
  if (isElement === undefined && !isOptional && !isVariable) return [];
  const content = isVariable && contentOf(messages, field);
  const presence = offset + (isVariable ? 8 : size);
  return [
    (bytes, view, sent) => {
      if (isAppended && sent <= offset) return true;
      if (isOptional && view.getUint8(presence) !== 1) return view.getUint8(presence) === 0;
      const isOne = isElement && ((at) => isElement(bytes, view, at));
      if (content) return isContent(view, sent, offset, size, content[2], isOne);
      for (let i = 0; isOne && i < (count || 1); ++i) if (!isOne(offset + i * size)) return false;
      return true;
    },
  ];
}

/** Of one element at `at`; undefined where any bytes are one. */
function elementCheck(schema, messages, { element }) {
  const declared = schema.enums.get(element);
  const Type = messages.get(element);
  if (Type) return (bytes, view, at) => Type.$valid(bytes.subarray(at, at + Type.$size));
  if (element === 'bool') return (bytes, view, at) => view.getUint8(at) <= 1;
  if (!declared) return undefined;
  const numbersDeclared = new Set(declared.values.values());
  const reader = numberElement(declared.underlying);
  return (bytes, view, at) => numbersDeclared.has(reader.read({ view }, at));
}
