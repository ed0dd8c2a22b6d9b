// Many messages at once: handlers that take batches, and sendMany().
import assert from 'node:assert/strict';
import test from 'node:test';

import { newBatch } from '../lib/batch.js';
import { withHost } from './host.js';
import { Quote, Reset, Tick, hex, unhex } from './messages.js';

const SENDER = 5;
const attach = 'const peer = await ringmail.attach();\n';
// What is published later is told to nobody.
const waitForAll = `
  for (;;) {
    try {
      await peer.mailbox('go');
      break;
    } catch (error) {
      if (!(error instanceof ringmail.NotFoundError)) throw error;
    }
  }
`;
const tick = (time) => hex(new Tick({ time: BigInt(time) }));

async function sendTicks(host, time, sender, count = 1) {
  host.order('send', Tick.$type, sender, tick(time), count);
  await host.waitFor('sent');
}

test('a batch of this process is a sequence of messages that share its bytes', () => {
  const batch = newBatch(Tick, 4);
  [...batch].forEach((one, i) => (one.price = i));
  assert.equal(batch.length, 4);
  assert.equal(batch.at(-1).price, 3);
  assert.equal(batch.at(4), undefined);
  assert.equal(batch.bytes.length, 4 * Tick.$size);
  assert.equal(new DataView(batch.bytes.buffer).getFloat64(2 * Tick.$size + 8, true), 2);
  const copy = batch.$copy();
  batch.at(1).price = 9;
  assert.deepEqual([...copy].map(({ price }) => price), [0, 1, 2, 3]);
  assert.deepEqual([...newBatch(Tick, batch.bytes.subarray(Tick.$size))].map(({ price }) => price), [9, 2, 3]);
  assert.deepEqual(hex(newBatch(Tick, 2).at(1)).length, 2 * 2 * Tick.$size);
  assert.equal(newBatch(Tick, 0).at(0), undefined);
  assert.throws(() => newBatch(Tick, -1), /there cannot be -1 messages/);
  assert.throws(() => newBatch(Tick, new Uint8Array(5)), /5 bytes are no messages market.Tick/);
});

test(
  'a handler takes what is there together',
  withHost(
    `${attach}
     const times = [];
     const sizes = [];
     peer.on('market.Tick', async (batch, sender) => {
       await undefined;
       for (const { time, price } of batch) times.push(\`\${time} \${sender.id}\`);
       sizes.push(batch.length);
     }, { batch: 60 });
     ${waitForAll}
     await peer.run();
     console.log(new Set(times.slice(0, 50)).size, new Set(times.slice(50, 100)).size, times.length, sizes.join());`,
    {},
    async (host) => {
      await host.waitFor('ready');
      await sendTicks(host, 7, SENDER, 50);
      await sendTicks(host, 8, SENDER, 50);
      await sendTicks(host, 9, SENDER + 1);
      host.order('publish', 'go', 1);
      assert.equal(await host.stop(), '1 1 101 60,40,1\n');
    },
  ),
);

test(
  'typed arrays of a batch lie in the ring, and all is over when its handler has ended',
  withHost(
    `${attach}
     let kept;
     peer.on('market.Tick', (batch) => {
       const weights = [...batch].map((one) => one.weights);
       console.log(batch.length, weights.every((one) => one.length === weights[0].length && one.buffer === weights[0].buffer));
       try {
         batch.at(0).price = 1;
       } catch (error) {
         console.log(error.code);
       }
       kept = [batch, batch.at(1), weights[2], batch.$copy()];
     }, { batch: 10 });
     ${waitForAll}
     await peer.run();
     for (const use of [() => kept[0].at(0).price, () => kept[1].price]) {
       try {
         use();
       } catch (error) {
         console.log(error.code);
       }
     }
     console.log(kept[2].length, kept[3].at(2).time);`,
    {},
    async (host) => {
      await host.waitFor('ready');
      await sendTicks(host, 7, SENDER, 3);
      host.order('publish', 'go', 1);
      const lines = ['3 true', 'ERR_RINGMAIL_READ_ONLY', 'ERR_RINGMAIL_RELEASED', 'ERR_RINGMAIL_RELEASED', '0 7n'];
      assert.deepEqual((await host.stop()).trim().split('\n'), lines);
    },
  ),
);

