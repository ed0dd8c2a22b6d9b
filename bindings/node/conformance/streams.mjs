// What bench/languages measures of Node.js beside the conformance peer, as far as streams and a question go: the same without generated
// code (`plain`), and by batches of messages (`batches`).
import { attach } from '../lib/index.js';

const BATCH = 1024;

const peer = await attach();
const [Ping, Bulk] = ['conformance.Ping', 'conformance.Bulk'].map((name) => peer.type(name));
const Payload = peer.enum('conformance.Payload');
const sink = await peer.mailbox('sink');
const setNumber = (payload) =>
  payload === Payload.ping ? (ping, i) => (ping.words[0] = BigInt(i)) : (bulk, i) => (bulk.number = BigInt(i));
let count = 0n;

peer.on('conformance.Get', () => peer.new('conformance.Sum', { count }));

function plain() {
  const same = (message) => {
    if (peer.isAsked) return message;
    ++count;
  };
  peer.on(Ping, same);
  peer.on(Bulk, same);
  peer.on('conformance.Stream', async (order) => {
    const set = setNumber(order.payload);
    const message = new (order.payload === Payload.ping ? Ping : Bulk)();
    for (let i = 0; i < order.count; ++i) {
      set(message, i);
      if (!sink.trySend(message)) await sink.send(message);
    }
  });
}

function batches() {
  let sum = 0n; // of what stands in each
  const take = (look) => (batch) => {
    if (peer.isAsked) return batch.at(0);
    for (const message of batch) sum += look(message);
    count += BigInt(batch.length);
  };
  peer.on(Ping, take((ping) => ping.words[0]), { batch: BATCH });
  peer.on(Bulk, take((bulk) => bulk.number), { batch: BATCH });
  peer.on('conformance.Stream', async (order) => {
    const set = setNumber(order.payload);
    const total = Number(order.count);
    const batch = peer.batch(order.payload === Payload.ping ? Ping : Bulk, BATCH);
    const messages = [...batch];
    for (let first = 0; first < total; first += BATCH) {
      const length = Math.min(BATCH, total - first);
      for (let i = 0; i < length; ++i) set(messages[i], first + i);
      await sink.sendMany(length === BATCH ? batch : peer.batch(batch.Type, batch.bytes.subarray(0, length * batch.Type.$size)));
    }
  });
}

({ plain, batches })[process.argv[2]]();
await peer.run();
