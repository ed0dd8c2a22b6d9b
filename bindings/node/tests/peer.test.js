import assert from 'node:assert/strict';
import test from 'node:test';

import { parseSchema } from '../lib/index.js';
import { makeTypes } from '../lib/types.js';
import { SCHEMA, hex, withHost } from './host.js';

const { messages } = makeTypes(parseSchema(SCHEMA), SCHEMA);
const [Tick, Quote, Reset] = ['Tick', 'Quote', 'Reset'].map((name) => messages.get(`market.${name}`));
const DONE = 0xc68cbb46;

test(
  'a handler answers what is asked',
  withHost(
    `const peer = await ringmail.attach();
     peer.on('market.Tick', (tick) => peer.new('market.Quote', { bid: tick.price, ask: tick.price * 2 }));
     peer.on('market.Reset', () => {});
     await peer.run();
     console.log('stopped');`,
    {},
    async (host) => {
      await host.waitFor('ready');
      host.order('ask', Tick.$type, 5, 77, hex(new Tick({ price: 1.5 })));
      assert.deepEqual(await host.waitFor('reply'), ['77', String(Quote.$type), hex(new Quote({ bid: 1.5, ask: 3 }))]);
      host.order('ask', Reset.$type, 5, 78, '-');
      assert.deepEqual(await host.waitFor('reply'), ['78', String(DONE), '-']);
      assert.equal(await host.stop(), 'stopped\n');
      assert.ok(host.seen.includes('goodbye'));
    },
  ),
);
