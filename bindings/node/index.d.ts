/** Where the bytes of a message lie: `view` to read them, `target` to write them, `bytes` to hand them out. */
export interface Memory {
  readonly view: DataView;
  readonly target: DataView;
  readonly bytes: Uint8Array;
  /** Of a message of this process: other bytes, when its content has another length. */
  become?(bytes: Uint8Array): void;
}

/**
 * A message: of a class that `ringmail gen --lang ts` wrote, or of one that was made from the host's schema. One that was
 * received is read-only, and good until its handler has ended; `$copy()` gives one of its own.
 */
export interface Message {
  readonly $name: string;
  readonly $memory: Memory;
  readonly $at: number;
  /** In bytes, where that is not always the same. */
  readonly $length?: number;
  $copy(): Message;
  $object(): object;
}

/** A message without generated code: its fields by their names. */
export interface DynamicMessage extends Message {
  [field: string]: any;
  $set(fields: Record<string, unknown>): this;
  $copy(): DynamicMessage;
}

/** The class of a message. */
export interface MessageType<M extends Message = Message> {
  new (fields?: any, memory?: Memory, at?: number): M;
  readonly $type: number;
  readonly $size: number;
  readonly $name: string;
  readonly $schema: string;
  $valid(bytes: Uint8Array): boolean;
}

/** What generated code says of a protocol. */
export interface Protocol {
  readonly $name: string;
  readonly $schema: string;
  readonly accepts: { readonly [method: string]: MessageType };
  readonly replies: { readonly [method: string]: MessageType };
}

/** The messages that a protocol accepts. */
export type Accepted<P extends Protocol> = InstanceType<P['accepts'][keyof P['accepts']]>;
/** What a protocol promises as the reply to a message. Where it promises none, an ask is answered by nothing. */
export type ReplyTo<P extends Protocol, M> = {
  [K in keyof P['accepts']]: M extends InstanceType<P['accepts'][K]>
    ? K extends keyof P['replies']
      ? InstanceType<P['replies'][K]>
      : undefined
    : never;
}[keyof P['accepts']];
/** An object with a method for each message: what it returns is the reply. */
export type Handlers<P extends Protocol> = {
  [K in keyof P['accepts']]: (
    message: InstanceType<P['accepts'][K]>,
    sender?: Mailbox,
  ) => MaybePromise<K extends keyof P['replies'] ? InstanceType<P['replies'][K]> | undefined : void>;
};

type MaybePromise<T> = T | PromiseLike<T>;

/**
 * Many messages of one type: a batch that came is good until its handler has ended, and `$copy()` gives one of its own; `peer.batch()`
 * makes one to be sent.
 */
export class Batch<M extends Message = Message> implements Iterable<M> {
  private constructor();
  readonly Type: MessageType<M>;
  readonly length: number;
  at(index: number): M | undefined;
  [Symbol.iterator](): Iterator<M>;
  /** Of one of this process: its messages one behind the other. */
  readonly bytes: Uint8Array;
  $copy(): Batch<M>;
}

/** How long to wait, in milliseconds, and what else ends it. */
export interface WaitOptions {
  timeout?: number;
  signal?: AbortSignal;
}

/** The body of a message: bytes in shared memory, as long as it or an array of it is reachable, or until it is released. */
export interface Body {
  /** Not to be written: the process would end. ReleasedError once it is released. */
  readonly bytes: Buffer;
  /** Detaches all arrays of it. */
  release(): void;
}

/** Room for the body of a message, in shared memory. */
export interface BodyLoan {
  /** To be written, all of it: it holds old bytes. Detached when it is sent or cancelled. */
  readonly bytes: Buffer;
  cancel(): void;
}

export interface SendOptions extends WaitOptions {
  /** Goes with the message, and cannot be written any more. It is gone after an error, too. */
  body?: BodyLoan;
}

/** An actor of the host's. Good for the life of this process, and not to be stored. */
export class Mailbox<P extends Protocol | undefined = undefined> {
  private constructor();
  readonly id: bigint;
  equals(other: Mailbox<any> | undefined): boolean;

