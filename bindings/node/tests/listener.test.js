// Peers without a system: this process listens, and others attach to it by the path.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';

import { ClosedError, TimedOutError, listen } from '../lib/index.js';
import { SCHEMA, library } from './host.js';

const DEADLINE_MS = 30_000; // a watchdog, not a measure

const ATTACH = `
  import * as ringmail from ${JSON.stringify(library)};
  const [path, name, schema] = process.argv.slice(1);
  const peer = await ringmail.attach({ path, name, schema });
  const market = await peer.mailbox('market');
`;

/** A listener, and what attaches to it: desk(script, { name, schema, head }) has `ended`, a promise of [status, output]. */
function withListener(work) {
  return async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'ringmail-node-'));
    const listener = listen({ path: path.join(folder, 'ringmail', 'at'), name: 'market', schema: SCHEMA });
    const processes = [];
    const desk = (script, { name = 'desk', schema = SCHEMA, head = ATTACH } = {}) => {
      const program = ['--input-type=module', '-e', head + script, listener.path, name, schema];
      const child = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'pipe'] });
      processes.push(child);
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
      child.ended = new Promise((resolve) => child.on('close', (status) => resolve([status, output])));
      return child;
    };
    const watchdog = setTimeout(() => processes.forEach((child) => child.kill('SIGKILL')), DEADLINE_MS);
    try {
      await work(listener, desk);
    } finally {
      clearTimeout(watchdog);
      processes.forEach((child) => child.kill('SIGKILL'));
      listener.close();
      rmSync(folder, { recursive: true, force: true });
    }
  };
}
const accept = (listener) => listener.accept({ timeout: DEADLINE_MS });

/** Answers every Tick by the number of those that came before. What came. */
function serve(peer) {
  const times = [];
  peer.on('market.Tick', (tick) => {
    const bid = times.length;
    if (!peer.isAsked) times.push(Number(tick.time));
    return peer.new('market.Quote', { bid });
  });
  return times;
}

test(
  'each side asks the other, and run() ends when the other has ended',
  withListener(async (listener, desk) => {
    const other = desk(`
      peer.on('market.Tick', (tick) => peer.new('market.Quote', { bid: tick.price }));
      await market.send(peer.new('market.Tick', { time: 7n }));
      const running = peer.run();
      console.log((await market.ask(peer.new('market.Tick'))).bid);
      await market.send(peer.new('market.Reset'));
      await running;
    `);
    const peer = await accept(listener);
    assert.equal(peer.name, 'desk');
    assert.equal(peer.incarnation, 1n);
    assert.ok(peer.other.equals(await peer.mailbox('desk')));
    const times = serve(peer);
    const reset = new Promise((resolve) => peer.on('market.Reset', resolve));
    const running = peer.run();
    assert.equal((await peer.other.ask(peer.new('market.Tick', { price: 2.5 }))).bid, 2.5);
    await reset;
    peer.stop();
    await running;
    assert.deepEqual(times, [7]);
    assert.deepEqual(await other.ended, [0, '1\n']);
    assert.ok(peer.closed);
  }),
);

test(
  'timers and other descriptors have their turns while answers come without a pause',
  withListener(async (listener, desk) => {
    const other = desk('await peer.run();');
    const peer = await accept(listener);
    const server = net.createServer((socket) => socket.pipe(socket)).listen(`${listener.path}.echo`);
    const socket = net.connect(`${listener.path}.echo`, () => socket.write('x'));
    let echoes = 0;
    let timeouts = 0;
    socket.on('data', (text) => {
      ++echoes;
      socket.write(text);
    });
    const timer = setInterval(() => ++timeouts, 1);
    await new Promise((resolve) => socket.once('data', resolve));
    // The name of who has attached is known here, so that each answer is there as soon as it is looked for.
    for (let i = 0; i < 20_000; ++i) await peer.mailbox('desk', { timeout: Infinity });
    assert.ok(echoes > 20, `${echoes} echoes`);
    assert.ok(timeouts > 2, `${timeouts} timeouts`);
    clearInterval(timer);
    socket.removeAllListeners('data').resume().end();
    server.close();
    const running = peer.run();
    peer.stop();
    assert.deepEqual(await other.ended, [0, '']);
    await running;
  }),
);

test(
  'many peers are served at once, and each stream is in order',
  withListener(async (listener, desk) => {
    const names = ['one', 'two', 'three'];
    const others = names.map((name) =>
      desk(
        `for (let i = 0; i < 500; ++i) await market.send(peer.new('market.Tick', { time: BigInt(i) }));
         const running = peer.run();
         console.log((await market.ask(peer.new('market.Tick'))).bid);
         peer.close();`,
        { name },
      ),
    );
    const served = [];
    for await (const peer of listener) {
      const times = serve(peer);
      served.push(peer.run().then(() => times));
      if (served.length === names.length) break;
    }
    const inOrder = Array.from({ length: 500 }, (_, i) => i);
    assert.deepEqual(await Promise.all(served), names.map(() => inOrder));
    for (const other of others) assert.equal((await other.ended)[1].split('\n')[0], '500');
  }),
);

