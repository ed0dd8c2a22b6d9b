// What a program in TypeScript may write, and what it may not. Checked by `npm run types`, never run.
import { type Accepted, type Mailbox, type Peer, attach, listen } from 'ringmail';

import { $schema, Pricer, Quote, Reset, Side, Tick } from './market.js';

const peer = await attach({ timeout: 1000 });

// Without generated code.
peer.on('market.Tick', (tick, sender) => {
  const reply = peer.new('market.Quote', { bid: tick.price });
  if (sender !== undefined) void sender.send(reply);
  return reply;
});

// With it.
peer.on(Tick, (tick) => {
  const symbol: string = tick.symbol;
  const time: bigint = tick.time;
  const ratio: number | undefined = tick.legs[0]?.ratio;
  void [symbol, time, ratio];
  return new Quote({ bid: tick.price, ask: tick.side === Side.ask ? 1 : 0 });
});

const tick = new Tick({ time: 1n, symbol: 'ABC', legs: [{ ratio: 2 }], weights: new Set([1, 2]) });
tick.legs = [{ ratio: 3 }];
tick.bytes = Buffer.from('abc');
// @ts-expect-error a u64 is a BigInt
tick.time = 1;
// @ts-expect-error there is no such field
new Tick({ tyme: 1n });
// @ts-expect-error 7 is no Side
tick.side = 7;

// A protocol as a class.
class Board implements Pricer<Mailbox> {
  async onTick(tick: Tick, sender?: Mailbox): Promise<Quote> {
    await sender?.send(tick);
    return new Quote();
  }
  onReset(): void {}
}
peer.serve(Pricer, new Board());
// @ts-expect-error there is no handler of Reset
peer.serve(Pricer, { onTick: () => new Quote() });

// A mailbox that knows what it accepts.
const board = await peer.mailbox('board', Pricer);
const quote: Quote = await board.ask(tick, { timeout: 10, signal: AbortSignal.timeout(5) });
const done: undefined = await board.ask(new Reset());
await board.write(Tick, (tick) => {
  tick.price = quote.bid;
});
// @ts-expect-error a Pricer accepts no Quote
board.trySend(quote);
void done;

const { kind, reason } = await board.monitor({ signal: AbortSignal.timeout(5) });
if (kind !== 0) peer.logger.warn('the board is gone: %s', reason);
// @ts-expect-error there is no such level
peer.logger.warning('late');

// The messages of a protocol are told apart by their names.
function price(message: Accepted<typeof Pricer>): number {
  return message.$name === 'market.Tick' ? message.price : 0;
}
for await (const message of peer) {
  if (message instanceof Tick) price(message);
}

// Without a system.
async function serve(peer: Peer): Promise<void> {
  peer.serve(Pricer, new Board());
  const quote: Quote = await (await peer.mailbox(peer.name, Pricer)).ask(tick);
  if (!peer.other.trySend(quote)) peer.stop();
  await peer.run();
}
const listener = listen({ path: '/run/user/1000/ringmail/market', name: 'market', schema: $schema });
await serve(await listener.accept({ timeout: 10, signal: AbortSignal.timeout(5) }));
for await (const peer of listener) void serve(peer);
// @ts-expect-error there is nowhere to listen at
listen({ name: 'market' });

// Many at once.
peer.on(Tick, (ticks) => void ticks.at(0)?.price, { batch: 100 });
peer.on('market.Tick', (ticks) => void [...ticks].map(({ price }) => price), { batch: 100 });
const ticks = peer.batch(Tick, 100);
for (const one of ticks) one.price = 1;
await board.sendMany(ticks, { timeout: 5 });
if (board.trySendMany(ticks, 7) === 93) await board.sendMany([tick, new Reset()]);
// @ts-expect-error a Pricer accepts no Quote
await board.sendMany(peer.batch(Quote, 3));
