// A peer's ordinary life: what comes, what is answered, what is sent.
import assert from 'node:assert/strict';
import test from 'node:test';

import { withHost } from './host.js';
import { DONE, Quote, Reset, Tick, hex, unhex } from './messages.js';

const SENDER = 5;
const attach = 'const peer = await ringmail.attach();\n';

test(
  'a handler answers what is asked',
  withHost(
    `${attach}
     peer.on('market.Tick', (tick) => peer.new('market.Quote', { bid: tick.price, ask: tick.price * 2 }));
     peer.on('market.Reset', () => {});
     await peer.run();
     console.log('stopped');`,
    {},
    async (host) => {
      await host.waitFor('ready');
      host.order('ask', Tick.$type, SENDER, 77, hex(new Tick({ price: 1.5 })));
      assert.deepEqual(await host.waitFor('reply'), ['77', String(Quote.$type), hex(new Quote({ bid: 1.5, ask: 3 }))]);
      host.order('ask', Reset.$type, SENDER, 78, '-');
      assert.deepEqual(await host.waitFor('reply'), ['78', String(DONE), '-']);
      assert.equal(await host.stop(), 'stopped\n');
      assert.ok(host.seen.includes('goodbye'));
    },
  ),
);

test(
  'an asynchronous handler keeps its message, and the order, until it has settled',
  withHost(
    `${attach}
     peer.on('market.Tick', async (tick) => {
       await new Promise((resolve) => setTimeout(resolve, tick.time === 1n ? 20 : 0));
       console.log('tick', tick.time, peer.redelivered);
       return peer.new('market.Quote', { bid: tick.price });
     });
     await peer.run();`,
    {},
    async (host) => {
      await host.waitFor('ready');
      host.order('ask', Tick.$type, SENDER, 1, hex(new Tick({ time: 1n, price: 1 })));
      host.order('ask', Tick.$type, SENDER, 2, hex(new Tick({ time: 2n, price: 2 })));
      assert.equal((await host.waitFor('reply'))[0], '1');
      assert.equal((await host.waitFor('reply'))[0], '2');
      assert.equal(await host.stop(), 'tick 1n false\ntick 2n false\n');
    },
  ),
);

test(
  'a handler asks the host while its own message waits for the answer',
  withHost(
    `${attach}
     const board = await peer.mailbox('board');
     peer.on('market.Reset', async () => {
       const quote = await board.ask(peer.new('market.Tick', { price: 3 }));
       console.log(quote.bid, quote.$name);
     });
     await peer.run();`,
    {},
    async (host) => {
      host.order('publish', 'board', 9);
      await host.waitFor('ready');
      host.order('send', Reset.$type, SENDER, '-');
      const [target, type, correlation, payload] = await host.waitFor('mail');
      assert.deepEqual([target, type], ['9', String(Tick.$type)]);
      assert.equal(unhex(Tick, payload).price, 3);
      host.order('answer', correlation, Quote.$type, hex(new Quote({ bid: 42 })));
      await host.waitForOutput('42 market.Quote');
      await host.stop();
    },
  ),
);

test(
  'an ask ends by its deadline, its signal or a refusal',
  withHost(
    `${attach}
     const board = await peer.mailbox('board');
     const ask = (options) => board.ask(peer.new('market.Reset'), options).catch((error) => error);
     peer.on('market.Reset', () => {});
     const run = peer.run();
     console.log((await ask({ timeout: 5 })).message);
     console.log((await ask({ signal: AbortSignal.timeout(5) })).name);
     console.log((await ask({ signal: AbortSignal.abort(new Error('given up')) })).message);
     const refused = await ask();
     console.log(refused.code, refused.reason, refused.message);
     await peer.mailbox('nobody').catch((error) => console.log(error.code, error.message));
     await run;`,
    {},
    async (host) => {
      host.order('publish', 'board', 9);
      await host.waitFor('ready');
      await host.waitFor('mail');
      await host.waitFor('mail');
      const [, , correlation] = await host.waitFor('mail');
      host.order('decline', correlation, 1);
      await host.waitForOutput('nobody');
      assert.equal(
        await host.stop(),
        'no reply to market.Reset came within 5 ms\nTimeoutError\ngiven up\n' +
          'ERR_RINGMAIL_NO_REPLY 1 there will be no reply: nobody handles the message\n' +
          "ERR_RINGMAIL_NOT_FOUND no mailbox has the name 'nobody'\n",
      );
    },
  ),
);