test(
  'who accepts waits no longer than he wants, and the loop goes on meanwhile',
  withListener(async (listener, desk) => {
    await assert.rejects(listener.accept({ timeout: 5 }), TimedOutError);
    const reason = new Error('enough');
    await assert.rejects(listener.accept({ signal: AbortSignal.abort(reason) }), reason);
    const controller = new AbortController();
    const aborted = listener.accept({ signal: controller.signal });
    setTimeout(() => controller.abort(reason), 5);
    await assert.rejects(aborted, reason);
    // Nobody who comes is lost to one who has given up.
    const first = listener.accept({ timeout: DEADLINE_MS });
    const second = listener.accept({ timeout: DEADLINE_MS });
    desk('await peer.run();', { name: 'one' });
    assert.equal((await first).name, 'one');
    desk('await peer.run();', { name: 'two' });
    assert.equal((await second).name, 'two');
  }),
);

test(
  'closing ends who accepts, and takes the socket away',
  withListener(async (listener) => {
    const all = (async () => {
      for await (const peer of listener) assert.fail(peer.name);
    })();
    const one = listener.accept();
    setImmediate(() => listener.close());
    await assert.rejects(one, ClosedError);
    await all;
    assert.ok(listener.closed);
    assert.ok(!existsSync(listener.path));
    await assert.rejects(listener.accept(), ClosedError);
  }),
);

test(
  'what a peer published is handled before its end is told, also while a handler waits',
  withListener(async (listener, desk) => {
    const other = desk(`
      for (let i = 0; i < 300; ++i) await market.send(peer.new('market.Tick', { time: BigInt(i) }));
      peer.flush();
      for await (const message of peer) process.kill(process.pid, 'SIGKILL');
    `);
    const peer = await accept(listener);
    const times = [];
    const asked = peer.other.ask(peer.new('market.Reset'), { timeout: DEADLINE_MS });
    peer.on('market.Tick', async (tick) => {
      if (times.length === 0) {
        await assert.rejects(asked, ClosedError); // it ends while this message is in hand
        peer.other.send(peer.new('market.Reset')); // awaited by nobody, and minded by nobody
        await assert.rejects(peer.other.send(peer.new('market.Reset')), ClosedError);
      }
      times.push(Number(tick.time));
    });
    await peer.run();
    assert.deepEqual(times, Array.from({ length: 300 }, (_, i) => i));
    assert.equal((await other.ended)[0], null);
  }),
);

test(
  'an iteration over messages ends with the other peer',
  withListener(async (listener, desk) => {
    desk(`for (let i = 0; i < 3; ++i) await market.send(peer.new('market.Tick', { time: BigInt(i) })); peer.close();`);
    const times = [];
    for await (const tick of await accept(listener)) times.push(tick.time);
    assert.deepEqual(times, [0n, 1n, 2n]);
  }),
);

test(
  'the mail to a peer that died waits for the next of its name',
  withListener(async (listener, desk) => {
    const dies = desk(`for await (const tick of peer) process.kill(process.pid, 'SIGKILL');`);
    const first = await accept(listener);
    for (let i = 0; i < 3; ++i) await first.other.send(first.new('market.Tick', { time: BigInt(i) }));
    assert.equal(first.unfinished, 3);
    await first.run();
    await dies.ended;
    assert.deepEqual(listener.counters, { waiting: 3, givenUp: 0 });
    const next = desk(`for await (const tick of peer) console.log(tick.time, peer.redelivered, peer.attempt);`);
    const second = await accept(listener);
    assert.equal(second.incarnation, 2n);
    second.stop();
    await second.run();
    assert.deepEqual(await next.ended, [0, '0n true 1\n1n true 0\n2n true 0\n']);
    assert.deepEqual(listener.counters, { waiting: 0, givenUp: 0 });
  }),
);

test(
  'a handler that throws ends its link alone',
  withListener(async (listener, desk) => {
    const other = desk(`await market.send(peer.new('market.Reset')); await peer.run();`);
    const peer = await accept(listener);
    peer.on('market.Reset', () => {
      throw new Error('no');
    });
    await assert.rejects(peer.run(), /no/);
    assert.equal((await other.ended)[0], 1); // its host is gone
    desk('await peer.run();', { name: 'next' });
    assert.equal((await accept(listener)).name, 'next');
  }),
);

test(
  'a peer of another schema is not let in, and the next is',
  withListener(async (listener, desk) => {
    const differs = SCHEMA.replace('field time u64', 'field time i64');
    assert.notEqual(differs, SCHEMA);
    // One that does not compare by itself.
    const stranger = desk('', {
      name: 'stranger',
      schema: differs,
      head: `
        import { Link } from ${JSON.stringify(path.join(path.dirname(library), 'native.js'))};
        const [path, name, schema] = process.argv.slice(1);
        const link = new Link();
        await link.attach(path, name, schema, -1, 0, 10000);
        link.joinLoop(() => { if (link.receiveReply() < 0) { console.log('gone'); process.exit(0); } });
      `,
    });
    const controller = new AbortController();
    const accepted = assert.rejects(listener.accept({ signal: controller.signal }), { name: 'AbortError' });
    assert.deepEqual(await stranger.ended, [0, 'gone\n']);
    controller.abort();
    await accepted;
    desk('await peer.run();');
    assert.equal((await accept(listener)).name, 'desk');
  }),
);

test('what cannot be listened at is said in a line', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ringmail-node-'));
  try {
    const at = path.join(folder, 'ringmail', 'at');
    const listener = listen({ path: at });
    assert.throws(() => listen({ path: at }), /listen/);
    listener.close();
    assert.throws(() => listen({ path: at, ringBytes: 5000 }), { name: 'RangeError', message: /ring_bytes cannot be 5000/ });
    mkdirSync(path.join(folder, 'open'), { mode: 0o755 });
    assert.throws(() => listen({ path: path.join(folder, 'open', 'at') }), /open/);
    assert.throws(() => listen(), /no path/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
