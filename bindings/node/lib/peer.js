// The public peer: its handlers, and what happens to a message between its arrival and its release.
import { writeSync } from 'node:fs';
import path from 'node:path';

import { newBatch } from './batch.js';
import { Catalogue } from './catalogue.js';
import { ClosedError, NotFoundError, RingmailError, failure } from './errors.js';
import { atExit } from './exit.js';
import { DONE, Inbox } from './inbox.js';
import { Logger } from './logger.js';
import { Mailbox } from './mailbox.js';
import { readable } from './memory.js';
import * as native from './native.js';
import { Outbox } from './outbox.js';
import { Pending } from './pending.js';

const NOTHING = new Uint8Array(0);
const OTHER = 1n; // the mailbox of the other end of a link that a listener gave out

/** An ask that is answered later, whenever and in whatever order. */
class Ask {
  #answer;

  constructor(answer) {
    this.#answer = answer;
  }
  reply(message) {
    this.#take()((link, kept, entry) => reply(link, kept, entry, message));
  }
  refuse(reason = native.HANDLER_FAILED) {
    this.#take()((link, kept) => link.refuse(kept, reason));
  }
  #take() {
    const answer = this.#answer;
    if (answer === undefined) throw new RingmailError('the ask has been answered');
    this.#answer = undefined;
    return answer;
  }
}

/** `kept` is of link.keepAsk(); undefined: the message in hand. */
function reply(link, kept, entry, message) {
  if (message === undefined && entry.replies === null) return link.reply(kept, DONE, NOTHING);
  if (message === undefined) return link.refuse(kept, native.HANDLER_FAILED);
  const Type = message?.constructor;
  if (typeof Type?.$type !== 'number') throw new TypeError(`the reply to ${entry.Type.$name} cannot be ${String(message)}`);
  if (entry.replies !== null && !entry.replies.includes(Type.$name)) {
    throw new TypeError(`the reply to ${entry.Type.$name} is ${entry.replies.join(' or ')}, and not ${Type.$name}`);
  }
  return link.reply(kept, Type.$type, readable(message));
}

export class Peer {
  #link;
  #catalogue;
  #inbox;
  #outbox;
  #arena; // who waits for room for a body
  #replies = new Pending();
  #lookups = new Pending();
  #unresolved = 0; // of what was asked for in lookups, whether or not somebody still waits
  #monitors = new Pending();
  #inside; // what a mailbox needs of this
  #consumer = undefined; // 'run' or 'iterate'
  #run = undefined; // { resolve, reject } of run()
  #wake = undefined; // of an iterator that waits
  #askIsOpen = false; // somebody asked by the message in hand, and has no answer
  #sender = undefined; // the last one, used again
  #dropped = 0;
  #warned = new Set();
  #isTold = false;
  #isClosed = false;
  #isAccepted; // the other end is a peer that a listener has let in
  #isGone = false; // and has ended
  #failure = undefined; // that ended this
  #forget; // at the exit of the process