test(
  'an ask can be answered later, and refused',
  withHost(
    `${attach}
     const asks = [];
     peer.on('market.Tick', (tick) => {
       if (tick.time === 9n) return peer.refuse();
       asks.push(peer.later());
       if (asks.length === 2) setImmediate(() => {
         asks[1].reply(peer.new('market.Quote', { bid: 2 }));
         asks[0].refuse(3);
         try { asks[0].reply() } catch (error) { console.log(error.message) }
       });
     });
     await peer.run();`,
    {},
    async (host) => {
      await host.waitFor('ready');
      for (const number of [1, 2, 9]) host.order('ask', Tick.$type, SENDER, number, hex(new Tick({ time: BigInt(number) })));
      assert.deepEqual(await host.waitFor('no_reply'), ['9', '2']);
      assert.deepEqual(await host.waitFor('reply'), ['2', String(Quote.$type), hex(new Quote({ bid: 2 }))]);
      assert.deepEqual(await host.waitFor('no_reply'), ['1', '3']);
      assert.equal(await host.stop(), 'the ask has been answered\n');
    },
  ),
);

test(
  'who promised a reply and gives none, or has no handler, refuses',
  withHost(
    `${attach}
     peer.on('market.Tick', () => {});
     await peer.run();
     console.log(peer.closed);`,
    {},
    async (host) => {
      await host.waitFor('ready');
      host.order('ask', Tick.$type, SENDER, 1, hex(new Tick()));
      assert.deepEqual(await host.waitFor('no_reply'), ['1', '2']);
      host.order('ask', Reset.$type, SENDER, 2, '-');
      assert.deepEqual(await host.waitFor('no_reply'), ['2', '1']);
      host.order('send', 1234, SENDER, '-', 2);
      const output = await host.stop();
      assert.match(output, /market\.Reset is dropped: it has no handler\n.*unknown type 0x4d2 is dropped.*\ntrue\n$/s);
      assert.equal(output.split('unknown').length, 2, 'it is said once');
    },
  ),
);

test(
  'messages are iterated over, and end when the host says stop',
  withHost(
    `${attach}
     for await (const message of peer) {
       console.log(message.$name, peer.sender?.id, peer.isAsked);
       if (peer.isAsked) peer.reply(peer.new('market.Quote', { ask: message.price }));
       else await peer.sender.send(message);
     }
     console.log('over', peer.closed);`,
    {},
    async (host) => {
      await host.waitFor('ready');
      host.order('send', Reset.$type, SENDER, '-');
      assert.deepEqual(await host.waitFor('mail'), ['5', String(Reset.$type), '0', '-']);
      host.order('ask', Tick.$type, 0, 6, hex(new Tick({ price: 8 })));
      assert.deepEqual(await host.waitFor('reply'), ['6', String(Quote.$type), hex(new Quote({ ask: 8 }))]);
      assert.equal(await host.stop(), 'market.Reset 5n false\nmarket.Tick undefined true\nover true\n');
    },
  ),
);

test(
  'messages are read and written in place',
  withHost(
    `${attach}
     peer.on('market.Tick', async (tick, sender) => {
       const [first, second] = [tick.bytes, tick.weights];
       console.log(first.length, first[3], second[1], first.buffer === second.buffer);
       await sender.write(peer.type('market.Tick'), (copy) => {
         copy.time = tick.time + 1n;
         copy.symbol = tick.symbol + '!';
         copy.bytes = first;
         copy.weights[2] = second[1];
         copy.legs = [{ ratio: -1 }, tick.legs[1]];
       });
     });
     await peer.run();`,
    {},
    async (host) => {
      await host.waitFor('ready');
      const tick = new Tick({ time: 4n, symbol: 'Zürich', bytes: [0, 1, 2, 3], weights: [1, 2.5], legs: [{}, { ratio: 7 }] });
      host.order('send', Tick.$type, SENDER, hex(tick));
      const [, , , payload] = await host.waitFor('mail');
      assert.deepEqual(unhex(Tick, payload).$object(), {
        ...new Tick({ time: 5n, symbol: 'Zürich!', bytes: [0, 1, 2, 3], weights: [0, 0, 2.5] }).$object(),
        legs: [{ ratio: -1 }, { ratio: 7 }, { ratio: 0 }, { ratio: 0 }],
      });
      assert.equal(await host.stop(), '40 3 2.5 true\n');
    },
  ),
);

test(
  'a successor is told what it may have seen',
  withHost(
    `${attach}
     console.log('life', peer.incarnation);
     peer.on('market.Tick', (tick) => {
       console.log(tick.time, peer.redelivered, peer.attempt);
       if (peer.incarnation === 1n && tick.time === 2n) process.kill(process.pid, 'SIGKILL');
     });
     await peer.run();`,
    {},
    async (host) => {
      const [pid] = await host.waitFor('ready');
      host.order('send', Tick.$type, SENDER, hex(new Tick({ time: 1n })));
      await host.waitForOutput('1n false');
      await host.waitUntilAsleep(pid); // it has then told how far it is
      for (const time of [2n, 3n]) host.order('send', Tick.$type, SENDER, hex(new Tick({ time })));
      assert.deepEqual(await host.waitFor('killed'), ['9']);
      host.order('restart');
      await host.waitFor('ready');
      assert.equal(await host.stop(), 'life 1n\n1n false 0\n2n false 0\nlife 2n\n2n true 1\n3n true 0\n');
    },
  ),
);
