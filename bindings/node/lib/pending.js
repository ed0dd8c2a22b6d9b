// What somebody waits for: each has a key, and ends by its result, its deadline or an AbortSignal.
import { TimedOutError } from './errors.js';

export class Pending {
  #waiting = new Map();

  get size() {
    return this.#waiting.size;
  }
  has(key) {
    return this.#waiting.has(key);
  }

  /** A promise. `what` tells in a TimedOutError what did not come; `late` makes another error of it. */
  add(key, { timeout = Infinity, signal } = {}, what, late = (text) => new TimedOutError(text)) {
    return new Promise((resolve, reject) => {
      const entry = { resolve, reject, signal, timer: undefined, abort: undefined };
      if (timeout < 2 ** 31) {
        entry.timer = setTimeout(() => this.reject(key, late(`${what} within ${timeout} ms`)), timeout);
      }
      if (signal) {
        entry.abort = () => this.reject(key, signal.reason);
        signal.addEventListener('abort', entry.abort, { once: true });
      }
      this.#waiting.set(key, entry);
    });
  }

  /** False: nobody waits for it, or no longer. */
  resolve(key, value) {
    const entry = this.#take(key);
    entry?.resolve(value);
    return entry !== undefined;
  }
  reject(key, error) {
    this.#take(key)?.reject(error);
  }

  /** Nothing will come any more: an error for those who wait, or nothing where the process is about to end. */
  end(error) {
    for (const key of [...this.#waiting.keys()]) {
      const entry = this.#take(key);
      if (error !== undefined) entry.reject(error);
    }
  }

  #take(key) {
    const entry = this.#waiting.get(key);
    if (entry === undefined) return undefined;
    this.#waiting.delete(key);
    clearTimeout(entry.timer);
    entry.signal?.removeEventListener('abort', entry.abort);
    return entry;
  }
}
