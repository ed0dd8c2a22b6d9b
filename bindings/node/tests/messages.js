// The classes of tests/market.mail, for tests that play the host.
import { parseSchema } from '../lib/index.js';
import { makeTypes } from '../lib/types.js';
import { SCHEMA } from './host.js';

const { messages } = makeTypes(parseSchema(SCHEMA), SCHEMA);

export const Tick = messages.get('market.Tick');
export const Quote = messages.get('market.Quote');
export const Reset = messages.get('market.Reset');
export const DONE = 0xc68cbb46;

/** As the host's orders and reports have it. */
export function hex(message) {
  const bytes = Buffer.from(message.$memory.bytes);
  return bytes.length === 0 ? '-' : bytes.toString('hex');
}
export function unhex(Type, text) {
  return new Type(undefined, undefined).$set(Type.$over(new Uint8Array(Buffer.from(text === '-' ? '' : text, 'hex'))));
}
