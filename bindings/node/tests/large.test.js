// Messages with bodies: in shared memory, as Buffers, and kept for as long as somebody has them.
import assert from 'node:assert/strict';
import test from 'node:test';

import { withHost } from './host.js';
import { Quote, Tick, hex } from './messages.js';

const ARENA = 1 << 20;
const options = { options: ['--arena', String(ARENA)] };
const attach = 'const peer = await ringmail.attach();\nconst kept = [];\n';

async function sendLarge(host, message, length, fill) {
  host.order('send_large', message.constructor.$type, 5, hex(message), length, fill);
  await host.waitFor('sent');
}

async function isWhole(host) {
  host.order('whole');
  return (await host.waitFor('whole'))[0] === '1';
}

/** Until the peer has handled all that it was sent before. */
async function settle(host) {
  host.order('ask', Tick.$type, 5, 99, hex(new Tick({ time: 99n })));
  await host.waitFor('reply');
}

const answers = `
  peer.on('market.Tick', (tick) => peer.new('market.Quote', { bid: tick.price }));
`;

test(
  'a body is a buffer that stays as long as somebody has it, or until it is released',
  withHost(
    `${attach}${answers}
     peer.on('market.Quote', (quote) => {
       const { body } = peer;
       console.log(quote.bid, body === peer.body, body.bytes.length, body.bytes[0], body.bytes.at(-1));
       kept.push(body);
     });
     peer.on('market.Reset', () => {
       console.log(peer.body, kept.map((body) => body.bytes[0]));
       const { bytes } = kept[0];
       for (const body of kept) body.release();
       kept[0].release();
       console.log(bytes.length);
       try { kept[0].bytes; } catch (error) { console.log(error.name, error.message); }
     });
     await peer.run();`,
    options,
    async (host) => {
      await host.waitFor('ready');
      await sendLarge(host, new Quote({ bid: 1 }), ARENA / 2, 7);
      await sendLarge(host, new Quote({ bid: 2 }), ARENA / 2, 8);
      await settle(host);
      assert.equal(await isWhole(host), false);
      host.order('send', 0x281247b8, 5, '-');
      await host.waitFor('sent');
      await settle(host);
      assert.equal(await isWhole(host), true);
      assert.equal(
        await host.stop(),
        `1 true ${ARENA / 2} 7 7\n2 true ${ARENA / 2} 8 8\nundefined [ 7, 8 ]\n0\n` +
          'ReleasedError the body has been released: its bytes are gone\n',
      );
    },
  ),
);

test(
  'who asks for no body keeps none',
  withHost(
    `${attach}${answers}
     peer.on('market.Quote', () => {});
     await peer.run();`,
    options,
    async (host) => {
      await host.waitFor('ready');
      for (let i = 0; i < 8; ++i) await sendLarge(host, new Quote(), ARENA / 2, i);
      await settle(host);
      assert.equal(await isWhole(host), true);
      await host.stop();
    },
  ),
);

test(
  'a body is given back when it has been collected',
  withHost(
    `${attach}${answers}
     peer.on('market.Quote', () => { kept.push(peer.body.bytes.subarray(10)); });
     peer.on('market.Reset', async () => {
       kept.length = 0;
       for (let i = 0; i < 20; ++i) {
         globalThis.gc();
         await new Promise((resolve) => setImmediate(resolve));
       }
     });
     await peer.run();`,
    { ...options, environment: { NODE_OPTIONS: '--expose-gc' } },
    async (host) => {
      await host.waitFor('ready');
      await sendLarge(host, new Quote(), ARENA, 1);
      await settle(host);
      assert.equal(await isWhole(host), false);
      host.order('send', 0x281247b8, 5, '-');
      await host.waitFor('sent');
      await settle(host);
      assert.equal(await isWhole(host), true);
      await host.stop();
    },
  ),
);

test(
  'a body is written in place, and detached when it is sent',
  withHost(
    `${attach}
     const board = await peer.mailbox('board');
     peer.on('market.Reset', async () => {
       const room = await board.loanLarge(1000);
       const { bytes } = room;
       bytes.fill(3);
       await board.send(peer.new('market.Quote', { bid: 5 }), { body: room });
       console.log(bytes.length);
       for (const body of [room, Buffer.alloc(3)]) {
         await board.send(peer.new('market.Quote'), { body }).catch((error) => console.log(error.message));
       }
       const asked = await board.loanLarge(10);
       asked.bytes.fill(1);
       const reply = await board.ask(peer.new('market.Tick'), { body: asked });
       console.log(reply.bid);
       const cancelled = await board.loanLarge(${ARENA - 8192});
       cancelled.cancel();
       cancelled.cancel();
       await board.loanLarge(${ARENA + 1}).catch((error) => console.log(error.message));
       await board.loanLarge(-1).catch((error) => console.log(error.message));
     });
     await peer.run();`,
    options,
    async (host) => {
      host.order('publish', 'board', 12);
      await host.waitFor('ready');
      host.order('send', 0x281247b8, 5, '-');
      assert.deepEqual(await host.waitFor('body'), ['1000', '3000']);
      assert.deepEqual((await host.waitFor('mail'))[3], hex(new Quote({ bid: 5 })));
      assert.deepEqual(await host.waitFor('body'), ['10', '10']);
      const correlation = (await host.waitFor('mail'))[2];
      host.order('answer', correlation, Quote.$type, hex(new Quote({ bid: 7 })));
      assert.equal(
        await host.stop(),
        '0\nthe loan is sent or cancelled: its bytes are gone\n' +
          'a body is what loanLarge() gave, and not \0\0\0\n7\n' +
          `a body of ${ARENA + 1} bytes is more than the host has room for (${ARENA})\n` +
          'a body cannot have -1 bytes\n',
      );
    },
  ),
);

test(
  'an arena without room is waited for, and nothing else is',
  withHost(
    `${attach}
     const board = await peer.mailbox('board');
     peer.on('market.Reset', async () => {
       const room = await board.loanLarge(${ARENA});
       await board.send(peer.new('market.Quote', { bid: 1 }), { body: room });
       await board.loanLarge(1, { timeout: 1 }).catch((error) => console.log(error.name, error.message));
       const waits = board.loanLarge(${ARENA});
       await board.send(peer.new('market.Quote', { bid: 2 }));
       peer.flush();
       (await waits).cancel();
       console.log('had it');
     });
     await peer.run();`,
    options,
    async (host) => {
      host.order('publish', 'board', 12);
      await host.waitFor('ready');
      host.order('send', 0x281247b8, 5, '-');
      await host.waitFor('body');
      await host.waitFor('mail');
      assert.deepEqual((await host.waitFor('mail'))[3], hex(new Quote({ bid: 2 })));
      host.order('give_back');
      assert.match(await host.stop(), /^FullError the arena had no room.*\nhad it\n$/);
    },
  ),
);

test(
  'what is kept outlives the peer',
  withHost(
    `${attach}
     peer.on('market.Quote', () => { kept.push(peer.body); });
     await peer.run();
     console.log(kept[0].bytes[0], kept[0].bytes.at(-1), peer.closed);
     kept[0].release();`,
    options,
    async (host) => {
      await host.waitFor('ready');
      await sendLarge(host, new Quote(), 5000, 9);
      assert.equal(await host.stop(), '9 9 true\n');
    },
  ),
);
