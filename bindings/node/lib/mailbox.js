// An actor of the host's, as somebody to send to.
import { Batch } from './batch.js';
import { BodyLoan } from './body.js';
import { ClosedError, FullError, failure } from './errors.js';
import { RingMemory, bytesOf, readable } from './memory.js';
import * as native from './native.js';

const SENT = Promise.resolve();
const IGNORED = () => {};
const BODY_PLACE = 32; // bytes before a message with a body

export class Mailbox {
  #peer;
  #lane = undefined;

  /** `peer` is the inside of a Peer: { link, outbox, arena, replies, monitors, replyHead, ringOf, isClosed }. */
  constructor(peer, id) {
    this.#peer = peer;
    this.id = id;
  }

  /** Which its sends wait for each other in. */
  get lane() {
    return (this.#lane ??= Number((this.id >> 52n) & 0xffn));
  }

  equals(other) {
    return other?.id === this.id;
  }

  /** False where the ring has no room now. */
  trySend(message) {
    const { link, outbox } = this.#peer;
    if (outbox.isBlocked(this.lane)) return false;
    const result = link.send(this.id, typeOf(message), readable(message));
    if (result === 0) return true;
    if (result === native.FULL) return false;
    throw failure(result, link.error());
  }

  /** Waits for room. What is sent stays in order, whether or not it is awaited. */
  send(message, options) {
    if (options?.body !== undefined) return this.#sendLarge(message, options).then(() => undefined);
    try {
      options?.signal?.throwIfAborted();
      if (this.trySend(message)) return SENT;
    } catch (error) {
      const failed = Promise.reject(error);
      if (error instanceof ClosedError) failed.catch(IGNORED);
      return failed;
    }
    const { link, outbox } = this.#peer;
    const type = typeOf(message);
    const bytes = bytesOf(message).slice(); // the message may change before there is room
    const attempt = () => link.send(this.id, type, bytes);
    const waited = outbox.wait(this, bytes.length, attempt, options);
    const sent = waited.then(() => undefined);
    // Who does not await what was sent does not mind that the other end has gone, and is not to end by it.
    waited.catch((error) => error instanceof ClosedError && sent.catch(IGNORED));
    return sent;
  }

  /** How many of a batch there is room for now: they are sent, from `first` on. */
  trySendMany(batch, first = 0) {
    const { link, outbox } = this.#peer;
    if (outbox.isBlocked(this.lane)) return 0;
    const sent = this.#sendMany(batch.readable, batch, first);
    if (sent < 0) throw failure(sent, link.error());
    return sent - first;
  }

  #sendMany(bytes, { Type, stride, length }, first) {
    return this.#peer.link.sendMany(this.id, Type.$type, bytes, stride, Type.$size, first, length);
  }

  /** A batch, or messages one after the other, as there is room. */
  async sendMany(messages, options) {
    options?.signal?.throwIfAborted();
    if (!(messages instanceof Batch)) {
      for (const message of messages) if (!this.trySend(message)) await this.send(message, options);
      return;
    }
    let sent = this.trySendMany(messages);
    if (sent === messages.length) return;
    const bytes = messages.readable.slice(); // the messages may change before there is room
    const attempt = () => {
      const next = this.#sendMany(bytes, messages, sent);
      if (next < 0) return next;
      sent = next;
      return sent === messages.length ? 0 : native.FULL;
    };
    try {
      await this.#peer.outbox.wait(this, messages.Type.$size, attempt, options);
    } catch (error) {
      if (error instanceof FullError) error.sent = sent;
      throw error;
    }
  }

  /** Of a message with a body: what the addon returned. */
  async #sendLarge(message, options, how = 'sendLarge') {
    options.signal?.throwIfAborted();
    const { link, outbox } = this.#peer;
    const type = typeOf(message);
    const bytes = bytesOf(message).slice(); // the message may change before there is room
    const number = BodyLoan.seal(options.body);
    const attempt = () => link[how](this.id, type, bytes, number);
    try {
      let result = outbox.isBlocked(this.lane) ? native.FULL : attempt();
      if (result === native.FULL) result = await outbox.wait(this, bytes.length + BODY_PLACE, attempt, options);
      if (result < 0) throw failure(result, link.error());
      return result;
    } catch (error) {
      if (!this.#peer.isClosed()) link.cancelLarge(number);
      throw error;
    }
  }