  /** False where the ring has no room now. */
  trySend(message: P extends Protocol ? Accepted<P> : Message): boolean;
  /**
   * Waits for room, without a timeout as long as it takes: FullError. What is sent stays in order, whether or not it is awaited,
   * and is part of the message in hand, which is not finished before.
   */
  send(message: P extends Protocol ? Accepted<P> : Message, options?: SendOptions): Promise<void>;
  /** How many of a batch, from `first` on, there is room for now: they are sent. */
  trySendMany(batch: Batch<P extends Protocol ? Accepted<P> : Message>, first?: number): number;
  /** A batch by as few calls as there is room for, or messages one by one. FullError has how many of a batch were `sent`. */
  sendMany(
    messages: Batch<P extends Protocol ? Accepted<P> : Message> | Iterable<P extends Protocol ? Accepted<P> : Message>,
    options?: WaitOptions,
  ): Promise<void>;
  /** The reply, which is this process's own. Rejects with TimedOutError after 5 s, unless told otherwise, or NoReplyError. */
  ask<M extends P extends Protocol ? Accepted<P> : Message>(
    message: M,
    options?: SendOptions,
  ): Promise<P extends Protocol ? ReplyTo<P, M> : any>;
  /** How this actor has ended, once it has: behind all that it sent before. Waits no longer where the signal is aborted. */
  monitor(options?: { signal?: AbortSignal }): Promise<Down>;
  /** Room for a body of so many bytes. Waits for it, without a timeout as long as it takes: FullError. */
  loanLarge(length: number, options?: WaitOptions): Promise<BodyLoan>;
  /**
   * Writes a message where it will lie. It starts as a new one of a class, or as the message that is given, whose content is as long
   * as it will be; nothing else may be done with the peer in `write`.
   */
  write<M extends P extends Protocol ? Accepted<P> : Message>(
    start: MessageType<M> | M,
    write: (message: M) => void,
    options?: WaitOptions,
  ): Promise<void>;
}

/** The end of an actor's life: for good, or until its supervisor starts it anew, which is then to be monitored anew. */
export interface Down {
  mailbox: Mailbox;
  /** 0 it was asked to stop, 1 a handler of it threw, 7 there is no such actor, 8 linked to one that failed, 9 a supervisor that
   *  gave up a child; another number is a failure as well. */
  kind: number;
  /** In one line. */
  reason: string;
}

/** A method for each level takes what console.log() takes. False: the host is too slow, and the line was left out. */
export type Logger = Readonly<
  Record<'trace' | 'debug' | 'info' | 'warn' | 'error' | 'critical', (...data: unknown[]) => boolean>
>;

/** Of NoReplyError and `refuse()`. */
export type Reason = 1 | 2 | 3 | 4 | 0x10001;

/** An ask that is answered later. */
export interface Ask {
  reply(message?: Message): void;
  refuse(reason?: Reason): void;
}

export interface Counters {
  /** Messages released; replies are not counted. */
  received: number;
  /** Messages published; replies are not counted. */
  sent: number;
  /** Messages for which there was no handler. */
  dropped: number;
  sleeps: number;
  /** Must be 0. */
  lostWakeups: number;
  /** Must be 0. */
  failedBarriers: number;
}

/** A link to a host, or to a peer that a `Listener` has let in. `attach()` and `accept()` make them. */
export class Peer implements AsyncIterable<Message> {
  private constructor();

  /** What the host calls this peer. */
  readonly name: string;
  /** The host's canonical schema text. */
  readonly schema: string;
  /** Which life of the peer this process is: 1, 2, ... */
  readonly incarnation: bigint;
  /** The host's log, where lines stand under this peer's name. */
  readonly logger: Logger;
  readonly closed: boolean;
  readonly counters: Counters;

