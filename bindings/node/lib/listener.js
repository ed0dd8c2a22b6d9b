// Peers without a system: this process listens at a path, and each that attaches there is a Peer whose host this process is.
import { basename } from 'node:path';

import { ClosedError, RingmailError, SchemaError, failure } from './errors.js';
import { atExit } from './exit.js';
import * as native from './native.js';
import { Peer, say } from './peer.js';
import { Pending } from './pending.js';
import { schemaText } from './schema.js';

export class Listener {
  #native = new native.Listener();
  #schema;
  #waiting = new Pending();
  #order = []; // of those who wait
  #isClosed = false;
  #forget;

  /** Use listen(). */
  constructor({ path, name, schema, ringBytes }) {
    this.path = path;
    this.#schema = schema;
    const [result, text] = this.#native.open(path, name, schema, ringBytes, () => this.#acceptAll());
    if (result === native.MISUSE) throw new RangeError(text);
    if (result < 0) throw failure(result, text);
    this.#forget = atExit(this);
  }

  /** The next peer that has attached. Rejects with TimedOutError, with the reason of the signal, or with ClosedError. */
  async accept({ timeout, signal } = {}) {
    signal?.throwIfAborted();
    if (this.#isClosed) throw new ClosedError('this listener has been closed');
    const key = {};
    const accepted = this.#waiting.add(key, { timeout, signal }, `nobody attached to ${this.path}`);
    this.#order.push(key);
    this.#acceptAll();
    return accepted.finally(() => this.#rest());
  }

  async *[Symbol.asyncIterator]() {
    while (!this.#isClosed) {
      try {
        yield await this.accept();
      } catch (error) {
        if (!this.#isClosed || !(error instanceof ClosedError)) throw error;
      }
    }
  }

  get closed() {
    return this.#isClosed;
  }

  get counters() {
    if (this.#isClosed) throw new ClosedError('this listener has been closed');
    const [waiting, givenUp] = this.#native.count();
    return { waiting, givenUp };
  }

  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#forget();
    this.#native.close();
    this.#waiting.end(new ClosedError('this listener has been closed'));
  }

  /** Whoever has come goes to those who wait, in their order. */
  #acceptAll() {
    while (!this.#isClosed && this.#nextInOrder() !== undefined) {
      const link = new native.Link();
      const result = this.#native.accept(link);
      if (result < 0 && result !== native.INTERRUPTED) return this.#waiting.end(failure(result, this.#native.error()));
      if (result !== 1) return this.#native.watch(true);
      const peer = this.#letIn(link);
      if (peer !== undefined) this.#waiting.resolve(this.#order.shift(), peer);
    }
    this.#rest();
  }

  #nextInOrder() {
    while (this.#order.length > 0 && !this.#waiting.has(this.#order[0])) this.#order.shift();
    return this.#order[0];
  }

  #rest() {
    if (!this.#isClosed && this.#nextInOrder() === undefined) this.#native.watch(false);
  }

  /** Nothing where its schema differs. */
  #letIn(link) {
    const [name] = link.describe();
    try {
      return new Peer(link, { isAccepted: true, ours: this.#schema });
    } catch (error) {
      link.close();
      if (!(error instanceof SchemaError)) throw error;
      say(`${name || 'a peer'} is not let in: ${error.message}`);
      return undefined;
    }
  }
}

/** Listens at a path, in a directory of mode 0700, which is made, for peers of this user: attach({ path }). */
export function listen({ path, name = basename(path ?? ''), schema, ringBytes = 0 } = {}) {
  if (typeof path !== 'string' || path === '') throw new RingmailError('listen({ path }): there is no path to listen at');
  return new Listener({ path, name, schema: schemaText(schema), ringBytes });
}
