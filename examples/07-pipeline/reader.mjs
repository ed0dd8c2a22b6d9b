// Reads the flights and sends them on by column, some at a time.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

import { attach } from '../../bindings/node/lib/index.js'; // 'ringmail', where it is installed

const FLIGHTS_A_MESSAGE = 256;
const peer = await attach();

peer.on('pipeline.Read', async (message) => {
  const filter = await peer.mailbox('filter'); // another process, which is written to without a hop
  const lines = createInterface({ input: createReadStream(message.path) });
  let origins = [];
  let delays = [];
  let read = 0n;
  const send = async () => {
    await filter.send(peer.new('pipeline.Flights', { origins, delays }));
    origins = [];
    delays = [];
  };
  let names;
  for await (const line of lines) {
    const columns = line.split(',');
    names ??= columns;
    if (names === columns) continue;
    origins.push(columns[names.indexOf('origin')]);
    delays.push(Number(columns[names.indexOf('delay')]));
    read += 1n;
    if (delays.length === FLIGHTS_A_MESSAGE) await send();
  }
  if (delays.length > 0) await send();
  await filter.send(peer.new('pipeline.End', { sent: read, read }));
});

await peer.run();
