// The conformance listener: bindings/README.md says what it does with the peers that attach to it.
import assert from 'node:assert/strict';

import { ClosedError, listen } from '../lib/index.js';
import { $schema, Payload, Ping, Player, Stream, Tick } from '../build/conformance/conformance.js';

const PATIENCE_MS = 20_000; // a watchdog, not a measure

const listener = listen({ path: process.env.CONFORMANCE_LISTEN, name: 'sink', schema: $schema, ringBytes: 1 << 14 });
console.log('listening');

/** Resolves once done() holds after a message. */
function watched() {
  let look = () => {};
  const until = (done) =>
    new Promise((resolve, reject) => {
      const watchdog = setTimeout(() => reject(new Error('nothing comes')), PATIENCE_MS).unref();
      look = () => {
        if (!done()) return;
        clearTimeout(watchdog);
        look = () => {};
        resolve();
      };
      look();
    });
  return { until, look: () => look() };
}

async function stop(peer, running) {
  peer.stop();
  await running;
  assert.deepEqual(listener.counters, { waiting: 0, givenUp: 0 });
}

async function plays() {
  const peer = await listener.accept({ timeout: PATIENCE_MS });
  assert.equal(peer.name, 'conformance');
  assert.equal(peer.incarnation, 1n);
  const { until, look } = watched();
  const numbers = [];
  const prices = [];
  peer.on(Ping, (ping) => {
    numbers.push(Number(ping.words[0]));
    look();
  });
  peer.on(Tick, (tick) => {
    prices.push(tick.price);
    look();
  });
  const running = peer.run();
  const sink = await peer.mailbox('conformance', Player);
  const ping = new Ping();
  for (let i = 0; i < 100; ++i) {
    ping.words.set([BigInt(i), 2n, 3n, 4n]);
    const answer = await sink.ask(ping, { timeout: PATIENCE_MS });
    assert.deepEqual([...answer.words], [BigInt(i), 2n, 3n, 4n]);
  }
  await sink.send(new Tick({ number: 9n, price: 2 }));
  await until(() => prices.length === 1);
  assert.deepEqual(prices, [4]);
  await sink.send(new Stream({ count: 5000n, payload: Payload.ping }));
  await until(() => numbers.length === 5000);
  assert.deepEqual(numbers, Array.from({ length: 5000 }, (_, i) => i));
  await stop(peer, running);
}

async function outlives() {
  const lives = 3;
  const least = 1000;
  let sent = 0;
  let back = 0;
  for (let life = 0; life < lives; ++life) {
    const isLast = life === lives - 1;
    const peer = await listener.accept({ timeout: PATIENCE_MS });
    assert.equal(peer.incarnation, BigInt(life + 1));
    let isToBeKilled = !isLast;
    const { until, look } = watched();
    // One that is to be killed is sent to until it is: so that is in mid-stream, however fast it is.
    const send = () => {
      try {
        while ((!isLast || sent < least) && peer.other.trySend(new Tick({ number: BigInt(sent) }))) ++sent;
      } catch (error) {
        if (!(error instanceof ClosedError)) throw error;
      }
    };
    peer.on(Tick, ({ number }) => {
      assert.ok(number <= back, 'something is missing');
      if (Number(number) === back) ++back;
      if (isToBeKilled && back >= (least * (life + 1)) / 4) {
        console.log('kill');
        isToBeKilled = false;
      }
      send();
      look();
    });
    const running = peer.run();
    send();
    if (!isLast) {
      await running;
      continue;
    }
    await Promise.race([until(() => back >= least && back === sent), running]);
    assert.equal(back, sent, 'not all came back');
    return stop(peer, running);
  }
}

await { plays, outlives }[process.argv[2]]();
listener.close();