  /** Use attach() or listen(). `ours` is the schema of a listener, which then compares. */
  constructor(link, { isAccepted = false, ours = '' } = {}) {
    this.#link = link;
    this.#isAccepted = isAccepted;
    [this.name, this.schema, this.incarnation] = link.describe();
    if (this.schema === '') this.schema = ours;
    this.#catalogue = new Catalogue(this.schema, ours);
    this.#inbox = new Inbox(link, this.#catalogue.entries, this.#replies, (monitor, id, kind, reason) =>
      this.#monitors.resolve(monitor, { mailbox: new Mailbox(this.#inside, id), kind, reason }),
    );
    this.#outbox = new Outbox(link);
    this.#arena = new Outbox(link, 'arena', (mailbox, length) => link.wantLarge(mailbox.id, length));
    this.#inside = {
      link,
      outbox: this.#outbox,
      arena: this.#arena,
      isClosed: () => this.#isClosed,
      replies: this.#replies,
      monitors: this.#monitors,
      replyHead: this.#inbox.replyHead,
      ringOf: (lane, outgoing) => this.#inbox.ringOf(lane, outgoing),
    };
    this.logger = new Logger((level, text) => this.#log(level, text));
    link.joinLoop((result) => this.#turn(result));
    this.#forget = atExit({ close: () => this.close(), tell: (error) => this.#tell(error) });
  }

  // ---- types

  type(name) {
    return this.#catalogue.find(name).Type;
  }
  enum(name) {
    return this.#catalogue.enum(name);
  }
  new(name, fields) {
    return new (this.type(name))(fields);
  }
  batch(type, of) {
    return newBatch(this.#catalogue.find(type).Type, of);
  }
  use(...types) {
    for (const type of types) this.#catalogue.find(type);
    return this;
  }

  // ---- handlers

  on(type, handler, { batch = 0 } = {}) {
    if (typeof handler !== 'function') throw new TypeError(`the handler of ${type.$name ?? type} is no function`);
    const entry = this.#catalogue.find(type);
    if (!Number.isInteger(batch) || batch < 0 || batch >= 2 ** 31) throw new RangeError(`a batch cannot have ${batch} messages`);
    if (batch > 0) newBatch(entry.Type, 0);
    entry.most = batch;
    entry.handler = handler;
    entry.wantsSender = handler.length !== 1;
    return this;
  }

  serve(protocol, handlers) {
    this.#adopt(protocol);
    for (const [method, Type] of Object.entries(protocol.accepts)) {
      if (typeof handlers[method] !== 'function') throw new TypeError(`${protocol.$name} needs a method ${method}`);
      const takesSender = handlers[method].length !== 1;
      this.on(Type, takesSender ? (message, sender) => handlers[method](message, sender) : (message) => handlers[method](message));
    }
    return this;
  }

  #adopt(protocol) {
    this.#catalogue.agree(protocol.$schema);
    this.use(...Object.values(protocol.accepts), ...Object.values(protocol.replies));
  }

  run() {
    return new Promise((resolve, reject) => {
      this.#consume('run');
      this.#run = { resolve, reject };
      this.#link.callAgain();
    });
  }

  async *[Symbol.asyncIterator]() {
    if (this.#inbox.isHeld && this.#consumer === undefined) await this.#finish(undefined);
    this.#consume('iterate');
    try {
      while (await this.#next()) {
        yield this.#inbox.message;
        if (this.#isClosed) return;
        const finishing = this.#finish(undefined);
        if (finishing !== undefined) await finishing;
      }
    } finally {
      this.#consumer = undefined;
      if (!this.#isClosed) this.#link.takeMail(false);
    }
  }

  #consume(consumer) {
    this.#check();
    if (this.#consumer !== undefined) throw new RingmailError('messages are received already');
    this.#consumer = consumer;
    this.#link.takeMail(true);
  }

  async #next() {
    for (;;) {
      const result = this.#inbox.receive();
      if (result === 1 && this.#inbox.entry !== undefined) {
        this.#askIsOpen = this.#inbox.head.correlation !== 0;
        return true;
      }
      if (result === 1) {
        this.#drop();
        this.#inbox.release();
      } else if (this.#isEnd(result)) {
        await this.#stop();
        return false;
      } else if (result < 0) {
        throw this.#failed(result);
      } else {
        await new Promise((resolve) => (this.#wake = resolve));
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#isClosed) return false;
      }
    }
  }

  // ---- the event loop

  /** When there may be something. `looked`: the result of the addon's look for a reply. */
  #turn(looked) {
    this.#inbox.beginTurn();
    const result = this.#inbox.receiveReplies(looked);
    if (result === native.CLOSED && this.#isAccepted) this.#part();
    else if (result < 0) return this.#end(this.#failed(result));
    const { link, replyHead } = this.#inside;
    while (this.#unresolved > 0 && link.resolved() === 1) {
      --this.#unresolved;
      this.#lookups.resolve(replyHead.correlation, replyHead.target);
    }
    this.#outbox.retry();
    this.#arena.retry();
    this.#wake?.();
    this.#wake = undefined;
    if (this.#consumer === 'run' && !this.#inbox.isHeld) this.#handleAll();
  }

  #handleAll() {
    try {
      for (let isFinished = false; ; isFinished = true) {
        const result = this.#inbox.receive(isFinished);
        if (result === 0) return;
        if (this.#isEnd(result)) return void this.#stop().then(() => this.#run.resolve());
        if (result < 0) throw this.#failed(result);
        const finishing = this.#handle();
        if (finishing === undefined) continue;
        finishing.then(
          () => this.#isClosed || this.#handleAll(),
          (error) => this.#end(error),
        );
        return;
      }
    } catch (error) {
      this.#end(error);
    }
  }

  /** Nothing where the message is finished and to be released, and else a promise of its release. */
  #handle() {
    const { entry, message, head } = this.#inbox;
    if (entry?.handler === undefined) {
      this.#drop();
      this.#inbox.forget();
      return undefined;
    }
    this.#askIsOpen = head.correlation !== 0;
    const returned = entry.wantsSender ? entry.handler(message, this.sender) : entry.handler(message);
    if (typeof returned?.then === 'function') return returned.then((value) => this.#finish(value));
    if (this.#isClosed) return undefined;
    const emptied = this.#answer(returned);
    if (emptied !== undefined) return emptied.then(() => void this.#inbox.release());
    this.#inbox.forget();
    return undefined;
  }

  /** The message is released here, or when the promise settles. */
  #finish(returned) {
    if (this.#isClosed) return undefined;
    const emptied = this.#answer(returned);
    if (emptied !== undefined) return emptied.then(() => void this.#inbox.release());
    this.#inbox.release();
    return undefined;
  }

  /** With what the handler returned. A promise where something that it sent still waits for room. */
  #answer(returned) {
    if (this.#askIsOpen) this.reply(returned);
    return this.#outbox.whenEmpty();
  }

  #drop() {
    const { entry, head } = this.#inbox;
    const what = entry === undefined ? `a message of the unknown type 0x${head.type.toString(16)}` : entry.Type.$name;
    if (!this.#warned.has(head.type)) say(`${what} is dropped: it has no handler`);
    this.#warned.add(head.type);
    ++this.#dropped;
    if (head.correlation !== 0) this.#link.refuse(undefined, native.NO_HANDLER);
  }

  // ---- the message in hand

  get sender() {
    const id = this.#inHand().sender;
    if (id === 0n) return undefined;
    if (this.#sender?.id !== id) this.#sender = new Mailbox(this.#inside, id);
    return this.#sender;
  }
  get isAsked() {
    return this.#inHand() && this.#askIsOpen;
  }
  get redelivered() {
    return this.#inHand().redelivered;
  }
  get attempt() {
    return this.#inHand().attempt;
  }
  get body() {
    return this.#inHand() && this.#inbox.body;
  }

  reply(message) {
    this.#inHand();
    if (!this.#askIsOpen) throw new RingmailError('nobody waits for an answer');
    this.#result(reply(this.#link, undefined, this.#inbox.entry, message));
    this.#askIsOpen = false;
  }

  refuse(reason = native.HANDLER_FAILED) {
    this.#inHand();
    if (!this.#askIsOpen) throw new RingmailError('nobody waits for an answer');
    this.#result(this.#link.refuse(undefined, reason));
    this.#askIsOpen = false;
  }

  later() {
    this.#inHand();
    if (!this.#askIsOpen) throw new RingmailError('nobody waits for an answer');
    this.#askIsOpen = false;
    const kept = this.#link.keepAsk();
    const { entry } = this.#inbox;
    return new Ask((answer) => {
      this.#check();
      this.#result(answer(this.#link, kept, entry));
    });
  }

  #inHand() {
    this.#check();
    if (!this.#inbox.isHeld) throw new RingmailError('no message is in hand');
    return this.#inbox.head;
  }

  // ---- of one that a listener has let in

  get other() {
    this.#check();
    if (!this.#isAccepted) throw new RingmailError('the mailboxes of a host are found by their names');
    return new Mailbox(this.#inside, OTHER);
  }

  stop() {
    this.#check();
    this.#result(this.#link.stop());
  }

  // ---- sending

  get unfinished() {
    this.#check();
    return this.#result(this.#link.unfinished());
  }

  async mailbox(name, options = {}) {
    this.#check();
    const { protocol, timeout = 5000, signal } = options.accepts ? { protocol: options } : options;
    signal?.throwIfAborted();
    if (protocol !== undefined) this.#adopt(protocol);
    if (typeof name !== 'string' || name.includes('\0')) throw new NotFoundError(`${String(name)} is not a name`);
    const request = this.#result(this.#link.resolve(name));
    ++this.#unresolved;
    const id = await this.#lookups.add(request, { timeout, signal }, `the host did not answer where '${name}' is`);
    if (id === 0n) throw new NotFoundError(`no mailbox has the name '${name}'`);
    return new Mailbox(this.#inside, id);
  }

  flush() {
    this.#check();
    this.#result(this.#link.flush());
  }

  #log(level, text) {
    this.#check();
    const result = this.#link.log(level, text);
    return result === native.FULL ? false : this.#result(result) === 0;
  }

  // ---- the end

  get closed() {
    return this.#isClosed;
  }

  get counters() {
    this.#check();
    const [received, sent, sleeps, lostWakeups, failedBarriers] = this.#link.count();
    return { received, sent, dropped: this.#dropped, sleeps, lostWakeups, failedBarriers };
  }

  close() {
    this.#leave(new ClosedError('this peer has been closed'));
  }

  #isEnd(result) {
    return result === native.STOPPED || (result === native.CLOSED && this.#isAccepted);
  }

  /** Its last mail has been handled. */
  async #stop() {
    if (this.#isAccepted) this.#part();
    await this.#outbox.whenEmpty();
    this.#leave(undefined);
  }

  /** The other peer has ended: nothing but mail is still to be had of it, and what there is of that is here. */
  #part() {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#link.stopWatching();
    this.#endWaits(new ClosedError(this.#link.error()));
  }

  #endWaits(error) {
    for (const waiting of [this.#outbox, this.#arena, this.#replies, this.#lookups, this.#monitors]) waiting.end(error);
  }

  /** `error` is for those who still wait for something; none where the process is about to end. */
  #leave(error) {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#forget();
    this.#inbox.forget();
    this.#link.close();
    this.#endWaits(error);
    this.#wake?.();
    if (this.#consumer === 'run' && error !== undefined) this.#run.reject(error);
  }

  /** What left a handler is the reason of this process's death: the message in hand is not finished. */
  #end(error) {
    if (this.#isClosed) return;
    if (this.#inbox.isHeld && this.#askIsOpen) this.#link.refuse(undefined, native.HANDLER_FAILED);
    this.#tell(error);
    const run = this.#run;
    this.#failure = error;
    // What one of several peers has done wrong is no reason for this process to end.
    this.#leave(this.#isAccepted ? error : undefined);
    if (run !== undefined) run.reject(error);
    else if (!this.#isAccepted) throw error;
  }

  #tell(error) {
    if (this.#isTold || this.#isClosed || this.#isAccepted) return;
    this.#isTold = true;
    this.#link.fail(failureText(error).replaceAll('\0', ' '));
  }

  #failed(result) {
    if (result === native.CLOSED && !this.#isAccepted) {
      say(this.#link.error());
      process.exit(1);
    }
    return failure(result, this.#link.error());
  }

  #result(result) {
    if (result < 0) throw this.#failed(result);
    return result;
  }

  #check() {
    if (this.#isClosed) throw new ClosedError('this peer has been closed');
  }
}

/** The reason in a line, and the stack. */
function failureText(error) {
  if (!(error instanceof Error)) return `${String(error).replaceAll('\n', ' ')}, which is no Error, was thrown`;
  const reason = String(error);
  const stack = error.stack ?? reason;
  return reason.includes('\n') ? `${reason.replaceAll('\n', ' ')}\n${stack}` : stack;
}

/** One line, that is out before the process may end. */
export function say(text) {
  writeSync(2, `${path.basename(process.argv[1] ?? 'node')}: ${text}\n`);
}
