// What a peer is told of the end of actors, and what it writes into the host's log.
import assert from 'node:assert/strict';
import test from 'node:test';

import { withHost } from './host.js';
import { Reset } from './messages.js';

const BOARD = String(1 << 20);
const attach = `const peer = await ringmail.attach();
  const board = await peer.mailbox('board');\n`;

test(
  'an end is told once, and is awaited no longer where its signal was aborted',
  withHost(
    `${attach}
     const given = new AbortController();
     board.monitor().then((down) => console.log(down.mailbox.equals(board), down.kind, down.reason));
     board.monitor({ signal: given.signal }).catch((error) => console.log(error.name));
     board.monitor({ signal: AbortSignal.abort() }).catch((error) => console.log(error.name));
     peer.on('market.Reset', () => given.abort());
     await peer.run();`,
    {},
    async (host) => {
      host.order('publish', 'board', BOARD);
      await host.waitFor('ready');
      const [kept, mailbox] = await host.waitFor('monitor');
      const [given] = await host.waitFor('monitor');
      assert.equal(mailbox, BOARD);
      host.order('send', Reset.$type, 0, '-');
      assert.deepEqual(await host.waitFor('demonitor'), [given, BOARD]);
      host.order('down', given, BOARD, 0, 'ended normally');
      host.order('down', kept, BOARD, 1, 'failed: disk full');
      host.order('down', kept, BOARD, 1, 'again');
      await host.waitForOutput('disk full');
      assert.equal(await host.stop(), 'AbortError\nAbortError\ntrue 1 failed: disk full\n');
    },
  ),
);

test(
  'a peer that is closed waits for no end',
  withHost(
    `${attach}
     const waiting = board.monitor().catch((error) => console.log(error.code));
     peer.close();
     await waiting;`,
    {},
    async (host) => {
      host.order('publish', 'board', BOARD);
      await host.waitFor('exit');
      assert.equal(host.output(), 'ERR_RINGMAIL_CLOSED\n');
    },
  ),
);

test(
  'lines are in the log of the host with their levels',
  withHost(
    `${attach}
     peer.logger.info('late by %d', 5, { gate: 7 });
     peer.logger.critical('two\\nlines\\0');
     console.log(peer.logger.trace(''));
     await peer.run();`,
    {},
    async (host) => {
      host.order('publish', 'board', BOARD);
      assert.equal((await host.waitFor('log')).join(' '), '2 late by 5 { gate: 7 }');
      assert.equal((await host.waitFor('log')).join(' '), '5 two|lines ');
      assert.deepEqual(await host.waitFor('log'), ['0', '']);
      assert.equal(await host.stop(), 'true\n');
    },
  ),
);

test(
  'the first line of a failure is its reason',
  withHost(
    `${attach}
     peer.on('market.Reset', () => { throw new RangeError('two\\nlines'); });
     await peer.run();`,
    {},
    async (host) => {
      host.order('publish', 'board', BOARD);
      await host.waitFor('ready');
      host.order('send', Reset.$type, 0, '-');
      const failure = (await host.waitFor('failure')).join(' ');
      assert.match(failure, /^RangeError: two lines\|RangeError: two\|lines\|\s+at .*peer\.mjs/);
    },
  ),
);
