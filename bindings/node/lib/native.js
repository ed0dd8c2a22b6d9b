// The addon: src/ says what each method of a Link and of a Listener does. Results below 0 are errors, of these numbers (ringmail.h).
import { createRequire } from 'node:module';

export const { Link, Listener } = createRequire(import.meta.url)('../build/Release/ringmail.node');

export const CLOSED = -1;
export const STOPPED = -2;
export const TIMED_OUT = -3;
export const FULL = -4;
export const TOO_LONG = -5;
export const REFUSED = -6;
export const NOT_FOUND = -7;
export const PROTOCOL = -8;
export const MISUSE = -9;
export const INTERRUPTED = -10;
export const NOT_SPAWNED = -11;

export const REPLY = 3; // a head's kind; of a NO_REPLY, 4, the type is the reason
export const RESTARTED = 32; // also of this: another host has taken this peer up
export const DOWN = 8; // also of this; its target is the number of the monitor, and its payload a text

export const NO_HANDLER = 1; // reasons to refuse an ask
export const HANDLER_FAILED = 2;
export const STOPS = 3;
export const HOST_RESTARTED = 0x10001; // why nobody answers one

/** What the addon writes about a message: the struct Head of src/link.hpp. */
export class Head {
  #numbers;
  #mailboxes;
  #batch;

  constructor(memory) {
    this.#numbers = new Uint32Array(memory, 0, 8);
    this.#mailboxes = new BigUint64Array(memory, 32, 2);
    this.#batch = new Uint32Array(memory, 48, 3);
  }

  get kind() {
    return this.#numbers[0];
  }
  get type() {
    return this.#numbers[1];
  }
  get correlation() {
    return this.#numbers[2];
  }
  get length() {
    return this.#numbers[3];
  }
  get redelivered() {
    return this.#numbers[4] !== 0;
  }
  get lane() {
    return this.#numbers[5];
  }
  get attempt() {
    return this.#numbers[6];
  }
  get offset() {
    return this.#numbers[7];
  }
  get target() {
    return this.#mailboxes[0];
  }
  get sender() {
    return this.#mailboxes[1];
  }
  get stride() {
    return this.#batch[0];
  }
  get life() {
    return this.#batch[2];
  }
}
