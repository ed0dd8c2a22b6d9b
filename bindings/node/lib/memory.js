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
 * A message in a ring, until it is released or sent. Fields are read and written through a view of the whole ring, so that a
 * message costs no object of the engine's; only who asks for bytes gets an ArrayBuffer, which is detached at the end.
 */
export class RingMemory {
  #link;
  #view;
  #bytes = null;
  #isLoan;

  constructor(link, ring, offset, length, isLoan) {
    this.#link = link;
    this.#view = new DataView(ring, offset, length);
    this.#isLoan = isLoan;
  }

  get view() {
    if (this.#view === null) throw new ReleasedError(`the message is ${this.#isLoan ? 'sent' : 'handled'}: its bytes are gone`);
    return this.#view;
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
    this.#view = null;
    this.#bytes = null;
  }
}

/** The bytes of a message, for reading at once: not to be handed to users. */
export function bytesOf(message) {
  const view = message.$memory.view;
  return new Uint8Array(view.buffer, view.byteOffset + message.$at, message.$length ?? message.constructor.$size);
}

/** How much of the fixed part of a message these bytes have; -1: they are none. */
export function sentOf(Type, view) {
  if (Type.$sent !== undefined) return Type.$sent(view);
  return view.byteLength < Type.$size ? -1 : Type.$size;
}