  /** The class of a message that the host declares. */
  type(name: string): MessageType<DynamicMessage>;
  /** The values of an enum that the host declares. */
  enum(name: string): Readonly<Record<string, number | bigint>>;
  new(name: string, fields?: Record<string, unknown>): DynamicMessage;
  /** So many new messages, or those that lie in these bytes, for `sendMany()`. */
  batch<M extends Message>(type: MessageType<M>, of: number | Uint8Array): Batch<M>;
  batch(type: string, of: number | Uint8Array): Batch<DynamicMessage>;
  /** Has these generated classes stand for their messages, also as replies. SchemaError where the host's differ. */
  use(...types: MessageType<any>[]): this;

  /**
   * The handler of a message. What it returns is the reply where one was asked for; it may be a promise, and the next message
   * comes when it has settled. What it throws ends this process: the host is told, and the message comes again.
   */
  on<M extends Message>(
    type: MessageType<M>,
    handler: (message: M, sender: Mailbox | undefined) => MaybePromise<Message | void>,
  ): this;
  on(
    type: string,
    handler: (message: DynamicMessage, sender: Mailbox | undefined) => MaybePromise<Message | void>,
  ): this;
  /**
   * The handler is given up to so many messages at once: those of one sender that are there and follow each other. They are in hand,
   * and finished, together; one that was asked, or comes again, comes alone.
   */
  on<M extends Message>(
    type: MessageType<M>,
    handler: (batch: Batch<M>, sender: Mailbox | undefined) => MaybePromise<Message | void>,
    options: { batch: number },
  ): this;
  on(
    type: string,
    handler: (batch: Batch<DynamicMessage>, sender: Mailbox | undefined) => MaybePromise<Message | void>,
    options: { batch: number },
  ): this;
  /** Handlers for all messages of a protocol. */
  serve<P extends Protocol>(protocol: P, handlers: Handlers<P>): this;

  /**
   * Handles messages until the host says stop and all it sent before is handled; of a peer that a listener has let in, until that has
   * ended. Rejects with what a handler threw.
   */
  run(): Promise<void>;
  /** Messages one by one, each finished when the next is asked for; ends when the host says stop. In place of `run()`. */
  [Symbol.asyncIterator](): AsyncIterator<Message, undefined>;

  /** Who sent the message in hand; undefined: nobody. */
  readonly sender: Mailbox | undefined;
  /** Whether somebody waits for an answer to the message in hand. */
  readonly isAsked: boolean;
  /** Whether an earlier incarnation may have handled the message in hand. */
  readonly redelivered: boolean;
  /** How many incarnations died with the very message in hand. */
  readonly attempt: number;
  /** The body of the message in hand, which may be kept. */
  readonly body: Body | undefined;
  /** Answers before the handler has ended. */
  reply(message?: Message): void;
  refuse(reason?: Reason): void;
  /** Takes the answer over: what the handler returns is then no reply. */
  later(): Ask;

  /** The mailbox that the host has published under a name. NotFoundError if there is none. */
  mailbox(name: string, options?: WaitOptions): Promise<Mailbox>;
  mailbox<P extends Protocol>(name: string, protocol: P): Promise<Mailbox<P>>;
  mailbox<P extends Protocol>(name: string, options: WaitOptions & { protocol: P }): Promise<Mailbox<P>>;
  /** Publishes now what was sent, and not at the end of this turn of the event loop. */
  flush(): void;
  /** How many of the messages that were published to the other side are not finished there, as far as it says. */
  readonly unfinished: number;

  /** Of a peer that a listener has let in: the mailbox of the other end. */
  readonly other: Mailbox;
  /** Of a peer that a listener has let in: tells it to stop once it has handled what was sent before. */
  stop(): void;

  /** Leaves the host. A message in hand stays unfinished. */
  close(): void;
}

export interface AttachOptions {
  /** The socket of a host that did not spawn this process. */
  path?: string;
  /** What to be known as there. */
  name?: string;
  /** A canonical schema text, or the path of one: the host compares it with its own. */
  schema?: string;
  /** The control stream, where RINGMAIL_FDS does not say it. */
  descriptor?: number;
  /** Wanted for the mail rings, a power of two from 4096; 0: the host's choice. */
  ringBytes?: number;
  /** For the handshake, in milliseconds. */
  timeout?: number;
  /** That the host at `path` has configured for this name. */
  token?: string;
  /** With `path`: how many milliseconds it looks for the next host once this one has ended. 0: it does not. */
  reconnect?: number;
}

