import { failure } from './errors.js';
import * as native from './native.js';
import { Peer, say } from './peer.js';
import { schemaText } from './schema.js';

export { Batch } from './batch.js';
export * from './errors.js';
export { Listener, listen } from './listener.js';
export { Mailbox } from './mailbox.js';
export { parseSchema } from './schema.js';
export { Peer };

const DESCRIPTORS = 'RINGMAIL_FDS';
const BY_HAND = 2;

/**
 * Joins the host that spawned this process, or the one whose socket is at `path`. A process that nobody spawned says so in one
 * line on stderr and exits with status 2.
 */
export async function attach(options = {}) {
  const { path = '', name = '', schema, descriptor = -1, ringBytes = 0, timeout = 10000, token = '', reconnect = 0 } = options;
  if (!(reconnect >= 0 && reconnect <= 1e12)) throw new RangeError(`${reconnect} is no time in milliseconds`);
  const link = new native.Link();
  const [result, text] = await link.attach(path, name, schemaText(schema), descriptor, ringBytes, timeout, token, reconnect);
  const isSpawned = path === '' && descriptor < 0;
  if (result === native.NOT_SPAWNED && isSpawned) {
    say(text);
    process.exit(BY_HAND);
  }
  if (result < 0) throw failure(result, text);
  // The descriptor has its owner now: neither a second call nor a child of this process may take it again.
  if (isSpawned) delete process.env[DESCRIPTORS];
  try {
    return new Peer(link);
  } catch (error) {
    link.fail(error.stack);
    link.close();
    throw error;
  }
}
