// The bodies of large messages: those that came, and room for those that are to be sent.
import { ReleasedError } from './errors.js';

/** A body that came. It stays as long as it, or an array of it, is reachable, or until release(). */
export class Body {
  #link;
  #kept;
  #bytes;

  /** `buffer` and `kept` are of link.keepBody(). */
  constructor(link, buffer, kept) {
    this.#link = link;
    this.#kept = kept;
    this.#bytes = Buffer.from(buffer);
  }

  get bytes() {
    if (this.#bytes === undefined) throw new ReleasedError('the body has been released: its bytes are gone');
    return this.#bytes;
  }

  /** Detaches all arrays of it. */
  release() {
    if (this.#bytes === undefined) return;
    this.#link.releaseBody(this.#bytes.buffer, this.#kept);
    this.#bytes = undefined;
  }
}

/** Room for a body, until it is sent or cancelled. */
export class BodyLoan {
  #link;
  #number;
  #bytes;

  /** `number` and `buffer` are of link.loanLarge(). */
  constructor(link, number, buffer) {
    this.#link = link;
    this.#number = number;
    this.#bytes = Buffer.from(buffer);
  }

  get bytes() {
    if (this.#bytes === undefined) throw new ReleasedError('the loan is sent or cancelled: its bytes are gone');
    return this.#bytes;
  }

  cancel() {
    if (this.#bytes === undefined) return;
    this.#bytes = undefined;
    this.#link.cancelLarge(this.#number);
  }

  /** For who sends it: nobody can write it any more. */
  static seal(loan) {
    if (!(loan instanceof BodyLoan)) throw new TypeError(`a body is what loanLarge() gave, and not ${String(loan)}`);
    loan.bytes; // throws when it is gone
    loan.#bytes = undefined;
    loan.#link.sealLoan(loan.#number);
    return loan.#number;
  }
}
