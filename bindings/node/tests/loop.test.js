// The event loop is never blocked, and the process sleeps when there is nothing to do.
import assert from 'node:assert/strict';
import test from 'node:test';

import { library, withHost } from './host.js';
import { Quote, Reset, Tick, hex, unhex } from './messages.js';

const attach = 'const peer = await ringmail.attach();\n';

test(
  'a peer that has nothing to do sleeps, and is woken by mail',
  withHost(
    `${attach}
     peer.on('market.Reset', () => {});
     peer.on('market.Tick', () => peer.new('market.Quote', { bid: peer.counters.sleeps, ask: peer.counters.lostWakeups }));
     await peer.run();`,
    {},
    async (host) => {
      const [pid] = await host.waitFor('ready');
      // The process may be asleep over something else: at its start, it waits for the thread that shakes hands.
      for (let round = 1, slept = 0; slept < 5; ++round) {
        assert.ok(round < 1000, 'it does not sleep');
        await host.waitUntilAsleep(pid);
        host.order('ask', Tick.$type, 0, round, hex(new Tick()));
        const [, , payload] = await host.waitFor('reply');
        slept = unhex(Quote, payload).bid;
        assert.equal(unhex(Quote, payload).ask, 0);
      }
      await host.stop();
    },
  ),
);

test(
  'timers and other descriptors have their turns under load',
  withHost(
    `${attach}
     let handled = 0;
     let turns = 0;
     let most = 0;
     const count = () => { most = Math.max(most, handled - before); before = handled; ++turns; setImmediate(count); };
     let before = 0;
     peer.on('market.Reset', () => { if (handled++ === 0) setImmediate(count); });
     peer.on('market.Tick', () => { console.log(handled, turns > 20, most <= 256); process.exitCode = 0; });
     await peer.run();
     process.exit();`,
    { options: ['--ring', String(1 << 20)] },
    async (host) => {
      await host.waitFor('ready');
      host.order('send', Reset.$type, 0, '-', 10000);
      await host.waitFor('sent');
      host.order('send', Tick.$type, 0, hex(new Tick()));
      assert.equal(await host.stop(), '10000 true true\n');
    },
  ),
);

test(
  'handlers that settle at once do not keep the loop from turning',
  withHost(
    `${attach}
     let handled = 0;
     let turns = 0;
     setInterval(() => ++turns, 0).unref();
     const count = () => { ++turns; setImmediate(count).unref(); };
     count();
     peer.on('market.Reset', async () => void ++handled);
     await peer.run();
     console.log(handled, turns > 5);`,
    { options: ['--ring', String(1 << 20)] },
    async (host) => {
      await host.waitFor('ready');
      host.order('send', Reset.$type, 0, '-', 5000);
      await host.waitFor('sent');
      assert.equal(await host.stop(), '5000 true\n');
    },
  ),
);

test(
  'who finds no room tries, waits until there is some, or gives up in time',
  withHost(
    `${attach}
     const board = await peer.mailbox('board');
     const tick = peer.new('market.Tick');
     let sent = 0;
     while (board.trySend(tick)) tick.time = BigInt(++sent);
     const late = await board.send(tick, { timeout: 5 }).catch((error) => error);
     console.log(late.code, late.message);
     const aborted = await board.send(tick, { signal: AbortSignal.timeout(5) }).catch((error) => error);
     console.log(aborted.name);
     const waiting = [];
     for (let i = 0; i < 100; ++i) {
       tick.time = BigInt(sent++);
       waiting.push(board.send(tick));
     }
     console.log('waits', board.trySend(tick));
     await Promise.all(waiting);
     console.log('sent', sent);
     await peer.run();`,
    { options: ['--ring', '4096'] },
    async (host) => {
      host.order('publish', 'board', 9);
      await host.waitFor('ready');
      host.order('deaf');
      await host.waitForOutput('waits');
      host.order('hear');
      await host.waitForOutput('sent ');
      const output = await host.stop();
      const sent = Number(/sent (\d+)/.exec(output)[1]);
      assert.match(output, /^ERR_RINGMAIL_FULL the ring had no room within 5 ms\nTimeoutError\nwaits false\n/);
      const times = host.seen
        .filter((line) => line.startsWith('mail'))
        .map((line) => unhex(Tick, line.split(' ')[4]).time);
      assert.deepEqual(times, Array.from({ length: sent }, (_, i) => BigInt(i)), 'in order, each once');
    },
  ),
);

test(
  'what a handler sent is out before its message is finished, also when it had to wait',
  withHost(
    `${attach}
     peer.on('market.Tick', (tick, sender) => { for (let i = 0; i < 200; ++i) void sender.send(tick); });
     peer.on('market.Reset', () => process.kill(process.pid, 'SIGKILL'));
     await peer.run();`,
    { options: ['--ring', '4096'] },
    async (host) => {
      await host.waitFor('ready');
      host.order('send', Tick.$type, 9, hex(new Tick()));
      for (let i = 0; i < 200; ++i) await host.waitFor('mail');
      host.order('send', Reset.$type, 9, '-');
      await host.waitFor('killed');
      assert.equal(host.seen.filter((line) => line.startsWith('mail')).length, 200);
      host.order('position');
      assert.deepEqual(await host.waitFor('unfinished'), ['1']);
    },
  ),
);

test(
  'a process that is attached and receives nothing sleeps too, and can leave',
  withHost(`${attach} setTimeout(() => { peer.close(); console.log('left'); }, 50);`, {}, async (host) => {
    const [pid] = await host.waitFor('ready');
    host.order('send', Reset.$type, 0, '-');
    await host.waitUntilAsleep(pid);
    assert.deepEqual(await host.waitFor('exit'), ['0']);
    assert.equal(host.output(), 'left\n');
    assert.ok(!host.seen.includes('goodbye'), 'nobody told it to stop');
  }),
);

test(
  'a worker can be a peer, and ended in the middle of it',
  withHost(
    `import { Worker } from 'node:worker_threads';
     const code = \`import(process.env.LIBRARY).then(async ({ attach }) => {
       (await attach()).run();
       require('node:worker_threads').parentPort.postMessage('runs');
     })\`;
     const worker = new Worker(code, { eval: true });
     await new Promise((resolve) => worker.once('message', resolve));
     console.log('ended', await worker.terminate());`,
    { environment: { LIBRARY: library } },
    async (host) => {
      await host.waitFor('ready');
      assert.deepEqual(await host.waitFor('exit'), ['0'], host.output());
      assert.match(host.output(), /^ended/);
    },
  ),
);
