// One class for each thing that a program may want to tell apart; `code` is for those that cross module borders.
import * as native from './native.js';

export class RingmailError extends Error {
  constructor(text, options) {
    super(text, options);
    this.name = new.target.name;
    this.code = new.target.code;
  }
  static code = 'ERR_RINGMAIL';
}

/** Neither the environment nor the options say where the host is. */
export class NotSpawnedError extends RingmailError {
  static code = 'ERR_RINGMAIL_NOT_SPAWNED';
}
/** The handshake failed. */
export class RefusedError extends RingmailError {
  static code = 'ERR_RINGMAIL_REFUSED';
}
/** What a file, a text or a class declares is not what the host has. */
export class SchemaError extends RefusedError {
  static code = 'ERR_RINGMAIL_SCHEMA';
}
/** The peer or the listener has been closed, or the other end is gone. */
export class ClosedError extends RingmailError {
  static code = 'ERR_RINGMAIL_CLOSED';
}
/** The ring had no room within the time given. */
export class FullError extends RingmailError {
  static code = 'ERR_RINGMAIL_FULL';
}
/** Longer than the ring can ever take. */
export class TooLongError extends RingmailError {
  static code = 'ERR_RINGMAIL_TOO_LONG';
}
/** No mailbox, message or enum has that name. */
export class NotFoundError extends RingmailError {
  static code = 'ERR_RINGMAIL_NOT_FOUND';
}
/** No answer came within the time given. */
export class TimedOutError extends RingmailError {
  static code = 'ERR_RINGMAIL_TIMED_OUT';
}
/**
 * There will be no reply. `reason`: 1 no handler, 2 the handler failed, 3 the receiver stops, 4 its mailbox is full, 0x10001 the
 * host was restarted.
 */
export class NoReplyError extends RingmailError {
  static code = 'ERR_RINGMAIL_NO_REPLY';
  constructor(reason) {
    super(`there will be no reply: ${REASONS[reason] ?? REASONS[2]}`);
    this.reason = reason;
  }
}
/** A message, or what shares its bytes, was used after its handler had ended; or changed, though it is the host's. */
export class ReleasedError extends RingmailError {
  static code = 'ERR_RINGMAIL_RELEASED';
}
export class ReadOnlyError extends RingmailError {
  static code = 'ERR_RINGMAIL_READ_ONLY';
}
/** The host sent what it must not. */
export class ProtocolError extends RingmailError {
  static code = 'ERR_RINGMAIL_PROTOCOL';
}

const REASONS = {
  1: 'nobody handles the message',
  2: 'its handler failed',
  3: 'the receiver stops',
  4: 'the mailbox of the receiver is full',
  [native.HOST_RESTARTED]: 'the host was restarted',
};

const CLASSES = new Map([
  [native.CLOSED, ClosedError],
  [native.TIMED_OUT, TimedOutError],
  [native.FULL, FullError],
  [native.TOO_LONG, TooLongError],
  [native.REFUSED, RefusedError],
  [native.NOT_FOUND, NotFoundError],
  [native.PROTOCOL, ProtocolError],
  [native.NOT_SPAWNED, NotSpawnedError],
]);

/** The error of a negative result. */
export function failure(result, text) {
  return new (CLASSES.get(result) ?? RingmailError)(text);
}
