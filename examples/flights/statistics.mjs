// What statistics.py does, in JavaScript.
//
//     statistics.mjs TABLE FLIGHTS
//
// TABLE is a file with a slot for each of FLIGHTS flights, of the same layout. Node.js maps no files: a slot is written by one call,
// after which it is the kernel's, and outlives this process all the same.
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

import { attach } from '../../bindings/node/lib/index.js'; // 'ringmail', where it is installed

const SLOT_BYTES = 9;
const [table] = process.argv.slice(2);
closeSync(openSync(table, 'a'));
const taken = readFileSync(table);
const file = openSync(table, 'r+');

const delays = new Map(); // by airport
let counted = 0;
let repeated = 0n;

function add(airport, delay) {
  const others = delays.get(airport);
  if (others) others.push(delay);
  else delays.set(airport, [delay]);
  counted += 1;
}

// Flights come in order: behind the first slot that is not taken there is nothing.
for (let at = 0; at + SLOT_BYTES <= taken.length && taken[at + 8] !== 0; at += SLOT_BYTES) {
  add(taken.toString('utf8', at, at + 4).replace(/\0+$/, ''), taken.readInt32LE(at + 4));
}
if (counted > 0) console.log(`took up ${counted} flights of a predecessor`);

const peer = await attach();
const slot = Buffer.alloc(SLOT_BYTES);

peer.on('flights.Flight', (flight) => {
  const index = Number(flight.index);
  if (index < counted) {
    repeated += 1n;
    return;
  }
  const { origin, delay } = flight;
  slot.fill(0);
  slot.write(origin, 0);
  slot.writeInt32LE(delay, 4);
  slot[8] = 1;
  writeSync(file, slot, 0, SLOT_BYTES, index * SLOT_BYTES);
  add(origin, delay);
});

/** The nearest rank. */
const percentile = (ordered, percent) => ordered[Math.ceil((percent * ordered.length) / 100) - 1];

peer.on('flights.AskDelays', ({ airport }) => {
  const ordered = Int32Array.from(delays.get(airport) ?? []).sort();
  if (ordered.length === 0) return peer.new('flights.Delays', { airport });
  return peer.new('flights.Delays', {
    airport,
    count: BigInt(ordered.length),
    mean: ordered.reduce((a, b) => a + b, 0) / ordered.length,
    median: percentile(ordered, 50),
    p90: percentile(ordered, 90),
    p99: percentile(ordered, 99),
  });
});

peer.on('flights.AskTotals', () =>
  peer.new('flights.Totals', { flights: BigInt(counted), airports: delays.size, repeated }),
);

await peer.run();
