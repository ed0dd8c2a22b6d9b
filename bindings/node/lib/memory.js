// Where the bytes of a message lie. `view` is to read them, `target` to write them, `bytes` to hand them out.
import { ReadOnlyError, ReleasedError } from './errors.js';

/** The bytes of a user, which stay as many as they are. */
export class LentMemory {
  constructor(bytes) {
    lie(this, bytes);
  }
  get target() {
    return this.view;
  }
  get length() {
    return this.view.byteLength;
  }
}

/** A message of this process. */
export class OwnMemory extends LentMemory {
  /** Other bytes, when the content of the message has another length. */
  become(bytes) {
    lie(this, bytes);
  }
}

function lie(memory, bytes) {
  memory.bytes = bytes;
  memory.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * A message in a ring, until it is released or sent. Fields are read and written through a view of the whole ring's ArrayBuffer,
 * made when the first one is; only who asks for bytes gets an ArrayBuffer of them, which is detached at the end.
 */
export class RingMemory {
  #link;
  #ring;
  #offset;
  #view = null;
  #bytes = null;
  #isLoan;

  constructor(link, ring, offset, length, isLoan) {
    this.#link = link;
    this.#ring = ring;
    this.#offset = offset;
    this.length = length;
    this.#isLoan = isLoan;
  }

  get view() {
    if (this.#ring === null) throw new ReleasedError(`the message is ${this.#isLoan ? 'sent' : 'handled'}: its bytes are gone`);
    return (this.#view ??= new DataView(this.#ring, this.#offset, this.length));
  }
  get target() {
    if (!this.#isLoan) throw new ReadOnlyError('a message that was received cannot be changed: change a copy, message.$copy()');
    return this.view;
  }
  get bytes() {
    if (this.#bytes === null) {
      this.view; // throws when it is released
      this.#bytes = new Uint8Array(this.#isLoan ? this.#link.loaned() : this.#link.payload());
    }
    return this.#bytes;
  }

  /** The addon detaches what `bytes` gave. */
  release() {
    this.#ring = null;
    this.#view = null;
    this.#bytes = null;
  }
}

/** The bytes of a message, for reading at once: not to be handed to users. */
export function bytesOf(message) {
  const view = message.$memory.view;
  return new Uint8Array(view.buffer, view.byteOffset + message.$at, message.$length ?? message.constructor.$size);
}

/** The same for the addon, which takes a view of exactly them, too. */
export function readable(message) {
  const { $memory: { view }, $at } = message;
  return $at === 0 && view.byteLength === (message.$length ?? message.constructor.$size) ? view : bytesOf(message);
}

/** How much of the fixed part of a message this memory has; -1: it holds none. Where nothing else follows, its length tells. */
export function sentOf(Type, memory) {
  if (Type.$fixedSizeAt !== undefined) return Type.$sent(memory.view);
  const { length } = memory;
  return length >= Type.$size || Type.$earlier?.includes(length) ? length : -1;
}
