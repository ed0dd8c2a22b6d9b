// Content of variable length, behind the fixed part of a message, and what older and newer versions of a message send. What
// `ringmail gen --lang ts` writes does the same.
import { OwnMemory } from './memory.js';

/** How much of the fixed part was sent; -1: these bytes are no message of that type. */
export function sentSize(view, at, { $size, $earlier, $fixedSizeAt: place }) {
  const length = view.byteLength - at;
  const isSize = (size) => size >= $size || $earlier.includes(size);
  if (place === undefined || (length <= place && isSize(length))) return isSize(length) ? length : -1;
  const size = length < place + 4 ? 0 : view.getUint32(at + place, true);
  return size > place && size <= length && isSize(size) ? size : -1;
}

/** { at, count } of the reference at `at`. Throws RangeError where it leaves the message. */
function find(view, at, size) {
  const start = view.getUint32(at, true);
  const count = view.getUint32(at + 4, true);
  if (count === 0) return { at: 0, count };
  if (start + count * size > view.byteLength) throw new RangeError(`${count} elements of ${size} bytes are not in their message`);
  return { at: start, count };
}

export function isContent(view, sent, at, size, align, isElement) {
  const start = view.getUint32(at, true);
  const count = view.getUint32(at + 4, true);
  if (count === 0) return true;
  if (start % align !== 0 || start < sent || start + count * size > view.byteLength) return false;
  for (let i = 0; isElement && i < count; ++i) if (!isElement(start + i * size)) return false;
  return true;
}

/** Writes content in the order of the fields, each as it is given, or as it was where it is not. */
export function put(memory, { $name, $size, $fixedSizeAt, $contents }, given) {
  if (given.size === 0) return;
  if (memory.become === undefined) throw new TypeError(`the content of this ${$name} cannot become another where it lies`);
  const old = memory.view;
  let end = $size;
  const parts = $contents.map(([at, size, align, presence]) => {
    const packed = given.has(at) ? given.get(at) : kept(old, at, size, presence);
    const count = packed?.count ?? 0;
    const start = count === 0 ? 0 : Math.ceil(end / align) * align;
    if (count !== 0) end = start + count * size;
    return { at, start, count, presence, packed };
  });
  const bytes = new Uint8Array(end);
  bytes.set(new Uint8Array(old.buffer, old.byteOffset, $size));
  const view = new DataView(bytes.buffer);
  view.setUint32($fixedSizeAt, $size, true);
  for (const { at, start, count, presence, packed } of parts) {
    view.setUint32(at, start, true);
    view.setUint32(at + 4, count, true);
    if (presence !== 0) view.setUint8(presence, packed === null ? 0 : 1);
    if (count !== 0) bytes.set(packed.bytes, start);
  }
  memory.become(bytes);
}

function kept(view, at, size, presence) {
  if (presence !== 0 && view.getUint8(presence) === 0) return null;
  const { at: start, count } = find(view, at, size);
  return { bytes: new Uint8Array(view.buffer, view.byteOffset + start, count * size), count };
}

// ---- fields: { get(message), pack(value) }, where null is packed as null

const decoder = new TextDecoder();
const encoder = new TextEncoder();

export function textContent(offset, what) {
  return {
    get({ $memory: { view } }) {
      const { at, count } = find(view, offset, 1);
      return decoder.decode(new Uint8Array(view.buffer, view.byteOffset + at, count));
    },
    pack(value) {
      if (typeof value !== 'string') throw new TypeError(`${what} cannot be ${String(value)}: it is a text`);
      const bytes = encoder.encode(value);
      return { bytes, count: bytes.length };
    },
  };
}

/** Of numbers: a typed array over the message's bytes, or a copy where they are not aligned. */
export function numbersContent(Array, element, offset, what) {
  const size = Array.BYTES_PER_ELEMENT;
  const { pack } = severalContent(element, offset, size, what);
  return {
    get({ $memory }) {
      const { at, count } = find($memory.view, offset, size);
      const { bytes } = $memory;
      const start = bytes.byteOffset + at;
      if (count !== 0 && start % size === 0) return new Array(bytes.buffer, start, count);
      return new Array(bytes.slice(at, at + count * size).buffer);
    },
    pack(values) {
      if (!(values instanceof Array)) return pack(values);
      return { bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice(), count: values.length };
    },
  };
}

/** Of anything else: an array of elements, each read when the field is. */
export function severalContent(element, offset, size, what) {
  return {
    get({ $memory }) {
      const { at, count } = find($memory.view, offset, size);
      return Array.from({ length: count }, (_, i) => element.read($memory, at + i * size));
    },
    pack(values) {
      if (typeof values?.[Symbol.iterator] !== 'function' || typeof values === 'string') {
        throw new TypeError(`${what} cannot be ${String(values)}: it is a list`);
      }
      const list = Array.from(values);
      const memory = new OwnMemory(new Uint8Array(list.length * size));
      list.forEach((value, i) => element.writeNew(memory, i * size, value, `${what}[${i}]`));
      return { bytes: memory.bytes, count: list.length };
    },
  };
}