/** Joins the host that spawned this process. One that nobody spawned says so in one line on stderr and exits with status 2. */
export function attach(options?: AttachOptions): Promise<Peer>;

export interface ListenOptions {
  /** Of the socket, in a directory of mode 0700, which is made. */
  path: string;
  /** Under which others look this process up; without one, the file's name. */
  name?: string;
  /** A canonical schema text, or the path of one. A peer whose messages differ is not let in, and a line on stderr says why. */
  schema?: string;
  /** The most that a peer may wish for, and what it gets otherwise: a power of two from 4096; 0: 1 MiB. */
  ringBytes?: number;
}

/** A socket that other peers attach to, without a system. */
export class Listener implements AsyncIterable<Peer> {
  private constructor();
  readonly path: string;
  readonly closed: boolean;
  /** Messages that wait for the next peer of a name, and those that nobody will get. */
  readonly counters: { waiting: number; givenUp: number };
  /** The next peer that has attached. Rejects with TimedOutError or the reason of the signal, and with ClosedError after `close()`. */
  accept(options?: WaitOptions): Promise<Peer>;
  /** Peers as they attach, until `close()`. */
  [Symbol.asyncIterator](): AsyncIterator<Peer, undefined>;
  /** Takes the socket away, and gives up the mail that waits. Peers that were let in live on. */
  close(): void;
}

/** Listens for peers of this user, which attach({ path }). Throws where that cannot be. */
export function listen(options: ListenOptions): Listener;

export interface Field {
  name: string;
  type: string;
  element: string;
  length: number;
  count: number;
  offset: number;
  size: number;
  /** Of the field in the fixed part of the message; `size` is of an element. */
  total: number;
  isList: boolean;
  isOptional: boolean;
  isAppended: boolean;
  /** Whether it is a reference to content behind the fixed part. */
  isVariable: boolean;
  /** The default; of an enum its number. */
  preset: number | bigint | boolean | string | undefined;
}
export interface SchemaMessage {
  name: string;
  size: number;
  align: number;
  id: number;
  fields: Map<string, Field>;
  /** Where its fixed size stands, if it has content of variable length. */
  fixedSizeAt: number | undefined;
  /** Before each of the appended fields. */
  earlierSizes: number[];
}
export interface Schema {
  enums: Map<string, { name: string; underlying: string; values: Map<string, number | bigint> }>;
  messages: Map<string, SchemaMessage>;
  protocols: Map<string, { name: string; accepts: Map<string, string | null> }>;
}
/** Reads a canonical schema text. SchemaError with the line of what cannot be read. */
export function parseSchema(text: string): Schema;

export class RingmailError extends Error {
  readonly code: string;
}
/** Neither the environment nor the options say where the host is. */
export class NotSpawnedError extends RingmailError {}
/** The handshake failed. */
export class RefusedError extends RingmailError {}
/** Two schemas do not agree, or one cannot be read. */
export class SchemaError extends RefusedError {}
/** The peer or the listener has been closed, or the other end is gone. */
export class ClosedError extends RingmailError {}
/** There was no room in the ring within the time given. */
export class FullError extends RingmailError {
  /** Of `sendMany()`: how many of the batch were sent. */
  readonly sent?: number;
}
/** Longer than the ring can ever take. */
export class TooLongError extends RingmailError {}
/** There is no such mailbox, message or enum. */
export class NotFoundError extends RingmailError {}
/** No answer came in time. */
export class TimedOutError extends RingmailError {}
/**
 * There will be no reply: 1 no handler, 2 the handler failed, 3 the receiver stops, 4 its mailbox is full, 0x10001 the host was
 * restarted.
 */
export class NoReplyError extends RingmailError {
  readonly reason: Reason;
}
/** A message was used after it had been released or sent. */
export class ReleasedError extends RingmailError {}
/** A received message was to be changed. */
export class ReadOnlyError extends RingmailError {}
/** The host sent what it must not. */
export class ProtocolError extends RingmailError {}
