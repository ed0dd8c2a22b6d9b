/** Where the bytes of a message lie: `view` to read them, `target` to write them, `bytes` to hand them out. */
export interface Memory {
  readonly view: DataView;
  readonly target: DataView;
  readonly bytes: Uint8Array;
}

/**
 * A message: of a class that `ringmail gen --lang ts` wrote, or of one that was made from the host's schema. One that was
 * received is read-only, and good until its handler has ended; `$copy()` gives one of its own.
 */
export interface Message {
  readonly $name: string;
  readonly $memory: Memory;
  readonly $at: number;
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

/** How long to wait, in milliseconds, and what else ends it. */
export interface WaitOptions {
  timeout?: number;
  signal?: AbortSignal;
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
  send(message: P extends Protocol ? Accepted<P> : Message, options?: WaitOptions): Promise<void>;
  /** The reply, which is this process's own. Rejects with TimedOutError after 5 s, unless told otherwise, or NoReplyError. */
  ask<M extends P extends Protocol ? Accepted<P> : Message>(
    message: M,
    options?: WaitOptions,
  ): Promise<P extends Protocol ? ReplyTo<P, M> : any>;
  /** How this actor has ended, once it has: behind all that it sent before. Waits no longer where the signal is aborted. */
  monitor(options?: { signal?: AbortSignal }): Promise<Down>;
  /** Writes a message where it will lie, without a copy. It starts as zeroes; nothing else may be done with the peer in `write`. */
  write<M extends P extends Protocol ? Accepted<P> : Message>(
    type: MessageType<M>,
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
export type Reason = 1 | 2 | 3 | 4;

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

/** A link to a host. `attach()` makes one. */
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
  /** Handlers for all messages of a protocol. */
  serve<P extends Protocol>(protocol: P, handlers: Handlers<P>): this;

  /** Handles messages until the host says stop and all it sent before is handled. Rejects with what a handler threw. */
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
}

/** Joins the host that spawned this process. One that nobody spawned says so in one line on stderr and exits with status 2. */
export function attach(options?: AttachOptions): Promise<Peer>;

export interface Field {
  name: string;
  type: string;
  element: string;
  length: number;
  count: number;
  offset: number;
  size: number;
}
export interface Schema {
  enums: Map<string, { name: string; underlying: string; values: Map<string, number | bigint> }>;
  messages: Map<string, { name: string; size: number; align: number; id: number; fields: Map<string, Field> }>;
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
/** The peer has been closed, or the host is gone. */
export class ClosedError extends RingmailError {}
/** There was no room in the ring within the time given. */
export class FullError extends RingmailError {}
/** Longer than the ring can ever take. */
export class TooLongError extends RingmailError {}
/** There is no such mailbox, message or enum. */
export class NotFoundError extends RingmailError {}
/** No answer came in time. */
export class TimedOutError extends RingmailError {}
/** There will be no reply: 1 no handler, 2 the handler failed, 3 the receiver stops, 4 its mailbox is full. */
export class NoReplyError extends RingmailError {
  readonly reason: Reason;
}
/** A message was used after it had been released or sent. */
export class ReleasedError extends RingmailError {}
/** A received message was to be changed. */
export class ReadOnlyError extends RingmailError {}
/** The host sent what it must not. */
export class ProtocolError extends RingmailError {}
