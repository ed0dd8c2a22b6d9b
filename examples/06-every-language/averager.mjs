import { attach } from '../../bindings/node/lib/index.js'; // 'ringmail', where it is installed

const peer = await attach();
const values = [];

peer.on('averaging.Sample', (sample) => {
  values.push(sample.value);
});
peer.on('averaging.Get', () =>
  peer.new('averaging.Mean', {
    samples: BigInt(values.length),
    value: values.reduce((a, b) => a + b, 0) / Math.max(values.length, 1),
  }),
);

await peer.run();