  /** Room for a body: a Buffer to be filled and sent. */
  async loanLarge(length, options) {
    if (!Number.isSafeInteger(length) || length < 0) throw new RangeError(`a body cannot have ${String(length)} bytes`);
    options?.signal?.throwIfAborted();
    const { link, arena } = this.#peer;
    let loan;
    const attempt = () => {
      loan = link.loanLarge(this.id, length);
      return typeof loan === 'number' ? loan : 0;
    };
    const result = arena.isBlocked(this.lane) ? native.FULL : attempt();
    if (result === native.FULL) await arena.wait(this, length, attempt, options);
    else if (result < 0) throw failure(result, link.error());
    return new BodyLoan(link, ...loan);
  }

  /** The reply. Rejects with TimedOutError, with the reason of the signal, or with NoReplyError. */
  async ask(message, { timeout = 5000, signal, body } = {}) {
    signal?.throwIfAborted();
    const { link, outbox, replies } = this.#peer;
    if (body !== undefined) {
      const started = performance.now();
      const asked = await this.#sendLarge(message, { timeout, signal, body }, 'askLarge');
      timeout = Math.max(Math.ceil(timeout - (performance.now() - started)), 0);
      return replies.add(asked, { timeout, signal }, `no reply to ${message.$name} came`);
    }
    const type = typeOf(message);
    let bytes = readable(message);
    const attempt = () => link.ask(this.id, type, bytes);
    let correlation = outbox.isBlocked(this.lane) ? native.FULL : attempt();
    if (correlation === native.FULL) {
      const started = performance.now();
      bytes = bytesOf(message).slice();
      correlation = await outbox.wait(this, bytes.length, attempt, { timeout, signal });
      timeout = Math.max(Math.ceil(timeout - (performance.now() - started)), 0);
    }
    if (correlation < 0) throw failure(correlation, link.error());
    return replies.add(correlation, { timeout, signal }, `no reply to ${message.$name} came`);
  }

  /** How the actor has ended: { mailbox, kind, reason }. Rejects with the reason of the signal, and waits no longer. */
  async monitor({ signal } = {}) {
    signal?.throwIfAborted();
    const { link, outbox, monitors } = this.#peer;
    const attempt = () => link.monitor(this.id);
    let number = outbox.isBlocked(this.lane) ? native.FULL : attempt();
    if (number === native.FULL) number = await outbox.wait(this, 0, attempt, { signal });
    if (number < 0) throw failure(number, link.error());
    try {
      return await monitors.add(number, { signal });
    } catch (error) {
      // Where there is no room to say so, its end finds nobody.
      if (!(error instanceof ClosedError)) link.demonitor(number);
      throw error;
    }
  }

  /**
   * A message written where it will lie: `write(message)` fills it in, and has nothing else done with the peer meanwhile. `start` is
   * its class, or a message that it starts as, whose content is as long as it will be.
   */
  async write(start, write, options) {
    options?.signal?.throwIfAborted();
    const { link, outbox } = this.#peer;
    const first = typeof start === 'function' ? new start() : start;
    const bytes = bytesOf(first).slice();
    const attempt = () => this.#writeNow(first.constructor, bytes, write);
    const result = outbox.isBlocked(this.lane) ? native.FULL : attempt();
    if (result === native.FULL) await outbox.wait(this, bytes.length, attempt, options);
    else if (result < 0) throw failure(result, link.error());
  }

  #writeNow(Type, bytes, write) {
    const { link, replyHead, ringOf } = this.#peer;
    const result = link.loan(this.id, bytes.length);
    if (result < 0) return result;
    const memory = new RingMemory(link, ringOf(replyHead.lane, true), replyHead.offset, bytes.length, true);
    let isWritten = false;
    try {
      const message = new Type(undefined, memory);
      bytesOf(message).set(bytes); // the room holds old ones
      const returned = write(message);
      if (typeof returned?.then === 'function') throw new TypeError('what writes a message in place cannot be asynchronous');
      isWritten = true;
    } finally {
      memory.release();
      link.endLoan(isWritten ? Type.$type : 0);
    }
    return 0;
  }
}

function typeOf(message) {
  const type = message?.constructor?.$type;
  if (type === undefined) throw new TypeError(`${String(message)} is no message`);
  return type;
}
