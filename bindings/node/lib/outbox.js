// What is sent, in order: where a ring has no room, sends to its lane wait in a queue, and those behind them too.
import { FullError, failure } from './errors.js';
import * as native from './native.js';
import { Pending } from './pending.js';

export class Outbox {
  #link;
  #where;
  #want;
  #queues = new Map(); // lane: jobs that wait
  #waiting = new Pending();
  #emptied = undefined;

  /** `want(mailbox, length)`: 1 where there is room now, 0, or an error. `where`: of what. */
  constructor(link, where = 'ring', want = (mailbox, length) => link.wantRoom(mailbox.id, length)) {
    this.#link = link;
    this.#where = where;
    this.#want = want;
  }

  /** Whether something to that lane waits already. */
  isBlocked(lane) {
    return this.#queues.has(lane);
  }

  /** A promise of what `attempt` returns once there is room for it. It has failed before, or has others before it. */
  wait(mailbox, length, attempt, { timeout, signal } = {}) {
    const job = { mailbox, length, attempt };
    const promise = this.#waiting.add(job, { timeout, signal }, `the ${this.#where} had no room`, (text) => new FullError(text));
    const queue = this.#queues.get(mailbox.lane);
    if (queue) queue.push(job);
    else this.#queues.set(mailbox.lane, [job]);
    this.#work(mailbox.lane);
    return promise;
  }

  /** There may be room. */
  retry() {
    for (const lane of this.#queues.keys()) this.#work(lane);
  }

  /** Nothing, or a promise where sends still wait: what a handler sent is part of its work. */
  whenEmpty() {
    if (this.#queues.size === 0) return undefined;
    if (this.#emptied === undefined) {
      this.#emptied = {};
      this.#emptied.promise = new Promise((resolve) => (this.#emptied.resolve = resolve));
    }
    return this.#emptied.promise;
  }

  end(error) {
    this.#queues.clear();
    this.#waiting.end(error);
    this.#whenDone();
  }

  #work(lane) {
    const queue = this.#queues.get(lane);
    while (queue.length > 0) {
      const job = queue[0];
      if (this.#waiting.has(job) && !this.#try(job)) return;
      queue.shift();
    }
    this.#queues.delete(lane);
    this.#whenDone();
  }

  /** False: there is no room yet, and the event loop will tell when there is more. */
  #try(job) {
    try {
      for (;;) {
        const result = job.attempt();
        if (result >= 0) return this.#waiting.resolve(job, result);
        if (result !== native.FULL) throw failure(result, this.#link.error());
        const room = this.#want(job.mailbox, job.length);
        if (room < 0) throw failure(room, this.#link.error());
        if (room === 0) return false;
      }
    } catch (error) {
      this.#waiting.reject(job, error);
      return true;
    }
  }

  #whenDone() {
    if (this.#queues.size > 0) return;
    this.#emptied?.resolve();
    this.#emptied = undefined;
  }
}
