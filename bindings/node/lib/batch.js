// Many messages of one type at equal distances: taken together from a ring, or made here to be sent together.
import { LentMemory, bytesOf } from './memory.js';

export class Batch {
  #memory;

  /** Use peer.batch(). */
  constructor(Type, memory, count, stride) {
    this.#memory = memory;
    this.Type = Type;
    this.length = count;
    Object.defineProperty(this, 'stride', { value: stride });
  }

  /** A message in it; a negative number counts from the end. */
  at(index) {
    const place = index < 0 ? index + this.length : index;
    if (!(place >= 0 && place < this.length)) return undefined;
    return new this.Type(undefined, this.#memory, place * this.stride);
  }

  *[Symbol.iterator]() {
    for (let i = 0; i < this.length; ++i) yield new this.Type(undefined, this.#memory, i * this.stride);
  }

  /** Of one of this process: all messages, one behind the other. */
  get bytes() {
    return this.#memory.bytes;
  }

  /** One of this process with the same messages. */
  $copy() {
    const copy = newBatch(this.Type, this.length);
    for (let i = 0; i < this.length; ++i) copy.at(i).$set(this.at(i));
    return copy;
  }

  /** For reading at once: not to be handed to users. */
  get readable() {
    const { view } = this.#memory;
    return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  }
}

/** A number of new messages, or those that lie in these bytes. */
export function newBatch(Type, of) {
  const fresh = new Type();
  if (!isFixed(fresh)) throw new TypeError(`${fresh.$name} has content of variable length: such messages come and go one by one`);
  const size = Type.$size;
  if (typeof of === 'number') {
    if (!Number.isSafeInteger(of) || of < 0) throw new RangeError(`there cannot be ${of} messages`);
    const bytes = new Uint8Array(of * size);
    const first = bytesOf(fresh);
    for (let i = 0; i < of; ++i) bytes.set(first, i * size);
    return new Batch(Type, new LentMemory(bytes), of, size);
  }
  if (size === 0 || of.byteLength % size !== 0) {
    throw new RangeError(`${of.byteLength} bytes are no messages ${fresh.$name}, of ${size} bytes each`);
  }
  return new Batch(Type, new LentMemory(of), of.byteLength / size, size);
}

export function isFixed(fresh) {
  return fresh.constructor.$fixedSizeAt === undefined && (fresh.constructor.$contents?.length ?? 0) === 0;
}
