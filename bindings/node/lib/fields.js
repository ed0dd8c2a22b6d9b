// How a field of each type is read and written: { get(message), set(message, value), plain(value) }, in place over the bytes.

export const ARRAYS = {
  u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, u64: BigUint64Array,
  i8: Int8Array, i16: Int16Array, i32: Int32Array, i64: BigInt64Array,
  f32: Float32Array, f64: Float64Array,
};
const NAMES = {
  u8: 'Uint8', u16: 'Uint16', u32: 'Uint32', u64: 'BigUint64',
  i8: 'Int8', i16: 'Int16', i32: 'Int32', i64: 'BigInt64', f32: 'Float32', f64: 'Float64',
};

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Throws TypeError or RangeError for what a number of that type cannot be. */
function checked(type, value, what) {
  if (type === 'f32' || type === 'f64') {
    if (typeof value !== 'number') throw new TypeError(`${what} cannot be ${show(value)}: it is a number`);
    return value;
  }
  const bits = Number(type.slice(1));
  if (bits === 64) {
    if (typeof value !== 'bigint') throw new TypeError(`${what} cannot be ${show(value)}: a ${type} is a BigInt`);
    const wrapped = type === 'u64' ? BigInt.asUintN(64, value) : BigInt.asIntN(64, value);
    if (wrapped !== value) throw new RangeError(`${what} cannot be ${value}: it is a ${type}`);
    return value;
  }
  const [least, most] = type[0] === 'u' ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  if (typeof value !== 'number') throw new TypeError(`${what} cannot be ${show(value)}: it is a number`);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${what} cannot be ${value}: ${type} is ${least} to ${most}`);
  }
  return value;
}

function show(value) {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

/** Elements one after the other, as many as there are given; the rest become zero. */
function elements(values, count, what) {
  // A message may be one of those that are about to be overwritten.
  const list = Array.from(values, (value) => (value?.$copy ? value.$copy() : value));
  if (list.length > count) throw new RangeError(`${what} has ${count} elements, and ${list.length} were given`);
  return list;
}

export function numberElement(type) {
  const get = DataView.prototype[`get${NAMES[type]}`];
  const set = DataView.prototype[`set${NAMES[type]}`];
  const write = (memory, at, value, what) => set.call(memory.target, at, checked(type, value, what), true);
  return {
    read: (memory, at) => get.call(memory.view, at, true),
    write,
    writeNew: write,
    zero: type.endsWith('64') && type !== 'f64' ? 0n : 0,
  };
}

const writeBool = (memory, at, value) => memory.target.setUint8(at, value ? 1 : 0);

export const boolElement = {
  read: (memory, at) => memory.view.getUint8(at) !== 0,
  write: writeBool,
  writeNew: writeBool,
  zero: false,
};

export function textElement(length) {
  const write = (memory, at, value, what) => {
    if (typeof value !== 'string') throw new TypeError(`${what} cannot be ${show(value)}: it is a text`);
    const { target } = memory;
    const bytes = new Uint8Array(target.buffer, target.byteOffset + at, length).fill(0);
    // Cuts between two characters, never inside one.
    const end = value.indexOf('\0');
    encoder.encodeInto(end < 0 ? value : value.slice(0, end), bytes);
  };
  return {
    read(memory, at) {
      const { view } = memory;
      let text = '';
      for (let i = 0; i < length; ++i) {
        const byte = view.getUint8(at + i);
        if (byte === 0) break;
        if (byte > 0x7f) return decodeText(view, at, length);
        text += String.fromCharCode(byte);
      }
      return text;
    },
    write,
    writeNew: write,
    zero: '',
  };
}

function decodeText(view, at, length) {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, length);
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** `writeNew` is of an element that was not there before: what is not given is as in a new one. */
export function messageElement(Type) {
  return {
    read: (memory, at) => new Type(undefined, memory, at),
    writeNew: (memory, at, value) => new Type(undefined, memory, at).$set(value instanceof Type ? value : new Type(value)),
    write: (memory, at, value) => new Type(undefined, memory, at).$set(value),
    zero: {},
  };
}

/** A field of one element that may be none, null: a byte behind it says so. */
export function optional(element, offset, size, what) {
  return {
    get({ $memory, $at }) {
      return $memory.view.getUint8($at + offset + size) === 0 ? null : element.read($memory, $at + offset);
    },
    set({ $memory, $at }, value) {
      const { target } = $memory;
      if (value === null) new Uint8Array(target.buffer, target.byteOffset + $at + offset, size + 1).fill(0);
      else element.writeNew($memory, $at + offset, value, what);
      target.setUint8($at + offset + size, value === null ? 0 : 1);
    },
  };
}

/** A field that is one element. */
export function single(element, offset, what) {
  return {
    get: (message) => element.read(message.$memory, message.$at + offset),
    set: (message, value) => element.write(message.$memory, message.$at + offset, value, what),
  };
}

/** A field of numbers: a typed array over the message's bytes. */
export function numbers(type, offset, count, what) {
  const Array = ARRAYS[type];
  const { zero } = numberElement(type);
  return {
    get(message) {
      const { bytes } = message.$memory;
      return new Array(bytes.buffer, bytes.byteOffset + message.$at + offset, count);
    },
    set(message, values) {
      const { target } = message.$memory;
      const array = new Array(target.buffer, target.byteOffset + message.$at + offset, count);
      if (values instanceof Array && values.length <= count) {
        array.set(values);
        array.fill(zero, values.length);
        return;
      }
      const list = elements(values, count, what).map((value, i) => checked(type, value, `${what}[${i}]`));
      array.set(list);
      array.fill(zero, list.length);
    },
  };
}

/** A field of anything else: an array of elements, each read when the field is. */
export function several(element, offset, size, count, what) {
  return {
    get({ $memory, $at }) {
      return Array.from({ length: count }, (_, i) => element.read($memory, $at + offset + i * size));
    },
    set({ $memory, $at }, values) {
      const { target } = $memory;
      const list = elements(values, count, what);
      new Uint8Array(target.buffer, target.byteOffset + $at + offset + list.length * size, (count - list.length) * size).fill(0);
      list.forEach((value, i) => element.write($memory, $at + offset + i * size, value, `${what}[${i}]`));
    },
  };
}
