// How a peer ends when something goes wrong, and what is refused before.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';

import { SCHEMA, library, withHost } from './host.js';
import { Reset, Tick, hex } from './messages.js';

const attach = 'const peer = await ringmail.attach();\n';

for (const [how, handler] of [
  ['throws', `() => { throw new RangeError('too much'); }`],
  ['rejects', `async () => { await null; throw new RangeError('too much'); }`],
]) {
  test(
    `a handler that ${how} ends the process, and leaves its message to the next`,
    withHost(`${attach} peer.on('market.Tick', ${handler}); await peer.run();`, {}, async (host) => {
      await host.waitFor('ready');
      host.order('ask', Tick.$type, 0, 3, hex(new Tick()));
      assert.deepEqual(await host.waitFor('exit'), ['1']);
      assert.ok(host.seen.includes('no_reply 3 2'), 'who asked does not wait in vain');
      assert.match(host.seen.join('\n'), /^failure RangeError: too much\|\s+at .*peer\.mjs/m);
      assert.match(host.output(), /RangeError: too much\n\s+at /);
      host.order('position');
      assert.deepEqual(await host.waitFor('unfinished'), ['1']);
    }),
  );
}

test(
  'an error that nobody catches is told to the host, wherever it comes from',
  withHost(
    `${attach} peer.on('market.Reset', () => { setTimeout(() => { throw new Error('in a timer'); }, 1); }); await peer.run();`,
    {},
    async (host) => {
      await host.waitFor('ready');
      host.order('send', Reset.$type, 0, '-');
      assert.match((await host.waitFor('failure')).join(' '), /^Error: in a timer\|/);
      assert.deepEqual(await host.waitFor('exit'), ['1']);
    },
  ),
);

test(
  'an error in a loop over messages is told to the host',
  withHost(`${attach} for await (const message of peer) throw new Error('in the loop');`, {}, async (host) => {
    await host.waitFor('ready');
    host.order('send', Reset.$type, 0, '-');
    assert.match((await host.waitFor('failure')).join(' '), /^Error: in the loop\|/);
    assert.deepEqual(await host.waitFor('exit'), ['1']);
    host.order('position');
    assert.deepEqual(await host.waitFor('unfinished'), ['1']);
  }),
);

test(
  'the death of the host ends the process with one line',
  withHost(`${attach} console.log(process.pid); setInterval(() => {}, 1000); await peer.run();`, {}, async (host) => {
    const [pid] = await host.waitFor('ready');
    await host.waitForOutput('\n');
    host.order('die');
    await host.waitForOutput('closed the link');
    assert.equal(host.output(), `${pid}\npeer.mjs: the host has closed the link\n`);
    await host.waitUntilGone(pid);
  }),
);

test('a process that nobody spawned says so in one line', () => {
  const environment = { ...process.env };
  delete environment.RINGMAIL_FDS;
  const script = `import { attach } from ${JSON.stringify(library)}; await attach();`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { env: environment });
  assert.equal(status, 2);
  assert.match(String(stderr), /^[^\n]*not spawned by a Ringmail system[^\n]*\n$/);
});

test(
  'a host that refuses says why',
  withHost(
    `await ringmail.attach().catch((error) => { console.log(error.code, error.message); process.exitCode = 3; });`,
    { options: ['--refuse', 'message market.Tick: field price is i32 here and f64 there'] },
    async (host) => {
      assert.deepEqual(await host.waitFor('exit'), ['3']);
      assert.match(host.output(), /^ERR_RINGMAIL_REFUSED the host refused: the schemas do not match: .*field price is i32 here/);
    },
  ),
);

test(
  'generated code for another schema is refused with the difference',
  withHost(
    `${attach}
     const Other = class { static $type = 1; static $size = 8; static $name = 'market.Quote'; static $schema = ${JSON.stringify(
       SCHEMA.replace('value ask 1', 'value ask 2'),
     )}; };
     try { peer.on(Other, () => {}); } catch (error) { console.log(error.code, error.message); }
     try { peer.on('market.Tock', () => {}); } catch (error) { console.log(error.code, error.message); }
     try { peer.new('market.Tick', { tyme: 1n }); } catch (error) { console.log(error.message); }
     await peer.run();`,
    {},
    async (host) => {
      await host.waitFor('ready');
      assert.equal(
        await host.stop(),
        'ERR_RINGMAIL_SCHEMA enum market.Side: value ask is 2 here and 1 there\n' +
          'ERR_RINGMAIL_NOT_FOUND the host declares no message market.Tock; ' +
          'it declares market.Leg, market.Quote, market.Reset, market.Tick\n' +
          'market.Tick has no field tyme\n',
      );
    },
  ),
);

test(
  'a message is good until its handler has ended, and cannot be changed',
  withHost(
    `${attach}
     const kept = [];
     const attempt = (what) => { try { console.log(what()); } catch (error) { console.log(error.name); } };
     peer.on('market.Tick', (tick) => {
       attempt(() => tick.price = 1);
       attempt(() => tick.legs[0].ratio = 1);
       kept.push(tick, tick.legs[0], tick.bytes, tick.$copy());
     });
     peer.on('market.Reset', () => {
       const [tick, leg, bytes, copy] = kept;
       attempt(() => tick.price);
       attempt(() => tick.bytes);
       attempt(() => leg.ratio);
       attempt(() => new DataView(bytes.buffer).getUint8(0));
       attempt(() => bytes.length);
       attempt(() => copy.price);
     });
     await peer.run();`,
    {},
    async (host) => {
      await host.waitFor('ready');
      host.order('send', Tick.$type, 0, hex(new Tick({ price: 2.5 })));
      host.order('send', Reset.$type, 0, '-');
      assert.deepEqual((await host.stop()).split('\n').slice(0, -1), [
        ...['ReadOnlyError', 'ReadOnlyError', 'ReleasedError', 'ReleasedError', 'ReleasedError'],
        ...['TypeError', '0', '2.5'],
      ]);
    },
  ),
);

test(
  'who writes into the bytes of a received message is told what ended it',
  withHost(`${attach} peer.on('market.Tick', (tick) => { tick.bytes[0] = 1; }); await peer.run();`, {}, async (host) => {
    await host.waitFor('ready');
    host.order('send', Tick.$type, 0, hex(new Tick()));
    assert.deepEqual(await host.waitFor('killed'), ['11']);
    assert.match(host.output(), /^ringmail: a received message was written to: .*\n$/);
  }),
);

test(
  'a reply that the protocol does not promise, and a message of the wrong length, are failures',
  withHost(`${attach} peer.on('market.Tick', () => peer.new('market.Reset')); await peer.run();`, {}, async (host) => {
    await host.waitFor('ready');
    host.order('ask', Tick.$type, 0, 3, hex(new Tick()));
    assert.match((await host.waitFor('failure')).join(' '), /the reply to market\.Tick is market\.Quote, and not market\.Reset/);
    assert.deepEqual(await host.waitFor('exit'), ['1']);
    host.order('restart');
    await host.waitFor('ready');
    await host.waitFor('exit'); // over the same message
  }),
);

test(
  'the payload must have the length of its type',
  withHost(`${attach} peer.on('market.Tick', () => {}); await peer.run();`, {}, async (host) => {
    await host.waitFor('ready');
    host.order('send', Tick.$type, 0, '00');
    assert.match((await host.waitFor('failure')).join(' '), /ProtocolError: the 1 bytes that came as a market\.Tick are none/);
    assert.deepEqual(await host.waitFor('exit'), ['1']);
  }),
);