test(
  'what is asked comes alone and is replied to',
  withHost(
    `${attach}
     peer.on('market.Tick', (batch) => peer.new('market.Quote', { bid: batch.length }), { batch: 10 });
     await peer.run();`,
    {},
    async (host) => {
      await host.waitFor('ready');
      host.order('ask', Tick.$type, SENDER, 77, tick(1));
      assert.deepEqual(await host.waitFor('reply'), ['77', String(Quote.$type), hex(new Quote({ bid: 1 }))]);
      await host.stop();
    },
  ),
);

test(
  'a batch whose handler fails comes again, one by one',
  withHost(
    `${attach}
     peer.on('market.Tick', (batch) => {
       console.log(batch.length, peer.redelivered, peer.attempt);
       if (!peer.redelivered) throw new Error('no');
     }, { batch: 10 });
     ${waitForAll}
     await peer.run();`,
    {},
    async (host) => {
      await host.waitFor('ready');
      await sendTicks(host, 1, SENDER, 3);
      host.order('publish', 'go', 1);
      await host.waitFor('failure');
      await host.waitFor('exit');
      host.order('restart');
      await host.waitFor('ready');
      const lines = (await host.stop()).split('\n').filter((line) => line.includes(' true '));
      assert.deepEqual(lines, ['1 true 1', '1 true 0', '1 true 0']);
    },
  ),
);

test(
  'many are sent in order through a small ring, whatever they are given as',
  withHost(
    `${attach}
     peer.on('market.Reset', async (message, sender) => {
       const batch = peer.batch('market.Tick', 1000);
       let time = 0n;
       const next = () => {
         for (const one of batch) one.time = time++;
         return batch;
       };
       await sender.sendMany(next());
       await sender.sendMany([...next()]);
       await sender.sendMany(peer.batch(peer.type('market.Tick'), next().bytes));
       sender.sendMany(next()); // awaited by nobody, and in order, whatever becomes of the batch
       next();
       let sent = 0;
       while (sent < batch.length) {
         const more = sender.trySendMany(batch, sent);
         sent += more;
         if (more === 0) await new Promise((resolve) => setTimeout(resolve, 1)); // others have their turn
       }
     });
     await peer.run();`,
    { options: ['--ring', '4096'] },
    async (host) => {
      await host.waitFor('ready');
      host.order('send', Reset.$type, SENDER, '-');
      for (let i = 0; i < 5000; ++i) assert.equal(unhex(Tick, (await host.waitFor('mail'))[3]).time, BigInt(i));
      await host.stop();
    },
  ),
);

test(
  'how many were sent is told where there is no room',
  withHost(
    `${attach}
     peer.on('market.Reset', async (message, sender) => {
       const batch = peer.batch('market.Tick', 1000);
       let time = 0n;
       for (const one of batch) one.time = time++;
       let sent = 0;
       await sender.sendMany(batch, { timeout: 5 }).catch((error) => {
         console.log(error.code);
         sent = error.sent;
       });
       await sender.sendMany(peer.batch('market.Tick', batch.bytes.subarray(sent * batch.bytes.length / batch.length)));
     });
     await peer.run();`,
    { options: ['--ring', '4096'] },
    async (host) => {
      await host.waitFor('ready');
      host.order('deaf');
      host.order('send', Reset.$type, SENDER, '-');
      await host.waitForOutput('ERR_RINGMAIL_FULL');
      host.order('hear');
      for (let i = 0; i < 1000; ++i) assert.equal(unhex(Tick, (await host.waitFor('mail'))[3]).time, BigInt(i));
      await host.stop();
    },
  ),
);
