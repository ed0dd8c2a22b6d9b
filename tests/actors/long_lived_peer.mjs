// As long_lived_peer.py.
import { attach } from '../../bindings/node/lib/index.js';

const peer = await attach();
const sink = await peer.mailbox('sink of echoes', { timeout: Infinity });
peer.on('echo.Ping', ({ number }) => sink.send(peer.new('echo.Ping', { number })));
await peer.run();
