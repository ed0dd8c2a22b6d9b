// The conformance peer: bindings/README.md says what it does. `npm run conformance` generates its messages.
import { ClosedError, attach, listen } from '../lib/index.js';
import {
  $schema, Bulk, Desk, Ended, Host, Outcome, Payload, Ping, Player, Side, Sum, Tick,
} from '../build/conformance/conformance.js';

const echoes = process.argv[2] === 'echo';

async function play(peer, findSink) {
  let sink = echoes ? await findSink() : undefined;

  let count = 0n;
  let total = 0;
  let redelivered = 0n;
  let watch; // of the last monitor

  function counted() {
    ++count;
    if (peer.redelivered) ++redelivered;
  }

  function same(message) {
    if (peer.isAsked) return message;
    counted();
    if (echoes) sink.send(message);
  }

  /** Waits for room only where there is none: what is sent is then published in batches. */
  async function stream(count, message, number) {
    sink ??= await findSink();
    for (let i = 0; i < count; ++i) {
      number(message, i);
      if (!sink.trySend(message)) await sink.send(message);
    }
  }

  peer.serve(Player, {
    onTick(tick) {
      const isAsked = peer.isAsked;
      if (!isAsked) {
        counted();
        total += tick.price;
        if (!echoes) return undefined;
      }
      const doubled = tick.$copy();
      doubled.price *= 2;
      if (isAsked) return doubled;
      sink.send(doubled);
    },
    onPing: same,
    onBulk: same,
    onGet: () => new Sum({ count, total, redelivered }),
    onNote(note) {
      const doubled = note.$copy();
      doubled.number *= 2n;
      doubled.values = note.values.map((value) => 2 * value);
      return doubled;
    },
    onFail({ code }) {
      throw new Error(`failed with ${code}`);
    },
    async onWatch({ name }) {
      sink ??= await findSink();
      const mailbox = await peer.mailbox(name);
      watch = new AbortController();
      const { signal } = watch;
      mailbox.monitor({ signal }).then(
        ({ kind, reason }) => sink.send(new Ended({ kind, reason: reason.slice(0, 64) })),
        (error) => {
          if (!signal.aborted) throw error;
        },
      );
    },
    onUnwatch: () => watch.abort(),
    async onConsult({ number, milliseconds }) {
      sink ??= await findSink();
      const desk = await peer.mailbox('desk', Desk);
      const question = new Ping();
      question.words[0] = number;
      desk.ask(question, { timeout: milliseconds }).then(
        (ping) => sink.send(new Outcome({ number, answered: ping.words[0] === number })),
        () => sink.send(new Outcome({ number, answered: false })),
      );
    },
    onSay({ level, text }) {
      const { trace, debug, info, warn, error, critical } = peer.logger;
      [trace, debug, info, warn, error, critical][level](text);
    },
    onStream({ count, payload }) {
      switch (payload) {
        case Payload.tick:
          return stream(Number(count), new Tick({ side: Side.ask, live: true, symbol: 'abc' }), (tick, i) => {
            tick.number = BigInt(i);
            tick.price = i;
          });
        case Payload.ping:
          return stream(Number(count), new Ping(), (ping, i) => (ping.words[0] = BigInt(i)));
        default:
          return stream(Number(count), new Bulk(), (bulk, i) => (bulk.number = BigInt(i)));
      }
    },
  });
  await peer.run();
}

async function join() {
  const path = process.env.CONFORMANCE_PATH ?? '';
  const peer = await attach({ schema: $schema, path, name: path === '' ? '' : 'conformance' });
  // Not every host has one: it is looked up where something is to be sent.
  await play(peer, () => peer.mailbox(process.env.CONFORMANCE_SINK ?? 'sink', { protocol: Host, timeout: 20_000 }));
}

async function listenAt(path) {
  for await (const peer of listen({ path, name: 'conformance', schema: $schema })) {
    play(peer, async () => peer.other).catch((error) => {
      // In the middle of what it was sent.
      if (!(error instanceof ClosedError)) throw error;
    });
  }
}

await (process.env.CONFORMANCE_LISTEN ? listenAt(process.env.CONFORMANCE_LISTEN) : join());
