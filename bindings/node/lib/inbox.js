// What comes in: one message in hand at a time, a bounded number in each turn of the event loop.
import { Body } from './body.js';
import { NoReplyError, ProtocolError, failure } from './errors.js';
import { Batch } from './batch.js';
import { OwnMemory, RingMemory, sentOf } from './memory.js';
import * as native from './native.js';
import { typeId } from './schema.js';

const MESSAGES_A_TURN = 128;
export const DONE = typeId('ringmail.Done');

export class Inbox {
  #link;
  #types; // of known messages, by their numbers
  #replies;
  #tellDown;
  #head;
  #replyHead;
  #rings = [new Map(), new Map()]; // incoming and outgoing, by lane
  #life = 0; // of the link, whose rings they are
  #left = MESSAGES_A_TURN;
  #memory = undefined;

  /** Of the message in hand. */
  entry = undefined;
  message = undefined;
  isHeld = false;
  #body = undefined;

  /** `tellDown(monitor, mailbox, kind, reason)` is called for the end of an actor. */
  constructor(link, types, replies, tellDown) {
    this.#link = link;
    this.#types = types;
    this.#replies = replies;
    this.#tellDown = tellDown;
    [this.#head, this.#replyHead] = link.heads().map((memory) => new native.Head(memory));
  }

  get head() {
    return this.#head;
  }
  get replyHead() {
    return this.#replyHead;
  }

  ringOf(lane, outgoing) {
    if (this.#life !== this.#head.life) {
      this.#life = this.#head.life;
      for (const rings of this.#rings) rings.clear();
    }
    const rings = this.#rings[outgoing ? 1 : 0];
    let ring = rings.get(lane);
    if (ring === undefined) rings.set(lane, (ring = this.#link.ring(lane, outgoing)));
    return ring;
  }

  beginTurn() {
    this.#left = MESSAGES_A_TURN;
  }

  /**
   * 1 and a message in hand; 0: nothing now, and the loop will say when to try again; or an error. `isFinished`: the one before has
   * been forgotten, and is released first.
   */
  receive(isFinished = false) {
    for (let releases = isFinished; ; releases = false) {
      if (this.#left === 0) {
        this.#link.callAgain();
        return releases ? this.#link.release() : 0;
      }
      --this.#left;
      const result = releases ? this.#link.releaseAndReceive() : this.#link.receive();
      if (result !== 1) return result;
      if (this.#head.kind === native.REPLY || this.#head.kind === native.REPLY + 1) {
        const bytes = new Uint8Array(this.#link.payload()).slice();
        this.#link.release();
        this.#settle(this.#head, bytes);
        continue;
      }
      if (this.#head.kind === native.RESTARTED) {
        this.#link.release();
        this.#replies.end(new NoReplyError(native.HOST_RESTARTED));
        continue;
      }
      if (this.#head.kind === native.DOWN) {
        const { target, sender, type } = this.#head;
        const reason = Buffer.from(this.#link.payload()).toString();
        this.#link.release();
        this.#tellDown(target, sender, type, reason);
        continue;
      }
      this.isHeld = true;
      this.entry = this.#types.get(this.#head.type);
      if (this.entry !== undefined) this.message = this.#read(this.entry);
      return 1;
    }
  }

  #read({ Type, most }) {
    const { lane, offset, length } = this.#head;
    // What an older host sends is shorter: in a batch nobody would see where it ends.
    const count = most === 0 ? 0 : length < Type.$size ? 1 : this.#link.receiveMore(most);
    if (count < 0) throw failure(count, this.#link.error());
    const stride = count > 1 ? this.#head.stride : length;
    const bytes = count > 1 ? (count - 1) * stride + length : length;
    this.#memory = new RingMemory(this.#link, this.ringOf(lane, false), offset, bytes, false);
    if (sentOf(Type, this.#memory) < 0) throw new ProtocolError(`the ${length} bytes that came as a ${Type.$name} are none`);
    return count === 0 ? new Type(undefined, this.#memory) : new Batch(Type, this.#memory, count, stride);
  }

  /** Of the message in hand, or undefined. */
  get body() {
    if (this.#body !== undefined) return this.#body;
    const kept = this.#link.keepBody();
    if (typeof kept === 'number') throw failure(kept, this.#link.error());
    if (kept !== undefined) this.#body = new Body(this.#link, ...kept);
    return this.#body;
  }

  /** The message is finished. */
  release() {
    this.forget();
    return this.#link.release();
  }

  /** Its bytes are no longer to be used. */
  forget() {
    this.#memory?.release();
    this.#memory = undefined;
    this.#body = undefined;
    this.message = undefined;
    this.entry = undefined;
    this.isHeld = false;
  }

  /** Replies come also while a message is in hand. `result`: the addon has looked for the first one. 0, or an error. */
  receiveReplies(result) {
    for (; result === 1; result = this.#link.receiveReply()) this.#settle(this.#replyHead, undefined);
    return result;
  }

  #settle(head, given) {
    const { correlation, kind, type } = head;
    if (!this.#replies.has(correlation)) return; // its deadline has passed
    if (kind !== native.REPLY) return this.#replies.reject(correlation, new NoReplyError(type));
    if (type === DONE) return this.#replies.resolve(correlation, undefined);
    const Type = this.#types.get(type)?.Type;
    const bytes = given ?? new Uint8Array(this.#link.replyPayload());
    const memory = new OwnMemory(bytes);
    const sent = Type === undefined ? -1 : sentOf(Type, memory);
    if (sent < 0) {
      const what = Type === undefined ? `the unknown type 0x${type.toString(16)}` : `${Type.$name} with ${bytes.length} bytes`;
      this.#replies.reject(correlation, new ProtocolError(`a reply of ${what} came`));
    } else {
      const reply = new Type(undefined, memory);
      // One of an older version has no room for what was appended.
      this.#replies.resolve(correlation, sent < Type.$size ? reply.$copy() : reply);
    }
  }
}
